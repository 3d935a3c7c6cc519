"""Critical-band fits that several models share."""

from __future__ import annotations

import pandas as pd

from bvg import study

FIT = tuple(b.id for b in study.BIASES if b.test == "critical band")
"""The columns of a fit: bandwidth, centre frequency and peak noise sensitivity."""


def shared_fits(scores: pd.DataFrame) -> pd.Series:
    """Count how many models share each distinct fit, the most frequent first.

    Args:
        scores: one row per model with the columns `FIT`. Models without a fit do not count.

    Returns:
        Number of models, indexed by the three numbers of the fit, rounded to six decimals.

    Example:
        >>> shared_fits(pd.DataFrame({name: [1.0, 2.0, 2.0] for name in FIT})).tolist()
        [2, 1]
    """
    return scores[list(FIT)].dropna().round(6).value_counts()
