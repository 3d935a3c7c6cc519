"""Effects on Figure 2: made-up cells, changes that change nothing, and the cells that effects are compared with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.analysis.data_audit import check
from pandas.testing import assert_frame_equal

from bvg import known_models, results
from bvg.results import correlation, scores


def cells(**r) -> pd.DataFrame:
    rows = [("ID", bias, "total", v, v if abs(v) > 0.5 else 0.0) for bias, v in r.items()]
    return pd.DataFrame(rows, columns=["row", "column", "group", "r", "shown"])


def test_the_effect_on_made_up_cells():
    before = cells(shape=0.6, bandwidth=0.6, low_frequency=0.1, high_frequency=0.9, center_frequency=np.nan)
    after = cells(shape=-0.6, bandwidth=0.4, low_frequency=0.2, high_frequency=np.nan, center_frequency=0.9)
    moved = check.effect(before, after)
    assert str(moved) == (
        "of 3 correlations that move, 2 change significance (1 to the opposite sign), 1 is no longer defined; "
        "the largest change of r is −1.20: ID × Shape (all)"
    )
    assert (moved.changed, moved.flips, moved.compared, moved.moved, moved.lost) == (2, 1, 3, 3, 1)
    assert (moved.largest, moved.where) == (pytest.approx(-1.2), "ID × Shape (all)")


def test_no_change_has_no_effect(case):
    moved = check.effect(case.base, case.cells(case.with_accuracy({"imagenet": case.accuracy["imagenet"]})))
    assert (moved.changed, moved.compared, moved.largest) == (0, 72, 0)
    moved = check.effect(case.base, case.cells(case.with_curves(case.curves)))
    assert (moved.changed, moved.compared, moved.largest) == (0, 72, 0)


def test_the_cells_compared_with_are_figure_2(case):
    table = scores.per_model(results.load("published"))
    rows = scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS
    expected = correlation.correlate(table, *rows, known_models.figure2_groups(table["group"]))
    assert_frame_equal(case.base, expected)


@pytest.mark.parametrize(
    ("r", "text"),
    [
        (0.6, "no correlation moves"),
        (
            0.7,
            "of 1 correlation that moves, none changes significance; the largest change of r is 0.10: ID × Shape (all)",
        ),
        (
            0.4,
            "of 1 correlation that moves, 1 changes significance; the largest change of r is −0.20: ID × Shape (all)",
        ),
        (np.nan, "no correlation is defined both before and after"),
    ],
)
def test_the_effect_in_words(r, text):
    assert str(check.effect(cells(shape=0.6), cells(shape=r))) == text
