"""The variants for phones: as wide as a phone's page, with type of 11 px or more, and nothing cut off."""

from __future__ import annotations

import pandas as pd
import pytest
from companion import figures
from companion.analysis import choices, equal_accuracy, robustness
from companion.analysis.forking.grid import grid
from companion.analysis.forking.shares import levels, shares
from companion.analysis.layer_criticality import PARTS, by_layer, joined
from companion.figures.base import NARROW, WIDTH
from companion.figures.equal_accuracy import equal_accuracy as draw_equal_accuracy
from companion.figures.forking import specification_curves
from companion.figures.layer_criticality import layer_criticality as draw_layers
from companion.figures.robustness import robustness as draw_robustness
from companion.tables.forking import WORDS
from figure_content import gradient
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from bvg import known_models, results, study
from bvg.results import correlation, scores

PIXELS = 342
"""Width of a figure on a phone that is 390 px wide."""


def tables() -> dict:
    table = results.load("published")
    per_model, accuracies = scores.per_model(table), scores.benchmarks(table)
    sets = choices.sets(per_model)
    names = scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS
    families = choices.families(per_model)
    return {
        "scores": per_model,
        "bandpass": scores.bandpass(table),
        "cells": correlation.correlate(per_model, *names, known_models.figure2_groups(per_model["group"])),
        "benchmarks": correlation.correlate(accuracies, IDS, IDS),
        "equal": equal_accuracy.correlate(
            per_model,
            accuracies["imagenet"],
            equal_accuracy.CATEGORIES,
            scores.BIAS_COLUMNS,
            sets,
            families,
            replicates=9,
        ),
        "criticality": equal_accuracy.correlate(
            joined(per_model, table), accuracies["imagenet"], PARTS, scores.BIAS_COLUMNS, sets, families, replicates=9
        ),
        "grid": grid(table, per_model, accuracies),
        "checked": robustness.check_cells(per_model, *names, sets, families, replicates=9),
    }


IDS = [b.id for b in study.BENCHMARKS]


@pytest.fixture(scope="module")
def drawn() -> dict[str, figures.Figure]:
    t = tables()
    return {
        "heat map": figures.correlation_heatmap(t["cells"], explorer="plain"),
        "matrix": figures.correlation_matrix(t["benchmarks"], IDS, study.CATEGORIES),
        "scatter": figures.scatter(t["scores"], ["shape"], scores.CATEGORY_COLUMNS, highlight=["tv_resnet50"]),
        "two biases": figures.scatter(t["scores"], ["low_frequency", "high_frequency"], ["ID", "Concepts"]),
        "many panels": figures.scatter(t["scores"], ["shape", "bandwidth"], scores.CATEGORY_COLUMNS),
        "legend": figures.legend(),
        "curves": figures.curves(t["bandpass"], highlight=["resnet50_prime"]),
        "gallery": figures.gallery([[gradient()] * 7] * 2, [f"band {i}" for i in range(7)], ["a", "b"], "Ramps."),
        "overview": figures.overview({f: {"low-pass": gradient()} for f in ("shape", "spectral", "critical band")}),
        "equal accuracy": draw_equal_accuracy(t["equal"]),
        "robustness": draw_robustness(t["checked"]),
        "layer criticality": draw_layers(by_layer(results.load("published"))),
        "criticality and biases": draw_equal_accuracy(t["criticality"]),
        "specification curves": specification_curves(shares(t["grid"]), levels(t["grid"]), WORDS),
    }


@pytest.mark.parametrize(
    "name",
    [
        "heat map",
        "matrix",
        "scatter",
        "two biases",
        "many panels",
        "legend",
        "curves",
        "gallery",
        "overview",
        "equal accuracy",
        "robustness",
        "layer criticality",
        "criticality and biases",
        "specification curves",
    ],
)
def test_text_is_large_enough_and_inside(drawn, name):
    small = drawn[name].narrow
    assert small.get_figwidth() == NARROW < drawn[name].figure.get_figwidth() == WIDTH
    renderer, box = FigureCanvasAgg(small).get_renderer(), small.bbox
    small.draw_without_rendering()
    beyond = {
        id(tick.label1)
        for axes in small.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    texts = [t for t in small.findobj(Text) if t.get_visible() and t.get_text().strip() and id(t) not in beyond]
    assert len(texts) > 10
    for text in texts:
        assert text.get_fontsize() * PIXELS / (72 * NARROW) >= 11, text.get_text()
        extent = text.get_window_extent(renderer)
        if extent.width:
            assert extent.x0 >= box.x0 - 2, text.get_text()
            assert extent.x1 <= box.x1 + 2, text.get_text()


def test_both_variants_show_the_same_numbers(drawn):
    for name in ("heat map", "matrix"):
        wide, small = (
            sorted(t.get_text().removeprefix("0").replace("−0.", "−.") for a in canvas.axes for t in a.texts)
            for canvas in (drawn[name].figure, drawn[name].narrow)
        )
        assert [t for t in wide if t] == [t for t in small if t]


def test_the_narrow_variant_is_saved_beside_the_figure(drawn, tmp_path, monkeypatch):
    from companion import page as module
    from companion.page import Page

    monkeypatch.setattr(module, "display", lambda *a, **k: None)
    page = Page("test", {"out": str(tmp_path)}, ["out"])
    page.figure("one", drawn["heat map"], "A figure.")
    assert sorted(p.name for p in (tmp_path / "figures").iterdir()) == ["one-narrow.svg", "one.png", "one.svg"]
    narrow = (tmp_path / "figures" / "one-narrow.svg").read_text(encoding="utf-8")
    assert 'viewBox="0 0 252 ' in narrow
    assert isinstance(drawn["heat map"].data, pd.DataFrame)
