"""The vocabulary of the study and of the miniature: benchmarks, categories and biases."""

from __future__ import annotations

import pytest
from miniature_results import KINDS

from bvg import study


def test_unknown_benchmark_and_bias_are_rejected_with_the_known_ones():
    with pytest.raises(KeyError, match=r"imagenet-v2.*, got 'imagenet-d' \(did you mean imagenet-\w+\?\)"):
        study.benchmark("imagenet-d")
    with pytest.raises(KeyError, match="shape"):
        study.bias("colour")


def test_benchmarks_of_the_miniature_have_the_ids_of_the_study():
    from bvg.miniature import CORRUPTIONS

    small = {b.id: b for b in study.MINIATURE.benchmarks}
    assert list(small) == [b.id for b in study.BENCHMARKS if b.id != "imagenet-real"]
    assert all(study.benchmark(id).category == b.category for id, b in small.items())
    assert len({b.name for b in small.values()}) == len({b.short for b in small.values()}) == len(small)
    assert study.STUDY.categories == study.CATEGORIES
    assert study.MINIATURE.categories == study.CATEGORIES | {"ID": ("imagenet", "imagenet-v2")}
    for id in study.CORRUPTIONS:
        kinds = [kind for kind, corruption in CORRUPTIONS.items() if corruption.benchmark == id]
        assert sorted(kinds) == sorted(KINDS[id])
        assert f" {len(kinds)} " in small[id].measured
