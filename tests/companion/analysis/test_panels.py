"""Outliers and bends, planted in made-up scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.analysis.claims import panels
from companion.tables import claims as tables

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
