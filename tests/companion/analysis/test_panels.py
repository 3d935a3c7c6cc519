"""Outliers and bends, planted in made-up scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.analysis.claims import panels
from companion.tables import claims as tables
from scipy.stats import rankdata, theilslopes
from statsmodels.api import OLS

from bvg.results import scores

BIASES = scores.BIAS_COLUMNS


def test_panels_find_a_planted_outlier_and_a_planted_bend():
    rng = np.random.default_rng(0)
    bias, small = np.linspace(0, 1, 40), rng.normal(size=40) / 50
    made = pd.DataFrame({"model": [f"m{k}" for k in range(40)], "group": "new"} | dict.fromkeys(BIASES, bias))
    made["ID"], made["Robustness"] = bias + small, (bias - 0.4) ** 2 + small / 5
    made["Concepts"] = made["ID"].where(made.index != 7, 9)
    made["Adversarial"] = 1.0
    found = panels.panels(made).query("bias == 'shape'").set_index("category")
    assert found["outliers"].to_dict() == {"ID": "", "Robustness": "", "Concepts": "m7", "Adversarial": ""}
    assert found["bends"].to_dict() == {"ID": False, "Robustness": True, "Concepts": False, "Adversarial": False}
    assert found.loc["Robustness", "turn"] == pytest.approx(0.4, abs=0.1)
    assert tables.panels(panels.panels(made)).displayed["Outliers"].iloc[12] == "m7"


@pytest.mark.parametrize("missing", [False, True])
def test_many_panels_equal_scipys_line_and_statsmodels_parabola(missing):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=(30, 2)) ** 3
    x[:, 1] = x[:, 1].round()  # ties
    x[:, 2], y[3, 1] = 0.5, np.nan if missing else 0.0
    counts, p, turn = panels.many(x, y)
    assert (counts[:, 2] == 0).all()
    assert np.isnan(p[:, 2]).all()
    for i, j in np.ndindex(2, 2):
        known = ~np.isnan(y[:, i])
        a, b = x[known, j], y[known, i]
        residual = b - theilslopes(b, a).slope * a
        residual = np.abs(residual - np.median(residual))
        assert counts[i, j] == (residual > 3.5 * 1.4826 * np.median(residual)).sum()
        rank = (rankdata(a) - 0.5) / len(a)
        fit = OLS(rankdata(b), np.c_[np.ones(len(a)), rank, rank**2]).fit()
        assert p[i, j] == pytest.approx(fit.pvalues[2], rel=1e-9)
        assert turn[i, j] == pytest.approx(-fit.params[1] / (2 * fit.params[2]), rel=1e-9)
