"""Resampled correlations, compared with scipy on repeated observations."""

from __future__ import annotations

import numpy as np
import pytest
from companion.analysis import resampling
from scipy.stats import spearmanr, t

from bvg.results import correlation


def tied(n: int, columns: int, seed: int, missing: float = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 5, (n, columns)).astype(float)
    return np.where(rng.random((n, columns)) < missing, np.nan, values)


@pytest.mark.parametrize("missing", [0, 0.2])
def test_weighted_ranks_are_those_of_repeated_observations(missing):
    x, y = tied(12, 3, 0, missing), tied(12, 2, 1, missing)
    counts = np.random.default_rng(2).multinomial(12, [1 / 12] * 12, size=20)
    r, n = resampling.spearman(x, y, counts)
    for b, i, j in np.ndindex(r.shape):
        first, second = np.repeat(x[:, i], counts[b]), np.repeat(y[:, j], counts[b])
        expected, p, size = correlation.spearman(first, second)  # scipy's; NaN for few or constant values
        assert n[b, i, j] == size
        assert r[b, i, j] == pytest.approx(expected, nan_ok=True)
        assert resampling.p_value(r[b, i, j], n[b, i, j]) == pytest.approx(p, nan_ok=True)
    assert np.isfinite(r).mean() > 0.9


@pytest.mark.parametrize(
    ("x", "counts"),
    [
        ([1.0, 2, 3, 4, 5], [1, 1, 1, 0, 0]),
        ([1.0, 1, 1, 1, 5], [2, 2, 1, 1, 0]),
        ([0.1, 0.1 + 2e-16, 0.1 + 4e-16, 0.1, 0.1], [1, 1, 1, 1, 1]),
        ([1.0, 2, 3, np.nan, np.nan], [1, 1, 1, 1, 1]),
    ],
)
def test_few_or_constant_values_have_no_correlation(x, counts):
    r, _ = resampling.spearman(np.array(x)[:, None], np.arange(5.0)[:, None], np.array([counts]))
    assert np.isnan(r).all()


def test_shapes_that_do_not_fit_are_rejected():
    with pytest.raises(ValueError, match=r"\[B, N\]"):
        resampling.spearman(np.ones((5, 1)), np.ones((5, 1)), np.ones(5))


def test_the_bootstrap_draws_whole_families():
    labels = ["a", "b", "a", "c", "a"]
    counts = resampling.bootstrap(labels, 200, np.random.default_rng(0))
    assert (counts[:, [0]] == counts[:, [2, 4]]).all()
    assert set(counts[:, [0, 1, 3]].sum(axis=1)) == {3}
    assert counts.max(axis=0).min() >= 2


def test_the_jackknife_leaves_out_each_family_in_turn():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(30, 3))
    labels = np.repeat(["a", "b", "c", "d", "e", "f"], [10, 8, 5, 4, 2, 1])
    low, high = resampling.jackknife(x, y, labels, 0.1)
    for i, j in np.ndindex(2, 3):
        z = np.arctanh(spearmanr(x[:, i], y[:, j]).statistic)
        without = [np.arctanh(spearmanr(x[labels != f, i], y[labels != f, j]).statistic) for f in "abcdef"]
        reach = t.isf(0.05, 5) * np.sqrt(5 / 6 * np.sum((np.array(without) - z) ** 2))
        assert [low[i, j], high[i, j]] == pytest.approx([np.tanh(z - reach), np.tanh(z + reach)])
    assert np.isnan(resampling.jackknife(x, y, ["a"] * 15 + ["b"] * 15, 0.1)).all()
