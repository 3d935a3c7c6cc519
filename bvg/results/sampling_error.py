"""Errors of accuracies, ranks and rank correlations that come from measuring on few images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bvg import study
from bvg.results.scores import benchmarks
from bvg.results.table import load

IMAGES = (500, 1_000, 5_000, 50_000)
"""Numbers of images per benchmark that the table of prices lists."""


def errors(
    accuracies: np.ndarray, images: Sequence[int] = IMAGES, replicates: int = 200, seed: int = 0
) -> pd.DataFrame:
    """Simulate measuring models on n images of each benchmark, and compare with their true accuracies.

    Each accuracy becomes the share of successes among n independent draws. The draws of two models are independent too. Models
    are measured on the same images, where they fail alike, and benchmarks may share images: read the errors of ranks and
    correlations as a rough guide, not as bounds.

    Args:
        accuracies: float [models, benchmarks], the true accuracies [%]; at least 2 of each.
        images: numbers of images.
        replicates: simulated measurements; at least 1.
        seed: of the draws; those of one number of images do not depend on the others.

    Returns:
        One row per number of images, averaged over benchmarks (and pairs of benchmarks): images; standard_error, the root of
        the mean of a (1 - a) / n, in percentage points; rank_error, the mean |difference| of a model's rank from its true
        rank; r_error, the mean |difference| of Spearman's r of two benchmarks, both measured, from that of the true accuracies
        (where it is defined); r_shift, the mean change of |r|: noise draws correlations towards 0.

    Raises:
        ValueError: numbers out of their range, or accuracies that are missing.

    Example:
        >>> errors(np.array([[10.0, 20], [50, 60], [90, 80]]), [100], replicates=10).round(2).values.tolist()
        [[100.0, 4.06, 0.0, 0.0, 0.0]]
    """
    from scipy.stats import rankdata  # takes half a second, which measuring does not need

    share = np.asarray(accuracies, float) / 100
    if share.ndim != 2 or min(share.shape) < 2 or not ((share >= 0) & (share <= 1)).all():
        raise ValueError(
            f"expected `accuracies` [models, benchmarks] in percent, at least 2 of each, got shape {share.shape}"
            + (" with values that are missing or outside [0, 100]" if share.ndim == 2 and min(share.shape) > 1 else "")
        )
    if replicates < 1 or not all(n >= 1 for n in images):
        raise ValueError(
            f"expected numbers of images and `replicates` of 1 or more, got {list(images)} and {replicates}"
        )
    true = rankdata(share, axis=0)
    true_r = _correlations(true[None])
    pairs = np.triu_indices(share.shape[1], 1)
    rows = []
    for n in images:
        rng = np.random.default_rng([seed, n])
        ranks = rankdata(rng.binomial(n, share, (replicates, *share.shape)), axis=1)
        r = _correlations(ranks)[:, *pairs]
        pair_r = true_r[:, *pairs]
        rows.append(
            (
                n,
                100 * np.sqrt(np.mean(share * (1 - share)) / n),
                np.abs(ranks - true).mean(),
                np.nanmean(np.abs(r - pair_r)),
                np.nanmean(np.abs(r) - np.abs(pair_r)),
            )
        )
    return pd.DataFrame(rows, columns=["images", "standard_error", "rank_error", "r_error", "r_shift"])


def published(images: Sequence[int] = IMAGES) -> pd.DataFrame:
    """Return `errors` for the study's models, with their published accuracies on its benchmarks as the true ones."""
    accuracies = benchmarks(load("published"))
    return errors(accuracies[[b.id for b in study.STUDY.benchmarks]].to_numpy(), images)


def text(limit: int | None = None) -> str:
    """Tabulate the errors of the study's models as plain text, with a row for `limit` images if it is given.

    Example:
        >>> print(text(200).splitlines()[2])
                  200                    3.10                  6.3         0.188         -0.169
    """
    table = published(sorted({*IMAGES, *([limit] if limit else [])}))
    lines = [
        "Error of a measured number by the images per benchmark (binomial, the study's models, mean of its benchmarks)",
        f"  {'images':>11}  {'accuracy [points]':>22}  {'rank among them':>19}  {'Spearman r':>12}  {'mean shift':>13}",
    ]
    lines += [
        f"  {row.images:>11,}  {row.standard_error:>22.2f}  {row.rank_error:>19.1f}  {row.r_error:>12.3f}  {row.r_shift:>13.3f}"
        for row in table.itertuples()
    ]
    return "\n".join(lines)


def _correlations(ranks: np.ndarray) -> np.ndarray:
    """Correlate the columns of each [models, benchmarks] table of ranks: [B, benchmarks, benchmarks]."""
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return unit.transpose(0, 2, 1) @ unit
