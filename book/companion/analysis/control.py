"""Correlations in many sets of models at once, raw or with ImageNet top-1 held fixed on ranks, accuracies, probits or logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bvg import study
from bvg.results.correlation import FEWEST
from companion.analysis import resampling
from companion.analysis.effective_robustness import images_of, transform
from companion.analysis.equal_accuracy import partial

NONE, RANK = "none", "rank"
CONTROLS = (NONE, RANK, "raw", "probit", "logit")
"""Ways to hold ImageNet top-1 fixed: not at all; partial Spearman correlation; partial Pearson correlation with all accuracies on
this scale (see `companion.analysis.effective_robustness`)."""


def correlate(
    x: np.ndarray, y: np.ndarray, masks: np.ndarray, z: np.ndarray | None = None, ranks: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Correlate every column of x with every column of y, in every set of observations, raw or given z.

    Args:
        x, y: float [N, R] and [N, C]; an observation with a NaN is left out of the pairs that it concerns.
        masks: bool or 0 and 1, [B, N]: the observations of each set.
        z: the control, float [N]; an observation without it is left out. None: Spearman's r, with nothing held fixed.
        ranks: whether the partial correlation is that of the ranks; else Pearson's.

    Returns:
        r, its two-sided p from Student's t, and n, [B, R, C] each. r and p are NaN with fewer than 4 observations, or where one
        of the values is constant.

    Example:
        >>> x = np.array([[1.0], [2], [3], [4], [5]])
        >>> r, p, n = correlate(x, x[[0, 2, 1, 4, 3]], np.ones((1, 5)))
        >>> round(r.item(), 3), round(p.item(), 3), n.item()
        (0.8, 0.104, 5.0)
    """
    masks = np.asarray(masks, float)
    if z is None:
        r, n = resampling.spearman(x, y, masks)
        return r, resampling.p_value(r, n), n
    known = ~np.isnan(z)
    x, y, z, masks = x[known], y[known], z[known, None], masks[:, known]
    if np.isnan(x).any() or np.isnan(y).any():
        return _pair_by_pair(x, y, masks, z[:, 0], ranks)
    r, n = (resampling.spearman if ranks else _pearson)(np.hstack([x, z]), np.hstack([y, z]), masks)
    given, n = partial(r[:, :-1, :-1], r[:, :-1, -1:], r[:, -1:, :-1]), n[:, :-1, :-1]
    # One degree of freedom less, for the control.
    return given, resampling.p_value(given, n - 1), n


def _pair_by_pair(x, y, masks, z, ranks) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = np.empty((3, len(masks), x.shape[1], y.shape[1]))
    for i, j in np.ndindex(found.shape[2:]):
        both = ~np.isnan(x[:, i] + y[:, j])
        of = correlate(x[both, i : i + 1], y[both, j : j + 1], masks[:, both], z[both], ranks)
        found[:, :, i, j] = [part[:, 0, 0] for part in of]
    return tuple(found)


def _pearson(x: np.ndarray, y: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Pearson's r and n, as `resampling.spearman` returns Spearman's."""
    n = masks.sum(axis=1)[:, None, None]
    sides = []
    for values in (x, y):
        centred = (values - (masks @ values / np.maximum(n[:, 0], 1))[:, None]) * masks[:, :, None]
        constant = resampling.constant(values, masks)
        spread = np.where(constant | (n[:, 0] < FEWEST), np.nan, np.sqrt((centred**2).sum(axis=1)))
        sides.append(centred / np.where(spread > 0, spread, np.nan)[:, None])
    r = np.clip(sides[0].transpose(0, 2, 1) @ sides[1], -1, 1)
    return r, np.broadcast_to(n, r.shape)


def values(
    accuracies: pd.DataFrame, members: Mapping[str, Sequence[str]], control: str, world: study.World = study.STUDY
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the categories, [models, categories], and ImageNet top-1, [models], on the scale of a control.

    A category is the mean of its benchmarks: of the accuracies [%], or of their values on the scale.

    Args:
        accuracies: one row per model and one column per benchmark [%] (see `bvg.results.scores.benchmarks`).
        members: category -> ids of its benchmarks.
        control: one of `CONTROLS`; without one, ImageNet top-1 is None.
        world: the benchmarks with their numbers of images.
    """
    if control not in CONTROLS:
        raise ValueError(f"expected `control` to be one of {', '.join(CONTROLS)}, got {control!r}")

    def on_scale(benchmark: str) -> np.ndarray:
        accuracy = accuracies[benchmark].to_numpy(float)
        if control in (NONE, RANK):
            return accuracy
        return transform(accuracy, images_of(world).get(benchmark, 50_000), control)

    means = [np.mean([on_scale(b) for b in benchmarks], axis=0) for benchmarks in members.values()]
    return np.array(means).reshape(len(members), len(accuracies)).T, None if control == NONE else on_scale("imagenet")


def table(
    found: tuple[np.ndarray, np.ndarray, np.ndarray], rows: Sequence[str], columns: Sequence[str], sets: Sequence[str]
) -> pd.DataFrame:
    """Arrange what `correlate` returns: row, column, group, r, p, n, as in `bvg.results.correlation.correlate`."""
    index = pd.MultiIndex.from_product([rows, columns, sets], names=["row", "column", "group"])
    r, p, n = (part.transpose(1, 2, 0).ravel() for part in found)
    return index.to_frame(index=False).assign(r=r, p=p, n=n.astype(int))
