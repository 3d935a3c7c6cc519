"""Scatter plots draw the scores they are given, and state the right correlations and numbers of models."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from companion import figures
from figure_content import BENCHMARKS, CATEGORIES, MINUS, mark_positions, texts, with_new
from scipy.stats import spearmanr

from bvg import known_models


@pytest.mark.parametrize(
    ("x", "y", "panels"),
    [
        (["shape"], CATEGORIES, 4),
        (["low_frequency", "high_frequency"], CATEGORIES, 8),
        (["bandwidth", "center_frequency", "peak_noise_sensitivity"], CATEGORIES, 12),
        (["shape"], BENCHMARKS, 10),
        (["shape", "bandwidth"], BENCHMARKS[:5], 10),
        (["shape"], ["ID"], 1),
    ],
)
def test_every_panel_draws_every_model_at_its_scores(scores, x, y, panels):
    result = figures.scatter(scores, x, y)
    axes = [a for a in result.figure.axes if a.get_lines()]
    assert len(axes) == panels
    values = scores.set_index("model")
    pairs = [(bias, accuracy) for bias in x for accuracy in y]
    for panel, (bias, accuracy) in zip(axes, pairs, strict=True):
        assert mark_positions(panel) == dict(
            zip(values.index, zip(values[bias], values[accuracy], strict=True), strict=True)
        )
    assert list(result.data.columns) == ["model", "group", "x", "y", "x_value", "y_value", "in_statistics"]
    assert len(result.data) == 48 * panels
    assert result.data["in_statistics"].all()


def test_printed_correlations_are_those_of_scipy(scores):
    text = texts(figures.scatter(scores, ["low_frequency"], ["ID"], alpha=0.999999).figure)[0].replace("\xa0", " ")
    at = scores["group"] == "adversarial_training"
    expected = [spearmanr(scores["low_frequency"][m], scores["ID"][m]).statistic for m in (at | True, at, ~at)]
    assert text == "r: " + ", ".join(
        f"{r:.2f} ({name})".replace("-", MINUS) for r, name in zip(expected, ("all", "AT", "others"), strict=True)
    )


def test_insignificant_and_undefined_correlations_are_printed_as_words(scores):
    scores = scores.assign(low_frequency=lambda t: t["low_frequency"].where(t["group"] != "adversarial_training", 0.5))
    text = texts(figures.scatter(scores, ["low_frequency"], ["ID"], alpha=1e-9).figure)[0].replace("\xa0", " ")
    assert text == "r: n.s. (all), not defined (AT), n.s. (others)"


def test_panel_over_fewer_models_states_how_many(scores):
    scores.loc[:2, "Concepts"] = np.nan
    result = figures.scatter(scores, ["shape"], ["ID", "Concepts"])
    first, second = (t.replace("\xa0", " ") for t in texts(result.figure) if t.startswith("r:"))
    at = int((scores["group"][3:] == "adversarial_training").sum())
    assert "n = " not in first
    assert second.replace("\n", " ").endswith(f", n = 45, {at}, {45 - at}")
    assert len(mark_positions(result.figure.axes[1])) == 45 == (result.data["y"] == "Concepts").sum()
    assert f"Other numbers of models: Concepts against Shape bias (n = 45, {at}, {45 - at})." in result.alt


def test_panel_with_equal_total_but_other_sets_states_its_n(scores):
    at = scores["group"] == "adversarial_training"
    scores.loc[scores.index[at][:2], "ID"] = np.nan
    scores.loc[scores.index[~at][:2], "Concepts"] = np.nan
    lines = [t.replace("\xa0", " ") for t in texts(figures.scatter(scores, ["shape"], ["ID", "Concepts"]).figure)]
    assert "Spearman's r over 46 models, 13 adversarially trained (AT) and 33 others" in lines
    assert [t.replace("\n", " ").endswith("n = 46, 15, 31") for t in lines if t.startswith("r:")] == [False, True]


@pytest.mark.parametrize("columns", [["ID"], BENCHMARKS])
def test_figure_and_alt_text_always_state_n(scores, columns):
    result = figures.scatter(scores, ["shape"], columns)
    line = "Spearman's r over 48 models, 15 adversarially trained (AT) and 33 others"
    assert line in [t.replace("\n", " ") for t in texts(result.figure)]
    assert f"{line}. Strongest" in result.alt
    assert "n = " not in result.alt


def test_three_models_have_n_but_no_correlation(scores):
    result = figures.scatter(scores.query("group == 'stylized'").head(3), ["shape"], ["ID"])
    assert {"r:\xa0not\xa0defined\xa0(all)", "Spearman's r over 3 models"} <= set(texts(result.figure))
    assert "1 scatter plot of 3 models" in result.alt
    assert "Spearman's r over 3 models. Strongest Spearman correlation among all 3 models: not defined." in result.alt


def test_models_not_drawn_are_in_neither_legend_nor_alt_text(scores):
    table = with_new(scores, "mine").astype({"shape": float})
    table.loc[table["model"] == "mine", "shape"] = np.nan
    nothing = figures.scatter(table, ["shape"], ["ID"], highlight=["mine"])
    assert nothing.alt == figures.scatter(scores, ["shape"], ["ID"]).alt
    assert "1 scatter plot of 48 models" in nothing.alt
    assert not any("mine" in t or "ew models" in t or "ringed" in t or "left out" in t for t in texts(nothing.figure))
    somewhere = figures.scatter(table, ["shape", "bandwidth"], ["ID"], highlight=["mine"])
    assert {"New models", "mine (ringed)"} <= set(texts(somewhere.figure))
    assert "of 49 models" in somewhere.alt
    assert "highlighted models are left out." in somewhere.alt
    assert somewhere.alt.endswith("Highlighted: mine.")


def test_sets_that_are_empty_or_hold_all_models_are_not_printed(scores):
    at = scores["group"] == "adversarial_training"
    for few, n in ((scores[at], 15), (scores[~at], 33), (scores.assign(shape=scores["shape"].where(~at)), 33)):
        result = figures.scatter(few, ["shape"], ["ID"])
        assert f"r:\xa0{MINUS}1.00\xa0(all)" in texts(result.figure)
        assert f"Spearman's r over {n} models" in texts(result.figure)
        assert "among" not in result.alt.partition(f"among all {n} models")[2]


def test_panel_without_values_states_so(scores):
    result = figures.scatter(scores.assign(Concepts=np.nan), ["shape"], ["ID", "Concepts"])
    assert "no model has both values" in texts(result.figure)


@pytest.mark.parametrize("columns", [["ID"], CATEGORIES])
def test_highlighted_models_are_ringed_named_and_inside_the_panel(scores, columns):
    table = with_new(scores, "my-new-model-with-quite-a-long-name")
    chosen = ["my-new-model-with-quite-a-long-name", "tv_resnet50"]
    result = figures.scatter(table, ["shape", "bandwidth"], columns, highlight=chosen)
    result.figure.draw_without_rendering()
    for axes in [a for a in result.figure.axes if a.get_lines()]:
        rings = [line for line in axes.get_lines() if line.get_label() == "_ring"]
        at = mark_positions(axes)
        assert {(r.get_xdata()[0], r.get_ydata()[0]) for r in rings} == {at[m] for m in chosen}
        names = [t for t in axes.texts if t.get_weight() == "bold"]
        assert [t.get_text()[:8] for t in names] == ["ResNet-5", "my-new-m"]
        boxes = [matplotlib.text.Text.get_window_extent(t) for t in names]
        assert all(axes.bbox.padded(1).count_contains([b.min, b.max]) == 2 for b in boxes)
        assert boxes[0].count_overlaps([boxes[1]]) == 0
    assert "my-new-model-with-quite-a-long-name (ringed)" in texts(result.figure)
    assert "Highlighted: my-new-model-with-quite-a-long-name and ResNet-50 baseline." in result.alt


def test_highlighted_and_new_models_do_not_change_the_correlations(scores):
    table = with_new(scores, "one", "two", "three")
    result = figures.scatter(table, ["shape"], ["ID"], highlight=["one"])
    pd.testing.assert_frame_equal(result.statistics, figures.scatter(scores, ["shape"], ["ID"]).statistics)
    assert result.data.set_index("model").loc[["one", "two", "three"], "in_statistics"].eq(False).all()
    assert any("r over 48 models" in t for t in texts(result.figure))


def test_highlighted_new_and_remeasured_models_are_left_out_of_statistics(scores):
    repeat = scores.head(1).assign(model="tv_resnet50@run", group="new")
    table = pd.concat([with_new(scores, "mine"), repeat], ignore_index=True)
    assert table["model"][~known_models.counted(table, ["resnet50_dino"])].to_list() == [
        "resnet50_dino", "mine", "tv_resnet50@run",
    ]  # fmt: skip
    only_new = table[table["group"] == "new"]
    assert known_models.counted(only_new).all()


@pytest.mark.parametrize("highlight", [["absent"], "tv_resnet50"])
def test_invalid_highlight_is_rejected(scores, highlight):
    with pytest.raises(ValueError, match="expected `highlight`"):
        figures.scatter(scores, ["shape"], ["ID"], highlight=highlight)


def test_unknown_column_and_empty_table_are_rejected(scores):
    with pytest.raises(KeyError, match="nonsense"):
        figures.scatter(scores, ["nonsense"], ["ID"])
    with pytest.raises(ValueError, match="at least one column"):
        figures.scatter(scores, ["shape"], [])
    with pytest.raises(ValueError, match="empty one"):
        figures.scatter(scores.head(0), ["shape"], ["ID"])


def test_alt_text_names_the_strongest_correlation_of_each_set(scores):
    alt = figures.scatter(scores, ["shape", "low_frequency"], ["ID"]).alt
    assert alt.startswith(
        "2 scatter plots of 48 models: accuracy (In distribution) against Shape bias and Low-frequency"
    )
    for name in ("all 48 models", "15 adversarially trained", "33 others"):
        assert f"among {name}: In distribution against Shape bias, r = {MINUS}1.00" in alt


def test_tables_of_new_models_only_and_of_few_groups(scores):
    new = with_new(scores, *"abcde").tail(5).assign(ID=[1.0, 2, 3, 5, 4], shape=[0.1, 0.2, 0.3, 0.4, 0.5])
    result = figures.scatter(new, ["shape"], ["ID"])
    assert {"r:\xa00.90\xa0(all)", "Spearman's r over 5 models", "New models"} <= set(texts(result.figure))
    few = scores[scores["group"].isin(["baseline", "freezing"])]
    shown = texts(figures.scatter(few, ["shape"], ["ID"]).figure)
    assert "Frozen filters" in shown
    assert "Augmentation" not in shown
    assert any("not\xa0defined" in t for t in shown)
