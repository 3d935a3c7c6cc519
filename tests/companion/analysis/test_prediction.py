"""Prediction of held-out models: compared with scikit-learn, with planted and absent relations, with one and two jobs."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from companion.analysis import prediction
from companion.figures.prediction import prediction as draw
from companion.tables import claims as tables
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from bvg.results import scores

BIASES = list(scores.BIAS_COLUMNS)


def table(n: int = 40, seed: int = 0) -> pd.DataFrame:
    """Make noise, except for ID, which is linear in shape, and Robustness, which is quadratic in bandwidth."""
    rng = np.random.default_rng(seed)
    made = pd.DataFrame(rng.normal(size=(n, 10)), columns=[*scores.CATEGORY_COLUMNS, *BIASES])
    made["ID"] = 70 - 5 * made["shape"] + rng.normal(size=n)
    made["Robustness"] = 30 + 4 * made["bandwidth"] ** 2 + rng.normal(size=n)
    return made.assign(model=[f"m{k}" for k in range(n)], group="new")


@pytest.fixture(autouse=True)
def smaller_forests(monkeypatch):
    monkeypatch.setattr(prediction, "MANY_TREES", 80)


@cache
def predicted() -> pd.DataFrame:
    """Predict the made-up table; the smallest p of a forest is 1 / 20."""
    return prediction.prediction(table(), alpha=0.1, replicates=199, permutations=19, jobs=1)


def row(category: str, features: str, method: str) -> pd.Series:
    found = predicted().query("category == @category and features == @features and method == @method")
    return found.iloc[0]


@pytest.mark.parametrize("columns", [["shape"], BIASES])
def test_the_closed_form_matches_scikit_learns_leave_one_out(columns):
    made = table()
    x, y = made[columns].to_numpy(), made[["ID", "Concepts"]].to_numpy()
    expected = cross_val_predict(LinearRegression(), x, y, cv=LeaveOneOut())
    np.testing.assert_allclose(prediction.linear(x, y), expected, rtol=1e-9)
    others = (y.sum(0) - y) / (len(y) - 1)
    r2 = 1 - ((y - expected) ** 2).sum(0) / ((y - others) ** 2).sum(0)
    np.testing.assert_allclose(prediction.r2(y, expected), r2, rtol=1e-12)
    np.testing.assert_allclose(prediction.r2(y, others), 0, atol=1e-12)


def test_the_forest_matches_scikit_learn():
    made = table()
    y = made["ID"].to_numpy()
    grown = RandomForestRegressor(prediction.MANY_TREES, oob_score=True, random_state=0).fit(made[BIASES].to_numpy(), y)
    found = row("ID", "all", "forest")
    assert found["r2"] == pytest.approx(prediction.r2(y[:, None], grown.oob_prediction_[:, None])[0])
    assert found["error"] == pytest.approx(np.median(np.abs(y - grown.oob_prediction_)))
    assert (found["n"], found["spread"]) == (40, pytest.approx(made["ID"].std()))


def test_what_is_planted_is_found_and_what_is_not_is_not():
    assert row("ID", "shape", "linear")["r2"] > 0.9
    assert row("ID", "shape", "linear")["p"] == 1 / 200
    assert row("ID", "all", "forest")["p"] == 1 / 20
    assert row("Robustness", "bandwidth", "forest")["r2"] > 0.6, "a forest fits a parabola"
    assert row("Robustness", "bandwidth", "linear")["r2"] < 0.3, "a linear model does not"
    noise = predicted().query("category in ('Concepts', 'Adversarial')")
    assert noise["r2"].max() < 0.2
    assert (noise["p"] < 0.05).mean() < 0.15
    assert (noise["r2"] < noise["null"]).mean() > 0.7


def test_columns_and_rows():
    found = predicted()
    assert tuple(found) == prediction.COLUMNS
    assert len(found) == 4 * 7 * 2
    assert found["p"].between(1 / 200, 1).all()


def test_the_numbers_depend_on_the_seed_but_not_on_the_jobs():
    small = {"replicates": 9, "permutations": 2}
    one, two, other = (
        prediction.prediction(table(20), jobs=jobs, seed=seed, **small) for jobs, seed in ((1, 0), (2, 0), (2, 1))
    )
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    assert (one["null"] != other["null"]).any()


def test_groups_are_predicted_separately_and_models_without_a_value_are_left_out():
    made = table(30)
    made.loc[0, "shape"] = np.nan
    first = pd.Series(made.index < 12)
    found = prediction.prediction(made, {"at": first, "other": ~first}, forests=(), replicates=9)
    assert set(found["method"]) == {"linear"}
    assert found.query("group == 'at' and category == 'ID'").set_index("features")["n"].to_dict() == {
        "shape": 11, "all": 11, **dict.fromkeys(BIASES[1:], 12)
    }  # fmt: skip


@pytest.mark.parametrize("change", [{"ID": 5.0}, {"shape": [1.0] + [0.0] * 9}], ids=["constant", "one model decides"])
def test_undefined_numbers_are_missing(change):
    found = prediction.prediction(table(10).assign(**change), forests=(), replicates=9)
    of = found.query("category == 'ID' and features == 'shape'").iloc[0]
    assert of[["r2", "null", "p", "error"]].isna().all()
    few = prediction.prediction(table(8), replicates=9, permutations=1, jobs=1).query("features == 'all'")
    assert few["r2"].isna().all()
    assert "not defined" in set(tables.prediction(found).displayed["Linear, all"])


@pytest.mark.parametrize(("given", "message"), [({"alpha": 5}, "in percent"), ({"permutations": 0}, "at least one")])
def test_wrong_arguments_are_rejected(given, message):
    with pytest.raises(ValueError, match=message):
        prediction.prediction(table(), **given)


def test_the_table_and_the_figure():
    made = tables.prediction(predicted()).displayed
    assert list(made) == ["Category", "From", "Linear, all", "Forest, all"]
    assert len(made) == 28
    drawn = draw(predicted(), 0.8)
    assert len(drawn.data) == 56
    assert "In distribution 0.9" in drawn.alt
    assert len(drawn.figure.axes) == 4
