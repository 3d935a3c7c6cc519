"""The figures show the numbers they are given: marks at the scores, printed values, names, alternative texts."""

from __future__ import annotations

import io
import re
from itertools import combinations
from xml.etree import ElementTree

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from companion import figures
from companion.figures import marks
from scipy.stats import spearmanr

from bvg import study
from bvg.results import correlation

CATEGORIES = list(study.CATEGORIES)
BIASES = [b.id for b in study.BIASES]
BENCHMARKS = [b.id for b in study.BENCHMARKS]
MINUS = "−"


@pytest.fixture
def scores() -> pd.DataFrame:
    """Invented scores for the study's 48 models, with shape bias bound to ID among all of them."""
    known = study.models().query("in_study")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"model": known.index, "group": known["group"].to_numpy()})
    for column in (*CATEGORIES, *BENCHMARKS):
        table[column] = rng.uniform(10, 90, len(table))
    for column in BIASES:
        table[column] = rng.uniform(0, 1, len(table))
    table["shape"] = 1 - table["ID"] / 100
    return table


def with_new(scores: pd.DataFrame, *names: str) -> pd.DataFrame:
    new = scores.head(len(names)).assign(model=list(names), group="new", ID=50.0, shape=0.95)
    return pd.concat([scores, new], ignore_index=True)


def cells(scores: pd.DataFrame, rows=CATEGORIES, columns=BIASES, groups="figure 2") -> pd.DataFrame:
    masks = study.figure2_groups(scores["group"]) if groups == "figure 2" else None
    return correlation.correlate(scores, rows, columns, masks)


def drawn(axes) -> dict[str, tuple[float, float]]:
    """Model -> position of its mark."""
    lines = [line for line in axes.get_lines() if not line.get_label().startswith("_")]
    assert all(len(line.get_xdata()) == 1 for line in lines)
    return {line.get_label(): (line.get_xdata()[0], line.get_ydata()[0]) for line in lines}


def texts(figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(matplotlib.text.Text) if t.get_text()]


def svg(figure) -> bytes:
    with matplotlib.rc_context(figures.STYLE), io.BytesIO() as file:
        figure.savefig(file, format="svg", metadata={"Date": None})
        return file.getvalue()


# Marks ---------------------------------------------------------------------------------------------------------------


def test_the_48_marks_differ_pairwise_without_their_colour():
    ids = study.models().query("in_study").index
    looks = {m: (str(figures.mark(m).marker), figures.mark(m).fillstyle, figures.mark(m).size) for m in ids}
    assert len(looks) == 48
    assert len(set(looks.values())) == 48, [pair for pair in combinations(looks, 2) if looks[pair[0]] == looks[pair[1]]]


def test_groups_are_told_apart_without_colour():
    table = study.models().query("in_study")
    fills = {g: {figures.mark(m).fillstyle for m in of.index} for g, of in table.groupby("group")}
    assert fills["training_recipes"] == {"full"}
    assert fills["augmentation"] == {"none"}
    assert fills["contrastive"] == {"left"}
    assert fills["stylized"] == {"bottom"}
    filled = [g for g, fill in fills.items() if fill == {"full"}]
    shapes = {g: {str(figures.mark(m).marker) for m in table.index[table["group"] == g]} for g in filled}
    assert shapes["adversarial_training"] == {"o", "s"}
    assert all(shapes[a].isdisjoint(shapes[b]) for a, b in combinations(filled, 2))


@pytest.mark.parametrize(("norm", "marker"), [("l2", "o"), ("linf", "s")])
def test_adversarially_trained_marks_grow_with_epsilon(norm, marker):
    table = study.models().query("norm == @norm").sort_values("epsilon")
    sizes = [figures.mark(m).size for m in table.index]
    assert {figures.mark(m).marker for m in table.index} == {marker}
    assert (np.diff(sizes) > 0).all()


def test_colours_are_tab10_in_the_order_of_the_design():
    order = ("stylized", "adversarial_training", "training_recipes", "freezing", "augmentation", "contrastive")
    tab10 = [tuple(c) for c in matplotlib.colormaps["tab10"].colors]
    assert [matplotlib.colors.to_rgb(marks.COLORS[g]) for g in order] == tab10[:6]
    assert figures.mark("tv_resnet50").color == "black"


