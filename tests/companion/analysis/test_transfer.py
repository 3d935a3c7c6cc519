"""How far predictions reach: against scikit-learn's cross-validation and statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.analysis import choices, transfer
from companion.analysis.prediction import linear
from companion.tables import claims as tables
from scipy.stats import rankdata
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from statsmodels.formula.api import ols

from bvg import results
from bvg.results import scores


@pytest.fixture(scope="module")
def published() -> tuple[pd.DataFrame, np.ndarray]:
    table = results.load("published")
    return scores.per_model(table), scores.benchmarks(table)["imagenet"].to_numpy()


@pytest.mark.parametrize("level", list(transfer.LEVELS))
def test_held_out_predictions_are_those_of_scikit_learn(published, level):
    per_model, imagenet = published
    found = transfer.held_out(per_model, imagenet)
    labels = transfer.levels(per_model)[level]
    for _name, columns in transfer.FEATURES.items():
        x = per_model.assign(imagenet=imagenet)[list(columns)].to_numpy()
        y = per_model["Adversarial"].to_numpy()
        yhat = cross_val_predict(LinearRegression(), x, y, groups=labels, cv=LeaveOneGroupOut())
        mean = cross_val_predict(LinearRegression(), np.zeros_like(x), y, groups=labels, cv=LeaveOneGroupOut())
        cell = found.query("category == 'Adversarial' and features == @_name and level == @level").iloc[0]
        assert cell["r2"] == pytest.approx(1 - ((y - yhat) ** 2).sum() / ((y - mean) ** 2).sum())
        assert cell["error"] == pytest.approx(np.median(np.abs(y - yhat)))


def test_the_published_numbers(published):
    found = transfer.held_out(*published).query("features == 'all six biases'")
    of = found.set_index(["category", "level"])["r2"]
    assert [round(of["Adversarial", level], 2) for level in transfer.LEVELS] == [0.68, -0.11, -1.85]
    one = linear(published[0][list(scores.BIAS_COLUMNS)].to_numpy(), published[0][["Adversarial"]].to_numpy())[:, 0]
    assert found.query("category == 'Adversarial' and level == 'model'")["error"].item() == pytest.approx(np.median(np.abs(one - published[0]["Adversarial"])))  # fmt: skip
    assert found.set_index(["category", "level"])["units"]["ID", "source"] == 18
    shown = tables.held_out(transfer.held_out(*published)).displayed
    assert shown.shape == (16, 5)


def test_intervals_cover_what_they_state():
    """Normal noise: nine in ten of held-out models lie inside, and the half-width is t s sqrt(1 + leverage)."""
    rng = np.random.default_rng(0)
    n = 400
    table = pd.DataFrame(rng.normal(size=(n, 6)), columns=list(scores.BIAS_COLUMNS)).assign(
        model=[f"m{i}" for i in range(n)], group="new"
    )
    imagenet = rng.normal(size=n)
    for category in scores.CATEGORY_COLUMNS:
        table[category] = 3 * imagenet + rng.normal(size=n)
    found = transfer.intervals(table, imagenet, features={"a": ("imagenet",)})
    assert found["covered"].to_numpy() == pytest.approx(0.9, abs=0.05)
    assert found["width"].to_numpy() == pytest.approx(1.645, abs=0.15)
    with pytest.raises(ValueError, match=r"expected `coverage` in \(0, 1\), got 90"):
        transfer.intervals(table, imagenet, 90)
    assert len(tables.intervals(found).displayed) == 4


def test_within_groups_is_a_regression_with_fixed_effects(published):
    per_model = published[0]
    found = transfer.within_groups(per_model, ["Concepts"], ["shape"]).iloc[0]
    data = pd.DataFrame(
        {"y": rankdata(per_model["Concepts"]), "x": rankdata(per_model["shape"]), "group": per_model["group"]}
    )
    codes = pd.factorize(choices.families(per_model, "source"))[0]
    plain = ols("y ~ x + C(group)", data).fit()
    t = plain.tvalues["x"]
    assert found["within"] == pytest.approx(t / np.sqrt(t**2 + plain.df_resid))
    clustered = ols("y ~ x + C(group)", data).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
    assert found["p"] == pytest.approx(clustered.pvalues["x"])
    assert [found["groups"], found["families"]] == [7, 18]


def test_too_few_models(published):
    few = published[0][:5]
    assert transfer.held_out(few, published[1][:5]).query("features == 'all six biases'")["r2"].isna().all()
    assert np.isnan(transfer.within_groups(few[:2], ["ID"], ["shape"])["within"]).all()
