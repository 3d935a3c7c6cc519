"""Intervals of biases: Wilson's for shape bias by hand, and coverage of the spectral ones by simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.analysis import bias_error
from statsmodels.stats.proportion import proportion_confint

CUTOFFS = {"low-pass": [0.1, 0.2, 0.3], "high-pass": [0.1]}


def table(answers: np.ndarray, metric: str = "top1") -> pd.DataFrame:
    """Make a results table of hits bool [conditions, images]: clean, then one row per low-pass cut-off."""
    clean, *filtered = 100 * answers.mean(axis=1)
    values = [clean, *(f if metric == "top1" else f / clean for f in filtered)]
    return pd.DataFrame(
        {
            "model": "mine",
            "benchmark": ["imagenet", *["low-pass"] * len(filtered)],
            "level": [np.nan, *CUTOFFS["low-pass"]],
            "metric": ["top1", *[metric] * len(filtered)],
            "value": values,
            "n": answers.shape[1],
        }
    )


@pytest.mark.parametrize("metric", ["top1", "relative_top1"])
def test_spectral_intervals_cover_the_true_bias(metric):
    """Hits of all conditions on the same images, strongly dependent: at least 95 % of 400 intervals hold the true bias."""
    rng, shares = np.random.default_rng(0), np.array([0.75, 0.2, 0.5, 0.7])
    truth, covered = (shares[1:] / shares[0]).mean(), []
    for _ in range(400):
        difficulty = rng.random(300)
        answers = (0.8 * difficulty + 0.2 * rng.random((4, 300))) < np.quantile(
            0.8 * rng.random(10**5) + 0.2 * rng.random(10**5), shares
        )[:, None]
        low, high = bias_error.intervals(table(answers, metric), "mine", CUTOFFS)["low_frequency"]
        covered.append(low <= truth <= high)
    assert np.mean(covered) >= 0.95


def test_shape_bias_has_wilsons_interval():
    row = pd.DataFrame(
        [
            {
                "model": "mine",
                "benchmark": "cue-conflict",
                "level": np.nan,
                "metric": "shape_bias",
                "value": 0.25,
                "n": 200,
            }
        ]
    )
    assert bias_error.intervals(row, "mine", CUTOFFS) == {
        "shape": pytest.approx(proportion_confint(50, 200, 0.05, "wilson"))
    }
    assert bias_error.intervals(row.assign(n=np.nan), "mine", CUTOFFS) == {}


def test_incomplete_numbers_have_no_interval():
    answers = np.random.default_rng(0).random((4, 300)) < 0.5
    whole = table(answers)
    assert set(bias_error.intervals(whole, "mine", CUTOFFS)) == {"low_frequency"}  # no high-pass
    assert bias_error.intervals(whole[:3], "mine", CUTOFFS) == {}
    assert bias_error.intervals(whole[1:], "mine", CUTOFFS) == {}
    assert bias_error.intervals(whole.assign(n=np.nan), "mine", CUTOFFS) == {}
    stated = bias_error.intervals(whole.assign(n=np.nan), "mine", CUTOFFS, images=300)
    assert stated == bias_error.intervals(whole, "mine", CUTOFFS)
