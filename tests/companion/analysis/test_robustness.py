"""Robustness checks: verdicts on made-up cells, numbers compared with scipy and statsmodels, results for the published table."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from companion.analysis import checked_cells, choices, robustness
from companion.figures.robustness import robustness as drawn
from companion.tables import robustness as tables
from scipy.stats import kendalltau, spearmanr
from statsmodels.stats.multitest import multipletests

from bvg import results, study
from bvg.results import correlation, scores


def table(**columns) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    return pd.DataFrame({"model": [f"m{i}" for i in range(size)], "group": "new"} | columns)


def audit(made: pd.DataFrame, families=None, **options) -> pd.Series:
    """Check the single cell y with x over all models."""
    families = made["model"] if families is None else pd.Series(families)
    everyone = {"total": pd.Series(True, made.index)}
    return robustness.check_cells(made, ["y"], ["x"], everyone, families, **({"replicates": 500} | options)).iloc[0]


NOISE = np.random.default_rng(3).normal(size=24)


@pytest.mark.parametrize(
    ("y", "verdict"),
    [
        (np.arange(24) + NOISE, "robust"),
        (np.abs(np.arange(24) - 11.5) + NOISE / 4, "other dependence"),
        (np.random.default_rng(8).permutation(24), "not significant"),
        (np.ones(24), "not defined"),
    ],
)
def test_the_verdict_follows_the_kind_of_dependence(y, verdict):
    cell = audit(table(x=np.arange(24.0), y=np.asarray(y, float)))
    assert cell["verdict"] == verdict
    assert cell["failed"] == ""


def test_a_cell_that_depends_on_one_model_is_fragile_and_names_it():
    x, y = np.arange(8.0), np.array([3.0, 0, 4, 1, 2, 7, 5, 6])
    made = table(x=np.append(x, 30.0), y=np.append(y, 30.0))
    made.loc[8, "model"] = "outlier"
    cell = audit(made)
    naive = [spearmanr(made["x"].drop(i), made["y"].drop(i)).statistic for i in range(9)]
    assert correlation.spearman(x, y)[1] > 0.05 > cell["p"]
    assert cell["without_model"] == "outlier"
    assert cell["without_r"] == pytest.approx(naive[8])
    assert (cell["without_low"], cell["without_high"]) == (pytest.approx(min(naive)), pytest.approx(max(naive)))
    assert cell["without_changes"] == sum(
        spearmanr(made["x"].drop(i), made["y"].drop(i)).pvalue >= 0.05 for i in range(9)
    )
    assert cell["verdict"] == "fragile"
    assert "a model" in cell["failed"].split("; ")


def test_the_models_of_one_recipe_count_once():
    """A recipe of twelve models has a trend that five single models do not share: robust by models, not by families."""
    rng = np.random.default_rng(0)
    x = np.concatenate([10 + np.arange(12), [1.0, 4, 2, 5, 3]])
    y = np.concatenate([10 + np.arange(12) + rng.normal(size=12), [4.0, 1, 3, 2, 5]])
    families = ["recipe"] * 12 + list("abcde")
    cell = audit(table(x=x, y=y), families)
    assert cell["families"] == 6
    assert cell["low"] > 0
    assert cell["family_low"] < 0 < cell["family_high"]
    assert cell["without_family"] == "recipe"
    assert cell["without_family_low"] == pytest.approx(spearmanr(x[12:], y[12:]).statistic)
    assert {"family interval", "a family"} <= set(cell["failed"].split("; "))


def test_too_few_families_or_models_give_no_check():
    x = np.arange(12.0)
    two = audit(table(x=x, y=x + NOISE[:12] / 9), ["a"] * 9 + ["b"] * 3)
    assert np.isnan([two["family_low"], two["family_high"]]).all()
    assert two["without_family"] == "b"
    assert two["without_family_low"] == two["without_family_high"]  # only three models remain without `a`
    one = audit(table(x=x, y=x), ["a"] * 12)
    assert np.isnan(one["without_family_changes"])


def test_families_of_one_model_each_repeat_no_bootstrap():
    x = np.arange(24.0)
    made = table(x=x, y=x + NOISE)
    alone, shared = audit(made), audit(made, ["one"] * 2 + [f"f{i}" for i in range(22)])
    assert np.isnan([alone["family_low"], alone["jackknife_low"]]).all()
    assert alone["families"] == alone["effective_families"] == 24
    assert shared["families"] == 23
    assert np.isfinite([shared["family_low"], shared["jackknife_low"]]).all()


def test_an_interval_that_ends_near_0_is_computed_from_more_resamples(monkeypatch):
    """Its end is nearer to that of very many resamples."""
    x = np.arange(24.0)
    made = table(x=x, y=-x + 3.1 * NOISE)
    drawn = []
    bootstrap = robustness.resampling.bootstrap

    def counted(labels, replicates, rng):
        drawn.append(replicates)
        return bootstrap(labels, replicates, rng)

    monkeypatch.setattr(robustness.resampling, "bootstrap", counted)
    far = audit(table(x=x, y=x + NOISE / 9))
    assert far["low"] > robustness.resampling.CLOSE
    assert max(drawn) == 500
    monkeypatch.setattr(robustness.resampling, "CLOSE", 2.0)
    audit(made)
    assert max(drawn) == 500 * robustness.resampling.FINER


def test_a_perfect_order_of_few_models_has_a_positive_p():
    """Student's t gives p = 0, but six models have only 720 orders."""
    cell = audit(table(x=np.arange(6.0), y=np.arange(6.0)))
    assert (cell["p"], cell["p_holm"]) == (0, pytest.approx(2 / 720))


