"""Tables of the data audit: changes that are large, negligible or undefined; unknown denominators."""

from __future__ import annotations

import numpy as np
import pandas as pd
from companion.tables import data_audit as tables


def test_findings_state_the_cell_of_a_visible_change_only():
    found = pd.DataFrame(
        {
            "finding": ["large", "negligible", "absent", "skipped"],
            "state": ["found", "found", "not found", "not applicable"],
            "effect_text": ["left out: 1 of 2", "clipped: none of 2", "not applicable", "not applicable"],
            "cells_changed": pd.array([1, 0, pd.NA, pd.NA], "Int64"),
            "largest_change": [-0.5, 0.001, np.nan, np.nan],
            "where": ["ID × Shape (all)", "ID × Shape (AT)", "", ""],
        }
    )
    table = tables.findings(found)
    assert table.displayed["Largest change of r"].tolist() == ["−0.50, ID × Shape (all)", "0.00", ""]
    assert table.displayed["Correlations that change"].tolist() == ["1", "0", ""]
    assert table.displayed["Found"].tolist() == ["yes", "yes", "no"]
    assert len(table.data) == 4


def test_an_unknown_denominator_is_stated():
    data = pd.DataFrame(
        {"benchmark": ["imagenet", "pgd"], "images": [50_000, np.nan], "denominator": [50_000, np.nan],
         "standard_error": [0.2, np.nan], "spread": [4.0, 1.0]}
    )  # fmt: skip
    displayed = tables.denominators(data).displayed
    assert displayed["Accuracies are multiples of"].tolist() == ["1/50,000", "unknown"]
    assert displayed["Images"].tolist() == ["50,000", "not stated"]
    assert displayed.iloc[1, 3] == "not defined"