def test_an_unknown_model_gets_the_mark_of_new_models_and_a_repeat_its_models_shape():
    assert figures.mark("nobody-knows") == marks.NEW
    again = figures.mark("resnet50_dino@my-run")
    assert (again.marker, again.color) == (figures.mark("resnet50_dino").marker, marks.NEW.color)
    assert again != figures.mark("resnet50_dino")


def test_a_mark_does_not_depend_on_the_models_drawn_or_their_order(scores):
    def look(table):
        axes = figures.scatter(table, ["shape"], ["ID"]).figure.axes[0]
        return {
            a.get_label(): (str(a.get_marker()), a.get_markerfacecolor(), a.get_markersize()) for a in axes.get_lines()
        }

    few = look(scores.sample(7, random_state=1).reset_index(drop=True))
    assert few.items() <= look(scores).items()


def test_the_legend_names_all_48_models(scores):
    result = figures.legend()
    assert set(study.describe(scores["model"])["name"]) | set(study.GROUPS.values()) == set(texts(result.figure))
    assert set(drawn(result.figure.axes[0])) == set(scores["model"]) == set(result.data["model"])
    assert "Augmentation (12)" in result.alt


# Scatter plots -------------------------------------------------------------------------------------------------------


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
        assert drawn(panel) == dict(zip(values.index, zip(values[bias], values[accuracy], strict=True), strict=True))
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


def test_insignificant_and_undefined_correlations_are_no_numbers(scores):
    scores = scores.assign(low_frequency=lambda t: t["low_frequency"].where(t["group"] != "adversarial_training", 0.5))
    text = texts(figures.scatter(scores, ["low_frequency"], ["ID"], alpha=1e-9).figure)[0].replace("\xa0", " ")
    assert text == "r: n.s. (all), not defined (AT), n.s. (others)"


def test_a_panel_over_fewer_models_says_how_many(scores):
    scores.loc[:2, "Concepts"] = np.nan
    result = figures.scatter(scores, ["shape"], ["ID", "Concepts"])
    first, second = (t.replace("\xa0", " ") for t in texts(result.figure) if t.startswith("r:"))
    at = int((scores["group"][3:] == "adversarial_training").sum())
    assert "n = " not in first
    assert second.replace("\n", " ").endswith(f", n = 45, {at}, {45 - at}")
    assert len(drawn(result.figure.axes[1])) == 45 == (result.data["y"] == "Concepts").sum()
    assert f"Other numbers of models: Concepts against Shape bias (n = 45, {at}, {45 - at})." in result.alt


def test_a_panel_with_as_many_models_in_other_sets_says_so(scores):
    at = scores["group"] == "adversarial_training"
    scores.loc[scores.index[at][:2], "ID"] = np.nan
    scores.loc[scores.index[~at][:2], "Concepts"] = np.nan
    lines = [t.replace("\xa0", " ") for t in texts(figures.scatter(scores, ["shape"], ["ID", "Concepts"]).figure)]
    assert "Spearman's r over 46 models, 13 adversarially trained (AT) and 33 others" in lines
    assert [t.replace("\n", " ").endswith("n = 46, 15, 31") for t in lines if t.startswith("r:")] == [False, True]


@pytest.mark.parametrize("columns", [["ID"], BENCHMARKS])
def test_the_figure_and_its_alt_text_always_state_n(scores, columns):
    result = figures.scatter(scores, ["shape"], columns)
    line = "Spearman's r over 48 models, 15 adversarially trained (AT) and 33 others"
    assert line in [t.replace("\n", " ") for t in texts(result.figure)]
    assert f"{line}. Strongest" in result.alt
    assert "n = " not in result.alt


def test_three_models_have_an_n_and_no_correlation(scores):
    result = figures.scatter(scores.query("group == 'stylized'").head(3), ["shape"], ["ID"])
    assert {"r:\xa0not\xa0defined\xa0(all)", "Spearman's r over 3 models"} <= set(texts(result.figure))
    assert "1 scatter plot of 3 models" in result.alt
    assert "Spearman's r over 3 models. Strongest Spearman correlation among all 3 models: not defined." in result.alt


def test_what_is_not_drawn_is_in_neither_legend_nor_alt_text(scores):
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


