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
            "variant": "",
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


def cues(**values) -> pd.DataFrame:
    """Make the cue-conflict rows of a model: metric -> (value, n)."""
    rows = [
        {"model": "mine", "benchmark": "cue-conflict", "variant": "", "level": np.nan, "metric": m, "value": v, "n": n}
        for m, (v, n) in values.items()
    ]
    return pd.DataFrame(rows).astype({"n": "Int64"})


MEASURED = {"shape_bias": (0.25, 200), "shape_hits": (30, 200), "texture_hits": (90, 200)}


def test_shape_bias_has_wilsons_interval_over_the_decided_images():
    found = bias_error.intervals(cues(**MEASURED), "mine", CUTOFFS)
    assert found == {"shape": pytest.approx(proportion_confint(30, 120, 0.05, "wilson"))}
    assert bias_error.intervals(cues(shape_bias=MEASURED["shape_bias"]), "mine", CUTOFFS) == {}


def test_an_interval_over_several_possible_counts_uses_the_fewest_decisions():
    from bvg.results import cue_counts, load

    table = load("published")
    counts = cue_counts.counts(table).set_index("model")
    model = counts.index[counts["solutions"] > 1][0]
    own = counts.loc[model]
    low, high = bias_error.intervals(table, model, CUTOFFS)["shape"]
    n = own["shape_low"] + own["texture_low"]
    assert (low, high) == pytest.approx(proportion_confint(own["shape_low"], n, 0.05, "wilson"))
    n = own["shape_high"] + own["texture_high"]
    assert high - low > np.diff(proportion_confint(own["shape_high"], n, 0.05, "wilson")).item()


def test_shares_of_decisions_and_criticality_have_intervals():
    """Shares: Wilson's by hand. Criticality: 95 % of normal means of 3 trials lie inside, in 2,000 simulated models."""
    found = bias_error.further(cues(**MEASURED), "mine")
    assert list(found) == ["shape_sensitivity", "texture_sensitivity", "neither_cue"]
    for name, hits in zip(found, (30, 90, 80), strict=True):
        assert found[name] == pytest.approx(tuple(100 * end for end in proportion_confint(hits, 200, 0.05, "wilson")))

    rng = np.random.default_rng(0)
    layers = ["conv1", *(f"layer{stage}.{block}.conv1" for stage in (1, 2, 3, 4) for block in range(8)), "fc"]
    truth, sd, covered = np.linspace(0.3, 0.6, len(layers)), 0.05, []
    for _ in range(200):
        trials = truth[:, None] + sd * rng.standard_normal((len(layers), 3))
        rows = [
            {
                "model": "mine",
                "benchmark": "layer-criticality",
                "variant": v,
                "level": np.nan,
                "metric": m,
                "value": x,
                "n": 1,
            }
            for m, values in (("criticality", trials.mean(1)), ("criticality_sd", trials.std(1, ddof=1)))
            for v, x in zip(layers, values, strict=True)
        ]
        low, high = bias_error.further(pd.DataFrame(rows), "mine")["criticality"]
        covered.append(low <= truth.mean() <= high)
    assert 0.9 < np.mean(covered) < 0.99


def test_incomplete_numbers_have_no_interval():
    answers = np.random.default_rng(0).random((4, 300)) < 0.5
    whole = table(answers)
    assert set(bias_error.intervals(whole, "mine", CUTOFFS)) == {"low_frequency"}  # no high-pass
    assert bias_error.intervals(whole[:3], "mine", CUTOFFS) == {}
    assert bias_error.intervals(whole[1:], "mine", CUTOFFS) == {}
    assert bias_error.intervals(whole.assign(n=np.nan), "mine", CUTOFFS) == {}
    stated = bias_error.intervals(whole.assign(n=np.nan), "mine", CUTOFFS, images=300)
    assert stated == bias_error.intervals(whole, "mine", CUTOFFS)
