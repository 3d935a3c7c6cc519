"""The classes of ImageNet: WordNet ids, the subsets of ImageNet-A and -R, the 16 categories of Geirhos et al.

The data, with their sources, are in `imagenet_classes.json` next to this file.
"""

import json
from functools import cache
from importlib.resources import files

SIXTEEN: tuple[str, ...] = (
    "airplane",
    "bear",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "car",
    "cat",
    "chair",
    "clock",
    "dog",
    "elephant",
    "keyboard",
    "knife",
    "oven",
    "truck",
)
"""The 16 entry-level categories in alphabetical order; a 16-way decision is an index into this tuple."""


def wnids() -> tuple[str, ...]:
    """Return the 1000 WordNet ids of ILSVRC-2012, in the order of a classifier's outputs.

    >>> wnids()[404], len(wnids())
    ('n02690373', 1000)
    """
    return tuple(_facts()["wnids"])


def subset(benchmark: str) -> list[int]:
    """Return the indices, among the 1000 classes, of a benchmark with 200 classes.

    Args:
        benchmark: "imagenet-a" or "imagenet-r".

    Raises:
        ValueError: any other name.

    >>> len(subset("imagenet-a")), subset("imagenet-r")[:3]
    (200, [1, 2, 4])
    """
    subsets = _facts()["subsets"]
    if benchmark not in subsets:
        raise ValueError(f"expected `benchmark` to be one of {', '.join(subsets)}, got {benchmark!r}")
    return list(subsets[benchmark])


def sixteen_indices(category: str) -> list[int]:
    """Return the indices, among the 1000 classes, of one of the 16 categories.

    Raises:
        ValueError: `category` is not one of `SIXTEEN`.

    >>> sixteen_indices("bear")
    [294, 295, 296, 297]
    """
    if category not in SIXTEEN:
        raise ValueError(f"expected `category` to be one of {', '.join(SIXTEEN)}, got {category!r}")
    return list(_facts()["sixteen"][category])


@cache
def _facts() -> dict:
    return json.loads((files("bvg") / "imagenet_classes.json").read_text(encoding="utf-8"))
