"""Linear predictions of the categories of a model that did not enter the fit, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from companion.analysis import equal_accuracy
from companion.analysis.transfer import FEATURES

COVERAGE = 0.9
"""Level of the prediction intervals."""


@dataclass(frozen=True)
class Line:
    """A least-squares fit of a category, and what its prediction intervals need.

    At the features x of a new model, with a = (1, x), it predicts `coefficients` · a, give or take
    sqrt(`noise` + a · `spread` · a).

    Attributes:
        category: the category [%].
        features: name of the set of features.
        columns: the features, in the order of the coefficients.
        n: models behind the fit.
        coefficients: float [1 + P], the intercept first.
        spread: float [1 + P, 1 + P], t² times the covariance of the coefficients, where t is Student's quantile.
        noise: t² times the residual variance.
    """

    category: str
    features: str
    columns: tuple[str, ...]
    n: int
    coefficients: np.ndarray
    spread: np.ndarray
    noise: float

    def at(self, x: Sequence[float]) -> tuple[float, float, float]:
        """Return the predicted value and the ends of its interval [%] at features x, float [P]; NaN if one is missing."""
        a = np.r_[1.0, np.asarray(x, float)]
        middle, half = self.coefficients @ a, np.sqrt(self.noise + a @ self.spread @ a)
        return float(middle), float(middle - half), float(middle + half)


def lines(
    known: pd.DataFrame, coverage: float = COVERAGE, features: Mapping[str, Sequence[str]] = FEATURES
) -> tuple[list[Line], dict[tuple[str, str], int]]:
    """Fit each category to each set of features over known models.

    Args:
        known: one row per model with categories [%], biases and `imagenet` (top-1 [%]); a model that lacks a value is left out
            of that fit.
        coverage: level of the prediction intervals, in (0, 1).
        features: name -> columns of `known`.

    Returns:
        The fits of those with at least P + 3 models; and the number of models of each category and set of features.

    Raises:
        ValueError: `coverage` is outside (0, 1).
    """
    from scipy.stats import t as student
    from statsmodels.api import OLS

    if not 0 < coverage < 1:
        raise ValueError(f"expected `coverage` in (0, 1), got {coverage} (is it in percent?)")
    found, counts = [], {}
    for category in equal_accuracy.CATEGORIES:
        for name, columns in features.items():
            rows = known.dropna(subset=[category, *columns])
            counts[category, name] = len(rows)
            if len(rows) < len(columns) + 3:
                continue
            design = np.c_[np.ones(len(rows)), rows[list(columns)].to_numpy(float)]
            fit = OLS(rows[category].to_numpy(float), design).fit()
            squared = float(student.ppf((1 + coverage) / 2, fit.df_resid)) ** 2
            spread, noise = squared * fit.cov_params(), squared * float(fit.scale)
            found.append(Line(category, name, tuple(columns), len(rows), fit.params, spread, noise))
    return found, counts
