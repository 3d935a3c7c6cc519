"""Rank correlation between columns of a table, with significance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

FEWEST = 4
"""Fewest observations for a correlation: with three, |r| = 1 occurs by chance in a third of cases."""


def correlate(
    scores: pd.DataFrame,
    rows: Sequence[str],
    columns: Sequence[str],
    groups: Mapping[str, pd.Series] | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Correlate every column in `rows` with every column in `columns`, by Spearman's r within groups of observations.

    r is the Pearson correlation of the ranks (ties share their mean rank); p is two-sided, from Student's t with n - 2
    degrees of freedom. The paper (Figure 2) shows a cell with p >= 0.05 as 0.

    Args:
        scores: one row per observation (model).
        rows, columns: names of numeric columns of `scores`. Observations that lack either value are left out of that cell.
        groups: name -> boolean mask over `scores`; None is one group, `total`, of everything.
        alpha: level of significance, in (0, 1).

    Returns:
        Tidy table with the columns row, column, group, r, p, n, shown. `shown` is r where p < alpha, else 0. Where the
        correlation is not defined (fewer than 4 observations, or a column constant up to rounding) r, p and shown are NaN.

    Raises:
        KeyError: a name is not a column of `scores`.
        ValueError: `alpha` outside (0, 1), or infinite values.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"bias": [1, 2, 3, 4, 5], "accuracy": [10, 30, 20, 50, 70]})
        >>> correlate(table, ["accuracy"], ["bias"]).round(3).to_dict("records")
        [{'row': 'accuracy', 'column': 'bias', 'group': 'total', 'r': 0.9, 'p': 0.037, 'n': 5, 'shown': 0.9}]
    """
    if not 0 < alpha < 1:
        raise ValueError(f"expected `alpha` in (0, 1), got {alpha} (is it in percent?)")
    absent = [c for c in dict.fromkeys([*rows, *columns]) if c not in scores.columns]
    if absent:
        raise KeyError(f"expected columns of the scores table ({', '.join(map(str, scores.columns))}), got {absent}")
    names = list(dict.fromkeys([*rows, *columns]))
    infinite = [c for c in names if np.isinf(scores[c].to_numpy(float)).any()]
    if infinite:
        raise ValueError(f"expected finite values, got infinite ones in {', '.join(infinite)}")
    if groups is None:
        groups = {"total": pd.Series(True, index=scores.index)}
    cells = []
    for row in rows:
        for column in columns:
            for group, mask in groups.items():
                chosen = np.asarray(mask, bool)
                r, p, n = spearman(scores[row].to_numpy(float)[chosen], scores[column].to_numpy(float)[chosen])
                shown = r if p < alpha else (np.nan if np.isnan(r) else 0.0)
                cells.append((row, column, group, r, p, n, shown))
    return pd.DataFrame(cells, columns=["row", "column", "group", "r", "p", "n", "shown"])


def cell(cells: pd.DataFrame, row: str, column: str, group: str = "total") -> pd.Series:
    """Return the cell of `correlate`'s table with these names."""
    found = cells[(cells["row"] == row) & (cells["column"] == column) & (cells["group"] == group)]
    if len(found) != 1:
        raise KeyError(f"expected one cell for row={row!r}, column={column!r}, group={group!r}, got {len(found)}")
    return found.iloc[0]


def significant(cells: pd.DataFrame) -> pd.Series:
    """Return a mask of the significant cells; an undefined cell is not significant.

    >>> significant(pd.DataFrame({"shown": [-0.5, 0.0, np.nan]})).tolist()
    [True, False, False]
    """
    return cells["shown"].abs() > 0


def strongest(pairs: pd.DataFrame) -> pd.Series | None:
    """Return the significant cell with the largest |shown|, the first of equals; None if no cell is significant."""
    found = pairs[significant(pairs)]
    return found.iloc[int(found["shown"].abs().argmax())] if len(found) else None


def pairs(cells: pd.DataFrame) -> pd.DataFrame:
    """Select each unordered pair of different names once, from a correlation of names with themselves."""
    names = list(dict.fromkeys(cells["row"]))
    place = {name: i for i, name in enumerate(names)}
    return cells[cells["row"].map(place) > cells["column"].map(place)].reset_index(drop=True)


def mean_shown(cells: pd.DataFrame) -> pd.Series:
    """Average each name's `shown` with the others, lowest first, from a correlation of names with themselves.

    Undefined cells do not enter the mean; a name without others is last, with NaN.
    """
    others = cells[cells["row"] != cells["column"]]
    return others.groupby("row", sort=False)["shown"].mean().sort_values(kind="stable")


def same_sign(cells: pd.DataFrame) -> pd.DataFrame:
    """Return columns, with their group, whose correlation with every row is significant and has one sign.

    An undefined cell is not significant.
    """
    sign = np.sign(cells["shown"])
    of = sign.groupby([cells["column"], cells["group"]], sort=False)
    one = (of.min() == of.max()) & (of.min().abs() == 1) & (of.size() == of.count())
    return one[one].reset_index()[["column", "group"]]


def sign_flips(cells: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Return cells that are significant in two groups with opposite signs: row, column, and `shown` in each group."""
    wide = cells.pivot(index=["row", "column"], columns="group", values="shown")[[first, second]]
    return wide[wide[first] * wide[second] < 0].reset_index()


def only_in_one(cells: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Return cells that are significant in exactly one of two groups: row, column, and `shown` in each group.

    Cells that are undefined in one of the groups are left out, since the difference is unknown.
    """
    wide = cells.pivot(index=["row", "column"], columns="group", values="shown")[[first, second]].dropna()
    return wide[(wide[first] != 0) ^ (wide[second] != 0)].reset_index()


def spearman(x: np.ndarray, y: np.ndarray) -> tuple[float, float, int]:
    """Return Spearman's r, its two-sided p and the number of complete pairs; (nan, nan, n) if r is not defined.

    Args:
        x, y: float [N]; pairs with a NaN are left out.
    """
    complete = ~(np.isnan(x) | np.isnan(y))
    x, y = x[complete], y[complete]
    n = len(x)
    if n < FEWEST or _constant(x) or _constant(y):
        return np.nan, np.nan, n
    from scipy.stats import spearmanr  # takes half a second, which measuring does not need

    r, p = spearmanr(x, y)
    return float(r), float(p), n


def _constant(x: np.ndarray) -> bool:
    """Return whether the values are equal up to rounding, which would have ranks like real differences."""
    return bool(np.ptp(x) <= 1e-12 * np.abs(x).max())
