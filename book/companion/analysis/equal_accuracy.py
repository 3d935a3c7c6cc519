"""Correlations at equal accuracy: partial rank correlations given clean accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bvg.results import correlation
from companion.analysis import resampling
from companion.analysis.robustness import FEWEST_FAMILIES

CATEGORIES = ("Robustness", "Concepts", "Adversarial")
"""The categories that do not contain clean accuracy."""

COLUMNS = ("row", "column", "group", "r", "partial", "p", "n", "low", "high", "families")
"""The columns of a table of partial correlations, one row per cell.

- row, column, group: category or benchmark, bias, set of models.
- r: Spearman's r of row and column.
- partial: Spearman's r of both given the control; p: its two-sided p from Student's t with n - 3 degrees of freedom.
- n: models with all three values.
- low, high: percentile bootstrap interval of `partial` at level 1 - alpha with whole families resampled; NaN with fewer than
  `FEWEST_FAMILIES` families.
- families: number of families.
"""


def partial(xy: np.ndarray, xz: np.ndarray, yz: np.ndarray) -> np.ndarray:
    """Return the partial correlation of x and y given z from the three correlations.

    It is (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2) (1 - r_yz^2)). With Spearman's r of each pair it is the correlation of the
    ranks of x and y after the linear effect of the ranks of z is removed from both.

    Args:
        xy, xz, yz: correlations in [-1, 1], of one shape.

    Returns:
        The partial correlations; NaN where x or y has the same order as z.

    Example:
        >>> partial(np.array([0.5]), np.array([0.8]), np.array([0.9])).round(3).tolist()
        [-0.841]
    """
    left = (1 - xz**2) * (1 - yz**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(left > 1e-12, np.clip((xy - xz * yz) / np.sqrt(left), -1, 1), np.nan)


def correlate(
    scores: pd.DataFrame,
    control: Sequence[float],
    rows: Sequence[str],
    columns: Sequence[str],
    sets: Mapping[str, pd.Series],
    families: pd.Series,
    alpha: float = 0.05,
    replicates: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Correlate every row with every column, raw and given the control.

    Args:
        scores: one row per model, with the columns `rows` and `columns`.
        control: value of the control for each row of `scores`, for example ImageNet top-1 [%].
        rows, columns: categories or benchmarks, and biases.
        sets: name -> mask over `scores` (see `choices.sets`).
        families: name of each model's family, in the order of `scores`; whole families are resampled.
        alpha: the intervals have the level 1 - alpha; in (0, 1).
        replicates: resamples of the bootstrap; 0 for no interval.
        seed: of the resamples; those of one set do not depend on other sets, rows or columns.

    Returns:
        One row per cell with the columns `COLUMNS`. Models that lack one of the three values are left out of the cell. r,
        partial and p are NaN with fewer than 4 models, or where one of the three values is constant.

    Raises:
        ValueError: `alpha` is outside (0, 1), or `replicates` is negative.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"expected `alpha` in (0, 1), got {alpha} (is it in percent?)")
    if replicates < 0:
        raise ValueError(f"expected `replicates` of 0 or more, got {replicates}")
    z, labels = np.asarray(control, float), families.to_numpy()
    cells = []
    for row in rows:
        for column in columns:
            for group, mask in sets.items():
                x, y = scores[column].to_numpy(float), scores[row].to_numpy(float)
                use = np.asarray(mask, bool) & ~np.isnan(x + y + z)
                key = resampling.key(seed, group)
                found = _cell(x[use], y[use], z[use], labels[use], alpha, replicates, key)
                cells.append((row, column, group, *found))
    return pd.DataFrame(cells, columns=list(COLUMNS))


def _cell(x, y, z, labels, alpha, replicates, key) -> tuple[float, float, float, int, float, float, int]:
    """Return r, partial, p, n, low, high and families of one cell; each value is [N]."""
    n, families = len(x), len(set(labels))
    r, part = _both(x, y, z, np.ones((1, n)))
    enough = n >= correlation.FEWEST
    low = high = p = np.nan
    if enough and not np.isnan(part[0]):
        p = float(resampling.p_value(part[0], n - 1))  # one degree of freedom less, for the control
        if replicates and families >= FEWEST_FAMILIES:
            low, high = resampling.interval(lambda counts: _both(x, y, z, counts)[1], labels, replicates, key, alpha)
    return float(r[0]), float(part[0]), p, n, low, high, families


def _both(x, y, z, counts) -> tuple[np.ndarray, np.ndarray]:
    """Return Spearman's r of x and y, raw and given z, in each resample: [B] each."""
    r, _ = resampling.spearman(np.column_stack([x, z]), np.column_stack([y, z]), counts)
    return r[:, 0, 0], partial(r[:, 0, 0], r[:, 0, 1], r[:, 1, 0])


def as_heatmap(cells: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Return the partial correlations as a table of `bvg.results.correlation.correlate`: as r, and thresholded as shown."""
    shown = cells["partial"].where((cells["p"] < alpha) | cells["partial"].isna(), 0.0)
    return cells.assign(r=cells["partial"], shown=shown)[["row", "column", "group", "r", "p", "n", "shown"]]


def reversals(cells: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Return the cells whose sign changes at equal accuracy, with the partial correlation significant at `alpha`."""
    return cells[(np.sign(cells["r"]) * np.sign(cells["partial"]) < 0) & (cells["p"] < alpha)]