def test_sets_of_models_that_are_empty_or_everyone_are_not_printed(scores):
    at = scores["group"] == "adversarial_training"
    for few, n in ((scores[at], 15), (scores[~at], 33), (scores.assign(shape=scores["shape"].where(~at)), 33)):
        result = figures.scatter(few, ["shape"], ["ID"])
        assert f"r:\xa0{MINUS}1.00\xa0(all)" in texts(result.figure)
        assert f"Spearman's r over {n} models" in texts(result.figure)
        assert "among" not in result.alt.partition(f"among all {n} models")[2]


def test_a_panel_without_any_value_says_so(scores):
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
        at = drawn(axes)
        assert {(r.get_xdata()[0], r.get_ydata()[0]) for r in rings} == {at[m] for m in chosen}
        names = [t for t in axes.texts if t.get_weight() == "bold"]
        assert [t.get_text()[:8] for t in names] == ["ResNet-5", "my-new-m"]
        boxes = [matplotlib.text.Text.get_window_extent(t) for t in names]
        assert all(axes.bbox.padded(1).count_contains([b.min, b.max]) == 2 for b in boxes)
        assert boxes[0].count_overlaps([boxes[1]]) == 0
    assert "my-new-model-with-quite-a-long-name (ringed)" in texts(result.figure)
    assert "Highlighted: my-new-model-with-quite-a-long-name and ResNet-50 baseline." in result.alt


def test_highlighted_and_new_models_do_not_move_the_studys_correlations(scores):
    table = with_new(scores, "one", "two", "three")
    result = figures.scatter(table, ["shape"], ["ID"], highlight=["one"])
    pd.testing.assert_frame_equal(result.statistics, figures.scatter(scores, ["shape"], ["ID"]).statistics)
    assert result.data.set_index("model").loc[["one", "two", "three"], "in_statistics"].eq(False).all()
    assert any("r over 48 models" in t for t in texts(result.figure))


def test_who_is_in_the_statistics(scores):
    repeat = scores.head(1).assign(model="tv_resnet50@run", group="new")
    table = pd.concat([with_new(scores, "mine"), repeat], ignore_index=True)
    assert table["model"][~study.counted(table, ["resnet50_dino"])].to_list() == [
        "resnet50_dino", "mine", "tv_resnet50@run",
    ]  # fmt: skip
    only_new = table[table["group"] == "new"]
    assert study.counted(only_new).all()


@pytest.mark.parametrize("highlight", [["absent"], "tv_resnet50"])
def test_a_highlight_that_is_no_list_of_models_is_refused(scores, highlight):
    with pytest.raises(ValueError, match="expected `highlight`"):
        figures.scatter(scores, ["shape"], ["ID"], highlight=highlight)


def test_an_unknown_column_and_an_empty_table_are_refused(scores):
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


def test_a_table_of_new_models_only_and_one_of_few_groups(scores):
    new = with_new(scores, *"abcde").tail(5).assign(ID=[1.0, 2, 3, 5, 4], shape=[0.1, 0.2, 0.3, 0.4, 0.5])
    result = figures.scatter(new, ["shape"], ["ID"])
    assert {"r:\xa00.90\xa0(all)", "Spearman's r over 5 models", "New models"} <= set(texts(result.figure))
    few = scores[scores["group"].isin(["baseline", "freezing"])]
    shown = texts(figures.scatter(few, ["shape"], ["ID"]).figure)
    assert "Frozen filters" in shown
    assert "Augmentation" not in shown
    assert any("not\xa0defined" in t for t in shown)


# Heat maps -----------------------------------------------------------------------------------------------------------


def printed(axes) -> dict[tuple[int, int], str]:
    """(row, column) -> the text in that cell."""
    return {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in axes.texts}


def test_figure_2_prints_shown_in_every_cell(scores):
    table = cells(scores)
    result = figures.correlation_heatmap(table)
    panels = [a for a in result.figure.axes if a.texts]
    assert [a.get_title(loc="left") for a in panels] == ["All 48 models", "15 adversarially trained", "33 others"]
    shown = table.set_index(["group", "row", "column"])["shown"]
    count = 0
    for axes, group in zip(panels, ("total", "at", "other"), strict=True):
        for (i, j), text in printed(axes).items():
            cell = shown[group, CATEGORIES[i], BIASES[j]]
            assert text == ("0" if cell == 0 else f"{cell:.2f}".replace("-", MINUS))
            count += 1
    assert count == 72 == len(result.data)
    assert list(result.data.columns) == ["generalization", "bias", "group", "r", "p", "n", "shown"]


