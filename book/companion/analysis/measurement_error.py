"""Measurement error of accuracies from their number of images, and what it does to correlations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bvg import study
from bvg.results import published as published_table


def images(world: study.World = study.STUDY, published: bool = True) -> dict[str, int]:
    """Return the number of images behind one accuracy of each benchmark whose number is known.

    A benchmark of corruptions averages many conditions of the same images; it counts with the images of one condition, which
    overstates its error.

    Args:
        world: the benchmarks.
        published: whether the accuracies are those of the published table.
    """
    known = {b.id: b.images for b in world.benchmarks if b.images}
    return known | published_table.IMAGES if published and world is study.STUDY else known


def reliability(accuracies: pd.DataFrame, sets: Mapping[str, pd.Series], images: Mapping[str, int]) -> pd.DataFrame:
    """Compute which share of the variance between models is not binomial error.

    An accuracy a over n images has the error variance a (1 - a) / n. The reliability of a benchmark over a set of models is
    1 - mean error variance / variance of the accuracies.

    Args:
        accuracies: one row per model, accuracy per benchmark [%] (see `bvg.results.scores.benchmarks`).
        sets: name -> mask over `accuracies`.
        images: number of images per benchmark; others are left out.

    Returns:
        benchmark, group, models, images, error (root mean error variance, in percentage points), spread (standard deviation
        of the accuracies, in percentage points), reliability. The last is NaN with fewer than 3 models or without spread, and
        0 where the error is larger than the spread.

    Example:
        >>> table = pd.DataFrame({"imagenet-a": [1.0, 2.0, 3.0]})
        >>> reliability(table, {"total": pd.Series([True] * 3)}, {"imagenet-a": 1000})[["error", "reliability"]].round(2).values.tolist()
        [[0.44, 0.8]]
    """
    rows = []
    for benchmark, n in images.items():
        if benchmark not in accuracies:
            continue
        for group, mask in sets.items():
            share = accuracies.loc[np.asarray(mask, bool), benchmark].dropna().to_numpy(float) / 100
            variance = np.var(share, ddof=1) if len(share) > 2 else np.nan
            error = np.mean(share * (1 - share)) / n if len(share) else np.nan
            ratio = max(0.0, 1 - error / variance) if variance > 0 else np.nan
            rows.append((benchmark, group, len(share), n, 100 * np.sqrt(error), 100 * np.sqrt(variance), ratio))
    return pd.DataFrame(rows, columns=["benchmark", "group", "models", "images", "error", "spread", "reliability"])


def attenuated(r: float, reliability: float) -> float:
    """Return the correlation that error leaves of a correlation r with error-free values: r sqrt(reliability) (Spearman, 1904).

    Example:
        >>> round(attenuated(0.9, 0.42), 2)
        0.58
    """
    return r * float(np.sqrt(reliability))
