"""Prediction of held-out models' generalization from their biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

import bvg.results.scores
from bvg import study

ALL = "all"
"""Name of the feature set of all biases together."""
TREES, MANY_TREES = 40, 400
"""Trees of the forests behind the null distribution, and of the forest whose R2 is reported. With few trees, R2 varies by up to
0.1 with the seed."""
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
    jobs: int = -1,
) -> pd.DataFrame:
    """Predict each category from each bias and from all biases.

    The methods are a linear model and a random forest.

    Each model is predicted from the others: R2 = 1 - sum (y_i - yhat_i)^2 / sum (y_i - ybar_i)^2, where ybar_i is the mean of
    the others. The mean of the others has R2 = 0; a prediction from noise is below 0. `linear` is least squares with an
    intercept, with leave-one-out residuals in closed form (PRESS; Allen, 1974). `forest` predicts a model by the trees whose
    bootstrap sample lacks it (out of bag; Breiman, 2001). For the null distribution, the category is permuted over the models
    and all fits are repeated. To save time, `null` and p come from forests of `TREES` trees, r2 and error from `MANY_TREES`.

    Args:
        scores: one row per model with categories [%] and biases; a model that lacks a value is left out of that fit.
        groups: name -> mask over `scores`; None for one group, `total`, of all models.
        forests: names of the groups in which to grow forests; these take most of the time.
        alpha: level of significance, in (0, 1); `null` is the (1 - alpha) quantile of R2 under permutation.
        replicates: permutations for the linear models.
        permutations: permutations for the forests.
        seed: of permutations and forests.
        jobs: processes that grow forests, as joblib counts them; the numbers do not depend on it.

    Returns:
        One row per category, features (a bias, or `all`), group and method, with r2, null, p = (1 + number of permutations
        with at least this R2) / (1 + permutations), n (models), error (median absolute error, in percentage points) and spread
        (standard deviation of the category). The numbers are NaN with fewer than features + 3 models, if one model alone
        determines a coefficient, or if the category is constant.

    Raises:
        ValueError: `alpha` is outside (0, 1), or there is no permutation.
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
    predicted = iter(_forests(grown, seed, jobs))
    for *names, y, yhat in fits:
        many, few = next(predicted) if yhat is None else (yhat[:, 0], yhat)
        rows.append((*names, *_evaluate(y, many, few, alpha, seed)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def linear(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Predict each observation from the others by least squares: float [N, K].

    Args:
        x: features, [N, P].
        y: targets, [N, K].

    Returns:
        NaN if N < P + 3, or if an observation alone determines a coefficient (leverage 1).

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
    """Return out-of-bag predictions of a random forest: those of scikit-learn's `RandomForestRegressor`, number by number.

    Its trees are grown here one by one, because for 40 small trees its own bookkeeping takes as long as growing them.

    Args:
        x: features, [N, P].
        y: target, [N].
        seed: of the forest.
        trees: number of trees.

    Returns:
        Float [N]; NaN if N < P + 3.
    """
    import sklearn
    from sklearn.tree import DecisionTreeRegressor

    n = len(x)
    if n < x.shape[1] + 3:
        return np.full(y.shape, np.nan)
    features, target = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, float)
    total, count = np.zeros(n), np.zeros(n)
    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
        for state in np.random.RandomState(seed).randint(np.iinfo(np.int32).max, size=trees).tolist():
            sample = np.random.RandomState(state).randint(0, n, n, dtype=np.int32)
            times = np.bincount(sample, minlength=n)
            tree = DecisionTreeRegressor(random_state=state)
            tree.fit(features, target, sample_weight=times.astype(float), check_input=False)
            absent = times == 0
            total[absent] += tree.predict(features[absent], check_input=False)
            count[absent] += 1
    return total / np.maximum(count, 1)


def r2(y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
    """Return R2 on held-out observations, per column of [N, K].

    It is 1 - squared errors / squared deviations from the mean of the others; NaN if y is constant.
    """
    n = len(y)
    if n < 2:
        return np.full(y.shape[1], np.nan)
    deviations = (((y - y.mean(0)) * n / (n - 1)) ** 2).sum(0)
    constant = np.ptp(y, axis=0) <= 1e-12 * np.abs(y).max(0)
    return np.where(constant, np.nan, 1 - ((y - yhat) ** 2).sum(0) / np.where(constant, 1, deviations))


def _permuted(y: np.ndarray, times: int, seed: int) -> np.ndarray:
    """Return the values and their permutations, [N, 1 + times]. The permutations depend on N and the seed only."""
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(len(y)), (times, 1)), axis=1)
    return np.c_[y, y[order.T]] if len(y) else np.empty((0, 1 + times))


def _forests(
    grown: Sequence[tuple[np.ndarray, np.ndarray]], seed: int, jobs: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Apply `_both_sizes` to each pair of features and targets, in processes."""
    if not grown:
        return []
    from joblib import Parallel, delayed

    return Parallel(n_jobs=jobs)(delayed(_both_sizes)(x, y, seed, MANY_TREES) for x, y in grown)


def _both_sizes(x: np.ndarray, y: np.ndarray, seed: int, many: int) -> tuple[np.ndarray, np.ndarray]:
    """Predict the first of the targets [N, 1 + K] with many trees, [N], and all of them with few trees, [N, 1 + K]."""
    few = np.column_stack([forest(x, column, seed + k) for k, column in enumerate(y.T)])
    return forest(x, y[:, 0], seed, many), few


def _evaluate(y: np.ndarray, yhat: np.ndarray, tested: np.ndarray, alpha: float, seed: int) -> tuple[float, ...]:
    """Return r2, null, p, n, error and spread from predictions of y, [N], and of y and its permutations, [N, 1 + K]."""
    n, times = len(y), tested.shape[1] - 1
    of = r2(_permuted(y, times, seed), tested)
    spread = float(np.std(y, ddof=1)) if n > 1 else np.nan
    if np.isnan(of).any():
        return np.nan, np.nan, np.nan, n, np.nan, spread
    p = (1 + (of[1:] >= of[0]).sum()) / (1 + times)
    stated, error = r2(y[:, None], yhat[:, None])[0], np.median(np.abs(y - yhat))
    return float(stated), float(np.quantile(of[1:], 1 - alpha)), float(p), n, float(error), spread


def feature_name(features: str) -> str:
    """Return the printed name of a set of features.

    Example:
        >>> feature_name("all"), feature_name("bandwidth")
        ('All six biases', 'Bandwidth')
    """
    return "All six biases" if features == ALL else study.bias(features).plain
