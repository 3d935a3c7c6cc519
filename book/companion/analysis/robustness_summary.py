"""What the checks of Figure 2 leave standing, in numbers and phrases for prose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bvg import study
from bvg.results import correlation
from companion.analysis.robustness import CHECKS
from companion.text import listed, signed

SETS = {"total": "all", "at": "AT", "other": "others"}


def passed(firm: pd.DataFrame) -> pd.DataFrame:
    """How the significant cells fare in each check.

    Args:
        firm: from `companion.analysis.robustness.firmness`.

    Returns:
        Indexed by check: made (significant cells of which the check can be made), passed (of these), failed, alone (cells that
        fail this check only).
    """
    cells = firm[correlation.significant(firm)]
    names = cells["failed"].str.split("; ")
    lines = []
    for check, column in CHECKS.items():
        failed, made = sum(check in n for n in names), int(cells[column].notna().sum())
        lines.append((check, made, made - failed, failed, int((cells["failed"] == check).sum())))
    return pd.DataFrame(lines, columns=["check", "made", "passed", "failed", "alone"]).set_index("check")


def influential(firm: pd.DataFrame) -> pd.DataFrame:
    """The models that decide cells: of each cell that some model's absence changes, the model that moves r most.

    Returns:
        model, name, cells (how many), most first.
    """
    counts = firm[firm["without_changes"] > 0].groupby("without_model").size()
    counts = counts.rename("cells").rename_axis("model").reset_index()
    counts = counts.sort_values(["cells", "model"], ascending=[False, True], ignore_index=True)
    counts.insert(1, "name", study.describe(counts["model"])["name"].to_numpy())
    return counts


def matters_most(firm: pd.DataFrame, most: int = 3) -> str:
    """The most influential models with the number of cells, for prose."""
    first = influential(firm).head(most)
    return listed(f"{m.name} ({m.cells} cell{'s' * (m.cells != 1)})" for m in first.itertuples(index=False))


def widening(firm: pd.DataFrame, group: str = "total") -> float:
    """How many times wider the interval of families is than that of models, in the median cell of a set; NaN if there is none."""
    own = firm[firm["group"] == group].dropna(subset=["low", "family_low"])
    ratios = (own["family_high"] - own["family_low"]) / (own["high"] - own["low"])
    return float(ratios.median()) if len(own) else np.nan


def failing(firm: pd.DataFrame, check: str) -> pd.DataFrame:
    """The significant cells that fail a check."""
    if check not in CHECKS:
        raise ValueError(f"expected `check` to be one of {', '.join(CHECKS)}, got {check!r}")
    return firm[[check in failed.split("; ") for failed in firm["failed"]]]


def named(
    cells: pd.DataFrame, values: Sequence[str] = ("r",), world: study.World = study.STUDY, between: str = ", "
) -> str:
    """Cells for prose, such as `ID with Shape (AT, −0.98)`; `none` if there are none."""
    return listed(
        f"{cell['row']} with {world.short(cell['column'])} "
        f"({SETS.get(cell['group'], cell['group'])}, {between.join(signed(cell[v]) for v in values)})"
        for _, cell in cells.iterrows()
    )


def only_families(firm: pd.DataFrame) -> pd.DataFrame:
    """The significant cells whose interval excludes 0 if models are drawn, and holds it if families are."""
    models, families = (failing(firm, check).index for check in ("interval", "family interval"))
    return firm.loc[families.difference(models)]
