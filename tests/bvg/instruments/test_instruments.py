"""Instruments on answers whose score is known by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bvg import imagenet_classes as classes
from bvg import study
from bvg.instruments import INSTRUMENTS, STUDY, BandPass, CriticalBand, Instrument, choose, targets
from bvg.kernels import bandpass, critical_band
from bvg.results import channel

SIXTEEN = classes.SIXTEEN


def answers(*decisions: int, classes: int = 1000) -> torch.Tensor:
    """Logits that fall with the distance from a class: the five best are the class and its neighbours up to two away."""
    return -5.0 * (torch.arange(classes) - torch.tensor(decisions)[:, None]).abs()


@pytest.mark.parametrize(
    ("name", "decisions", "labels", "prediction", "counts"),
    [
        # 7 is right, 9 is among the five best of 7, 10 is not.
        ("imagenet", (7, 7, 7), np.array([7, 9, 10]), [7, 7, 7], {"n": 3, "top1": 1, "top5": 2}),
        ("imagenet-v2", (100,), np.array([100]), [100], {"n": 1, "top1": 1, "top5": 1}),
        # Any label of the set is right.
        ("imagenet-real", (3, 8, 9), (frozenset({3}), frozenset({5, 8, 7}), frozenset({1, 2})), [3, 8, 9],
         {"n": 3, "top1": 2}),
        # The nearest of the 200: 6 is ImageNet-A's first and 11 its second; 1, 2 and 4 are ImageNet-R's first.
        ("imagenet-a", (0, 12), np.array([6, 6]), [6, 11], {"n": 2, "top1": 1}),
        ("imagenet-r", (0, 4), np.array([1, 1]), [1, 4], {"n": 2, "top1": 1}),
        # airliner -> airplane; brown bear -> bear; junco, 13, -> bird.
        ("stylized", (404, 294, 13), np.array([0, 1, 4]), [0, 1, 3], {"n": 3, "top1": 2}),
    ],
)  # fmt: skip
def test_score(name, decisions, labels, prediction, counts):
    instrument = INSTRUMENTS[name]
    score = instrument.score(answers(*decisions), instrument.truth(labels))
    assert score.sums() == counts
    assert score.prediction.tolist() == prediction
    assert int(score.hit.sum()) == counts["top1"]


def test_targets_are_what_counts_as_right():
    assert targets(np.array([3, 5])).tolist() == [[3], [5]]
    assert targets(np.array([[3, 5]])).tolist() == [[3]]  # the shape of a cue-conflict image
    assert targets((frozenset({9, 1, 4}), frozenset({2}))).tolist() == [[1, 4, 9], [2, -1, -1]]


def test_shape_bias_drops_images_whose_cues_agree():
    bear, cat, dog = (SIXTEEN.index(name) for name in ("bear", "cat", "dog"))
    # shape, texture -> decision: shape; texture; neither; agree (and is named).
    labels = np.array([[bear, cat], [bear, cat], [cat, dog], [dog, dog], [cat, bear]])
    logits = torch.full((5, 1000), -50.0)
    for row, decision in enumerate(("bear", "cat", "oven", "dog", "cat")):
        logits[row, classes.sixteen_indices(decision)] = 50.0
    instrument = INSTRUMENTS["cue-conflict"]
    score = instrument.score(logits, instrument.truth(labels))
    assert score.sums() == {"n": 5, "top1": 3, "conflict": 4, "shape": 2, "texture": 1}
    (condition,) = instrument.conditions()
    rows, notes = instrument.rows({condition: score.sums()})
    assert rows == [(condition, "top1", 60.0, 5), (condition, "shape_bias", 2 / 3, 4)]
    assert notes == []


def test_shape_bias_that_is_not_defined_is_left_out_with_a_note():
    instrument = INSTRUMENTS["cue-conflict"]
    (condition,) = instrument.conditions()
    rows, notes = instrument.rows({condition: {"n": 5, "top1": 1, "conflict": 4, "shape": 0, "texture": 0}})
    assert [metric for _, metric, _, _ in rows] == ["top1"]
    assert notes == ["no shape bias: none of 4 decisions was for the shape or the texture"]


def test_bandpass_shows_the_study_s_cutoffs_each_once():
    instrument = STUDY["band-pass"]
    conditions = instrument.conditions()
    assert len(conditions) == len(set(conditions)) == 22
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    some = [("low-pass", "", 0.3), ("high-pass", "", 0.99)]
    shown = dict(instrument.stimuli(images, torch.arange(2), 0, some))
    assert set(shown) == set(some)
    assert torch.equal(shown["low-pass", "", 0.3], bandpass(images, 0.3, "low"))
    assert torch.equal(shown["high-pass", "", 0.99], bandpass(images, 0.99, "high"))


def test_critical_band_shows_each_noise_and_the_clean_image_once():
    instrument = STUDY["critical-band"]
    conditions = instrument.conditions()
    assert len(conditions) == len(set(conditions)) == 1 + 4 * 7
    assert conditions[0] == ("critical-band", "", 0.0)
    assert conditions[-1] == ("critical-band", "band-6", 0.16)
    images, index = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)), torch.tensor([5, 9])
    some = [("critical-band", "", 0.0), ("critical-band", "band-3", 0.08)]
    shown = dict(instrument.stimuli(images, index, 4, some))
    assert torch.equal(shown[some[0]], critical_band(images, 0, 0))
    assert torch.equal(shown[some[1]], critical_band(images, 0.08, 3, seed=4, index=index))


def noisy(instrument: CriticalBand, thresholds, clean=80, passed=70, n=100):
    """Sums for which each band has a threshold: right on `passed` images up to some noise, on none beyond."""
    counts = {}
    for name, variant, sd in instrument.conditions():
        if sd == 0:
            hits = clean
        else:
            band, level = int(variant[-1]), channel.NOISE_SDS.index(sd)
            hits = passed if level <= 4 - thresholds[band] else 0
        counts[name, variant, sd] = {"n": n, "top1": hits}
    return counts


def test_critical_band_rows_hold_the_channel_of_the_accuracies():
    instrument = STUDY["critical-band"]
    rows, notes = instrument.rows(noisy(instrument, (0, 1, 2, 3, 4, 4, 3)))
    values = {(condition[1:], metric): (value, n) for condition, metric, value, n in rows}
    assert values[("", 0.0), "top1"] == (80.0, 100)
    assert values[("band-1", 0.16), "top1"] == (0.0, 100)
    assert values[("band-1", 0.08), "top1"] == (70.0, 100)
    # The numbers of bvg.results.channel.fit_channel's example, for the same thresholds.
    for variant in ("relative", "raw"):
        assert values[(variant, None), "bandwidth"] == (pytest.approx(4.739, abs=5e-4), 100)
        assert values[(variant, None), "center_frequency"][0] == pytest.approx(38.85, abs=5e-3)
        assert values[(variant, None), "peak_noise_sensitivity"][0] == pytest.approx(1.0, abs=1e-3)
    assert notes == []


def test_critical_band_relative_and_raw_differ_where_accuracy_is_low():
    instrument = STUDY["critical-band"]
    rows, notes = instrument.rows(noisy(instrument, (0, 1, 2, 3, 4, 4, 3), clean=40, passed=30))
    fitted = {condition[1] for condition, metric, _, _ in rows if metric == "bandwidth"}
    assert fitted == {"relative"}  # 30 of 100 is more than half of 40, and never half of all
    assert notes == ["no raw channel: all bands have the same threshold: [4, 4, 4, 4, 4, 4, 4]"]


def test_critical_band_without_any_right_answer_has_no_channel():
    instrument = STUDY["critical-band"]
    rows, notes = instrument.rows(noisy(instrument, [4] * 7, clean=0, passed=0))
    assert {metric for _, metric, _, _ in rows} == {"top1"}
    assert notes[0] == "no relative channel: no image was classified correctly even without noise"


def test_critical_band_follows_the_image_size():
    small = replace(STUDY["critical-band"], size=64, classes=16)
    assert len(small.conditions()) == 1 + 4 * 5
    thresholds = (1, 2, 4, 3, 1)
    rows, _ = small.rows(noisy(small, thresholds))
    centre = next(value for condition, metric, value, _ in rows if metric == "center_frequency")
    assert centre == pytest.approx(channel.fit_channel(thresholds, 2.0).center_frequency)


def test_the_original_s_rows_are_not_the_study_s():
    mine, study_s = INSTRUMENTS["critical-band-16way"].conditions(), STUDY["critical-band"].conditions()
    assert not set(mine) & set(study_s)
    assert all(variant.startswith("16way") for _, variant, _ in mine)
    assert "critical-band-16way" not in STUDY


def test_choose_brings_what_is_needed_and_sets_the_attack():
    assert [i.name for i in choose("band-pass")] == ["imagenet", "band-pass"]
    assert [i.name for i in choose(["all", "imagenet"])] == list(STUDY)
    assert choose("pgd", {"eps": 0.1})[0].conditions() == [("pgd", "linf", 0.1)]
    mine = BandPass("band-pass", "imagenet", cutoffs=(0.5,), unit=4)
    assert choose([mine]) == [mine]
    assert {i.dataset for i in STUDY.values()} - {i.name for i in STUDY.values()} == set()
    assert {b.id for b in study.BENCHMARKS} <= set(STUDY)


@pytest.mark.parametrize(
    ("names", "eps", "message"),
    [
        ("imagnet", 0.1, "expected an instrument among .* got 'imagnet' .did you mean imagenet"),
        ([], 0.1, "at least one instrument"),
        ("pgd", 8, "expected `eps` in .0, 1., got 8 .is it in 1/255"),
        ("pgd", 0, "expected `eps`"),
    ],
)
def test_choose_refuses(names, eps, message):
    with pytest.raises(ValueError, match=message):
        choose(names, {"eps": eps})


def test_an_instrument_of_one_s_own_decides_among_its_classes():
    mine = Instrument("imagenet", "imagenet", classes=16)
    score = mine.score(answers(3, 4, classes=16), mine.truth(np.array([3, 3])))
    assert score.sums() == {"n": 2, "top1": 1}
