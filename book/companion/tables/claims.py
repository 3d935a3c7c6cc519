"""Tables and rules of the claims page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bvg import study
from companion.analysis.claims import CLAIMS, FURTHER, Claim, source
from companion.analysis.prediction import METHODS, feature_name
from companion.analysis.transfer import LEVELS
from companion.tables.base import Table, model_names
from companion.text import format_number, listed


def _badge(verdict: str) -> str:
    """Return a verdict as a coloured badge, which `book/_ext/tables.py` draws."""
    return f"{{verdict}}`{verdict}`"


def _unticked(text: str) -> str:
    """Return MyST text without code marks and angle brackets, which a role cannot hold."""
    return text.replace("`", "").replace("<", "‹").replace(">", "›")


def ledger(data: pd.DataFrame) -> Table:
    """Tabulate the ledger, with each rule in words, folded, and links to the numbers and to the rule's code.

    The column *Cells behind it* is left out if no claim has any.

    Args:
        data: from `companion.analysis.claims.ledger`.
    """
    displayed = pd.DataFrame(
        {
            "Statement": [
                f"{claim} *({source})* {{fold}}`Rule <{_unticked(how)}>`"
                for claim, source, how in zip(data["claim"], data["source"], data["how"], strict=True)
            ],
            "Verdict": data["verdict"].map(_badge),
            "Found": data["value"],
            "Cells behind it": data["behind"],
            "Follow": [
                f"{{ref}}`numbers <{where.partition('#')[2]}>`, {{ref}}`code <rule-{id}>`"
                for where, id in zip(data["where"], data["id"], strict=True)
            ],
        }
    )
    return Table(displayed if data["behind"].any() else displayed.drop(columns="Cells behind it"), data)


def rules(claims: Sequence[Claim] = (*CLAIMS, *FURTHER)) -> str:
    """Return every rule's source, folded, as MyST text below the target `rule-ID`."""
    return "\n\n".join(
        f"(rule-{c.id})=\n````{{admonition}} {c.id}: {c.claim}\n:class: dropdown bvg-rule\n\n```python\n{source(c)}\n```\n````"
        for c in claims
    )


def moved(data: pd.DataFrame) -> Table:
    """Tabulate the verdicts that change, and the choices that change none.

    Args:
        data: from `companion.analysis.claims.changes`.
    """
    lines = []
    for change, of in data.groupby("change", sort=False):
        rows = of[of["moved"]]
        for row in rows.itertuples():
            lines.append(
                (change, row.claim, _badge(row.verdict_before), f"{_badge(row.verdict_after)} {row.value_after}")
            )
        if rows.empty:
            lines.append((change, "*none moves*", "", ""))
    return Table(pd.DataFrame(lines, columns=["Change", "Statement", "Before", "After"]), data)


def compared(data: pd.DataFrame) -> Table:
    """Tabulate the ledgers of the study and of the miniature.

    Args:
        data: from `companion.analysis.claims.compare`.
    """
    displayed = pd.DataFrame(
        {
            "Statement": data["claim"],
            "The study": data["verdict_published"].map(_badge) + " " + data["value_published"],
            "The miniature": data["verdict_miniature"].map(_badge) + " " + data["value_miniature"],
        }
    )
    return Table(displayed, data)


def _by_level(data: pd.DataFrame) -> pd.DataFrame:
    """Return one row per category and features, in the order of `data`, and one column per value and level."""
    names = ["category", "features"]
    return data.pivot(index=names, columns="level").loc[
        list(data[names].drop_duplicates().itertuples(index=False, name=None))
    ]


def held_out(data: pd.DataFrame) -> Table:
    """Tabulate R2 with models, publications and training groups held out.

    Args:
        data: from `companion.analysis.transfer.held_out`.
    """
    wide = _by_level(data)["r2"]
    displayed = pd.DataFrame(
        {
            "Category": [study.CATEGORY_NAMES[c] for c, _ in wide.index],
            "From": [f[0].upper() + f[1:] for _, f in wide.index],
        }
        | {f"R², {words} held out": [*map(format_number, wide[level])] for level, words in LEVELS.items()}
    )
    return Table(displayed, data)


def intervals(data: pd.DataFrame) -> Table:
    """Tabulate the half-width and the coverage of prediction intervals.

    Args:
        data: from `companion.analysis.transfer.intervals`.
    """
    wide = _by_level(data)
    displayed = pd.DataFrame(
        {
            "Category": [study.CATEGORY_NAMES[c] for c, _ in wide.index],
            "From": [f[0].upper() + f[1:] for _, f in wide.index],
            "Half-width [points]": [format_number(v, 1) for v in wide["width", "model"]],
        }
        | {f"Inside, {LEVELS[level]} held out": [f"{100 * v:.0f} %" for v in wide["covered", level]] for level in ("model", "source")}
    )  # fmt: skip
    return Table(displayed, data)


def within_groups(data: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate the correlations within training groups.

    Args:
        data: from `companion.analysis.transfer.within_groups`, with the column r of the raw correlation.
        world: the benchmarks whose names to print.
    """
    displayed = pd.DataFrame(
        {
            "Category": data["row"].map(world.name),
            "Bias": data["column"].map(world.short),
            "r": data["r"].map(format_number),
            "Within training groups": data["within"].map(format_number),
            "p": ["< 0.001" if p < 0.001 else format_number(p, 3) for p in data["p"]],
        }
    )
    return Table(displayed, data)


def panels(data: pd.DataFrame) -> Table:
    """Tabulate the panels, with outliers by name and the turning point.

    Args:
        data: from `companion.analysis.claims.panels.panels`.
    """
    displayed = pd.DataFrame(
        {
            "Category": data["category"].map(study.CATEGORY_NAMES),
            "Bias": [study.bias(b).plain for b in data["bias"]],
            "Outliers": [listed(model_names(ids.split("; "))) if ids else "none" for ids in data["outliers"]],
            "Square, p (Holm)": ["not defined" if np.isnan(p) else f"{p:.2g}" for p in data["p_holm"]],
            "Turns at [% of models]": [
                "outside" if np.isfinite(t) and not 0 < t < 1 else format_number(100 * t, 0) for t in data["turn"]
            ],
            "Bends": np.where(data["bends"], "**yes**", "no"),
        }
    )
    return Table(displayed, data)


def prediction(predicted: pd.DataFrame) -> Table:
    """Tabulate R2 and its p-value by category, features, method and set of models.

    Args:
        predicted: from `companion.analysis.prediction.prediction`.
    """
    cells = [
        "not defined" if np.isnan(r2) else f"{format_number(r2)} (p = {p:.2g})"
        for r2, p in zip(predicted["r2"], predicted["p"], strict=True)
    ]
    columns = [
        f"{METHODS[method]}, {study.MODEL_SETS[group].short}"
        for method, group in zip(predicted["method"], predicted["group"], strict=True)
    ]
    index = ["category", "features"]
    wide = predicted.assign(cell=cells, at=columns).pivot(index=index, columns="at", values="cell")
    wide = wide.reindex(
        index=pd.MultiIndex.from_frame(predicted[index].drop_duplicates()),
        columns=sorted(dict.fromkeys(columns), key=lambda c: c.startswith("Linear"), reverse=True),
    )
    displayed = wide.fillna("").reset_index(drop=True)
    displayed.insert(0, "Category", [study.CATEGORY_NAMES[c] for c in wide.index.get_level_values(0)])
    displayed.insert(1, "From", [feature_name(f) for f in wide.index.get_level_values(1)])
    return Table(displayed.rename_axis(columns=None), predicted)
