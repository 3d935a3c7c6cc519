"""Outliers and non-monotonic relations, which a correlation does not show."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from scipy.stats import t as student

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
    table["bends"] = bends(table["p_holm"], table["turn"], alpha)
    return table


def outlying(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return which observations lie far from the Theil-Sen line: x, y [..., N] -> bool [..., N].

    Example:
        >>> x = np.arange(9.0)
        >>> outlying(x, np.where(x == 4, 50, 2 * x + x % 2)).nonzero()[0].tolist()
        [4]
    """
    first, second = np.triu_indices(x.shape[-1], 1)
    across, up = (values[..., second] - values[..., first] for values in np.broadcast_arrays(x, y))
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.nanmedian(np.where(across == 0, np.nan, up / across), axis=-1, keepdims=True)
    residual = y - slope * x
    residual = np.abs(residual - np.median(residual, axis=-1, keepdims=True))
    return residual > FAR * 1.4826 * np.median(residual, axis=-1, keepdims=True)


def bend(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit a parabola to y's ranks over x's ranks, by least squares: x, y [..., N].

    Returns:
        p of the quadratic term by Student's t, and the turning point as a share of the ranks, [...] each.
    """
    n = x.shape[-1]
    rank = (rankdata(x, axis=-1) - 0.5) / n
    centred = rank - rank.mean(axis=-1, keepdims=True)
    terms = np.stack([np.ones_like(centred), centred, centred**2], axis=-1)
    squares = np.linalg.inv(terms.swapaxes(-1, -2) @ terms)
    ranks = rankdata(y, axis=-1)[..., None]
    fit = squares @ (terms.swapaxes(-1, -2) @ ranks)
    error = ((ranks - terms @ fit) ** 2).sum(axis=(-1, -2)) / (n - 3)
    slope, quadratic = fit[..., 1, 0], fit[..., 2, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = quadratic / np.sqrt(error * squares[..., 2, 2])
        return 2 * student.sf(np.abs(t), n - 3), rank.mean(axis=-1) - slope / (2 * quadratic)


def many(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Look at every column of y against every column of x: float [N, C] and [N, R].

    Returns:
        Number of outliers, p of the bend and turning point, [R, C] each, as in `panels`.
    """
    shape = (y.shape[1], x.shape[1])
    if np.isnan(x).any() or np.isnan(y).any():
        found = np.empty((3, *shape))
        for i, j in np.ndindex(shape):
            both = ~np.isnan(x[:, j] + y[:, i])
            found[:, i, j] = [part[0, 0] for part in many(x[both, j : j + 1], y[both, i : i + 1])]
        return tuple(found)
    tested = np.array([len(np.unique(column)) > 2 for column in x.T]) & (np.ptp(y, axis=0) > 0)[:, None]
    tested &= len(x) >= FEWEST
    counts, p, turn = np.zeros(shape), np.full(shape, np.nan), np.full(shape, np.nan)
    i, j = np.nonzero(tested)
    if len(i):
        counts[i, j] = outlying(x.T[j], y.T[i]).sum(axis=-1)
        p[i, j], turn[i, j] = bend(x.T[j], y.T[i])
    return counts, p, turn


def bends(p_holm: np.ndarray, turn: np.ndarray, alpha: float) -> np.ndarray:
    """Return whether panels bend: the quadratic term is significant, and the parabola turns within the central 80 %."""
    return (p_holm < alpha) & (turn >= 0.1) & (turn <= 0.9)
