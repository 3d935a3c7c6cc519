"""Distance correlation against the library dcor."""

import numpy as np
import pytest
from companion.analysis.distance import distance_correlation, independence_p
from scipy.stats import rankdata


def samples(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(12, 49))
    x = rng.normal(size=n)
    return rankdata(x), rankdata(np.round(rng.normal(size=n) + rng.choice([0, 2]) * x**2, 1))


@pytest.mark.parametrize("seed", range(30))
def test_agrees_with_dcor(seed):
    import dcor  # takes seconds: numba compiles

    x, y = samples(seed)
    assert distance_correlation(x, y) == pytest.approx(dcor.distance_correlation(x, y), abs=1e-12)
    test = dcor.independence.distance_covariance_test(x, y, num_resamples=199, random_state=seed)
    # Rounding decides in dcor whether a permutation that equals the observed order is larger.
    assert independence_p(x, y, 199, seed) == pytest.approx(test.pvalue, abs=0.011)


def test_constant_samples_and_perfect_dependence():
    x = np.arange(8.0)
    assert distance_correlation(x, np.zeros(8)) == 0
    assert distance_correlation(x, 3 - x) == pytest.approx(1)
    assert independence_p(x, x, 99, 0) == 0.01


def test_p_is_uniform_for_independent_samples():
    rng = np.random.default_rng(0)
    p = [independence_p(rng.normal(size=15), rng.normal(size=15), 49, k) for k in range(400)]
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=0.045)
