"""Tables and phrases of the robustness page, for none, one and many cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.tables import robustness as tables


def cells(*r: float) -> pd.DataFrame:
    return pd.DataFrame({"row": "ID", "column": "shape", "group": "at", "r": list(r), "dcor": 0.5})


@pytest.mark.parametrize(
    ("r", "text"),
    [
        ([], "none"),
        ([-0.98], "ID with Shape (AT, −0.98)"),
        ([-0.98, np.nan], "ID with Shape (AT, −0.98) and ID with Shape (AT, not defined)"),
    ],
)
def test_cells_are_named_with_their_values(r, text):
    assert tables.name_cells(cells(*r)) == text
    if r == [-0.98]:
        assert tables.name_cells(cells(*r), ["r", "dcor"], between=" to ") == "ID with Shape (AT, −0.98 to 0.50)"


@pytest.mark.parametrize(
    ("models", "text"),
    [
        ([], "none"),
        (["tv_resnet50"], "ResNet-50 baseline (1 cell)"),
        (["tv_resnet50", "resnet50_dino", "resnet50_dino"], "DINO (2 cells) and ResNet-50 baseline (1 cell)"),
    ],
)
def test_influential_models_are_named_with_their_number_of_cells(models, text):
    checked = pd.DataFrame({"without_model": pd.Series(models, dtype=object), "without_changes": 1.0})
    assert tables.most_influential(checked) == text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ([""], "none"),
        (["lost"], "1 loses its significance"),
        (["lost", "lost", "gained", "sign"], "2 lose their significance, 1 becomes significant and 1 changes its sign"),
    ],
)
def test_changes_are_counted(changes, text):
    assert tables.by_change(pd.DataFrame({"change": changes})) == text


@pytest.mark.parametrize(("r", "text"), [(0.5, "0.50"), (0.0, "n.s."), (np.nan, "")])
def test_the_window_in_use_may_be_undefined(r, text):
    summary = pd.DataFrame(
        {
            "bias": ["low_frequency"], "category": "ID", "group": "total", "windows": 66, "lowest": -0.5, "highest": 0.25,
            "positive": 0, "negative": 1, "chosen": r,
        }
    )  # fmt: skip
    row = tables.windows(summary).displayed.iloc[0]
    assert row["Window in use"] == text
    assert row["r over all windows"] == "−0.50 to 0.25"
