"""Sentences of findings: for none, one, several, not significant and not defined."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.tables import findings

from bvg import study

CATEGORIES = list(study.CATEGORIES)


def cells(group: str = "total", n: int = 48, **shown) -> pd.DataFrame:
    """Make correlations: `shape=[...]` gives one per category; 0 is not significant, NaN not defined."""
    rows = [
        (category, bias, group, r if r else 0.1, n, r)
        for bias, of in shown.items()
        for category, r in zip(CATEGORIES, of, strict=True)
    ]
    return pd.DataFrame(rows, columns=["row", "column", "group", "r", "n", "shown"])


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (cells(shape=[0.5, 0.5, 0.5, 0]), "No: over all 48 models, no single bias correlates significantly, and with one sign, with every category of generalization."),
        (cells(shape=[0.5] * 4, bandwidth=[0.5, 0.5, -0.5, 0.5]), "Yes: over all 48 models, shape bias correlates significantly, and with one sign, with every category of generalization."),
        (cells(shape=[0.5] * 4, bandwidth=[-0.5] * 4), "Yes: over all 48 models, shape bias and bandwidth correlate, each for itself, significantly, and with one sign, with every category of generalization."),
        (cells(shape=[np.nan] * 4), "Over all 48 models, no correlation is defined."),
        (cells(shape=[0.5] * 4)[:0], "Over these models, no correlation is defined."),
    ],
)  # fmt: skip
def test_the_answer(table, sentence):
    assert findings.single_bias(table) == sentence


def test_the_answer_within_a_set():
    table = cells("other", 33, high_frequency=[0.4, 0.6, 0.6, 0.5])
    assert findings.single_bias(table, "other").startswith("Yes: among 33 others, high-frequency bias correlates")


@pytest.mark.parametrize(
    ("of", "sentence"),
    [
        ([0.5, 0, 0, 0], "a higher shape bias goes with higher accuracy in distribution (r = 0.50); it has no significant correlation with robustness, accuracy on concepts or adversarial accuracy."),
        ([0.5, -0.6, 0.7, -0.8], "a higher shape bias goes with higher accuracy in distribution (r = 0.50) and accuracy on concepts (r = 0.70) and lower robustness (r = −0.60) and adversarial accuracy (r = −0.80)."),
        ([-0.5, -0.5, -0.5, 0], "a higher shape bias goes with lower accuracy in distribution (r = −0.50), robustness (r = −0.50) and accuracy on concepts (r = −0.50); it has no significant correlation with adversarial accuracy."),
        ([0, 0, 0, np.nan], "shape bias has no significant correlation with accuracy in distribution, robustness or accuracy on concepts."),
        ([np.nan] * 4, "no correlation of shape bias is defined."),
    ],
)  # fmt: skip
def test_relations_of_a_bias(of, sentence):
    assert findings.relations(cells(shape=of), "shape") == f"Over all 48 models, {sentence}"


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        ([0, 0], "none of 2 pairs of biases correlate positively, none negatively and 2 not significantly."),
        ([0.5, -0.5], "1 of 2 pairs of biases correlates positively, 1 negatively and none not significantly."),
        (
            [0.5, 0.5, np.nan],
            "2 of 2 pairs of biases correlate positively, none negatively and none not significantly.",
        ),
        ([np.nan], "no correlation between biases is defined."),
    ],
)
def test_pairs(shown, sentence):
    pairs = pd.DataFrame({"group": "total", "n": 48, "r": shown, "shown": shown})
    assert findings.pairs_agree(pairs, "biases") == f"Over all 48 models, {sentence}"


@pytest.mark.parametrize(
    ("low", "high", "n", "sentence"),
    [
        (
            [0.3, 0.6],
            [0.4, 0.7],
            48,
            "As the cut-off falls, the median of 48 models drops below half of its accuracy on unfiltered images at 0.10 with "
            "the low-pass filter (published at this cut-off) and at 0.10 with the high-pass filter (published at this cut-off).",
        ),
        (
            [0.6, 0.6],
            [0.6, 0.4],
            1,
            "As the cut-off falls, the model drops below half of its accuracy on unfiltered images at 0.15 with the high-pass "
            "filter (interpolated between the published 0.1 and 0.2). With the low-pass filter, the model stays at half of it or above.",
        ),
        (
            [0.6, 0.6],
            [np.nan, np.nan],
            3,
            "The median of 3 models never drops below half of its accuracy on unfiltered images. With the low-pass filter, the "
            "median of 3 models stays at half of it or above. Nothing is published for the high-pass filter.",
        ),
        ([np.nan, np.nan], [np.nan, np.nan], 0, "No model has a published accuracy on filtered images."),
    ],
)
def test_halving(low, high, n, sentence):
    rows = [("low", c, n, s, 0.1, a) for c, a, s in zip((0.1, 0.15), (0.1, 0.2), low, strict=True)]
    rows += [("high", c, n, s, 0.1, a) for c, a, s in zip((0.1, 0.15), (0.1, 0.2), high, strict=True)]
    medians = pd.DataFrame(rows, columns=["kind", "cutoff", "n", "median_share", "below", "above"])
    assert findings.halving(medians) == sentence


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ([], "Of 0 claims, none holds, none holds in part, none fails and none is not checkable."),
        (
            ["holds", "fails", "fails", "not checkable"],
            "Of 4 claims, 1 holds, none holds in part, 2 fail and 1 is not checkable.",
        ),
        (
            ["holds in part"] * 2 + ["not checkable"] * 3,
            "Of 5 claims, none holds, 2 hold in part, none fails and 3 are not checkable.",
        ),
    ],
)
def test_the_ledger(verdicts, sentence):
    assert findings.ledger(verdicts, ["holds", "holds in part", "fails", "not checkable"]) == sentence


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        (["none"] * 3, "Of 3 correlations, none is significant."),
        (["robust"], "Of 1 correlation, 1 is significant; it is robust."),
        (["fragile", "none"], "Of 2 correlations, 1 is significant; it is not robust."),
        (["fragile"] * 2, "Of 2 correlations, 2 are significant; none of them is robust."),
        (["robust"] * 2 + ["fragile"], "Of 3 correlations, 3 are significant; 2 of them are robust."),
    ],
)
def test_robust_cells(verdicts, sentence):
    assert findings.robust(verdicts, "robust", "fragile") == sentence
