"""Saving: figures look the same whatever the settings, on white ground, inside the page."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from companion import figures
from figure_content import BENCHMARKS, BIASES, CATEGORIES, cells, gradient

from bvg import study


def svg(figure) -> bytes:
    with matplotlib.rc_context(figures.STYLE), io.BytesIO() as file:
        figure.savefig(file, format="svg", metadata={"Date": None})
        return file.getvalue()


def test_figures_leave_no_state_and_ignore_the_callers_settings(scores):
    before = dict(matplotlib.rcParams)
    first = figures.scatter(scores, ["shape"], CATEGORIES, highlight=["tv_resnet50"]).figure
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "black"}):
        second = figures.scatter(scores, ["shape"], CATEGORIES, highlight=["tv_resnet50"]).figure
    assert svg(first) == svg(second)
    assert b"DejaVu Sans" in svg(first)
    assert "ResNet-50 baseline" in svg(first).decode()  # text stays text


def test_saved_figures_have_an_opaque_white_background(scores, bandpass, tmp_path):
    drawings = [
        figures.scatter(scores, ["shape"], ["ID"]),
        figures.correlation_heatmap(cells(scores)),
        figures.correlation_matrix(cells(scores, BIASES, BIASES, None), BIASES),
        figures.curves(bandpass),
        figures.gallery([[gradient()]], ["ramp"], description="A ramp."),
        figures.legend(),
    ]
    for result in drawings:
        with matplotlib.rc_context({"savefig.facecolor": "black", "savefig.transparent": True}):
            result.save(tmp_path / "drawn.svg")
            result.save(tmp_path / "drawn.png")
        root = ElementTree.parse(tmp_path / "drawn.svg").getroot()
        width, height = (float(v) for v in root.get("viewBox").split()[2:])
        first = next(root.iter("{http://www.w3.org/2000/svg}path"))
        style = dict(part.strip().split(": ") for part in first.get("style").split(";") if part.strip())
        assert style["fill"] == "#ffffff"
        assert not {"opacity", "fill-opacity"} & set(style)
        numbers = [float(v) for v in re.findall(r"[\d.]+", first.get("d"))]
        assert (max(numbers[::2]), max(numbers[1::2])) == pytest.approx((width, height), abs=1e-3)
        np.testing.assert_array_equal(matplotlib.image.imread(tmp_path / "drawn.png")[0, 0], 1)


def test_nothing_is_drawn_outside_the_figure(scores, bandpass):
    drawings = [
        figures.scatter(scores, BIASES[3:], CATEGORIES),
        figures.scatter(scores, ["shape"], BENCHMARKS),
        figures.correlation_heatmap(cells(scores)),
        figures.correlation_matrix(cells(scores, BENCHMARKS, BENCHMARKS, None), BENCHMARKS, blocks=study.CATEGORIES),
        figures.curves(bandpass),
        figures.legend(),
    ]
    for result in drawings:
        result.figure.draw_without_rendering()
        box, (width, height) = result.figure.get_tightbbox(), result.figure.get_size_inches()
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) > -0.01, (box, width, height, result.alt[:40])
