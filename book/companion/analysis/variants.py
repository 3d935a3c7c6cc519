"""Correlations with other variants of a measure: spectral biases without division, and a stronger attack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bvg.results import correlation
from bvg.results.scores import BIAS_COLUMNS, CATEGORY_COLUMNS

SPECTRAL = ("low_frequency", "high_frequency")
"""The biases that are divided by clean accuracy."""


def without_division(
    scores: pd.DataFrame, imagenet: Sequence[float], sets: Mapping[str, pd.Series], alpha: float = 0.05
) -> pd.DataFrame:
    """Correlate the spectral biases as they are, and multiplied by ImageNet top-1 again.

    A spectral bias is accuracy on filtered images / ImageNet top-1. The divisor is itself a measure of generalization, so the
    ratio correlates with it even if the numerator does not (Pearson, 1897). Multiplied again, it is the mean accuracy on
    filtered images.

    Args:
        scores: one row per model with the categories and biases.
        imagenet: ImageNet top-1 [%] of each row.
        sets: name -> mask over `scores`.
        alpha: level of significance.

    Returns:
        row (category), column (bias), group, n, ratio and accuracy (Spearman's r of the category with either), p_ratio and
        p_accuracy, differs (whether the significance or the sign differs).
    """
    parts = {}
    for name, factor in {"ratio": 1.0, "accuracy": np.asarray(imagenet, float)}.items():
        changed = scores.assign(**{bias: scores[bias] * factor for bias in SPECTRAL})
        parts[name] = correlation.correlate(changed, CATEGORY_COLUMNS, SPECTRAL, sets, alpha)
    table = parts["ratio"][["row", "column", "group", "n"]].assign(
        ratio=parts["ratio"]["r"],
        accuracy=parts["accuracy"]["r"],
        p_ratio=parts["ratio"]["p"],
        p_accuracy=parts["accuracy"]["p"],
    )
    return table.assign(differs=np.sign(parts["ratio"]["shown"]) != np.sign(parts["accuracy"]["shown"]))


def by_attack(
    results: pd.DataFrame, scores: pd.DataFrame, sets: Mapping[str, pd.Series], alpha: float = 0.05
) -> pd.DataFrame:
    """Correlate each bias with accuracy under every attack in the results table, over the models that have them all.

    Args:
        results: the results table (see `bvg.results.load`).
        scores: one row per model with model and biases.
        sets: name -> mask over `scores`.
        alpha: level of significance.

    Returns:
        attack (variant of the benchmark pgd, with its level if it has one), column, group, r, p, n, shown; one row per attack
        and bias. Attacks that fewer than 4 models have are left out.
    """
    rows = results[
        (results["benchmark"] == "pgd") & (results["metric"] == "top1") & results["model"].isin(scores["model"])
    ]
    names = [
        f"{v} {255 * e:g}/255" if e == e else v
        for v, e in zip(rows["variant"], rows["level"].astype(float), strict=True)
    ]
    wide = rows.assign(attack=names).pivot(index="model", columns="attack", values="value").reindex(scores["model"])
    wide = wide.loc[:, wide.notna().sum() >= correlation.FEWEST]
    complete = wide.notna().all(axis=1).to_numpy()
    joined = scores.reset_index(drop=True).join(wide.reset_index(drop=True))
    chosen = {name: np.asarray(mask, bool) & complete for name, mask in sets.items()}
    table = correlation.correlate(joined, list(wide.columns), BIAS_COLUMNS, chosen, alpha)
    return table.rename(columns={"row": "attack"})
