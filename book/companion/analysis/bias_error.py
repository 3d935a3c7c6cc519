"""Sampling error of a model's biases from the number of images behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from bvg.results.schema import SAME_LEVEL


def intervals(
    table: pd.DataFrame,
    model: str,
    cutoffs: Mapping[str, Sequence[float]],
    confidence: float = 0.95,
    images: int | None = None,
) -> dict[str, tuple[float, float]]:
    """Compute intervals of shape bias and of the spectral biases; the critical band has none, since it is a fit of thresholds.

    Shape bias is a share of decisions: Wilson's interval. A spectral bias is the mean over cut-offs of a_c / a, accuracies on the same
    images. Their errors depend on one another in a way that the table does not tell, so they are added, not averaged: the interval is
    z * (mean of sqrt(a_c (1 - a_c) / n) + bias * sqrt(a (1 - a) / n)) / a to both sides, wider than it has to be.

    Args:
        table: a results table.
        model: id of the model.
        cutoffs: `low-pass` and `high-pass` -> cut-offs of the bias.
        confidence: level, in (0, 1).
        images: images behind numbers that do not state theirs; None: these have no interval.

    Returns:
        Id of the bias -> (low, high).
    """
    from statsmodels.stats.proportion import proportion_confint

    own = table[table["model"] == model]
    found = {}
    shape = own[own["metric"] == "shape_bias"].dropna(subset="n")
    if len(shape) == 1:
        value, n = float(shape["value"].iloc[0]), int(shape["n"].iloc[0])
        found["shape"] = tuple(map(float, proportion_confint(value * n, n, 1 - confidence, "wilson")))
    clean = own[(own["benchmark"] == "imagenet") & (own["metric"] == "top1")]
    if len(clean) != 1:
        return found
    a, z = float(clean["value"].iloc[0]) / 100, norm.ppf((1 + confidence) / 2)
    for benchmark, levels in cutoffs.items():
        rows = own[(own["benchmark"] == benchmark) & own["metric"].isin(["top1", "relative_top1"])]
        same = np.isclose(rows["level"].to_numpy(float)[:, None], np.asarray(levels, float), rtol=0, atol=SAME_LEVEL)
        rows = rows[same.any(axis=1)]
        n = pd.to_numeric(rows["n"]).astype(float).fillna(np.nan if images is None else images)
        if not a or len(rows) != len(levels) or n.isna().any():
            continue
        share = np.where(rows["metric"] == "top1", rows["value"] / 100, rows["value"] * a).clip(0, 1)
        bias = share.mean() / a
        half = z * (np.sqrt(share * (1 - share) / n).mean() + bias * np.sqrt(a * (1 - a) / n.min())) / a
        name = "low_frequency" if benchmark == "low-pass" else "high_frequency"
        found[name] = (max(0.0, bias - half), bias + half)
    return found
