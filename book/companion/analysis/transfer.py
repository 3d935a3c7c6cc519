"""How far predictions from biases reach: to other models, other publications and other kinds of training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from bvg.results.scores import BIAS_COLUMNS, CATEGORY_COLUMNS
from companion.analysis import choices

LEVELS = {"model": "one model", "source": "one publication", "group": "one training group"}
"""What is held out: name -> in words."""
ACCURACY = "ImageNet top-1"
FEATURES: dict[str, tuple[str, ...]] = {
    ACCURACY: ("imagenet",),
    "ImageNet top-1 + shape bias": ("imagenet", "shape"),
    "ImageNet top-1 + all six biases": ("imagenet", *BIAS_COLUMNS),
    "all six biases": BIAS_COLUMNS,
}
"""Sets of features, by the name that tables print."""


def levels(scores: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the label of each model's unit at each level of `LEVELS`."""
    return {
        "model": scores["model"].to_numpy(),
        "source": choices.families(scores, "source").to_numpy(),
        "group": scores["group"].to_numpy(),
    }


def held_out(
    scores: pd.DataFrame, imagenet: Sequence[float], features: Mapping[str, Sequence[str]] = FEATURES
) -> pd.DataFrame:
    """Predict each category by least squares with models, publications or training groups held out.

    R2 = 1 - sum (y_i - yhat_i)^2 / sum (y_i - ybar_i)^2, where yhat_i is predicted, and ybar_i averaged, from the models of the
    other units. It is 0 for predictions no better than the mean of the others, and negative for worse ones. Values are raw:
    percentages and biases, not ranks.

    Args:
        scores: one row per model with model, group, categories [%] and biases.
        imagenet: ImageNet top-1 [%] of each row.
        features: name -> columns of `scores`, or `imagenet`.

    Returns:
        category, features, level (of `LEVELS`), units, n (models), r2, error (median absolute error in percentage points). r2
        and error are NaN if the models that remain are too few or do not determine the coefficients.
    """
    rows = []
    for category, name, known, x, y in _problems(scores, imagenet, features):
        for level, labels in levels(known).items():
            yhat, mean = _from_others(x, y, labels)
            deviations = ((y - mean) ** 2).sum()
            r2 = 1 - ((y - yhat) ** 2).sum() / deviations if deviations > 0 else np.nan
            error = np.median(np.abs(y - yhat)) if len(y) else np.nan
            rows.append((category, name, level, len(set(labels)), len(y), r2, error))
    return pd.DataFrame(rows, columns=["category", "features", "level", "units", "n", "r2", "error"])


def _problems(
    scores: pd.DataFrame, imagenet: Sequence[float], features: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, str, pd.DataFrame, np.ndarray, np.ndarray]]:
    """Yield every prediction: category, name of the features, the models that have all values, features [N, P], target [N]."""
    table = scores.assign(imagenet=np.asarray(imagenet, float))
    for category in CATEGORY_COLUMNS:
        for name, columns in features.items():
            known = table.dropna(subset=[category, *columns]).reset_index(drop=True)
            yield category, name, known, known[list(columns)].to_numpy(float), known[category].to_numpy(float)


def _folds(x: np.ndarray, labels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, for each label with enough other observations, the mask of its own and the design with an intercept."""
    design = np.c_[np.ones(len(x)), x]
    for label in pd.unique(labels):
        own = labels == label
        if (~own).sum() >= x.shape[1] + 3:
            yield own, design


def _from_others(x: np.ndarray, y: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predict each observation from those with another label: predictions and means of the others, [N] each."""
    yhat, mean = np.full(len(y), np.nan), np.full(len(y), np.nan)
    for own, design in _folds(x, labels):
        coefficients, _, rank, _ = np.linalg.lstsq(design[~own], y[~own], rcond=None)
        if rank == design.shape[1]:
            yhat[own], mean[own] = design[own] @ coefficients, y[~own].mean()
    return yhat, mean


def intervals(
    scores: pd.DataFrame,
    imagenet: Sequence[float],
    coverage: float = 0.9,
    features: Mapping[str, Sequence[str]] = FEATURES,
) -> pd.DataFrame:
    """Compute how wide prediction intervals for a model's categories are.

    Each model gets the interval of a normal linear model fitted to the others: yhat +- t s sqrt(1 + x' (X'X)^-1 x).

    Args:
        scores: one row per model with model, group, categories [%] and biases.
        imagenet: ImageNet top-1 [%] of each row.
        coverage: probability of the interval, in (0, 1).
        features: name -> columns of `scores`, or `imagenet`.

    Returns:
        category, features, level (`model` or `source`: what is held out), n, width (median half-width in percentage points),
        covered (share of models within their interval).

    Raises:
        ValueError: `coverage` is outside (0, 1).
    """
    if not 0 < coverage < 1:
        raise ValueError(f"expected `coverage` in (0, 1), got {coverage} (is it in percent?)")
    rows = []
    for category, name, known, x, y in _problems(scores, imagenet, features):
        for level in ("model", "source"):
            half, inside = _half_widths(x, y, levels(known)[level], coverage)
            rows.append((category, name, level, len(y), np.nanmedian(half) if len(half) else np.nan, inside))
    return pd.DataFrame(rows, columns=["category", "features", "level", "n", "width", "covered"])


def _half_widths(x: np.ndarray, y: np.ndarray, labels: np.ndarray, coverage: float) -> tuple[np.ndarray, float]:
    """Return the half-width of each observation's interval from the others, [N], and the share of observations inside."""
    from statsmodels.api import OLS

    half, centre = np.full(len(y), np.nan), np.full(len(y), np.nan)
    for own, design in _folds(x, labels):
        predicted = OLS(y[~own], design[~own]).fit().get_prediction(design[own])
        centre[own] = predicted.predicted_mean
        half[own] = predicted.conf_int(obs=True, alpha=1 - coverage) @ [-0.5, 0.5]
    known = ~np.isnan(half)
    return half, float((np.abs(y - centre)[known] <= half[known]).mean()) if known.any() else np.nan


def within_groups(scores: pd.DataFrame, rows: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Correlate biases and categories within training groups: ranks, with a fixed effect for each group.

    The coefficient of the bias in rank(category) ~ rank(bias) + group (least squares) is tested with errors clustered by
    publication; `within` is the partial correlation of both ranks given the group.

    Args:
        scores: one row per model with model, group, `rows` and `columns`.
        rows, columns: categories and biases.

    Returns:
        row, column, within, p, n, groups, families. NaN where the ranks do not vary within groups.
    """
    import statsmodels.api as sm
    from scipy.stats import rankdata

    found = []
    for row in rows:
        for column in columns:
            known = scores.dropna(subset=[row, column])
            dummies = pd.get_dummies(known["group"], dtype=float).to_numpy()
            codes, sources = pd.factorize(choices.families(known, "source"))
            y, x = rankdata(known[row]), rankdata(known[column])
            left = [v - dummies @ np.linalg.lstsq(dummies, v, rcond=None)[0] for v in (x, y)] if len(known) else [x, y]
            within = p = np.nan
            if len(known) > dummies.shape[1] + 2 and min(np.ptp(v) for v in left) > 1e-9:
                within = float(np.corrcoef(*left)[0, 1])
                fit = sm.OLS(y, np.c_[x, dummies]).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
                p = float(fit.pvalues[0])
            found.append((row, column, within, p, len(known), dummies.shape[1], len(sources)))
    return pd.DataFrame(found, columns=["row", "column", "within", "p", "n", "groups", "families"])
