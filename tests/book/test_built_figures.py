"""The figures of the built book: no shape of an SVG lost its fill."""

from __future__ import annotations

from xml.etree import ElementTree

from figure_content import without_fill


def test_every_shape_of_every_built_figure_has_a_fill(build):
    files = sorted((build / "figures").glob("*.svg"))
    assert len(files) > 30
    black = {file.name: without_fill(ElementTree.parse(file).getroot()) for file in files}
    assert {name: shapes for name, shapes in black.items() if shapes} == {}
