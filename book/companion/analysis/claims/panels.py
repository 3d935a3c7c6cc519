"""Outliers and non-monotonic relations, which a correlation does not show."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata, theilslopes
from statsmodels.api import OLS

import bvg.results.scores
from companion.analysis.multiple_tests import adjusted

FAR = 3.5
"""A robust z-score above which an observation is called an outlier (Iglewicz and Hoaglin, 1993)."""
FEWEST = 8
"""Fewest models of a panel that is tested."""


def panels(scores: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """Find the outliers and the bend of each category against each bias.

    Outliers: take the residuals from the Theil-Sen line (the median slope), subtract their median, and divide by 1.4826 times
    their median absolute deviation; an outlier is a model beyond `FAR`. Bend: fit a parabola to the category's ranks over the
    bias's ranks by least squares. The panel bends if the quadratic term is significant (t test, Holm over all panels) and the
    parabola turns between the 10th and the 90th percentile of the bias's ranks.

    Args:
        scores: one row per model with categories and biases; a model that lacks a value is left out of that panel.
        alpha: level of significance of the bend.

    Returns:
        One row per panel: category, bias, n, outliers (ids, joined by "; "), count (of outliers), p (of the quadratic term),
        p_holm, turn (share of models below the turning point, in (0, 1)), bends (boolean). With fewer than `FEWEST` models or
        constant values the numbers are NaN and there are no outliers.
    """
    rows = []
    for category in bvg.results.scores.CATEGORY_COLUMNS:
        for bias in bvg.results.scores.BIAS_COLUMNS:
            known = scores[["model", bias, category]].dropna()
            x, y = known[bias].to_numpy(float), known[category].to_numpy(float)
            tested = len(known) >= FEWEST and len(np.unique(x)) > 2 and np.ptp(y) > 0
            far = known["model"].to_numpy()[outlying(x, y)] if tested else []
            rows.append(
                (category, bias, len(known), "; ".join(far), len(far), *(bend(x, y) if tested else (np.nan, np.nan)))
            )
    table = pd.DataFrame(rows, columns=["category", "bias", "n", "outliers", "count", "p", "turn"])
    table["p_holm"] = adjusted(table["p"])
    table["bends"] = (table["p_holm"] < alpha) & table["turn"].between(0.1, 0.9)
    return table


def outlying(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return which observations [N] lie far from the Theil-Sen line.

    Example:
        >>> x = np.arange(9.0)
        >>> outlying(x, np.where(x == 4, 50, 2 * x + x % 2)).nonzero()[0].tolist()
        [4]
    """
    residual = y - theilslopes(y, x).slope * x
    residual = np.abs(residual - np.median(residual))
    return residual > FAR * 1.4826 * np.median(residual)


def bend(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Fit a parabola to y's ranks over x's ranks.

    Returns:
        p of the quadratic term, and the turning point as a share of the ranks.
    """
    rank = (rankdata(x) - 0.5) / len(x)
    centred = rank - rank.mean()
    fit = OLS(rankdata(y), np.c_[np.ones(len(x)), centred, centred**2]).fit()
    return float(fit.pvalues[2]), float(rank.mean() - fit.params[1] / (2 * fit.params[2]))
