"""Class ids, subsets and the 16 categories: equal to the shared data, and consistent."""

import json

import pytest

from bvg.imagenet_classes import SIXTEEN, sixteen_indices, subset, wnids


def test_classes_equal_those_of_the_shared_data(shared):
    facts = json.loads((shared / "published/imagenet_classes.json").read_text())
    assert list(wnids()) == facts["wnids"]
    assert subset("imagenet-a") == facts["imagenet_a"]
    assert subset("imagenet-r") == facts["imagenet_r"]
    assert {category: sixteen_indices(category) for category in SIXTEEN} == facts["sixteen"]


def test_classes_are_consistent():
    assert len(set(wnids())) == 1000
    assert list(wnids()) == sorted(wnids())
    assert list(SIXTEEN) == sorted(SIXTEEN)
    members = [index for category in SIXTEEN for index in sixteen_indices(category)]
    assert len(members) == len(set(members)) == 207
    for benchmark in ("imagenet-a", "imagenet-r"):
        assert len(set(subset(benchmark))) == 200


def test_unknown_subsets_and_categories_are_rejected():
    with pytest.raises(ValueError, match="expected `benchmark` to be one of imagenet-a, imagenet-r, got 'imagenet-b'"):
        subset("imagenet-b")
    with pytest.raises(ValueError, match=r"expected `category` to be one of airplane, .* got 'plane'"):
        sixteen_indices("plane")
