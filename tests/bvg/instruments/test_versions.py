"""Versions of instruments: each has its entry among the changes, and the classes to choose from are those of the data sets."""

from __future__ import annotations

import re

from bvg import study
from bvg.instruments import INSTRUMENTS
from bvg.miniature.instruments import INSTRUMENTS as MINIATURE


def test_every_version_of_every_instrument_has_an_entry(root):
    text = (root / "bvg/instruments/CHANGES.md").read_text(encoding="utf-8")
    listed = {(name, int(version)) for name, version in re.findall(r"^\| (\w+) \| (\d+) \| \S", text, re.MULTILINE)}
    used = {type(one).__name__: one.version for one in (*INSTRUMENTS.values(), *MINIATURE.values())}
    assert listed == {(name, v) for name, version in used.items() for v in range(1, version + 1)}


def test_classes_to_choose_from_are_those_of_the_benchmarks():
    for name, instrument in INSTRUMENTS.items():
        if name in (b.id for b in study.BENCHMARKS):
            assert instrument.choices == study.benchmark(name).classes, name
    assert INSTRUMENTS["cue-conflict"].choices == 16
    assert {one.choices for one in MINIATURE.values()} == {16}
