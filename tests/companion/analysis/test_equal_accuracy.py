"""Correlations at equal accuracy: against regressions of ranks by statsmodels and an explicit bootstrap, and on the published table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.analysis import choices, equal_accuracy
from companion.figures.equal_accuracy import accuracy_lines
from companion.figures.equal_accuracy import equal_accuracy as drawn
from companion.tables import equal_accuracy as tables
from scipy.stats import rankdata, spearmanr
from statsmodels.api import OLS

from bvg import results
from bvg.results import scores


def made(n: int = 30, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    x = -z + rng.normal(size=n)
    y = 2 * z + 0.5 * x + rng.normal(size=n)
    return pd.DataFrame({"y": y, "x": np.round(x, 1)}), z


def correlated(table: pd.DataFrame, z, families=None, **options) -> pd.Series:
    everyone = {"total": pd.Series(True, table.index)}
    families = pd.Series(range(len(table))) if families is None else pd.Series(families)
    return equal_accuracy.correlate(table, z, ["y"], ["x"], everyone, families, **options).iloc[0]


@pytest.mark.parametrize("seed", range(5))
def test_partial_and_p_are_those_of_a_regression_of_ranks(seed):
    table, z = made(seed=seed)
    cell = correlated(table, z, replicates=0)
    y, x, z = (rankdata(v) for v in (table["y"], table["x"], z))
    fit = OLS(y, np.c_[np.ones(len(y)), x, z]).fit()
    t = fit.tvalues[1]
    assert cell["partial"] == pytest.approx(t / np.sqrt(t**2 + fit.df_resid))
    assert cell["p"] == pytest.approx(fit.pvalues[1])
    assert cell["r"] == pytest.approx(spearmanr(y, x).statistic)
    assert np.isnan([cell["low"], cell["high"]]).all()


def test_the_interval_is_that_of_resampled_families():
    table, z = made(40)
    families = np.repeat(np.arange(10), 4)
    cell = correlated(table, z, families, replicates=400, alpha=0.1, seed=3)
    from zlib import crc32

    rng = np.random.default_rng([3, crc32(b"total")])
    drawn = []
    for counts in rng.multinomial(10, np.full(10, 0.1), size=400):
        rows = np.concatenate([np.repeat(np.flatnonzero(families == f), c) for f, c in enumerate(counts)])
        parts = [rankdata(v[rows]) for v in (table["y"].to_numpy(), table["x"].to_numpy(), z)]
        residual = [OLS(v, np.c_[np.ones(len(rows)), parts[2]]).fit().resid for v in parts[:2]]
        drawn.append(np.corrcoef(*residual)[0, 1])
    assert [cell["low"], cell["high"]] == pytest.approx(np.quantile(drawn, [0.05, 0.95]))
    assert cell["families"] == 10


def test_few_families_missing_values_and_constants():
    table, z = made(20)
    assert np.isnan(correlated(table, z, ["a", "b"] * 10, replicates=50)["low"])
    missing = correlated(table.assign(x=table["x"].where(table.index > 4)), z, replicates=0)
    assert missing["n"] == 15
    assert missing["partial"] == pytest.approx(
        correlated(table[5:].reset_index(drop=True), z[5:], replicates=0)["partial"]
    )
    for same in (correlated(table, np.ones(20), replicates=0), correlated(table.assign(x=z), z, replicates=0)):
        assert np.isnan(same["partial"])
        assert np.isnan(same["p"])


@pytest.mark.parametrize(
    ("options", "message"), [({"alpha": 5}, "expected `alpha` in"), ({"replicates": -1}, "`replicates` of 0")]
)
def test_bad_arguments_are_rejected(options, message):
    with pytest.raises(ValueError, match=message):
        correlated(*made(), **options)


@pytest.fixture(scope="module")
def published() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    table = results.load("published")
    per_model, accuracies = scores.per_model(table), scores.benchmarks(table)
    families = choices.families(per_model, "source")
    cells = equal_accuracy.correlate(
        per_model, accuracies["imagenet"], equal_accuracy.CATEGORIES, scores.BIAS_COLUMNS, choices.sets(per_model), families,
        replicates=500,
    )  # fmt: skip
    return per_model, accuracies, cells


def test_shape_bias_turns_at_equal_accuracy(published):
    cells = published[2].set_index(["row", "column", "group"])
    assert cells.loc[("Robustness", "shape", "total"), ["r", "partial"]].round(2).tolist() == [-0.53, 0.45]
    assert cells.loc[("Robustness", "shape", "other"), ["r", "partial"]].round(2).tolist() == [-0.23, 0.67]
    assert cells.loc[("Concepts", "shape", "total"), "partial"] == pytest.approx(0.72, abs=0.005)
    assert cells["families"].groupby("group").first().to_dict() == {"at": 1, "other": 17, "total": 18}
    assert cells.xs("at", level="group")["low"].isna().all()
    reversed_ = equal_accuracy.reversals(published[2], 0.05)
    assert ("Robustness", "shape", "total") in list(
        reversed_[["row", "column", "group"]].itertuples(index=False, name=None)
    )


def test_sentences_follow_the_numbers(published):
    cells = published[2]
    assert (
        "a higher shape bias goes with higher robustness (r = 0.45), accuracy on concepts (r = 0.72)"
        in tables.answer(cells)
    )
    assert (
        "no significant relation of shape bias was found with robustness (0.45), accuracy on concepts (0.72)"
        in tables.answer(cells.assign(p=0.5))
    )
    turned = tables.answer(cells.assign(partial=-cells["partial"]))
    assert "goes with lower robustness (r = −0.45)" in turned
    assert tables.answer(cells[:0]) == tables.answer(cells.assign(partial=np.nan)) == "The correlations at equal accuracy are not defined for these models."  # fmt: skip
    assert tables.change(cells, "Robustness", "shape") == "−0.53 → 0.45"
    with pytest.raises(KeyError, match="expected one cell"):
        tables.change(cells, "Robustness", "shape", "nobody")
    counts = tables.counts(cells)
    raw = sum(spearmanr(*published[0].loc[m, [c.row, c.column]].to_numpy().T).pvalue < 0.05
              for c in cells.itertuples() for m in (choices.sets(published[0])[c.group],))  # fmt: skip
    assert counts["n_raw"] == str(raw)
    assert counts["n_partial"] == str((cells["p"] < 0.05).sum())


def test_the_figure_shows_its_data(published):
    figure = drawn(published[2])
    pd.testing.assert_frame_equal(figure.data, published[2])
    assert "Shape bias with Robustness from −0.53 to 0.45" in figure.alt
    panels = figure.figure.axes
    assert len(panels) == 9
    dots = [line for line in panels[0].lines if line.get_marker() == "o" and line.get_color() != "white"]
    shown = [float(line.get_xdata()[0]) for line in dots]
    own = published[2].query("row == 'Robustness' and group == 'total'")
    assert shown == pytest.approx([v for pair in zip(own["r"], own["partial"], strict=True) for v in pair])


def test_accuracy_lines_draw_every_model(published):
    from companion.analysis import effective_robustness

    accuracies = published[1]
    _, lines = effective_robustness.residuals(accuracies, accuracies["group"].isin(effective_robustness.STANDARD))
    figure = accuracy_lines(accuracies, lines)
    assert len(figure.data) == 7 * 48
    first = figure.data.query("model == 'tv_resnet50' and benchmark == 'imagenet-c'").iloc[0]
    assert first["accuracy"] == accuracies.set_index("model").at["tv_resnet50", "imagenet-c"]
    assert "11 standard models" in figure.alt