def test_undefined_cells_are_hatched_and_no_numbers_and_fewer_models_are_stated(scores):
    scores.loc[scores["group"] == "adversarial_training", "bandwidth"] = np.nan
    panels = [a for a in figures.correlation_heatmap(cells(scores)).figure.axes if a.texts]
    column = BIASES.index("bandwidth")
    assert [printed(panels[1])[i, column] for i in range(4)] == ["n.d.\nn = 0"] * 4
    assert sum(p.get_hatch() is not None for p in panels[1].patches) == 4
    assert all(printed(panels[0])[i, column].endswith("n = 33") for i in range(4))
    assert not any("n =" in printed(panels[2])[cell] for cell in printed(panels[2]))


def test_three_models_fill_figure_2_with_undefined_cells(scores):
    result = figures.correlation_heatmap(cells(scores.query("group == 'stylized'").head(3)))
    (axes,) = [a for a in result.figure.axes if a.texts]
    assert axes.get_title(loc="left") == "All 3 models"
    assert set(printed(axes).values()) == {"n.d."}
    assert len(printed(axes)) == 24 == sum(p.get_hatch() is not None for p in axes.patches)
    assert "among all 3 models: not defined" in result.alt
    result.figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("who", "n"), [("group == 'adversarial_training'", 15), ("group != 'adversarial_training'", 33)]
)
def test_figure_2_of_one_kind_of_models_is_one_heat_map(scores, who, n):
    result = figures.correlation_heatmap(cells(scores.query(who)))
    assert [a.get_title(loc="left") for a in result.figure.axes if a.texts] == [f"All {n} models"]
    assert result.alt.startswith("1 heat map of")
    assert list(result.data["group"].unique()) == ["total"]


def test_figure_2_of_new_models_only(scores):
    result = figures.correlation_heatmap(cells(scores.head(6).assign(group="new")))
    assert [a.get_title(loc="left") for a in result.figure.axes if a.texts] == ["All 6 models"]


def test_the_alt_text_counts_undefined_correlations(scores):
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
def test_the_matrix_prints_its_lower_triangle(scores, order):
    table = cells(scores, order, order, groups=None)
    result = figures.correlation_matrix(table, order, blocks=study.CATEGORIES)
    shown = table.set_index(["row", "column"])["shown"]
    text = {k: v for k, v in printed(result.figure.axes[0]).items() if v}
    assert len(text) == len(order) * (len(order) - 1) / 2
    for (i, j), value in text.items():
        cell = shown[order[i + 1], order[j]]
        assert j <= i
        assert value == ("0" if cell == 0 else f"{cell:.2f}".replace("-", MINUS))
    assert list(result.data.columns) == ["row", "column", "r", "p", "n", "shown"]
    below = [shown[a, b] for b, a in combinations(order, 2)]
    assert f"{sum(v > 0 for v in below)} of the {len(below)} pairs correlate positively" in result.alt


def test_the_matrix_of_three_models(scores):
    few = scores.head(3)
    result = figures.correlation_matrix(cells(few, BIASES, BIASES, None), BIASES)
    assert result.figure.axes[0].get_title(loc="left") == "All 3 models"
    assert set(printed(result.figure.axes[0]).values()) <= {"n.d.", ""}
    assert "among all 3 models: not defined" in result.alt


def test_the_matrix_separates_and_names_the_categories(scores):
    result = figures.correlation_matrix(
        cells(scores, BENCHMARKS, BENCHMARKS, None), BENCHMARKS, blocks=study.CATEGORIES
    )
    assert {tuple(line.get_ydata()[:2]) for line in result.figure.axes[0].get_lines()} == {(2, 2), (5, 5), (8, 8)}
    assert {"In\ndistribution", "Robustness", "Concepts", "Adversarial"} <= set(texts(result.figure))


