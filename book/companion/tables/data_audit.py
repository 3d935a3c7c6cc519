"""Tables of the data audit: findings, denominators, independent measurements."""

from __future__ import annotations

import pandas as pd

from bvg import study
from companion.analysis.data_audit.check import FOUND, NOT_APPLICABLE
from companion.tables.base import Table, model_names
from companion.text import format_number, plural


def answer(found: pd.DataFrame) -> str:
    """State how many checks find an oddity, and how many of these change a correlation.

    Args:
        found: from `companion.analysis.data_audit.audit.audit`.

    Example:
        >>> answer(pd.DataFrame({"state": [FOUND, FOUND, "not found"], "cells_changed": [0, 2, 0]}))
        'Of 3 checks, 2 find an oddity; correcting it or leaving it out changes a correlation of Figure 2 for 1 of them.'
        >>> answer(pd.DataFrame({"state": ["not found"], "cells_changed": [0]}))
        'Of 1 check, none finds an oddity.'
    """
    odd = found[found["state"] == FOUND]
    where = f"Of {plural(len(found), 'check')}, "
    if odd.empty:
        return f"{where}none finds an oddity."
    harmful = int((odd["cells_changed"] > 0).sum())
    verb = "finds" if len(odd) == 1 else "find"
    changes = f"for {harmful} of them" if harmful else "for none of them"
    return f"{where}{len(odd)} {verb} an oddity; correcting it or leaving it out changes a correlation of Figure 2 {changes}."


def findings(found: pd.DataFrame) -> Table:
    """Tabulate the findings.

    Numbers, causes and checks that are not applicable are in `data` only.

    Args:
        found: from `companion.analysis.data_audit.audit.audit`.
    """
    rows = found[found["state"] != NOT_APPLICABLE]
    displayed = pd.DataFrame(
        {
            "Check": rows["finding"],
            "Found": rows["state"].map(lambda state: "yes" if state == FOUND else "no"),
            "Change to measure the effect": rows["effect_text"].str.partition(": ")[0],
            "Correlations that change": ["" if pd.isna(n) else str(n) for n in rows["cells_changed"]],
            "Largest change of r": [
                "" if pd.isna(r) else format_number(r) + (f", {where}" if abs(r) >= 0.005 else "")
                for r, where in zip(rows["largest_change"], rows["where"], strict=True)
            ],
        }
    )
    return Table(displayed.reset_index(drop=True), found.reset_index(drop=True))


def denominators(data: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate the denominators of the benchmarks' accuracies.

    Args:
        data: from `companion.analysis.data_audit.accuracies.denominators`.
        world: the benchmarks whose names to print.
    """
    displayed = pd.DataFrame(
        {
            "Benchmark": data["benchmark"].map(world.name),
            "Images": data["images"].map(lambda n: "not stated" if pd.isna(n) else f"{n:,.0f}"),
            "Accuracies are multiples of": data["denominator"].map(
                lambda n: "unknown" if pd.isna(n) else f"1/{n:,.0f}"
            ),
            "Standard error [points]": data["standard_error"].map(format_number),
            "Standard deviation over the models [points]": data["spread"].map(lambda v: format_number(v, 1)),
        }
    )
    return Table(displayed, data)


def agreement(data: pd.DataFrame) -> Table:
    """Tabulate the agreement of published and independent accuracies.

    Args:
        data: from `companion.analysis.data_audit.agreement.by_benchmark`.
    """
    names = pd.Series(model_names(data["model"]), data.index)
    displayed = pd.DataFrame(
        {
            "Benchmark": data["benchmark"].map(study.STUDY.name),
            "Measured by": data["source"],
            "Models": data["n"].astype(str),
            "With the paper's protocol": data["same_protocol"].astype(str),
            "Mean difference [points]": data["mean_difference"].map(format_number),
            "Largest [points]": data["largest_difference"].map(format_number) + " (" + names + ")",
            "Spearman's r": data["r"].map(format_number),
            "Pairs in opposite order": data["swapped"].astype(str) + " of " + data["pairs"].astype(str),
        }
    )
    return Table(displayed, data)