@cache
def published(seed: int = 0, replicates: int = 2000) -> pd.DataFrame:
    made = scores.per_model(results.load("published"))
    named = scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS
    return robustness.check_cells(
        made, *named, choices.sets(made), choices.families(made), replicates=replicates, seed=seed
    )


def test_numbers_of_the_published_table_match_scipy_and_statsmodels():
    checked = published()
    made = scores.per_model(results.load("published"))
    cells = correlation.correlate(made, scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS, choices.sets(made))
    pd.testing.assert_frame_equal(checked[list(cells)], cells)
    assert checked["p_holm"].to_numpy() == pytest.approx(multipletests(cells["p"], method="holm")[1])
    assert checked["p_bh"].to_numpy() == pytest.approx(multipletests(cells["p"], method="fdr_bh")[1])
    trained = made[made["group"] == "adversarial_training"]
    cell = correlation.cell(checked, "Adversarial", "bandwidth", "at")
    expected = kendalltau(trained["Adversarial"], trained["bandwidth"])
    assert (cell["tau"], cell["p_tau"]) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))
    r = [spearmanr(trained["Adversarial"].drop(i), trained["bandwidth"].drop(i)).statistic for i in trained.index]
    assert (cell["without_low"], cell["without_high"]) == (pytest.approx(min(r)), pytest.approx(max(r)))
    assert checked.groupby("group")["families"].first().to_dict() == {"total": 18, "at": 1, "other": 17}


def test_distance_correlation_matches_its_definition():
    made = scores.per_model(results.load("published"))
    made = made[made["group"] == "adversarial_training"]
    centred = []
    for column in ("Adversarial", "shape"):
        ranks = made[column].rank().to_numpy()
        d = np.abs(ranks[:, None] - ranks)
        centred.append(d - d.mean(axis=0) - d.mean(axis=1)[:, None] + d.mean())
    a, b = centred
    expected = np.sqrt((a * b).mean() / np.sqrt((a * a).mean() * (b * b).mean()))
    assert correlation.cell(published(), "Adversarial", "shape", "at")["dcor"] == pytest.approx(expected)


def test_the_bootstrap_interval_matches_repeated_draws():
    """Compare the interval with scipy on models drawn by numpy's `choice`."""
    made = scores.per_model(results.load("published"))
    x, y, rng = made["ID"].to_numpy(), made["shape"].to_numpy(), np.random.default_rng(7)
    draws = [spearmanr(x[i], y[i]).statistic for i in rng.choice(48, (800, 48))]
    cell = correlation.cell(published(), "ID", "shape")
    assert cell[["low", "high"]].tolist() == pytest.approx(np.quantile(draws, [0.025, 0.975]).tolist(), abs=0.04)


