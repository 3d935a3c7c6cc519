"""Decisions equal those made by hand, by loops, and in the raw responses of humans and of a ResNet-50."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax

from bvg.imagenet_classes import SIXTEEN, sixteen_indices, subset
from bvg.kernels import shape_bias, shape_texture_counts, sixteen_way, subset_argmax


def test_sixteen_way_is_the_category_of_the_highest_mean_probability():
    logits = np.random.default_rng(0).normal(size=(200, 1000)).astype(np.float32) * 3
    decisions = sixteen_way(torch.from_numpy(logits))
    for row, decision in zip(logits, decisions.tolist(), strict=True):
        probability = softmax(row.astype(np.float64))
        means = {category: np.mean([probability[i] for i in sixteen_indices(category)]) for category in SIXTEEN}
        assert SIXTEEN[decision] == max(means, key=means.get)


def test_sixteen_way_uses_the_mean_not_the_sum_or_the_maximum():
    logits = torch.full((1, 1000), -20.0)
    logits[0, sixteen_indices("dog")] = 1.0  # 109 classes: the larger sum
    logits[0, sixteen_indices("airplane")] = 2.0  # 1 class: the larger mean
    logits[0, sixteen_indices("bicycle")[0]] = 2.5  # the largest class, halved by the other bicycle
    assert SIXTEEN[int(sixteen_way(logits))] == "airplane"


def test_subset_argmax_ignores_the_other_classes():
    logits = torch.randn(50, 1000, generator=torch.Generator().manual_seed(0))
    admitted = subset("imagenet-a")
    logits[:, 0] = 100.0  # not in ImageNet-A
    expected = [max(admitted, key=lambda i, row=row: row[i]) for row in logits.tolist()]
    assert subset_argmax(logits, admitted).tolist() == expected


def test_shape_bias_of_a_small_example():
    #          shape  texture  neither  no answer  agreeing image: dropped
    decisions = torch.tensor([3, 5, 5, 9, -1, 4])
    shape = torch.tensor([3, 2, 2, 1, 1, 4])
    texture = torch.tensor([1, 5, 5, 2, 2, 4])
    assert shape_texture_counts(decisions, shape, texture) == (1, 2)
    assert shape_bias(decisions, shape, texture) == pytest.approx(1 / 3)


def responses(path: Path) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Read decisions, shapes and textures from a file of raw trials; the name of an image contains its two categories."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    names = [row["imagename"].removesuffix(".png").split("_")[-1].split("-") for row in rows]
    categories = {name: number for number, name in enumerate(SIXTEEN)}
    shape, texture = ([categories[name[part].rstrip("0123456789")] for name in names] for part in (0, 1))
    decisions = [categories.get(row["object_response"].lower(), -1) for row in rows]
    return torch.tensor(decisions), torch.tensor(shape), torch.tensor(texture)


@pytest.mark.parametrize("observer", range(1, 6))
def test_humans_prefer_shape(shared, observer):
    path = shared / f"responses/cue-conflict-humans/cue-conflict_subject-{observer:02}_session_1.csv"
    assert 0.92 <= round(shape_bias(*responses(path)), 2) <= 0.99


def test_a_resnet50_prefers_texture(shared):
    (path,) = (shared / "responses/cue-conflict-networks").glob("*resnet50*.csv")
    assert shape_bias(*responses(path)) == pytest.approx(0.2207, abs=5e-5)


# Invalid input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: sixteen_way(torch.zeros(2, 100)),
            r"expected logits \[N, 1000\], got \[2, 100\]",
        ),
        (lambda: sixteen_way(torch.zeros(1000)), r"expected logits \[N, 1000\], got \[1000\]"),
        (lambda: sixteen_way(torch.full((1, 1000), float("nan"))), "expected finite logits, got NaN"),
        (lambda: subset_argmax(torch.zeros(1, 1000), [5, 1000]), r"expected `indices` in 0 … 999"),
        (lambda: subset_argmax(torch.zeros(1, 1000), []), r"expected `indices` in 0 … 999"),
        (
            lambda: shape_bias(torch.zeros(3, dtype=int), torch.zeros(2, dtype=int), torch.zeros(3, dtype=int)),
            r"expected `shape` to be int \[3\], got torch.int64 \[2\]",
        ),
        (
            lambda: shape_bias(torch.tensor([4]), torch.tensor([1]), torch.tensor([2])),
            r"expected some of the 1 decisions .* not defined",
        ),
        (
            lambda: shape_bias(torch.tensor([1]), torch.tensor([1]), torch.tensor([1])),
            r"not defined",
        ),
    ],
)
def test_invalid_input_is_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
