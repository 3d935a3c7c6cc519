"""Ranges of images (start, stop): what a measurement has, lacks and shares with others."""

from __future__ import annotations

from collections.abc import Iterable

Range = tuple[int, int]
"""Positions start … stop - 1 of the images of a measurement."""

Units = dict[Range, list[str]]
"""Ranges of a measurement that are to be measured, with the models to evaluate on each."""


def split(images: int, unit: int) -> list[Range]:
    """Split the positions 0 … images - 1 into ranges of at most `unit`.

    >>> split(10, 4)
    [(0, 4), (4, 8), (8, 10)]
    """
    return [(start, min(start + unit, images)) for start in range(0, images, unit)]


def lacking(whole: Range, done: Iterable[Range]) -> list[Range]:
    """Return the parts of a range that are not in others.

    >>> lacking((0, 10), [(0, 3), (5, 6), (8, 12)])
    [(3, 5), (6, 8)]
    """
    start, stop = whole
    gaps = []
    for first, last in sorted(done):
        if first >= stop:
            break
        if first > start:
            gaps.append((start, first))
        start = max(start, last)
    return [*gaps, (start, stop)] if start < stop else gaps


def shared(one: Units, other: Units) -> Units:
    """Return the ranges and models that two have in common.

    >>> shared({(0, 10): ["a", "b"]}, {(4, 20): ["b", "c"]})
    {(4, 10): ['b']}
    >>> shared({(0, 10): ["a"], (4, 10): ["b"]}, {(4, 10): ["a"], (0, 10): ["b"]})
    {(4, 10): ['a', 'b']}
    """
    common: Units = {}
    for (start, stop), models in one.items():
        for (first, last), others in other.items():
            overlap = max(start, first), min(stop, last)
            if overlap[0] < overlap[1] and (both := [model for model in models if model in others]):
                common.setdefault(overlap, []).extend(both)
    return common


def pending(images: int, unit: int, done: dict[str, list[Range]]) -> Units:
    """Return what models lack of the images 0 … images - 1, unit by unit.

    >>> pending(10, 4, {"a": [(0, 4), (4, 6)], "b": [(0, 8)]})
    {(6, 8): ['a'], (8, 10): ['a', 'b']}
    """
    units: Units = {}
    for whole in split(images, unit):
        for model, has in done.items():
            for gap in lacking(whole, has):
                units.setdefault(gap, []).append(model)
    return units


def count(units: Units) -> int:
    """Count images times models.

    >>> count({(6, 8): ["a"], (8, 10): ["a", "b"]})
    6
    """
    return sum((stop - start) * len(models) for (start, stop), models in units.items())
