"""Power, differences between sets and measurement error: against simulations and hand-computed values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.analysis import choices, measurement_error, power, variants
from companion.analysis.differences import differences
from companion.tables import power as tables
from scipy.stats import norm, rankdata, spearmanr
from statsmodels.stats.multitest import multipletests

from bvg import results
from bvg.results import correlation, scores


@pytest.mark.parametrize(("n", "rho"), [(15, 0.5), (33, 0.4), (48, 0.4)])
def test_power_is_that_of_simulated_tests(n, rho):
    """Pairs from a bivariate normal distribution with Spearman's correlation rho: Pearson's is 2 sin(pi rho / 6)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, n))
    r = 2 * np.sin(np.pi * rho / 6)
    y = r * x + np.sqrt(1 - r * r) * rng.normal(size=(4000, n))
    ranks = [rankdata(v, axis=1) - (n + 1) / 2 for v in (x, y)]
    found = (ranks[0] * ranks[1]).sum(1) / np.sqrt((ranks[0] ** 2).sum(1) * (ranks[1] ** 2).sum(1))
    t = np.abs(found) * np.sqrt((n - 2) / (1 - found**2))
    from scipy.stats import t as student

    simulated = (2 * student.sf(t, n - 2) < 0.05).mean()
    assert power.power(rho, n) == pytest.approx(simulated, abs=0.04)


def test_detectable_and_needed_invert_power():
    for n in (4, 15, 33, 48, 500):
        assert power.power(power.detectable(n), n) == pytest.approx(0.8)
    for rho in (0.1, -0.4, 0.9):
        n = power.needed(rho)
        assert power.power(rho, n) >= 0.8 > power.power(rho, max(4, n - 1)) or n == 4
    assert [round(power.detectable(n), 2) for n in (15, 33, 48)] == [0.68, 0.48, 0.41]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: power.power(1.0, 10), r"expected `rho` in \(-1, 1\)"),
        (lambda: power.detectable(3), "expected `n` of 4 or more"),
        (lambda: power.detectable(10, 5), r"expected `alpha` in \(0, 1\), got 5 \(is it in percent"),
        (lambda: power.detectable(10, 0.05, 80), "expected `probability` in"),
        (lambda: power.needed(0.0), "no number of models finds a correlation of 0"),
    ],
)
def test_bad_arguments_are_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.fixture(scope="module")
def published() -> dict:
    table = results.load("published")
    per_model = scores.per_model(table)
    sets = choices.sets(per_model)
    cells = correlation.correlate(per_model, scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS, sets)
    return {"table": table, "scores": per_model, "accuracies": scores.benchmarks(table), "sets": sets, "cells": cells}


def test_differences_by_hand(published):
    tested = differences(published["cells"])
    cell = tested[(tested["row"] == "Robustness") & (tested["column"] == "low_frequency")].iloc[0]
    z = (np.arctanh(cell["r_first"]) - np.arctanh(cell["r_second"])) / np.sqrt(1.06 / 12 + 1.06 / 30)
    assert cell["z"] == pytest.approx(z)
    assert cell["p"] == pytest.approx(2 * norm.sf(abs(z)))
    assert tested["p_holm"].to_numpy() == pytest.approx(multipletests(tested["p"], method="holm")[1])
    assert (tested["p_holm"] < 0.05).sum() == 8
    perfect = published["cells"].assign(r=np.where(published["cells"]["group"] == "at", 1.0, -1.0))
    assert np.isfinite(differences(perfect)["z"]).all()
    assert differences(published["cells"].assign(r=np.nan))["p_holm"].isna().all()


def test_reliability_is_that_of_repeated_measurements():
    rng = np.random.default_rng(0)
    true = rng.uniform(0.02, 0.06, 400)
    twice = rng.binomial(500, true, size=(2, 400)) / 5
    table = pd.DataFrame({"imagenet-a": twice[0]})
    found = measurement_error.reliability(table, {"total": pd.Series(True, table.index)}, {"imagenet-a": 500})
    assert found["reliability"].item() == pytest.approx(np.corrcoef(twice)[0, 1], abs=0.06)
    assert measurement_error.attenuated(0.9, 0.64) == pytest.approx(0.72)


def test_published_reliability(published):
    images = measurement_error.images()
    assert images["imagenet-real"] == 326
    assert measurement_error.images(published=False)["imagenet-real"] == 46_837
    found = measurement_error.reliability(published["accuracies"], published["sets"], images)
    of = found.set_index(["benchmark", "group"])["reliability"]
    assert of["imagenet-real", "total"] == pytest.approx(0.79, abs=0.005)
    assert of["imagenet-a", "at"] == pytest.approx(0.42, abs=0.005)
    assert len(tables.reliability(found).displayed) == 10
    same = pd.DataFrame({"imagenet-a": [50.0] * 5})
    empty = measurement_error.reliability(same, {"total": pd.Series([True] * 5)}, {"imagenet-a": 10, "pgd": 10})
    assert len(empty) == 1
    assert np.isnan(empty["reliability"].item())


def test_spectral_biases_without_division(published):
    accuracies = published["accuracies"]["imagenet"]
    found = variants.without_division(published["scores"], accuracies, published["sets"])
    cell = found.query("row == 'ID' and column == 'low_frequency' and group == 'at'").iloc[0]
    assert [round(cell["ratio"], 2), round(cell["accuracy"], 2)] == [-0.99, 0.27]
    at = published["sets"]["at"]
    product = published["scores"]["low_frequency"][at] * accuracies[at]
    assert cell["accuracy"] == pytest.approx(spearmanr(product, published["scores"]["ID"][at]).statistic)
    assert cell["differs"]
    assert len(tables.without_division(found).displayed) == 24


def test_a_stronger_attack(published):
    found = variants.by_attack(published["table"], published["scores"], published["sets"])
    shape = found.query("column == 'shape' and group == 'at'").set_index("attack")
    assert shape["r"].round(2).to_dict() == {"linf 0.5/255": 0.44, "linf-high": 0.98}
    assert shape["n"].tolist() == [15, 15]
    assert list(tables.by_attack(found).displayed)[2:] == ["PGD, L∞ 0.5/255", "PGD, stronger"]


def test_the_tables_of_the_page(published):
    shown = tables.detectable({"total": 48, "at": 15, "other": 2}).displayed
    assert shown["Models"].tolist() == ["all 48 models", "15 adversarially trained"]
    assert shown["Size of ρ found with probability 80 %"].tolist() == ["0.41", "0.68"]
    assert tables.planner([0.5, 0.7]).data["power_0.8"].tolist() == [31, 15]
    assert "others |ρ| ≥ 0.48" in tables.state(published["cells"])
    assert tables.state(published["cells"].assign(n=3)) == "no set of models is large enough"
    tested = differences(published["cells"])
    assert tables.name_differences(tested.assign(p_holm=1.0)) == "none"
    assert "Robustness with Low freq. (−0.91 and 0.48)" in tables.name_differences(tested)
