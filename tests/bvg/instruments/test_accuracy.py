"""Accuracy, on logits whose decisions are known by hand."""

import numpy as np
import pytest
import torch

from bvg.instruments import INSTRUMENTS, Instrument, targets


def answers(*decisions: int, classes: int = 1000) -> torch.Tensor:
    """Return logits that fall with the distance from a class: the top five are the class and its neighbours up to two away."""
    return -5.0 * (torch.arange(classes) - torch.tensor(decisions)[:, None]).abs()


@pytest.mark.parametrize(
    ("name", "decisions", "labels", "prediction", "counts"),
    [
        # 7 is correct, 9 is among the top five around 7, 10 is not.
        ("imagenet", (7, 7, 7), np.array([7, 9, 10]), [7, 7, 7], {"n": 3, "top1": 1, "top5": 2}),
        ("imagenet-v2", (100,), np.array([100]), [100], {"n": 1, "top1": 1, "top5": 1}),
        # Any label of the set is correct.
        ("imagenet-real", (3, 8, 9), (frozenset({3}), frozenset({5, 8, 7}), frozenset({1, 2})), [3, 8, 9],
         {"n": 3, "top1": 2}),
        # The nearest of the 200: 6 is ImageNet-A's first and 11 its second; 1, 2 and 4 are ImageNet-R's first.
        ("imagenet-a", (0, 12), np.array([6, 6]), [6, 11], {"n": 2, "top1": 1}),
        ("imagenet-r", (0, 4), np.array([1, 1]), [1, 4], {"n": 2, "top1": 1}),
        # airliner -> airplane; brown bear -> bear; junco, 13, -> bird.
        ("stylized", (404, 294, 13), np.array([0, 1, 4]), [0, 1, 3], {"n": 3, "top1": 2}),
    ],
)  # fmt: skip
def test_score_counts_correct_decisions(name, decisions, labels, prediction, counts):
    instrument = INSTRUMENTS[name]
    score = instrument.score(answers(*decisions), instrument.truth(labels))
    assert score.sums() == counts
    assert score.prediction.tolist() == prediction
    assert int(score.hit.sum()) == counts["top1"]


def test_rows_give_accuracies_in_percent():
    counts = {("imagenet", "", None): {"n": 4, "top1": 1, "top5": 3}}
    rows = [(("imagenet", "", None), "top1", 25.0, 4), (("imagenet", "", None), "top5", 75.0, 4)]
    assert INSTRUMENTS["imagenet"].rows(counts) == (rows, [])


def test_targets_list_the_correct_answers():
    assert targets(np.array([3, 5])).tolist() == [[3], [5]]
    assert targets(np.array([[3, 5]])).tolist() == [[3]]  # the shape of a cue-conflict image
    assert targets((frozenset({9, 1, 4}), frozenset({2}))).tolist() == [[1, 4, 9], [2, -1, -1]]


def test_an_instrument_can_have_another_number_of_classes():
    sixteen = Instrument("imagenet", "imagenet", classes=16)
    score = sixteen.score(answers(3, 4, classes=16), sixteen.truth(np.array([3, 3])))
    assert score.sums() == {"n": 2, "top1": 1}
