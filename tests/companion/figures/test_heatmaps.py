"""Heat maps print the correlations they are given."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from companion import figures
from figure_content import BENCHMARKS, BIASES, CATEGORIES, MINUS, cell_texts, cells, texts

from bvg import study


def test_figure_2_prints_the_thresholded_correlation_in_every_cell(scores):
    table = cells(scores)
    result = figures.correlation_heatmap(table)
    panels = [a for a in result.figure.axes if a.texts]
    assert [a.get_title(loc="left") for a in panels] == ["All 48 models", "15 adversarially trained", "33 others"]
    shown = table.set_index(["group", "row", "column"])["shown"]
    count = 0
    for axes, group in zip(panels, ("total", "at", "other"), strict=True):
        for (i, j), text in cell_texts(axes).items():
            cell = shown[group, CATEGORIES[i], BIASES[j]]
            assert text == ("0" if cell == 0 else f"{cell:.2f}".replace("-", MINUS))
            count += 1
    assert count == 72 == len(result.data)
    assert list(result.data.columns) == ["generalization", "bias", "group", "r", "p", "n", "shown"]


def test_undefined_cells_are_hatched_and_fewer_models_are_stated(scores):
    scores.loc[scores["group"] == "adversarial_training", "bandwidth"] = np.nan
    panels = [a for a in figures.correlation_heatmap(cells(scores)).figure.axes if a.texts]
    column = BIASES.index("bandwidth")
    assert [cell_texts(panels[1])[i, column] for i in range(4)] == ["n.d.\nn = 0"] * 4
    assert sum(p.get_hatch() is not None for p in panels[1].patches) == 4
    assert all(cell_texts(panels[0])[i, column].endswith("n = 33") for i in range(4))
    assert not any("n =" in cell_texts(panels[2])[cell] for cell in cell_texts(panels[2]))


def test_three_models_give_undefined_cells(scores):
    result = figures.correlation_heatmap(cells(scores.query("group == 'stylized'").head(3)))
    (axes,) = [a for a in result.figure.axes if a.texts]
    assert axes.get_title(loc="left") == "All 3 models"
    assert set(cell_texts(axes).values()) == {"n.d."}
    assert len(cell_texts(axes)) == 24 == sum(p.get_hatch() is not None for p in axes.patches)
    assert "among all 3 models: not defined" in result.alt
    result.figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("who", "n"), [("group == 'adversarial_training'", 15), ("group != 'adversarial_training'", 33)]
)
def test_models_of_one_kind_give_one_heat_map(scores, who, n):
    result = figures.correlation_heatmap(cells(scores.query(who)))
    assert [a.get_title(loc="left") for a in result.figure.axes if a.texts] == [f"All {n} models"]
    assert result.alt.startswith("1 heat map of")
    assert list(result.data["group"].unique()) == ["total"]


def test_new_models_only_give_one_heat_map(scores):
    result = figures.correlation_heatmap(cells(scores.head(6).assign(group="new")))
    assert [a.get_title(loc="left") for a in result.figure.axes if a.texts] == ["All 6 models"]


def test_alt_text_counts_undefined_correlations(scores):
    scores["bandwidth"] = np.nan
    alt = figures.correlation_heatmap(cells(scores)).alt
    assert alt.count("of 24 significant, 4 not defined)") == 3


def test_alt_text_of_figure_2_states_the_extremes(scores):
    table = cells(scores).assign(shown=0.0)
    table.loc[
        (table["group"] == "at") & (table["row"] == "Concepts") & (table["column"] == "bandwidth"), "shown"
    ] = -0.77
    alt = figures.correlation_heatmap(table).alt
    assert f"among 15 adversarially trained: Concepts against Bandwidth, r = {MINUS}0.77 (1 of 24 significant)" in alt
    assert "among all 48 models: none significant" in alt
    assert "not defined" in figures.correlation_heatmap(table.assign(r=np.nan, shown=np.nan)).alt


@pytest.mark.parametrize("order", [BENCHMARKS, BIASES, BENCHMARKS[:2]])
def test_matrix_prints_its_lower_triangle(scores, order):
    table = cells(scores, order, order, groups=None)
    result = figures.correlation_matrix(table, order, blocks=study.CATEGORIES)
    shown = table.set_index(["row", "column"])["shown"]
    text = {k: v for k, v in cell_texts(result.figure.axes[0]).items() if v}
    assert len(text) == len(order) * (len(order) - 1) / 2
    for (i, j), value in text.items():
        cell = shown[order[i + 1], order[j]]
        assert j <= i
        assert value == ("0" if cell == 0 else f"{cell:.2f}".replace("-", MINUS))
    assert list(result.data.columns) == ["row", "column", "r", "p", "n", "shown"]
    below = [shown[a, b] for b, a in combinations(order, 2)]
    assert f"{sum(v > 0 for v in below)} of the {len(below)} pairs correlate positively" in result.alt


def test_matrix_of_three_models_is_undefined(scores):
    few = scores.head(3)
    result = figures.correlation_matrix(cells(few, BIASES, BIASES, None), BIASES)
    assert result.figure.axes[0].get_title(loc="left") == "All 3 models"
    assert set(cell_texts(result.figure.axes[0]).values()) <= {"n.d.", ""}
    assert "among all 3 models: not defined" in result.alt


def test_matrix_separates_and_names_the_categories(scores):
    result = figures.correlation_matrix(
        cells(scores, BENCHMARKS, BENCHMARKS, None), BENCHMARKS, blocks=study.CATEGORIES
    )
    assert {tuple(line.get_ydata()[:2]) for line in result.figure.axes[0].get_lines()} == {(2, 2), (5, 5), (8, 8)}
    assert {"In\ndistribution", "Robustness", "Concepts", "Adversarial"} <= set(texts(result.figure))
