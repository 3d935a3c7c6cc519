"""Shape bias, on logits whose decisions are known by hand."""

import numpy as np
import torch

from bvg import imagenet_classes as classes
from bvg.instruments import INSTRUMENTS

SHAPE_BIAS = INSTRUMENTS["cue-conflict"]


def test_images_whose_shape_and_texture_agree_are_left_out():
    bear, cat, dog = (classes.SIXTEEN.index(name) for name in ("bear", "cat", "dog"))
    # The decisions: shape, texture, neither, the category on which both agree, shape.
    labels = np.array([[bear, cat], [bear, cat], [cat, dog], [dog, dog], [cat, bear]])
    logits = torch.full((5, 1000), -50.0)
    for row, decision in enumerate(("bear", "cat", "oven", "dog", "cat")):
        logits[row, classes.sixteen_indices(decision)] = 50.0
    score = SHAPE_BIAS.score(logits, SHAPE_BIAS.truth(labels))
    assert score.sums() == {"n": 5, "top1": 3, "conflict": 4, "shape": 2, "texture": 1}
    (condition,) = SHAPE_BIAS.conditions()
    rows, notes = SHAPE_BIAS.rows({condition: score.sums()})
    assert rows == [
        (condition, "top1", 60.0, 5),
        (condition, "shape_hits", 2, 4),
        (condition, "texture_hits", 1, 4),
        (condition, "shape_bias", 2 / 3, 4),
    ]
    assert notes == []


def test_an_undefined_shape_bias_is_left_out_with_a_note():
    (condition,) = SHAPE_BIAS.conditions()
    rows, notes = SHAPE_BIAS.rows({condition: {"n": 5, "top1": 1, "conflict": 4, "shape": 0, "texture": 0}})
    assert [row[1:] for row in rows] == [("top1", 20.0, 5), ("shape_hits", 0, 4), ("texture_hits", 0, 4)]
    assert notes == ["no shape bias: none of 4 decisions was for the shape or the texture"]