# Curves --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def bandpass(scores) -> pd.DataFrame:
    ids = [*scores["model"], "resnet18"]  # the last is outside the study
    rng = np.random.default_rng(1)
    index = pd.MultiIndex.from_product(
        [ids, ["low-pass", "high-pass"], study.CUTOFFS], names=["model", "kind", "cutoff"]
    )
    return pd.DataFrame({"relative_top1": rng.uniform(0, 1, len(index))}, index=index).reset_index()


def test_curves_draw_each_of_the_48_models_in_its_row(bandpass, scores):
    result = figures.curves(bandpass)
    groups = scores.set_index("model")["group"]
    for column, kind in enumerate(["low-pass", "high-pass"]):
        seen = set()
        for axes in result.figure.axes[column::2]:
            for line in axes.get_lines():
                model = line.get_label().lstrip("_")
                own = bandpass[(bandpass["model"] == model) & (bandpass["kind"] == kind)]
                np.testing.assert_array_equal(line.get_ydata(), own["relative_top1"])
                np.testing.assert_array_equal(line.get_xdata(), study.CUTOFFS)
                if not line.get_label().startswith("_"):
                    seen.add(model)
                    assert line.get_color() == marks.COLORS[groups[model]]
        assert seen == set(scores["model"])
    assert list(result.data.columns) == ["model", "group", "kind", "cutoff", "relative_top1"]
    assert len(result.data) == 48 * 22


def test_curves_state_who_keeps_most_and_least(bandpass):
    at = (bandpass["kind"] == "low-pass") & (bandpass["cutoff"] == 0.3)
    bandpass.loc[at & (bandpass["model"] == "resnet50_dino"), "relative_top1"] = 1.23
    bandpass.loc[at & (bandpass["model"] == "resnet50_prime"), "relative_top1"] = -0.0
    assert "Low-pass at cut-off 0.3: from 0 (PRIME) to 1.23 (DINO) of clean accuracy" in figures.curves(bandpass).alt


def test_curves_shade_the_given_cutoffs_and_name_highlighted_models(bandpass):
    new = bandpass[bandpass["model"] == "resnet50_dino"].assign(model="mine")
    result = figures.curves(pd.concat([bandpass, new]), low_cutoffs=(0.2, 0.4), highlight=["mine", "resnet50_prime"])
    low, high = result.figure.axes[:2]
    spans = [(p.get_x(), round(p.get_x() + p.get_width(), 6)) for p in (low.patches[0], high.patches[0])]
    assert spans == [(0.2, 0.4), (0.1, 0.5)]
    assert {"mine", "PRIME"} <= set(texts(result.figure))
    assert all("mine" in {line.get_label() for line in axes.get_lines()} for axes in result.figure.axes)
    assert result.alt.endswith("Highlighted: mine and PRIME.")
    with pytest.raises(ValueError, match="expected `highlight` to be a list"):
        figures.curves(bandpass, highlight="resnet50_prime")


def test_a_highlighted_model_without_a_curve_is_not_drawn(bandpass):
    result = figures.curves(bandpass, highlight=["only-shape-bias", "resnet50_prime"])
    assert not any("only-shape-bias" in t for t in [*texts(result.figure), result.alt])
    assert "PRIME" in texts(result.figure)
    lost = bandpass.assign(relative_top1=bandpass["relative_top1"].where(bandpass["model"] != "resnet50_prime"))
    assert "PRIME" not in texts(figures.curves(lost, highlight=["resnet50_prime"]).figure)


@pytest.mark.parametrize("id", ["tv_resnet50@again", "robust_resnet50_linf_eps8.0@again", "resnet18@again"])
def test_curves_of_a_model_measured_again_stand_in_every_row(bandpass, id):
    again = bandpass[bandpass["model"] == "resnet50_dino"].assign(model=id)
    name = study.describe([id])["name"].iloc[0]
    result = figures.curves(pd.concat([bandpass, again]), highlight=[id])
    assert all(id in {line.get_label() for line in axes.get_lines()} for axes in result.figure.axes)
    assert name in texts(result.figure)
    assert result.alt.endswith(f"Highlighted: {name}.")


def test_curves_of_new_models_only_and_of_none(bandpass):
    one = bandpass[bandpass["model"] == "tv_resnet50"].assign(model="mine")
    assert len(figures.curves(one).data) == 22
    none = figures.curves(bandpass.head(0), highlight=["mine"])
    assert "of 0 models" in none.alt
    none.figure.draw_without_rendering()


