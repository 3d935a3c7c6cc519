"""Rank correlation: comparison with scipy on data with ties, and undefined cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, rankdata

from bvg.results import correlation


@pytest.mark.parametrize("seed", range(5))
def test_r_and_p_equal_pearson_on_ranks_with_ties(seed):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"x": rng.integers(0, 6, 40), "y": rng.integers(0, 6, 40)})
    mask = pd.Series(rng.random(40) < 0.6)
    cells = correlation.correlate(table, ["x"], ["y"], {"all": mask | ~mask, "some": mask})
    for group, chosen in (("all", slice(None)), ("some", mask.to_numpy())):
        expected = pearsonr(rankdata(table["x"].to_numpy()[chosen]), rankdata(table["y"].to_numpy()[chosen]))
        cell = correlation.cell(cells, "x", "y", group)
        assert cell["r"] == pytest.approx(expected.statistic)
        assert cell["p"] == pytest.approx(expected.pvalue)
        assert cell["shown"] == (cell["r"] if cell["p"] < 0.05 else 0)


@pytest.mark.parametrize(
    ("x", "y", "n"),
    [
        ([1, 2, 3], [1, 2, 3], 3),
        ([1, 1, 1, 1, 1], [1, 2, 3, 4, 5], 5),
        ([1, 2, 3, 4, np.nan], [1, 2, 3, np.nan, 5], 3),
        ([np.nan] * 5, [1, 2, 3, 4, 5], 0),
        (0.1 + np.arange(5) * 2e-16, [1, 2, 3, 4, 5], 5),
        ([0, 0, 0, 0, 0], [1, 2, 3, 4, 5], 5),
    ],
)
def test_correlation_of_few_or_constant_values_is_undefined(x, y, n):
    cell = correlation.correlate(pd.DataFrame({"x": x, "y": y}), ["x"], ["y"]).iloc[0]
    assert np.isnan(cell[["r", "p", "shown"]].astype(float)).all()
    assert cell["n"] == n


def test_incomplete_pairs_are_left_out_and_counted():
    table = pd.DataFrame({"x": [1, 2, 3, 4, 5, np.nan], "y": [1, 2, 3, 4, 5, 0]})
    cell = correlation.correlate(table, ["x"], ["y"]).iloc[0]
    assert (cell["r"], cell["n"]) == (pytest.approx(1), 5)


@pytest.mark.parametrize("alpha", [0, 1, 5, -0.1])
def test_alpha_outside_its_range_is_rejected(alpha):
    with pytest.raises(ValueError, match="alpha"):
        correlation.correlate(pd.DataFrame({"x": [1.0]}), ["x"], ["x"], alpha=alpha)


def test_unknown_columns_and_infinite_values_are_rejected():
    table = pd.DataFrame({"x": [1, 2, 3, np.inf]})
    with pytest.raises(KeyError, match="y"):
        correlation.correlate(table, ["x"], ["y"])
    with pytest.raises(ValueError, match="infinite"):
        correlation.correlate(table, ["x"], ["x"])


def cells(**shown: list[float]) -> pd.DataFrame:
    """Return cells of two rows (a, b) and one column (x), by group."""
    return pd.DataFrame([(r, "x", g, v) for g, pair in shown.items() for r, v in zip("ab", pair, strict=True)],
                        columns=["row", "column", "group", "shown"])  # fmt: skip


def test_same_sign_sign_flips_and_only_in_one():
    assert correlation.same_sign(cells(at=[0.5, 0.7], other=[0.5, -0.7])).to_numpy().tolist() == [["x", "at"]]
    assert correlation.same_sign(cells(at=[0.5, 0.0], other=[0.5, np.nan])).empty
    both = cells(at=[0.5, 0.0], other=[-0.5, 0.7])
    assert correlation.sign_flips(both, "at", "other")["row"].tolist() == ["a"]
    assert correlation.only_in_one(both, "at", "other")["row"].tolist() == ["b"]


def test_small_values_are_not_constant():
    r, p, n = correlation.spearman(np.arange(5) * 1e-20, np.arange(5.0))
    assert (r, n) == (pytest.approx(1), 5)
    assert p < 0.05


def test_undefined_cell_is_neither_significant_nor_0():
    both = cells(at=[np.nan, np.nan], other=[-0.5, 0.0])
    assert correlation.significant(both).tolist() == [False, False, True, False]
    assert correlation.only_in_one(both, "at", "other").empty
    assert correlation.sign_flips(both, "at", "other").empty
    assert correlation.same_sign(cells(at=[np.nan, 0.5], other=[np.nan, np.nan])).empty


def test_strongest_significant_cell():
    strongest = correlation.strongest(cells(at=[np.nan, 0.5], other=[-0.7, 0.7]))
    assert strongest[["row", "group", "shown"]].tolist() == ["a", "other", -0.7]
    assert correlation.strongest(cells(at=[np.nan, 0.0])) is None
    assert correlation.strongest(cells()) is None


def test_mean_of_a_square_table_skips_undefined_cells():
    square = pd.DataFrame(
        [(r, c, v) for r, c, v in zip("aabbccdd", "bcacabab", [0.6, np.nan, 0.6, 0.0, np.nan, 0.0, *[np.nan] * 2], strict=True)],
        columns=["row", "column", "shown"],
    )  # fmt: skip
    means = correlation.mean_shown(square)
    assert means.index.tolist() == ["c", "b", "a", "d"]
    assert means.to_numpy() == pytest.approx([0.0, 0.3, 0.6, np.nan], nan_ok=True)


def test_pairs_and_means_of_a_square_table():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.random((20, 3)), columns=list("abc"))
    square = correlation.correlate(table, list("abc"), list("abc"))
    assert [(r, c) for r, c in correlation.pairs(square)[["row", "column"]].to_numpy()] == [
        ("b", "a"),
        ("c", "a"),
        ("c", "b"),
    ]
    means = correlation.mean_shown(square)
    assert means["a"] == pytest.approx(
        (correlation.cell(square, "a", "b")["shown"] + correlation.cell(square, "a", "c")["shown"]) / 2
    )
    with pytest.raises(KeyError, match="expected one cell"):
        correlation.cell(square, "a", "d")
