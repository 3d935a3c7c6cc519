"""Calibration of shape bias, band-pass and attack: results agree with the truth, and faulty instruments are detected."""

import numpy as np
import pytest
import torch
from companion.calibration import observers, readings
from companion.figures import calibration as draw
from figure_size import overhang
from scipy.stats import binom

from bvg import kernels, study
from bvg.miniature import synthetic

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def known():
    return readings.oracles(seed=0)


# Shape and texture


@pytest.fixture(scope="module")
def biases(known):
    return readings.shape_bias(known, np.linspace(0, 1, 11), [0.0, 0.5], seed=0, alpha=0.05)


def test_shape_bias_of_the_oracles_is_exactly_0_and_1(biases):
    measured = biases.set_index("observer")
    assert measured.loc["texture-only oracle", "measured"] == 0
    assert measured.loc["shape-only oracle", "measured"] == 1
    assert list(measured.loc[["texture-only oracle", "shape-only oracle"], "decisions"]) == [240, 240]


def test_each_oracle_is_blind_to_the_other_cue(known):
    assert readings.unchanged_answers(known, seed=0) == (240, 240)


def test_shape_oracle_sees_only_the_object(known):
    pair, images, _ = known
    mask = synthetic.scenes("cue-conflict", 240).mask > 0
    wrong = (pair.silhouette(images) != mask).float().mean((1, 2))
    assert wrong.max() < 0.01  # pixels that happen to have the background's colour
    assert pair.inside(images).sum() > 0
    assert not (pair.inside(images) & ~mask).any()


def test_shape_bias_of_mixtures_is_their_share_of_shape_answers(biases):
    mixtures = biases[biases["observer"] == "mixture"]
    for p, guess, decisions, measured in mixtures[["p", "guess", "decisions", "measured"]].to_numpy():
        # Without a guess, the share p of answers is for shape; a guess hits shape, or texture, once in 16 times.
        for_shape, for_texture = (1 - guess) * p + guess / 16, (1 - guess) * (1 - p) + guess / 16
        low, high = binom.interval(0.9999, int(decisions), for_shape / (for_shape + for_texture))
        assert low <= measured * decisions <= high
    assert (mixtures["measured"].between(mixtures["low"], mixtures["high"])).mean() > 0.8
    ends = mixtures[(mixtures["guess"] == 0) & mixtures["p"].isin([0, 1])]
    assert list(ends["measured"]) == [0, 1]


# Spatial frequency

SOME = (1, 4, 9, 16, 23, 31)


def first(passes: list[bool], cutoffs: tuple[float, ...]) -> float:
    return next((c for c, through in zip(cutoffs, passes, strict=True) if through), 1.0)


@pytest.fixture(scope="module")
def gratings():
    return readings.spectral(0, SOME)


@pytest.mark.parametrize("name", ["study", "fine"])
def test_accuracy_steps_where_the_filter_starts_to_pass_the_grating(gratings, name):
    cutoffs = study.CUTOFFS if name == "study" else readings.FINE
    steps = readings.steps(gratings).query("list == @name").set_index(["kind", "frequency"])
    assert steps["clean"].all()
    assert steps.loc["low-pass", "brackets"].all()
    for frequency in SOME:
        # Nyquist is at 32 cycles per image: with cut-off c the square reaches as far as int(32 c).
        low = first([frequency <= int(32 * c) for c in cutoffs], cutoffs)
        high = first([frequency >= int(32 * (1 - c)) for c in cutoffs], cutoffs)
        assert steps.loc[("low-pass", frequency), "at"] == low
        assert steps.loc[("high-pass", frequency), "at"] == high
        assert abs(high - (1 - frequency / 32)) <= 0.1 + 1 / 32


def test_accuracy_is_either_chance_or_100_percent(gratings):
    assert np.unique(gratings["top1"].round(6)).tolist() == [33.333333, 100]


def test_filter_that_is_one_cycle_off_is_detected(monkeypatch):
    half = kernels.bandpass.__globals__["half_width"]
    monkeypatch.setitem(kernels.bandpass.__globals__, "half_width", lambda *of: half(*of) + 1)
    steps = readings.steps(readings.spectral(0, SOME))
    assert not steps.query("kind == 'low-pass' and list == 'fine'")["brackets"].any()


# Attack


def test_attack_finds_the_smallest_perturbation_of_a_linear_classifier():
    attacked = readings.attack(0, np.array([0.25, 0.5, 1, 2, 4, 6, 7]) / 255, scales=[1.0], count=48)
    assert attacked["measured"].tolist() == attacked["predicted"].tolist()
    assert attacked["measured"].iloc[0] > 90
    assert attacked["measured"].iloc[-1] == 0


def test_smallest_perturbation_changes_the_answer_and_smaller_ones_do_not():
    images, labels, classifier, least = observers.two_classes(seed=3, count=32)
    assert images.min() > 0.3
    assert images.max() < 0.7
    x = images.clone().requires_grad_()
    logits = classifier(x)
    towards = (logits[:, 1] - logits[:, 0]) * (1 - 2 * labels)
    (gradient,) = torch.autograd.grad(towards.sum(), x)
    for factor, expected in ((0.99, True), (1.01, False)):
        moved = images + factor * least.float()[:, None, None, None] * gradient.sign()
        correct = classifier(moved).argmax(1) == labels
        assert (correct[least > 0.0005] == expected).all()
    assert ((classifier(images).argmax(1) == labels) == (least > 0)).all()


def test_saturated_logits_make_the_attack_fail():
    steep = readings.attack(0, [7 / 255], scales=[100.0], count=48)
    assert steep["predicted"].item() == 0
    assert steep["measured"].item() > 30


# Figures


def test_figures_fit_the_page_and_state_their_numbers(biases, gratings):
    attacked = readings.attack(0, [1 / 255, 4 / 255], scales=[1.0], count=16)
    for text, result in {
        "The shape-only oracle has 1.": draw.shape_bias(biases),
        "Accuracies that occur: 33 % and 100 %.": draw.spectral(gratings, readings.NYQUIST),
        "equal at 2 of 2 points": draw.attack(attacked),
    }.items():
        assert text in result.alt
        assert len(result.data)
        assert overhang(result.figure) < 0.01, text
