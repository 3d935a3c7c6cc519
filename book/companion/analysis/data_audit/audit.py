"""The data audit: all looks into a results table, each with its number, its likely cause and its effect on Figure 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from bvg import study
from companion.analysis.data_audit import accuracies, agreement, curves, models
from companion.analysis.data_audit.check import FOUND, NOT_APPLICABLE, Case, Finding, Look, report
from companion.tables.study import Table
from companion.text import signed

LOOKS: tuple[Look, ...] = (*accuracies.LOOKS, *curves.LOOKS, *models.LOOKS, *agreement.LOOKS)


def findings(
    results: pd.DataFrame,
    categories: Mapping[str, Sequence[str]] | None = None,
    low_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    high_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    alpha: float = 0.05,
    set_apart: Sequence[str] = ("adversarial_training",),
    leave_out: Sequence[str] = (),
    highlight: Sequence[str] = (),
    allow_missing: bool = False,
    looks: Sequence[Look] = LOOKS,
) -> pd.DataFrame:
    """Every look into the data of a results table, indexed by its id.

    Args:
        results: a results table (see `bvg.results`); a finding whose data it lacks is `not applicable`.
        categories, low_cutoffs, high_cutoffs, allow_missing: as in `bvg.results.scores.per_model`.
        alpha: level of significance, in (0, 1).
        set_apart, leave_out: as in `companion.analysis.choices`.
        highlight: models that do not count, as in `bvg.study.counted`.
        looks: what to look for.

    Returns:
        The fields of `Finding` as columns; cells_changed is an integer or NA.

    Raises:
        ResultsError, ValueError: as the functions named above.

    Example:
        >>> from bvg.results import load
        >>> findings(load("published"), looks=data_accuracies.LOOKS).at["real-grain", "state"]
        'found'
    """
    case = Case(
        results, categories, low_cutoffs, high_cutoffs, alpha, set_apart, leave_out, highlight, allow_missing
    )  # fmt: skip
    return audit(case, looks)


def audit(case: Case, looks: Sequence[Look] = LOOKS) -> pd.DataFrame:
    """`findings` of a case."""
    rows = [vars(report(look, case)) for look in looks]
    table = pd.DataFrame(rows, columns=list(Finding.__dataclass_fields__)).set_index("id", drop=False)
    return table.rename_axis(None).astype({"cells_changed": "Int64"})


def table(found: pd.DataFrame) -> Table:
    """The findings as read; numbers and causes, and the findings whose data the table lacks, are in `data` only."""
    rows = found[found["state"] != NOT_APPLICABLE]
    changed = rows["cells_changed"]
    shown = pd.DataFrame(
        {
            "What there is to find": rows["finding"],
            "Found": rows["state"].map(lambda state: "yes" if state == FOUND else "no"),
            "Changed to see its effect": rows["effect_text"].str.partition(": ")[0],
            "Correlations that change": ["" if pd.isna(n) else str(n) for n in changed],
            "Largest change of r": [
                "" if pd.isna(r) else signed(r) + (f", {where}" if abs(r) >= 0.005 else "")
                for r, where in zip(rows["largest_change"], rows["where"], strict=True)
            ],
        }
    )
    return Table(shown.reset_index(drop=True), found.reset_index(drop=True))


def grains(case: Case) -> Table:
    """`data_accuracies.grains` as a table: of how many images each benchmark's accuracies are fractions."""
    data = accuracies.grains(case)
    shown = pd.DataFrame(
        {
            "Benchmark": data["benchmark"].map(case.world.name),
            "Images": data["images"].map(lambda n: "not stated" if pd.isna(n) else f"{n:,.0f}"),
            "Accuracies are multiples of": data["denominator"].map(
                lambda n: "not told" if pd.isna(n) else f"1/{n:,.0f}"
            ),
            "Standard error": data["standard_error"].map(signed),
            "Standard deviation over the models": data["spread"].map(lambda v: signed(v, 1)),
        }
    )
    return Table(shown, data)
