"""How well the biases predict a category of generalization of a model that was left out, beside what chance predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

import bvg.results.scores
from bvg import study
from companion.tables.study import Table
from companion.text import signed

ALL = "all"
"""Name of the feature set of all biases together."""
TREES, MANY_TREES = 40, 400
"""Trees of the forests behind the null, and of the one whose R2 is stated: with few, it varies with the seed by up to 0.1."""
METHODS = {"linear": "Linear", "forest": "Forest"}
COLUMNS = ("category", "features", "group", "method", "r2", "null", "p", "n", "error", "spread")


def prediction(
    scores: pd.DataFrame,
    groups: Mapping[str, pd.Series] | None = None,
    forests: Sequence[str] = ("total",),
    alpha: float = 0.05,
    replicates: int = 2000,
    permutations: int = 49,
    seed: int = 0,
    workers: int = -1,
) -> pd.DataFrame:
    """Leave-one-out R2 of each category from each bias alone and from all of them, linear and by a random forest.

    Every model is predicted from the others: R2 = 1 - sum (y_i - yhat_i)^2 / sum (y_i - ybar_i)^2, where neither yhat_i nor
    ybar_i, the mean of the others, has seen model i. So 0 is what the mean of the others achieves, and noise is below it.
    `linear` is least squares with an intercept, left out in closed form: the residual over 1 - h_i (PRESS; Allen, 1974).
    `forest` predicts a model by the trees whose bootstrap sample lacks it (out of bag; Breiman, 2001).
    Under the null hypothesis the category is permuted over the models and everything is fitted again. As that takes time,
    `null` and p compare forests of `TREES` trees with each other, while r2 and error are those of `MANY_TREES` trees.

    Args:
        scores: one row per model with categories [%] and biases; models that lack a value of a fit are left out of it.
        groups: name -> mask over `scores`; None is one group, `total`, of everything.
        forests: names of the groups in which forests are grown, too; they take most of the time.
        alpha: level; `null` is the (1 - alpha) quantile of the R2 under permutation.
        replicates: permutations behind the linear null.
        permutations: permutations behind the forests' null.
        seed: of permutations and forests.
        workers: processes that grow forests, as joblib counts them; the numbers do not depend on it.

    Returns:
        One row per category, features (a bias, or `all`), group and method with r2, null, p = (1 + number of permutations
        with at least this R2) / (1 + permutations), n models, error (median absolute error, in points of accuracy) and
        spread (standard deviation of the category). With too few models (fewer than features + 3, or one that alone
        determines a coefficient), or a constant category, the numbers are NaN.

    Raises:
        ValueError: `alpha` outside (0, 1), or fewer than one permutation.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"expected `alpha` in (0, 1), got {alpha} (is it in percent?)")
    if min(replicates, permutations) < 1:
        raise ValueError(f"expected at least one permutation, got {replicates} (linear) and {permutations} (forest)")
    groups = {"total": pd.Series(True, scores.index)} if groups is None else groups
    features = {bias: [bias] for bias in bvg.results.scores.BIAS_COLUMNS} | {ALL: list(bvg.results.scores.BIAS_COLUMNS)}
    fits, rows, grown = [], [], []
    for group, mask in groups.items():
        for category in bvg.results.scores.CATEGORY_COLUMNS:
            for name, columns in features.items():
                known = scores.loc[np.asarray(mask, bool), [category, *columns]].dropna().to_numpy(float)
                y, x = known[:, 0], known[:, 1:]
                fits.append((category, name, group, "linear", y, linear(x, _permuted(y, replicates, seed))))
                if group in forests:
                    grown.append((x, _permuted(y, permutations, seed)))
                    fits.append((category, name, group, "forest", y, None))
    predicted = iter(_forests(grown, seed, workers))
    for *names, y, yhat in fits:
        many, few = next(predicted) if yhat is None else (yhat[:, 0], yhat)
        rows.append((*names, *_judged(y, many, few, alpha, seed)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def linear(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least-squares predictions of each observation from the others: float [N, K] for features [N, P] and targets [N, K].

    NaN where N < P + 3, or where leaving an observation out leaves a coefficient undetermined (leverage 1).

    Example:
        >>> linear(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[0.0], [1.0], [2.0], [9.0]])).ravel().round(9)[3]
        np.float64(3.0)
    """
    n, p = x.shape
    if n < p + 3:
        return np.full(y.shape, np.nan)
    centred = x - x.mean(0)
    design = np.c_[np.ones(n), centred / np.maximum(centred.std(0), 1e-300)]
    hat = design @ np.linalg.pinv(design)
    free = 1 - np.diag(hat)
    if free.min() < 1e-9:
        return np.full(y.shape, np.nan)
    return y - (y - hat @ y) / free[:, None]


def forest(x: np.ndarray, y: np.ndarray, seed: int, trees: int = TREES) -> np.ndarray:
    """Out-of-bag predictions [N] of a random forest for features [N, P] and a target [N]; NaN where N < P + 3."""
    from sklearn.ensemble import RandomForestRegressor

    if len(x) < x.shape[1] + 3:
        return np.full(y.shape, np.nan)
    return RandomForestRegressor(trees, oob_score=True, random_state=seed).fit(x, y).oob_prediction_


def r2(y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
    """1 - squared errors over squared deviations from the mean of the others, per column of [N, K]; NaN if y is constant."""
    n = len(y)
    if n < 2:
        return np.full(y.shape[1], np.nan)
    deviations = (((y - y.mean(0)) * n / (n - 1)) ** 2).sum(0)
    constant = np.ptp(y, axis=0) <= 1e-12 * np.abs(y).max(0)
    return np.where(constant, np.nan, 1 - ((y - yhat) ** 2).sum(0) / np.where(constant, 1, deviations))


def _permuted(y: np.ndarray, times: int, seed: int) -> np.ndarray:
    """[N, 1 + times]: the values, then the values permuted; the same permutations for all categories and features."""
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(len(y)), (times, 1)), axis=1)
    return np.c_[y, y[order.T]] if len(y) else np.empty((0, 1 + times))


def _forests(
    grown: Sequence[tuple[np.ndarray, np.ndarray]], seed: int, workers: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """`_both_sizes` of each pair of features and targets, in processes."""
    if not grown:
        return []
    from joblib import Parallel, delayed

    return Parallel(n_jobs=workers)(delayed(_both_sizes)(x, y, seed, MANY_TREES) for x, y in grown)


def _both_sizes(x: np.ndarray, y: np.ndarray, seed: int, many: int) -> tuple[np.ndarray, np.ndarray]:
    """For features [N, P] and targets [N, 1 + K]: predictions [N] of the first by many trees, [N, 1 + K] of all by few."""
    few = np.column_stack([forest(x, column, seed + k) for k, column in enumerate(y.T)])
    return forest(x, y[:, 0], seed, many), few


def _judged(y: np.ndarray, yhat: np.ndarray, tested: np.ndarray, alpha: float, seed: int) -> tuple[float, ...]:
    """r2, null, p, n, error, spread of predictions [N] of y [N], and those [N, 1 + K] of y and its permutations."""
    n, times = len(y), tested.shape[1] - 1
    of = r2(_permuted(y, times, seed), tested)
    spread = float(np.std(y, ddof=1)) if n > 1 else np.nan
    if np.isnan(of).any():
        return np.nan, np.nan, np.nan, n, np.nan, spread
    p = (1 + (of[1:] >= of[0]).sum()) / (1 + times)
    stated, error = r2(y[:, None], yhat[:, None])[0], np.median(np.abs(y - yhat))
    return float(stated), float(np.quantile(of[1:], 1 - alpha)), float(p), n, float(error), spread


def named(features: str) -> str:
    """A feature set's name, as printed.

    >>> named("all"), named("bandwidth")
    ('All six biases', 'Bandwidth')
    """
    return "All six biases" if features == ALL else study.bias(features).plain


def table(predicted: pd.DataFrame) -> Table:
    """R2 and its p per category and features, linear in each group of models and by forests where they were grown.

    Args:
        predicted: from `prediction`.
    """
    titles = {"total": "all", "at": "AT", "other": "others"}
    text = [
        "not defined" if np.isnan(r2) else f"{signed(r2)} (p = {p:.2g})"
        for r2, p in zip(predicted["r2"], predicted["p"], strict=True)
    ]
    what = [f"{METHODS[m]}, {titles.get(g, g)}" for m, g in zip(predicted["method"], predicted["group"], strict=True)]
    wide = predicted.assign(text=text, what=what).pivot(index=["category", "features"], columns="what", values="text")
    wide = wide.reindex(
        index=pd.MultiIndex.from_frame(predicted[["category", "features"]].drop_duplicates()),
        columns=sorted(dict.fromkeys(what), key=lambda w: w.startswith("Linear"), reverse=True),
    )
    shown = wide.fillna("").reset_index(drop=True)
    shown.insert(0, "Category", [study.CATEGORY_NAMES[c] for c in wide.index.get_level_values(0)])
    shown.insert(1, "From", [named(f) for f in wide.index.get_level_values(1)])
    return Table(shown.rename_axis(columns=None), predicted)
