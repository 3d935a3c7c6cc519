"""Correction of p-values for multiple tests."""

from __future__ import annotations

import pandas as pd


def adjusted(p: pd.Series, method: str = "holm") -> pd.Series:
    """Correct the p-values of all defined tests; an undefined one stays NaN and does not count.

    Args:
        p: p-values.
        method: `holm`, or `fdr_bh` for Benjamini and Hochberg's procedure (see statsmodels' `multipletests`).

    Example:
        >>> adjusted(pd.Series([0.01, None, 0.03])).tolist()
        [0.02, nan, 0.03]
    """
    from statsmodels.stats.multitest import multipletests

    defined = p.dropna()
    corrected = multipletests(defined, method=method)[1] if len(defined) else []
    return pd.Series(corrected, defined.index, float).reindex(p.index)
