"""Post-processing of SVG: smaller, with the look Matplotlib gave it."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from companion import figures
from companion.figures import svg_output
from figure_content import BIASES, HREF, SVG, cells, gradient, without_fill
from matplotlib.figure import Figure as Canvas


def saved(figure, tmp_path) -> ElementTree.Element:
    figure.save(tmp_path / "drawn.svg")
    return ElementTree.parse(tmp_path / "drawn.svg").getroot()


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_confidence_band_keeps_its_fill(tmp_path, alpha):
    """Matplotlib states the style of a band where it is used only; its definition has none."""
    canvas = Canvas()
    canvas.subplots().fill_between([0, 1], [0, 1], [1, 2], color="tab:blue", alpha=alpha, linewidth=0)
    root = saved(figures.Figure(canvas, None, ""), tmp_path)
    assert without_fill(root) == []
    band = root.find(f".//{SVG}g[@id='FillBetweenPolyCollection_1']")
    style = svg_output.parse_style(band.find(f"{SVG}defs/{SVG}path"))
    assert style["fill"] == "#1f77b4"
    assert float(style.get("fill-opacity", 1)) == alpha


def test_every_shape_of_every_figure_has_a_fill(scores, bandpass, tmp_path):
    drawings = [
        figures.scatter(scores, ["shape"], ["ID"]),
        figures.correlation_heatmap(cells(scores)),
        figures.correlation_matrix(cells(scores, BIASES, BIASES, None), BIASES),
        figures.curves(bandpass),
        figures.gallery([[gradient()]], ["ramp"], description="A ramp."),
        figures.legend(),
    ]
    for drawing in drawings:
        assert without_fill(saved(drawing, tmp_path)) == []


def test_without_fill_finds_shapes_that_would_be_black():
    head = f'<svg xmlns="{SVG.strip("{}")}" xmlns:xlink="http://www.w3.org/1999/xlink"><defs><path id="m" d="M 0 0"/></defs>'
    root = ElementTree.fromstring(
        f'{head}<path d="M 1 1"/><use xlink:href="#m"/><use xlink:href="#m" style="fill: #fff"/></svg>'
    )
    assert len(without_fill(root)) == 2


def test_markers_of_different_styles_keep_their_own(tmp_path):
    canvas = Canvas()
    axes = canvas.subplots()
    for face in ("red", "red", "blue"):
        axes.plot([0], [0], "o", markerfacecolor=face, markeredgecolor="black", gid=f"dot-{face}")
    root = saved(figures.Figure(canvas, None, ""), tmp_path)
    definitions = {e.get("id"): svg_output.parse_style(e) for e in root.iter(f"{SVG}path") if e.get("id")}
    fills = []
    for group in root.iter(f"{SVG}g"):
        if group.get("id", "").startswith("dot-"):
            (use,) = group.iter(f"{SVG}use")
            fills.append((definitions[use.get(HREF)[1:]] | svg_output.parse_style(use))["fill"])
    assert fills == ["#ff0000", "#ff0000", "#0000ff"]


def test_style_shared_by_all_uses_is_stored_once(tmp_path):
    canvas = Canvas()
    canvas.subplots().plot(np.arange(9), "o", color="tab:green")
    root = saved(figures.Figure(canvas, None, ""), tmp_path)
    uses = list(root.iter(f"{SVG}use"))
    assert len(uses) > 9
    assert [use for use in uses if "style" in use.attrib] == []


def test_coordinates_have_at_most_two_decimals(scores, tmp_path):
    root = saved(figures.scatter(scores, ["shape"], ["ID"]), tmp_path)
    numbers = [
        n for e in root.iter() for a in ("d", "x", "y") for n in e.get(a, "").split() if "." in n and n[-1].isdigit()
    ]
    assert numbers
    clips = {n for rect in root.iter(f"{SVG}rect") for n in (rect.get("x"), rect.get("y"))}
    assert [n for n in numbers if len(n.rpartition(".")[2]) > 2 and n not in clips] == []


def test_finish_is_deterministic_and_keeps_text(scores):
    with matplotlib.rc_context(figures.STYLE), io.StringIO() as file:
        figures.scatter(scores, ["shape"], ["ID"]).figure.savefig(file, format="svg")
        svg = file.getvalue()
    assert svg_output.finish(svg) == svg_output.finish(svg)
    assert "ResNet-50 baseline" in svg_output.finish(svg)
