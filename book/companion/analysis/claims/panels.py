"""What a correlation does not see in a panel of models: single ones far from the rest, and relations that bend."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata, theilslopes
from statsmodels.api import OLS
from statsmodels.stats.multitest import multipletests

import bvg.results.scores
from bvg import study
from companion.tables.study import Table
from companion.text import listed, signed

FAR = 3.5
"""A robust z-score above which an observation is called an outlier (Iglewicz and Hoaglin, 1993)."""
FEWEST = 8
"""Fewest models of a panel that is judged."""


def panels(scores: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """Outliers and bend of every panel of a category against a bias.

    Outliers: the residuals from the line of Theil and Sen (the median slope), less their median, are divided by 1.4826 times
    their median absolute deviation; an outlier is a model beyond `FAR`. Bend: least squares of the category's ranks on
    the bias's ranks and their square. The panel bends if the square is significant (t test, Holm over all panels) and the
    parabola turns between the 10th and the 90th percentile of the bias's ranks: there the relation changes its direction.

    Args:
        scores: one row per model with categories and biases; a model that lacks a value is left out of that panel.
        alpha: level of significance of the bend.

    Returns:
        One row per panel: category, bias, n, outliers (ids, joined by "; "), count of them, p of the square, p_holm, turn (the
        share of models below the turning point, in (0, 1)), bends (whether). NaN, and no outliers, with fewer than `FEWEST`
        models or constant values.
    """
    rows = []
    for category in bvg.results.scores.CATEGORY_COLUMNS:
        for bias in bvg.results.scores.BIAS_COLUMNS:
            known = scores[["model", bias, category]].dropna()
            x, y = known[bias].to_numpy(float), known[category].to_numpy(float)
            judged = len(known) >= FEWEST and len(np.unique(x)) > 2 and np.ptp(y) > 0
            far = known["model"].to_numpy()[outlying(x, y)] if judged else []
            rows.append(
                (category, bias, len(known), "; ".join(far), len(far), *(bend(x, y) if judged else (np.nan, np.nan)))
            )
    table = pd.DataFrame(rows, columns=["category", "bias", "n", "outliers", "count", "p", "turn"])
    table["p_holm"] = np.nan
    known = table["p"].notna()
    if known.any():
        table.loc[known, "p_holm"] = multipletests(table.loc[known, "p"], method="holm")[1]
    table["bends"] = (table["p_holm"] < alpha) & table["turn"].between(0.1, 0.9)
    return table


def outlying(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which observations [N] lie far from the line of Theil and Sen.

    >>> x = np.arange(9.0)
    >>> outlying(x, np.where(x == 4, 50, 2 * x + x % 2)).nonzero()[0].tolist()
    [4]
    """
    residual = y - theilslopes(y, x).slope * x
    residual = np.abs(residual - np.median(residual))
    return residual > FAR * 1.4826 * np.median(residual)


def bend(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """p of the square of x's ranks in a parabola through y's ranks, and its turning point as a share of the ranks."""
    rank = (rankdata(x) - 0.5) / len(x)
    centred = rank - rank.mean()
    fit = OLS(rankdata(y), np.c_[np.ones(len(x)), centred, centred**2]).fit()
    return float(fit.pvalues[2]), float(rank.mean() - fit.params[1] / (2 * fit.params[2]))


def table(found: pd.DataFrame) -> Table:
    """The panels with outliers by name and the bend, to be read.

    Args:
        found: from `panels`.
    """
    known = [listed(study.describe(ids.split("; "))["name"]) if ids else "none" for ids in found["outliers"]]
    shown = pd.DataFrame(
        {
            "Category": found["category"].map(study.CATEGORY_NAMES),
            "Bias": [study.bias(b).plain for b in found["bias"]],
            "Outliers": known,
            "Square, p (Holm)": ["not defined" if np.isnan(p) else f"{p:.2g}" for p in found["p_holm"]],
            "Turns at [% of models]": [
                signed(100 * t, 0) if 0 < t < 1 else "outside" if np.isfinite(t) else "not defined"
                for t in found["turn"]
            ],
            "Bends": np.where(found["bends"], "**yes**", "no"),
        }
    )
    return Table(shown, found)
