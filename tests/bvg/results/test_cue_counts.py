"""Counts behind the shape bias: against a search over all pairs of counts, and for tables that state them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bvg import results
from bvg.results import cue_counts
from bvg.results.cue_counts import counts, recover, shares

PUBLISHED = results.load("published")
CUES = PUBLISHED[PUBLISHED["benchmark"] == "cue-conflict"].pivot(index="model", columns="metric", values="value")


@pytest.mark.parametrize("model", CUES.index)
def test_a_search_over_all_pairs_finds_the_same_counts(model):
    bias, hits = CUES.at[model, "shape_bias"], CUES.at[model, "top1"] * 12.8
    assert hits == pytest.approx(round(hits), abs=1e-9)
    shape, texture = np.mgrid[0:1201, 0:1201]
    decided = shape + texture
    fits = (decided > 0) & (decided <= 1200) & (shape <= round(hits)) & (shape >= round(hits) - 80)
    fits &= np.abs(shape - bias * decided) <= 4 * np.finfo(float).eps * decided
    assert recover(bias, CUES.at[model, "top1"]) == list(zip(shape[fits].tolist(), texture[fits].tolist(), strict=True))


def test_known_counts_come_back():
    rng = np.random.default_rng(0)
    for _ in range(300):
        shape, both = rng.integers(0, 900), rng.integers(0, 81)
        texture = rng.integers(0, 1201 - shape)
        if shape + texture:
            found = recover(shape / (shape + texture), 100 * (shape + both) / 1280)
            assert (shape, texture) in found
            assert all(s * (shape + texture) == shape * (s + t) for s, t in found)


@pytest.mark.parametrize(("bias", "top1"), [(0.2196, 18.28125), (170 / 792, 18.3), (1.0, 0.0)])
def test_numbers_that_no_counts_give_have_none(bias, top1):
    assert recover(bias, top1) == []


def test_the_likely_counts_name_as_many_agreeing_images_as_the_other_models():
    table = counts(PUBLISHED).set_index("model")
    one = table[table["solutions"] == 1]
    assert (one["shape"] == one["shape_low"]).all()
    assert (one["shape"] == one["shape_high"]).all()
    # 4, 9, …, 79 of the 80 images for the 16 solutions of the frozen filters; the median of the others is 67.
    assert one["agreeing"].median() == 67 / 80
    frozen = table.loc["resnet50_frozen_random"]
    assert (frozen["shape_low"], frozen["shape"], frozen["shape_high"], frozen["agreeing"]) == (205, 215, 280, 69 / 80)
    total = table["shape"] + table["texture"] + table["neither"]
    assert (total == 1200).all()
    assert (table[["shape_low", "texture_low", "neither_low"]] >= 0).all(axis=None)


def measured(**metrics: float) -> pd.DataFrame:
    rows = [("mine", "cue-conflict", "", np.nan, m, v, 40, "run") for m, v in metrics.items()]
    return results.validate(pd.DataFrame(rows, columns=list(results.COLUMNS)))


def test_measured_counts_are_taken_as_they_are():
    table = measured(top1=50.0, shape_bias=0.25, shape_hits=8, texture_hits=24)
    row = counts(table).iloc[0]
    assert (row["shape"], row["texture"], row["neither"], row["images"], row["solutions"]) == (8, 24, 8, 40, 1)
    assert shares(table).loc["mine"].tolist() == [20.0, 60.0, 20.0]


def test_a_table_without_unique_counts_gets_the_middle_ones():
    row = counts(measured(top1=40.0, shape_bias=0.5).assign(n=[100, 40])).iloc[0]
    assert (row["shape_low"], row["shape"], row["shape_high"]) == (1, 11, 20)
    assert row["neither_high"] == 38


def test_a_model_without_the_numbers_is_left_out():
    assert counts(measured(shape_bias=0.25)).empty
    assert shares(PUBLISHED[PUBLISHED["benchmark"] == "imagenet"]).empty
    assert list(shares(PUBLISHED.iloc[:0]).columns) == list(cue_counts.SHARES.values())


def test_one_count_without_the_other_is_rejected():
    with pytest.raises(results.ResultsError, match="'mine' has texture_hits without the other"):
        counts(measured(texture_hits=3))
