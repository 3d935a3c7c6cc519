"""Correction of p-values for multiple tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

METHODS = ("none", "holm", "fdr_bh")
"""No correction, Holm's, and Benjamini and Hochberg's."""


def adjusted(p: pd.Series, method: str = "holm") -> pd.Series:
    """Correct the p-values of all defined tests; an undefined one stays NaN and does not count.

    Args:
        p: p-values.
        method: one of `METHODS`.

    Example:
        >>> adjusted(pd.Series([0.01, None, 0.03])).tolist()
        [0.02, nan, 0.03]
    """
    return pd.Series(adjusted_rows(p.to_numpy(float), method), p.index)


def adjusted_rows(p: np.ndarray, method: str) -> np.ndarray:
    """Correct many families of tests at once: `adjusted` for each row of p, [..., tests].

    Example:
        >>> adjusted_rows(np.array([[0.01, np.nan, 0.03]]), "holm").tolist()
        [[0.02, nan, 0.03]]
    """
    if method not in METHODS:
        raise ValueError(f"expected `method` to be one of {', '.join(METHODS)}, got {method!r}")
    if method == "none":
        return p
    order = np.argsort(p, axis=-1)  # NaN last
    ascending = np.take_along_axis(p, order, axis=-1)
    tests, place = (~np.isnan(p)).sum(axis=-1, keepdims=True), np.arange(p.shape[-1])
    if method == "holm":
        corrected = np.fmax.accumulate(ascending * (tests - place), axis=-1)
    else:
        corrected = np.fmin.accumulate((ascending * tests / (place + 1))[..., ::-1], axis=-1)[..., ::-1]
    found = np.empty_like(p)
    np.put_along_axis(found, order, np.where(np.isnan(ascending), np.nan, np.minimum(corrected, 1)), axis=-1)
    return found
