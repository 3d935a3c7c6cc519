"""Corrected p-values: many tables at once against statsmodels, table by table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.analysis.multiple_tests import adjusted, adjusted_rows
from statsmodels.stats.multitest import multipletests

P = np.random.default_rng(0).random((3, 8, 20)) ** 4
P[:, :, 3] = P[:, :, 7]  # ties
P[1, :, :5], P[2, 0] = np.nan, np.nan


@pytest.mark.parametrize("method", ["holm", "fdr_bh"])
def test_corrections_equal_those_of_statsmodels(method):
    found = adjusted_rows(P, method)
    for index in np.ndindex(P.shape[:2]):
        defined = ~np.isnan(P[index])
        assert np.isnan(found[index][~defined]).all()
        if defined.any():
            expected = multipletests(P[index][defined], method=method)[1]
            np.testing.assert_allclose(found[index][defined], expected, rtol=1e-12)


def test_no_correction_and_an_unknown_one():
    assert adjusted(pd.Series([0.2, np.nan]), "none").tolist()[0] == 0.2
    with pytest.raises(ValueError, match="expected `method` to be one of none, holm, fdr_bh, got 'bonferroni'"):
        adjusted_rows(P, "bonferroni")