def test_curves_without_adversarially_trained_models(bandpass):
    groups = study.describe(list(bandpass["model"]))["group"].to_numpy()
    result = figures.curves(bandpass[groups != "adversarial_training"])
    assert not any("Adversarial" in t or "ε" in t for t in texts(result.figure))


# Images --------------------------------------------------------------------------------------------------------------


def gradient(height=8, width=10) -> np.ndarray:
    return np.linspace(0, 1, height * width * 3).reshape(height, width, 3)


def test_the_gallery_shows_its_images_under_their_titles():
    grey, eight_bit = gradient()[..., 0], (gradient() * 255).astype(np.uint8)
    result = figures.gallery(
        [[gradient(), grey], [eight_bit, gradient()]], ["left", "right"], ["top", "bottom"], " Grey ramps"
    )
    shown = [a.get_images()[0].get_array() for a in result.figure.axes]
    np.testing.assert_array_equal(shown[0], gradient())
    np.testing.assert_array_equal(shown[1], np.stack([grey] * 3, axis=2))
    np.testing.assert_allclose(shown[2], gradient(), atol=1 / 255)
    assert list(result.data.columns) == ["row", "column", "height", "width", "mean"]
    assert result.data["mean"].iloc[0] == pytest.approx(0.5)
    assert result.alt == "Grey ramps. Grid of 4 images; columns: left and right; rows: top and bottom."


def test_the_gallery_says_what_is_seen_and_names_with_commas_are_quoted():
    result = figures.gallery([[gradient()] * 2], ["noise, band 1", "noise, band 3"], description="A cat in noise.")
    assert result.alt == "A cat in noise. Grid of 2 images; columns: “noise, band 1” and “noise, band 3”."
    with pytest.raises(ValueError, match="expected `description` to be a sentence"):
        figures.gallery([[gradient()]], ["title"])


@pytest.mark.parametrize(
    "images",
    [[[gradient()], [gradient(), gradient()]], [[gradient() * 255]], [[gradient()[None]]], [[gradient() * np.nan]], []],
)
def test_a_gallery_of_other_things_is_refused(images):
    with pytest.raises(ValueError, match=r"expected (`images`|an image)"):
        figures.gallery(images, ["title"], description="A ramp.")


def test_the_overview_names_every_stimulus_category_and_benchmark():
    images = {
        "shape": {"original": gradient(), "conflict": gradient()},
        "spectral": {"low-pass": gradient()},
        "critical band": {"noise, low band": gradient(), "mid band": gradient(), "high band": gradient()},
    }
    result = figures.overview(images)
    assert sum(len(a.get_images()) for a in result.figure.axes) == 6
    page = "\n".join(texts(result.figure))
    for name in [b.name for b in study.BENCHMARKS] + ["conflict", "low-pass", "mid band", "explain?"]:
        assert name in page
        assert name in result.alt
    assert (
        "Shape: original and conflict. Spectral: low-pass. Critical band: “noise, low band”, “mid band” and"
        in result.alt
    )
    assert "Concepts: ImageNet-R, ImageNet-Sketch and Stylized ImageNet." in result.alt
    assert len(result.data) == len(study.BIASES) + len(study.BENCHMARKS)
    with pytest.raises(ValueError, match="critical band"):
        figures.overview({"shape": images["shape"]})


# All of them ---------------------------------------------------------------------------------------------------------


def test_figures_leave_no_state_and_give_the_same_svg_twice_whatever_the_callers_settings(scores):
    before = dict(matplotlib.rcParams)
    first = figures.scatter(scores, ["shape"], CATEGORIES, highlight=["tv_resnet50"]).figure
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "black"}):
        second = figures.scatter(scores, ["shape"], CATEGORIES, highlight=["tv_resnet50"]).figure
    assert svg(first) == svg(second)
    assert b"DejaVu Sans" in svg(first)
    assert "ResNet-50 baseline" in svg(first).decode()  # text stays text


def test_saved_figures_have_an_opaque_white_background_whatever_the_settings(scores, bandpass, tmp_path):
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


def test_nothing_is_drawn_beyond_the_page(scores, bandpass):
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
