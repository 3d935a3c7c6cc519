"""Accuracy on filtered images between the measured cut-offs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.analysis import filtered_accuracy as filtered
from scipy.interpolate import interp1d

from bvg.results import load, scores

PUBLISHED = load("published")
CURVES = scores.bandpass(PUBLISHED)
CLEAN = scores.benchmarks(PUBLISHED).set_index("model")["imagenet"]


def test_shares_equal_those_of_scipy_at_every_cutoff():
    found = filtered.shares(CURVES, list(CLEAN.index))
    assert found.shape == (2 * len(filtered.CUTOFFS), 48)
    for kind, benchmark in filtered.KINDS.items():
        for model in CLEAN.index:
            own = CURVES[(CURVES["kind"] == benchmark) & (CURVES["model"] == model)]
            expected = interp1d(own["cutoff"], own["relative_top1"])(filtered.CUTOFFS)
            assert np.allclose(found.loc[kind, model], expected, rtol=0, atol=1e-12)


def test_published_shares_are_not_changed():
    found = filtered.medians(CURVES, CLEAN).set_index(["kind", "cutoff"])
    for (kind, cutoff), rows in CURVES[CURVES["model"].isin(CLEAN.index)].groupby(["kind", "cutoff"]):
        row = found.loc[kind.removesuffix("-pass"), cutoff]
        assert row["median_share"] == rows["relative_top1"].median()
        assert row["below"] == row["above"] == cutoff
        accuracy = rows.set_index("model")["relative_top1"] * CLEAN
        assert row["median_accuracy"] == pytest.approx(accuracy.median(), rel=1e-14)


@pytest.mark.parametrize("kind", ["low", "high"])
def test_the_median_is_at_least_half_above_the_crossing_and_less_at_it(kind):
    table = filtered.medians(CURVES, CLEAN)
    found = filtered.half(table, kind)
    above = table[(table["kind"] == kind) & (table["cutoff"] > found["cutoff"])]
    assert found["median_share"] < 0.5
    assert len(above) > 0
    assert (above["median_share"] >= 0.5).all()
    assert found["below_half"] >= 24


def test_missing_numbers_stay_missing():
    curves = CURVES.drop(CURVES.index[(CURVES["model"] == "tv_resnet50") & (CURVES["cutoff"] == 0.2)])
    found = filtered.shares(curves, ["tv_resnet50", "nobody"]).loc["low"]
    assert found["nobody"].isna().all()
    assert list(found.index[found["tv_resnet50"].isna()]) == [k / 100 for k in range(11, 30)]
    assert filtered.half(filtered.medians(CURVES, pd.Series({"nobody": 70.0})), "low") is None


def test_nothing_is_interpolated_outside_the_measured_cutoffs():
    curves = CURVES[CURVES["cutoff"].between(0.2, 0.5)]
    found = filtered.medians(curves, CLEAN).query("kind == 'low'").set_index("cutoff")
    assert list(found.index[found["n"] > 0]) == [k / 100 for k in range(20, 51)]
    assert np.isnan(found.loc[0.1, "below"])
