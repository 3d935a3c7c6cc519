"""Effective robustness: scales and lines against scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.analysis import choices, effective_robustness
from companion.analysis.effective_robustness import transform
from companion.tables import equal_accuracy as tables
from scipy.special import logit
from scipy.stats import norm, rankdata, spearmanr
from statsmodels.api import OLS

from bvg import results, study
from bvg.results import scores


@pytest.fixture(scope="module")
def published() -> tuple[pd.DataFrame, pd.DataFrame]:
    table = results.load("published")
    return scores.per_model(table), scores.benchmarks(table)


def test_scales_and_their_ends():
    assert transform(np.array([97.5, 50.0]), 1000) == pytest.approx(norm.ppf([0.975, 0.5]))
    assert transform(np.array([20.0]), 1000, "logit") == pytest.approx(logit(0.2))
    assert transform(np.array([20.0]), 1000, "raw") == pytest.approx(0.2)
    assert transform(np.array([0.0, 100.0]), 200) == pytest.approx(norm.ppf([0.0025, 0.9975]))
    assert np.isnan(transform(np.array([np.nan]), 10)).all()
    for scale in effective_robustness.SCALES.values():
        assert scale.inverse(scale.forward(np.array([0.1, 0.9]))) == pytest.approx([0.1, 0.9])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.array([0.5]), 10, "ranks"), "expected `scale` to be one of probit, logit, raw"),
        ((np.array([101.0]), 10), r"expected `accuracy` in \[0, 100\], got 101 to 101"),
        ((np.array([50.0]), 0), "expected `images` of 1 or more"),
    ],
)
def test_bad_arguments_are_rejected(arguments, message):
    with pytest.raises(ValueError, match=message):
        transform(*arguments)


@pytest.mark.parametrize("scale", ["probit", "logit", "raw"])
def test_lines_are_those_of_statsmodels(published, scale):
    accuracies = published[1]
    fitted = accuracies["group"].isin(effective_robustness.STANDARD).to_numpy()
    models, lines = effective_robustness.residuals(accuracies, fitted, scale=scale)
    x = transform(accuracies["imagenet"].to_numpy(), 50_000, scale)
    for line in lines.itertuples():
        y = transform(accuracies[line.benchmark].to_numpy(), study.benchmark(line.benchmark).images, scale)
        fit = OLS(y[fitted], np.c_[np.ones(fitted.sum()), x[fitted]]).fit()
        assert [line.intercept, line.slope] == pytest.approx(fit.params)
        assert line.error == pytest.approx(fit.bse[1])
        own = models[models["benchmark"] == line.benchmark]
        assert own["residual"].to_numpy() == pytest.approx(y - fit.params[0] - fit.params[1] * x)
        assert own["effective"].to_numpy() == pytest.approx(own["accuracy"] - own["expected"])
        assert own["residual"].to_numpy()[fitted].mean() == pytest.approx(0)
        assert line.leftover == pytest.approx(spearmanr(own["residual"], accuracies["imagenet"]).statistic)
    assert lines["n"].unique().tolist() == [11]
    assert len(tables.lines(lines).displayed) == 7


def test_a_line_takes_three_models(published):
    with pytest.raises(ValueError, match="expected 3 or more models"):
        effective_robustness.residuals(published[1], published[1]["group"] == "baseline")


def test_ways_to_hold_accuracy_fixed(published):
    per_model, accuracies = published
    sets = choices.sets(per_model)
    standard = per_model["group"].isin(effective_robustness.STANDARD)
    table = effective_robustness.sensitivity(per_model, accuracies, ["shape"], sets, standard)
    ways = table.query("row == 'Robustness' and group == 'total'").set_index("method")["r"]
    assert list(ways.index) == list(tables.METHODS)
    y, x, z = per_model["Robustness"], per_model["shape"], accuracies["imagenet"]

    def given(y, x, z):
        left = [OLS(v, np.c_[np.ones(len(z)), z]).fit().resid for v in (np.asarray(y), np.asarray(x))]
        return np.corrcoef(*left)[0, 1]

    assert ways["rank"] == pytest.approx(given(rankdata(y), rankdata(x), rankdata(z)))
    assert ways["raw"] == pytest.approx(given(y, x, z))
    probits = np.mean([norm.ppf(accuracies[b] / 100) for b in study.CATEGORIES["Robustness"]], axis=0)
    assert ways["probit"] == pytest.approx(given(probits, x, norm.ppf(z / 100)))
    residual = OLS(probits, np.c_[np.ones(48), norm.ppf(z / 100)]).fit().resid
    assert ways["line, all"] == pytest.approx(spearmanr(residual, x).statistic)
    assert abs(ways["line, all"]) < 0.1 < ways["rank"]
    assert len(tables.sensitivity(table).displayed) == 9


def test_effective_robustness_of_every_model(published):
    from bvg import known_models

    accuracies = published[1]
    models, _ = effective_robustness.residuals(accuracies, accuracies["group"].isin(effective_robustness.STANDARD))
    shown = tables.effective(models, known_models.describe(accuracies["model"])["name"]).displayed
    assert shown.shape == (48, 8)
    first = models.query("model == 'tv_resnet50' and benchmark == 'pgd'")["effective"].item()
    assert shown.iloc[0]["PGD"] == f"{first:.1f}".replace("-", "−")
