"""Counts and selections over checked correlations, for prose and tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import known_models
from bvg.results import correlation
from companion.analysis.robustness import CHECKS


def count_passed(checked: pd.DataFrame) -> pd.DataFrame:
    """Count the significant cells that pass each check.

    Args:
        checked: from `check_cells`.

    Returns:
        Indexed by check: made (significant cells for which the check is possible), passed, failed, alone (cells that fail this
        check only).
    """
    cells = checked[correlation.significant(checked)]
    names = cells["failed"].str.split("; ")
    lines = []
    for check, column in CHECKS.items():
        failed, made = sum(check in n for n in names), int(cells[column].notna().sum())
        lines.append((check, made, made - failed, failed, int((cells["failed"] == check).sum())))
    return pd.DataFrame(lines, columns=["check", "made", "passed", "failed", "alone"]).set_index("check")


def failing(checked: pd.DataFrame, check: str) -> pd.DataFrame:
    """Return the significant cells that fail a check."""
    if check not in CHECKS:
        raise ValueError(f"expected `check` to be one of {', '.join(CHECKS)}, got {check!r}")
    return checked[[check in failed.split("; ") for failed in checked["failed"]]]


def failing_by_family_only(checked: pd.DataFrame) -> pd.DataFrame:
    """Return the significant cells that fail only if families are resampled.

    Their interval excludes 0 if models are resampled, but not if families are.
    """
    models, families = (failing(checked, check).index for check in ("interval", "family interval"))
    return checked.loc[families.difference(models)]


def influential(checked: pd.DataFrame) -> pd.DataFrame:
    """Count the cells in which each model is the one that changes r most.

    Only cells count whose significance or sign changes without some model.

    Returns:
        model, name, cells (how many), the highest count first.
    """
    counts = checked[checked["without_changes"] > 0].groupby("without_model").size()
    counts = counts.rename("cells").rename_axis("model").reset_index()
    counts = counts.sort_values(["cells", "model"], ascending=[False, True], ignore_index=True)
    counts.insert(1, "name", known_models.describe(counts["model"])["name"].to_numpy())
    return counts


def widening(checked: pd.DataFrame, group: str = "total") -> float:
    """Return how much wider the family intervals of a set are.

    It is the median ratio of the family interval's width to the model interval's; NaN if there is none.
    """
    own = checked[checked["group"] == group].dropna(subset=["low", "family_low"])
    ratios = (own["family_high"] - own["family_low"]) / (own["high"] - own["low"])
    return float(ratios.median()) if len(own) else np.nan
