"""The figures of the built book: no shape of an SVG lost its fill."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

from figure_content import SVG, without_fill


def test_every_shape_of_every_built_figure_has_a_fill(build):
    files = sorted((build / "figures").glob("*.svg"))
    assert len(files) > 30
    black = {file.name: without_fill(ElementTree.parse(file).getroot()) for file in files}
    assert {name: shapes for name, shapes in black.items() if shapes} == {}


def test_variants_for_phones_have_the_marks_of_the_wide_drawing(build):
    """On a page they have numbers in place of labels, which `figures.js` takes from the wide drawing."""
    narrow = sorted((build / "figures").glob("*-narrow.svg"))
    orders = {}
    for file in narrow:
        for path in (file, file.with_name(file.name.replace("-narrow", ""))):
            groups = ElementTree.parse(path).getroot().iter(f"{SVG}g")
            orders[path] = [
                g.get("data-model") for g in groups if "data-model" in g.attrib and "data-entry" not in g.attrib
            ]
        assert Counter(orders[file]) == Counter(orders[path]), file.name
    assert sum(map(len, orders.values())) > 5000
