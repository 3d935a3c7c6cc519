"""Spearman's r of many resamples at once.

A resample is given by the number of times that each observation occurs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np
import pandas as pd
from scipy.stats import t as student

from bvg.results.correlation import FEWEST

CLOSE, FINER = 0.05, 10
"""An interval with an end closer to 0 than `CLOSE` is computed again from `FINER` times as many resamples."""

MARGIN = 0.01
"""An interval of r excludes 0 if both ends are on one side and this far from it: about twice the error that an end has from a
random choice of 20,000 resamples."""


def key(seed: int, name: str) -> list[int]:
    """Return the seed of the resamples of one set of models or one cell, which does not depend on the others."""
    return [seed, crc32(name.encode())]


def spearman(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlate every column of x with every column of y, in each resample.

    With w_j the count of observation j, the rank of observation i is sum_{x_j < x_i} w_j + (sum_{x_j = x_i} w_j + 1) / 2: the
    mean rank of its copies, as if each observation were repeated w_j times. r is the Pearson correlation of these ranks,
    weighted by w.

    Args:
        x, y: float [N, R] and [N, C]. A pair of columns is correlated over the observations that have both values (no NaN).
        counts: [B, N], 0 or more: how often each resample contains each observation.

    Returns:
        r, float [B, R, C], and the number of observations behind it, repeats included, float [B, R, C]. r is NaN where it is
        not defined, as in `bvg.results.correlation.correlate`: fewer than 4 observations, or a column that is constant up to
        rounding.

    Raises:
        ValueError: the shapes do not fit together.

    Example:
        >>> x, y = np.array([[1.0], [2], [3], [4], [5]]), np.array([[1.0], [3], [2], [5], [4]])
        >>> r, n = spearman(x, y, np.array([[1, 1, 1, 1, 1], [1, 0, 0, 2, 2]]))
        >>> r.ravel().round(2).tolist(), n.ravel().tolist()
        ([0.8, 0.11], [5.0, 5.0])
    """
    x, y, counts = np.asarray(x, float), np.asarray(y, float), np.asarray(counts, float)
    if not (x.ndim == y.ndim == counts.ndim == 2 and len(x) == len(y) == counts.shape[1]):
        raise ValueError(
            f"expected `x` [N, R], `y` [N, C] and `counts` [B, N], got shapes {x.shape}, {y.shape} and {counts.shape}"
        )
    if np.isnan(x).any() or np.isnan(y).any():
        return _pair_by_pair(x, y, counts)
    shape = (len(counts), x.shape[1], y.shape[1])
    total = counts.sum(axis=1)
    n = np.broadcast_to(total[:, None, None], shape)
    if len(x) < FEWEST:
        return np.full(shape, np.nan), n
    first, second = _ranks(x, counts), _ranks(y, counts)
    weighted = (first * counts[:, None]) @ second.transpose(0, 2, 1)
    spread = [np.sqrt((counts[:, None] * ranks**2).sum(axis=2)) for ranks in (first, second)]
    with np.errstate(invalid="ignore", divide="ignore"):
        r = weighted / (spread[0][:, :, None] * spread[1][:, None, :])
    undefined = constant(x, counts)[:, :, None] | constant(y, counts)[:, None, :] | (total < FEWEST)[:, None, None]
    return np.where(undefined, np.nan, np.clip(r, -1, 1)), n