def test_the_results_for_the_published_table():
    checked = published()
    assert checked["verdict"].value_counts().to_dict() == {
        "not significant": 26,
        "fragile": 26,
        "robust": 14,
        "other dependence": 6,
    }
    checks = checked_cells.count_passed(checked)
    assert checks.at["Holm", "passed"] == 22
    assert checks.loc["family interval", ["made", "passed"]].tolist() == [28, 14]
    assert checks.loc["jackknife", ["made", "passed"]].tolist() == [28, 10]
    sizes = choices.families(scores.per_model(results.load("published"))).value_counts(normalize=True)
    total = checked.query("group == 'total'")["effective_families"]
    assert total.to_numpy() == pytest.approx(1 / (sizes**2).sum())
    assert set(checked_cells.influential(checked)["model"][:3]) == {
        "resnet50_trained_on_SIN", "robust_resnet50_l2_eps0", "robust_resnet50_l2_eps5"
    }  # fmt: skip
    assert "Adversarial with Shape (all, " in tables.name_cells(checked_cells.failing_by_family_only(checked))
    assert checked_cells.widening(checked) > 1


def test_only_the_seed_changes_the_resamples():
    made = scores.per_model(results.load("published"))
    sets, families = choices.sets(made), choices.families(made)
    again = robustness.check_cells(
        made, ["Adversarial", "ID"], ["bandwidth", "shape"], {"other": sets["other"], "total": sets["total"]}, families,
        replicates=200,
    )  # fmt: skip
    drawn_once = ["low", "high", "family_low", "family_high", "jackknife_low", "jackknife_high", "p_dcor"]
    before = published(replicates=200)
    for cell in again.itertuples():
        same = correlation.cell(before, cell.row, cell.column, cell.group)
        assert [getattr(cell, name) for name in drawn_once] == same[drawn_once].tolist()
    assert not before["low"].equals(published(1, 200)["low"])


def test_missing_values_and_empty_sets():
    made = scores.per_model(results.load("published"))
    made.loc[made.index[:6], "shape"] = np.nan
    everyone = pd.Series(True, made.index)
    checked = robustness.check_cells(
        made,
        ["ID"],
        ["shape", "bandwidth"],
        {"total": everyone, "at": ~everyone},
        choices.families(made),
        replicates=100,
    )
    assert checked["n"].tolist() == [42, 0, 48, 0]
    assert checked["verdict"].tolist()[1::2] == ["not defined"] * 2
    alone = made.dropna()
    expected = correlation.spearman(alone["ID"].to_numpy(), alone["shape"].to_numpy())[0]
    assert checked.loc[0, "r"] == pytest.approx(expected)
    assert checked.loc[0, "without_low"] <= expected <= checked.loc[0, "without_high"]
    assert tables.cells(checked).displayed.map(str).map(lambda c: "nan" in c).sum().sum() == 0
    with pytest.raises(ValueError, match="replicates"):
        robustness.check_cells(made, ["ID"], ["shape"], {"total": everyone}, made["model"], replicates=0)


def test_the_figure_shows_the_verdict_of_every_cell():
    figure = drawn(published())
    assert len(figure.data) == 72
    texts = [t.get_text() for axes in figure.figure.axes for t in axes.texts]
    assert len(texts) == 144
    bold = [t.get_text() for axes in figure.figure.axes for t in axes.texts if t.get_weight() == "bold"]
    assert len(bold) == 14
    assert sum(t.startswith("distance") for t in texts) == 6
    assert all(t.get_fontsize() >= 8 for axes in figure.figure.axes for t in axes.texts)
    assert "All 48 models, 18 families: 4 robust, 11 fragile, 2 other dependence and 7 not significant" in figure.alt
    assert "15 adversarially trained, 1 family: no check by families: 7 robust" in figure.alt
    faces = [patch.get_facecolor() for axes in figure.figure.axes for patch in axes.patches]
    assert sum(face == (1.0, 1.0, 1.0, 1.0) for face in faces) == (published()["verdict"] == "not significant").sum()
    apart = drawn(published(), study.STUDY, ["contrastive", "freezing"])
    assert "15 of Contrastive learning and Frozen filters" in apart.alt


def test_the_table_names_the_checks_that_a_fragile_cell_fails():
    shown = tables.cells(published()).displayed
    assert len(shown) == 72
    line = shown[(shown["Category"] == "Adversarial") & (shown["Bias"] == "Shape") & (shown["Models"] == "all (48)")]
    assert line["Verdict"].item() == "fragile: fails family interval, jackknife and a family"
    assert line["Matters most"].item() == "{model}`SIN <resnet50_trained_on_SIN>`"
