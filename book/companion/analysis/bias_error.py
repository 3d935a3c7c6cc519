"""Sampling error of a model's biases: from the number of images behind them, or of trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from bvg.results import criticality, cue_counts
from bvg.results.schema import SAME_LEVEL
from companion.analysis import cue_sensitivity


def intervals(
    table: pd.DataFrame,
    model: str,
    cutoffs: Mapping[str, Sequence[float]],
    confidence: float = 0.95,
    images: int | None = None,
) -> dict[str, tuple[float, float]]:
    """Compute intervals of shape bias and of the spectral biases; the critical band has none, since it is a fit of thresholds.

    Shape bias is a share of the images decided by shape or texture: Wilson's interval, over the fewest such decisions that the
    numbers allow. A spectral bias is the mean over cut-offs of a_c / a, accuracies on the same
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
    for row in cue_counts.counts(own).itertuples():
        shape, decided = row.shape_low, row.shape_low + row.texture_low
        if decided:
            found["shape"] = tuple(map(float, proportion_confint(shape, decided, 1 - confidence, "wilson")))
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


def further(table: pd.DataFrame, model: str, confidence: float = 0.95) -> dict[str, tuple[float, float]]:
    """Compute intervals of the biases that the paper does not use: shares of cue-conflict decisions, and layer criticality.

    A share [%] has Wilson's interval, over all counts that are possible. Mean criticality has a normal interval from the random
    draws of its trials; the error from the choice of images is not in it.

    Args:
        table: a results table.
        model: id of the model.
        confidence: level, in (0, 1).

    Returns:
        Id of the measure -> (low, high); what the model does not have is left out.
    """
    own = table[table["model"] == model]
    shares = cue_sensitivity.intervals(cue_counts.counts(own), 1 - confidence)
    found = {cue_counts.SHARES[row.cue]: (row.low, row.high) for row in shares.itertuples()}
    mean, error = criticality.per_model(own), criticality.trial_errors(own)
    for part in mean.columns if model in mean.index else ():
        half = norm.ppf((1 + confidence) / 2) * error.at[model, part]
        if np.isfinite(half):
            found[part] = (max(0.0, mean.at[model, part] - half), min(1.0, mean.at[model, part] + half))
    return found
