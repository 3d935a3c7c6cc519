"""Checks of the fits and of the set of models, compared with the authors' raw file, and with the oddity removed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from audit_tables import STUDIED, check_table, with_values
from companion.analysis.critical_band_fits import FIT
from companion.analysis.data_audit import check
from pandas.testing import assert_frame_equal

from bvg import known_models
from bvg.results import correlation, scores


def test_fits_are_those_of_the_raw_file(raw, found):
    bw, cf, pns = (raw[f"metric/criticalband/{c}_norm"] for c in ("bw", "cf", "pns"))
    triples = pd.concat([bw, cf, pns], axis=1).round(6).value_counts()
    assert triples.iloc[0] == 13
    assert (
        f"{len(triples)} different fits; {triples[triples > 1].sum()} models share" in found.at["shared-fits", "number"]
    )
    assert found.at["at-bound", "number"].startswith(f"{(pns > 1 - 1e-6).sum()} of 48")
    assert found.at["centre-outside", "number"].startswith(f"{((cf < 1.75) | (cf > 112)).sum()} of 48")
    assert found.at["wide-fits", "number"].startswith(f"{(bw > 7).sum()} of 48")
    assert found.at["raw-fits", "number"].startswith(f"{(raw['metric/criticalband/bw'] > 7).sum()} of 48")


def test_leaving_out_fits_does_not_change_the_other_biases(case):
    wide = case.scores.index[case.scores["bandwidth"] > 7]
    other = scores.per_model(case.results.drop(case.results.index[
        case.results["model"].isin(wide) & (case.results["benchmark"] == "critical-band")]), allow_missing=True)  # fmt: skip
    rows = scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS
    after = correlation.correlate(other, *rows, known_models.figure2_groups(other["group"]))
    assert check_table("wide-fits", case.results).largest_change == pytest.approx(
        check.effect(case.base, after).largest
    )
    assert_frame_equal(after[~after["column"].isin(FIT)], case.base[~case.base["column"].isin(FIT)])


def test_distinct_fits_within_the_bands_are_not_found(case):
    place = pd.Series(np.arange(48), STUDIED)
    table = case.results
    for metric, values in (
        ("bandwidth", 3 + place / 100),
        ("center_frequency", 10.0 + place),
        ("peak_noise_sensitivity", 0.2 + place / 100),
    ):
        table = with_values(table, values, metric=metric, benchmark="critical-band")
    for id in ("shared-fits", "at-bound", "centre-outside", "wide-fits", "raw-fits"):
        assert check_table(id, table).state == check.ABSENT, id


def test_the_model_with_training_strength_0(case):
    (zero,) = known_models.models().query("group == 'adversarial_training' and epsilon == 0").index
    group = case.scores["group"].mask(case.scores["model"] == zero, "baseline")
    rows = scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS
    moved = correlation.correlate(case.scores, *rows, known_models.figure2_groups(group))
    assert check_table("zero-moved", case.results).largest_change == check.effect(case.base, moved).largest
    rest = case.scores[case.scores["model"] != zero]
    out = correlation.correlate(rest, *rows, known_models.figure2_groups(rest["group"]))
    assert check_table("zero-out", case.results).cells_changed == check.effect(case.base, out).changed
    assert check_table("zero-out", case.results, leave_out=[zero]).state == check.NOT_APPLICABLE


def test_all_70_models_of_the_file(case):
    table = scores.per_model(case.results, allow_missing=True, outside=True)
    assert len(table) == 70
    rows = scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS
    after = correlation.correlate(table, *rows, known_models.figure2_groups(table["group"]))
    assert check_table("outside-all", case.results).cells_changed == check.effect(case.base, after).changed
    assert check_table("outside-all", case.results[case.results["model"].isin(STUDIED)]).state == check.NOT_APPLICABLE