def _pair_by_pair(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r = np.empty((len(counts), x.shape[1], y.shape[1]))
    n = np.empty_like(r)
    for i, j in np.ndindex(r.shape[1:]):
        both = ~(np.isnan(x[:, i]) | np.isnan(y[:, j]))
        of = spearman(x[both, i : i + 1], y[both, j : j + 1], counts[:, both])
        r[:, i, j], n[:, i, j] = (part[:, 0, 0] for part in of)
    return r, n


def _ranks(x: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return mean ranks minus their mean, (n + 1) / 2: float [B, columns, N]."""
    columns = x.T
    below = (columns[:, :, None] < columns[:, None, :]) + 0.5 * (columns[:, :, None] == columns[:, None, :])
    return (counts @ below).transpose(1, 0, 2) - counts.sum(axis=1)[:, None, None] / 2


def constant(x: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return whether the values of a resample are equal up to rounding: x [N, columns], counts [B, N] -> bool [B, columns]."""
    there = (counts > 0)[:, None, :]
    high, low = np.where(there, x.T, -np.inf).max(axis=2), np.where(there, x.T, np.inf).min(axis=2)
    return ~(high - low > 1e-12 * np.maximum(np.abs(high), np.abs(low)))


def p_value(r: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the two-sided p of Spearman's r over n observations.

    It follows from Student's t with n - 2 degrees of freedom.

    Example:
        >>> p_value(np.array([0.9, 1.0, np.nan]), np.array([5, 5, 5])).round(3).tolist()
        [0.037, 0.0, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return 2 * student.sf(np.abs(r) * np.sqrt((n - 2) / ((1 - r) * (1 + r))), n - 2)


def thresholded(r: np.ndarray, n: np.ndarray, alpha: float) -> np.ndarray:
    """Return r where it is significant, 0 elsewhere, NaN where it is undefined."""
    return np.where(np.isnan(r), np.nan, np.where(p_value(r, n) < alpha, r, 0.0))


def percentiles(r: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the quantiles alpha / 2 and 1 - alpha / 2 of resampled values, [B, ...] -> [...] each.

    They are NaN where fewer than half of the resamples are defined.

    Example:
        >>> [end.tolist() for end in percentiles(np.array([[0.1, np.nan], [0.3, np.nan], [0.5, 0.5]]), 0.5)]
        [[0.2, nan], [0.4, nan]]
    """
    rare = np.isnan(r).mean(axis=0) > 0.5
    low, high = np.nanquantile(np.where(rare, 0, r), [alpha / 2, 1 - alpha / 2], axis=0)
    return np.where(rare, np.nan, low), np.where(rare, np.nan, high)


def interval(
    value: Callable[[np.ndarray], np.ndarray], labels: Sequence[str], replicates: int, key: list[int], alpha: float
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a value, from more resamples if an end is close to 0.

    Args:
        value: counts of the observations, [B, N] -> the value in each resample, [B].
        labels: name of each observation's family; whole families are resampled.
        replicates: resamples; `FINER` times as many if an end is closer to 0 than `CLOSE`.
        key: seed of the resamples.
        alpha: the interval has the level 1 - alpha.
    """

    def ends(replicates: int, key: list[int]) -> tuple[float, float]:
        low, high = percentiles(value(bootstrap(labels, replicates, np.random.default_rng(key))), alpha)
        return float(low), float(high)

    low, high = ends(replicates, key)
    return ends(FINER * replicates, [*key, 1]) if min(abs(low), abs(high)) < CLOSE else (low, high)


def excludes_zero(low, high):
    """Tell whether bootstrap intervals of r exclude 0 by at least `MARGIN`; False where they are NaN.

    Example:
        >>> excludes_zero(np.array([0.2, 0.004, -0.3, np.nan]), np.array([0.5, 0.5, -0.1, np.nan])).tolist()
        [True, False, True, False]
    """
    return (low >= MARGIN) | (high <= -MARGIN)


def bootstrap(labels: Sequence[str], replicates: int, rng: np.random.Generator) -> np.ndarray:
    """Draw families with replacement and count their observations.

    Returns:
        Counts, int [replicates, N].

    Args:
        labels: name of each observation's family; if all names differ, this is the ordinary bootstrap.
        replicates: number of resamples.
        rng: source of the random numbers.
    """
    codes, names = pd.factorize(np.asarray(labels, object))
    if not len(names):
        return np.zeros((replicates, 0), int)
    return rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=replicates)[:, codes]


def leave_one_out(labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Leave out each family in turn.

    Returns:
        Names of the families, [F], and counts of the observations, [F, N].

    Example:
        >>> leave_one_out(["a", "a", "b"])[1].tolist()
        [[0, 0, 1], [1, 1, 0]]
    """
    codes, names = pd.factorize(np.asarray(labels, object))
    return names, (codes != np.arange(len(names))[:, None]).astype(int)


def jackknife(x: np.ndarray, y: np.ndarray, labels: Sequence[str], alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals of r from leaving out each family in turn.

    With z = atanh(r) of all G families and z_g without family g, the cluster jackknife (CV3; MacKinnon, Nielsen and Webb,
    2023) has the variance (G - 1) / G sum_g (z_g - z)^2. The interval is tanh(z +- t sqrt(variance)), with the quantile t of
    Student's t with G - 1 degrees of freedom. It is wider and more reliable than a bootstrap over few families, or families
    of very different size.

    Args:
        x, y: float [N, R] and [N, C].
        labels: name of each observation's family, [N].
        alpha: the level of the interval is 1 - alpha.

    Returns:
        Low and high ends, [R, C] each; NaN where r is not defined without some family, or with fewer than 3 families.

    Example:
        >>> x = np.arange(12.0)[:, None]
        >>> low, high = jackknife(x, x + np.tile([3, 0, -3], 4)[:, None], list("aaabbbcccddd"), 0.05)
        >>> low.round(2).item(), high.round(2).item()
        (-0.27, 0.98)
    """
    names, counts = leave_one_out(labels)
    shape = (x.shape[1], y.shape[1])
    if len(names) < 3:
        return np.full(shape, np.nan), np.full(shape, np.nan)
    r, _ = spearman(x, y, np.vstack([np.ones((1, len(x))), counts]))
    # An order without exceptions has no finite atanh: r counts as the largest that is not 1.
    z = np.arctanh(np.clip(r, -0.999, 0.999))
    spread = np.sqrt((len(names) - 1) / len(names) * ((z[1:] - z[0]) ** 2).sum(axis=0))
    reach = student.isf(alpha / 2, len(names) - 1) * spread
    return np.tanh(z[0] - reach), np.tanh(z[0] + reach)
