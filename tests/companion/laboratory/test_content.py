"""The laboratory's content: every position of every slider has a setting, and its sentence fits none, one and many models."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from companion import stimuli
from companion.laboratory import html, laboratory, settings
from miniature_results import measured

from bvg import known_models, study
from bvg.results import ResultsError, load, scores

PUBLISHED = load("published")


def test_every_position_of_the_sliders_has_a_setting(lab):
    page = BeautifulSoup(html.fragment(lab.data), "html.parser")
    sliders = {s["name"]: s for s in page.find_all("input", type="range")}
    low, high, step = (float(sliders["cutoff"][k]) for k in ("min", "max", "step"))
    cutoffs = [round(low + step * k, 2) for k in range(round((high - low) / step) + 1)]
    keys = {f"{kind}-{cutoff:g}" for kind in ("low", "high") for cutoff in cutoffs} | {"cues"}
    bands, sds = (range(int(sliders[name]["max"]) + 1) for name in ("band", "sd"))
    assert set(lab.data["settings"]) == keys | {f"noise-{band}-{sd}" for band in bands for sd in sds}
    for name, labels in lab.data["labels"].items():
        assert not labels or list(labels) == list(range(int(sliders[name]["max"]) + 1))
    for setting in lab.data["settings"].values():
        assert len(setting["places"]) == 48 + 2
    assert set(study.CUTOFFS) <= set(cutoffs)
    assert len(lab.data["noise"]["streams"]) == 7


def test_the_content_is_plain_and_small(lab):
    assert len(html.fragment(lab.data)) < 700_000
    assert json.loads(json.dumps(lab.data))["size"] == 224


def test_the_medians_are_those_of_the_published_table(lab):
    curves = scores.bandpass(PUBLISHED)
    models = known_models.models().query("in_study").index
    for kind in ("low", "high"):
        for cutoff in study.CUTOFFS:
            own = curves.query(f"kind == '{kind}-pass' and cutoff == {cutoff}")
            median = own.loc[own["model"].isin(models), "relative_top1"].median()
            assert lab.data["settings"][f"{kind}-{cutoff:g}"]["median"] == median
    shape = scores.per_model(PUBLISHED)["shape"]
    assert lab.data["settings"]["cues"]["median"] == shape.median()


def test_the_table_holds_the_noise_that_each_model_tolerates(lab):
    assert len(lab.tolerated) == 48 * 7
    row = lab.tolerated.query("model == 'tv_resnet50' and band == 3").iloc[0]
    place = [m["id"] for m in lab.data["models"]].index("tv_resnet50")
    at = settings.AXES["noise"].at(np.log2(row["tolerated_sd"] / 0.16))
    assert lab.data["settings"]["noise-3-4"]["places"][place] == at


def test_highlighted_models_are_drawn_and_do_not_enter_the_medians(lab):
    other = laboratory(PUBLISHED, ["resnet50_prime", "tv_resnet50"])
    assert len(other.data["models"]) == 48
    assert set(other.medians["n"]) == {46}
    assert "of 46 models" in other.data["settings"]["low-0.2"]["text"]
    assert lab.data["settings"]["low-0.2"]["places"][:48] == other.data["settings"]["low-0.2"]["places"][:48]


def test_it_works_with_the_miniatures_networks():
    table = measured()
    small = laboratory(table, world=study.MINIATURE)
    assert len(small.data["labels"]["band"]) == study.MINIATURE.bands
    assert small.medians["n"].max() == len(known_models.miniature())
    assert html.fragment(small.data).count("data-model=") == len(known_models.miniature())


def test_a_model_with_missing_numbers_is_rejected_or_left_out_where_it_lacks_them():
    lacking = PUBLISHED.drop(
        PUBLISHED.index[
            (PUBLISHED["model"] == "tv_resnet50") & PUBLISHED["benchmark"].isin(["low-pass", "critical-band"])
        ]
    )
    with pytest.raises(ResultsError, match="tv_resnet50"):
        laboratory(lacking)
    found = laboratory(lacking, allow_missing=True)
    place = [m["id"] for m in found.data["models"]].index("tv_resnet50")
    where = {
        key: found.data["settings"][key]["places"][place] is None
        for key in ("low-0.2", "high-0.2", "noise-3-4", "cues")
    }
    assert where == {"low-0.2": True, "high-0.2": False, "noise-3-4": True, "cues": False}
    assert found.medians.query("kind == 'low'")["n"].max() == 47


def test_noise_that_would_have_to_be_drawn_again_is_rejected(monkeypatch):
    monkeypatch.setattr(settings, "NOISE_LEVELS", (0.0, 0.4))
    with pytest.raises(ValueError, match="choose another `seed`"):
        laboratory(PUBLISHED)


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ([], "no model has a fitted channel."),
        ([-1.0], "1 of 1 models keeps at least half"),
        (
            [-3.0, -2.5, 0.1],
            "1 of 3 models keeps at least half of the accuracy without noise; the median model does so up to SD 0.028",
        ),
        (
            [-3.4, -3.2, -3.3],
            "0 of 3 models keep at least half of the accuracy without noise; the median model does so only below SD 0.02",
        ),
        (
            [0.4, 0.3, 0.2],
            "3 of 3 models keep at least half of the accuracy without noise; the median model does so even at SD 0.16",
        ),
    ],
)
def test_the_sentence_on_noise(limits, text):
    index = pd.RangeIndex(len(limits))
    tolerated = pd.DataFrame({3: limits}, index, dtype=float)
    found = settings.noises(tolerated, pd.Series(True, index, dtype=bool), {3: 14.0})
    assert text in found[f"noise-3-{settings.NOISE_LEVELS.index(0.08)}"]["text"]


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ([], "No model has a shape bias."),
        ([0.2, 0.4, 0.9], "The median of 3 models decides for the shape in 40.0\u00a0%"),
        ([0.7], "0 of 1 decide"),
    ],
)
def test_the_sentence_on_cue_conflicts(shape, text):
    values = pd.Series(shape, dtype=float)
    assert text in settings.cues(values, pd.Series(True, values.index, dtype=bool))["cues"]["text"]


def test_the_mixes_run_from_texture_through_the_conflict_to_shape():
    cues, mixes = stimuli.cues(), stimuli.mixes()
    for name, number in (("texture", 0), ("conflict", 4), ("shape", 8)):
        assert np.array_equal(mixes[number], cues[name])
    assert np.allclose(mixes[2], (cues["texture"] + cues["conflict"]) / 2)
    assert all(0 <= image.min() <= image.max() <= 1 for image in mixes)


def test_the_bundled_library_states_its_version_and_both_licences():
    start = (html.FOLDER / html.SCRIPTS[0]).read_text(encoding="utf-8").partition("*/")[0]
    assert "kissfft-wasm 1.1.2" in start
    assert "Permission is hereby granted, free of charge" in start
    assert "Redistribution and use in source and binary forms" in start
