"""Windows of cut-offs and categories without one benchmark, compared with `scores.per_model` under the same definition."""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest
from companion.analysis import choices, definitions
from companion.figures.robustness import windows as drawn
from companion.tables import robustness as tables

from bvg import results, study
from bvg.results import correlation, scores


@cache
def made() -> tuple[pd.DataFrame, pd.DataFrame, dict[str, pd.Series]]:
    table = results.load("published")
    per_model = scores.per_model(table)
    return table, per_model, choices.sets(per_model)


@cache
def windows() -> pd.DataFrame:
    return definitions.windows(*made())


@cache
def without() -> pd.DataFrame:
    return definitions.without_each_benchmark(*made())


def same(one: pd.DataFrame, cells: pd.DataFrame) -> None:
    """Compare the cells with those of `correlation.correlate`, which may be in another order."""
    for cell in one.itertuples():
        expected = correlation.cell(cells, cell.category, cell.bias, cell.group)
        assert (cell.r, cell.p, cell.shown) == pytest.approx((expected["r"], expected["p"], expected["shown"]))
        assert cell.n == expected["n"]


def test_each_kind_of_filter_has_66_windows():
    assert len(windows()) == 2 * 66 * 4 * 3
    assert len(windows()[["bias", "first", "last"]].drop_duplicates()) == 132
    assert (windows()["first"] <= windows()["last"]).all()


def test_the_window_in_use_is_the_papers():
    _, per_model, sets = made()
    chosen = windows().query("chosen")
    assert chosen[["first", "last"]].drop_duplicates().to_numpy().tolist() == [[0.1, 0.5]]
    biases = ["low_frequency", "high_frequency"]
    assert len(chosen) == 24
    same(chosen, correlation.correlate(per_model, scores.CATEGORY_COLUMNS, biases, sets))


@pytest.mark.parametrize("cutoffs", [[0.4, 0.5, 0.6], [0.99], list(study.CUTOFFS)])
def test_any_window_matches_the_bias_with_its_cutoffs(cutoffs):
    table, _, sets = made()
    per_model = scores.per_model(table, low_cutoffs=cutoffs, high_cutoffs=cutoffs)
    ends = windows()[(windows()["first"] == cutoffs[0]) & (windows()["last"] == cutoffs[-1])]
    assert len(ends) == 24
    same(ends, correlation.correlate(per_model, scores.CATEGORY_COLUMNS, ["low_frequency", "high_frequency"], sets))


def test_cutoffs_with_a_gap_are_not_a_window():
    table, per_model, sets = made()
    some = definitions.windows(table, per_model, {"total": sets["total"]}, 0.05, [0.1, 0.3], [0.5, 0.4])
    assert some.query("chosen")[["bias", "first", "last"]].drop_duplicates().to_numpy().tolist() == [["high_frequency", 0.4, 0.5]]  # fmt: skip
    shown = tables.windows(definitions.summarize_windows(some)).displayed
    assert (shown.query("Bias == 'Low-frequency bias'")["Window in use"] == "").all()


def test_the_summary_counts_the_windows():
    summary = definitions.summarize_windows(windows())
    one = summary.query("bias == 'low_frequency' and category == 'ID' and group == 'total'").iloc[0]
    own = windows().query("bias == 'low_frequency' and category == 'ID' and group == 'total'")
    assert one[["windows", "positive", "negative"]].tolist() == [66, 0, 51]
    assert (one["lowest"], one["highest"], one["chosen"]) == (own["r"].min(), own["r"].max(), 0)
    assert len(tables.windows(summary).displayed) == 8
    decided = definitions.exceptional_windows(windows())
    assert decided[["bias", "category", "other"]].to_numpy().tolist() == [["low_frequency", "ID", 51]]
    assert tables.name_exceptions(decided) == (
        "Low-frequency bias with ID (n.s. with the window in use, different with 51 of 66)"
    )
    assert tables.name_exceptions(decided[:0]) == "none"


@pytest.mark.parametrize("left", ["imagenet-c", "stylized"])
def test_a_category_without_a_benchmark_is_the_mean_of_the_others(left):
    table, _, sets = made()
    assert len(without()) == 9 * 6 * 3
    category = study.benchmark(left).category
    members = [b for b in study.CATEGORIES[category] if b != left]
    per_model = scores.per_model(table, study.CATEGORIES | {category: members})
    cells = correlation.correlate(per_model, [category], scores.BIAS_COLUMNS, sets)
    same(without().query("without == @left"), cells)


def test_changes_are_those_of_significance_and_sign():
    _, per_model, sets = made()
    full = correlation.correlate(per_model, scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS, sets)
    for cell in without().itertuples():
        before = correlation.cell(full, cell.category, cell.bias, cell.group)["shown"]
        assert cell.full == pytest.approx(before)
        kinds = {(True, False): "lost", (False, True): "gained"}
        expected = kinds.get((before != 0, cell.shown != 0), "sign" if before * cell.shown < 0 else "")
        assert cell.change == expected
    assert without()["change"].value_counts().to_dict() == {"": 150, "lost": 7, "gained": 5}
    shown = tables.without_benchmark(without()).displayed.set_index("Left out")
    assert shown.at["ImageNet-A", "Which"] == "Bandwidth, others (−0.54 → n.s.)"
    assert shown.at["Stylized ImageNet", "Cells that change"] == "3 of 18"


def test_categories_of_one_benchmark_leave_nothing_to_check():
    table, _, sets = made()
    single = {name: [members[0]] for name, members in study.CATEGORIES.items()}
    none = definitions.without_each_benchmark(table, scores.per_model(table, single), sets, single)
    assert none.empty
    assert tables.without_benchmark(none).displayed.empty
    assert tables.by_change(none) == "none"


def test_the_figure_outlines_the_window_in_use():
    figure = drawn(windows())
    panels = [a for a in figure.figure.axes if a.patches]
    assert [len(a.patches) for a in panels] == [67] * 8
    assert len(figure.data) == len(windows())
    assert (
        "Low-frequency bias with In distribution: r from −0.54 to −0.07, 0 significant windows positive, 51 negative"
        in figure.alt
    )
