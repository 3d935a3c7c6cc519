"""Whether two sets of models differ in their correlations."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from bvg.results.correlation import FEWEST
from companion.analysis.multiple_tests import adjusted
from companion.analysis.power import VARIANCE

COLUMNS = ("row", "column", "r_first", "r_second", "n_first", "n_second", "z", "p", "p_holm")


def differences(cells: pd.DataFrame, first: str = "at", second: str = "other") -> pd.DataFrame:
    """Test in each cell whether two sets of models have the same correlation.

    z = (atanh r1 - atanh r2) / sqrt(1.06 / (n1 - 3) + 1.06 / (n2 - 3)) is compared with the normal distribution. That one
    correlation is significant and the other is not does not show that they differ.

    Args:
        cells: from `bvg.results.correlation.correlate`.
        first, second: names of the two sets, which share no model.

    Returns:
        One row per cell with the columns `COLUMNS`; p_holm is corrected over all cells by Holm's procedure. z and p are NaN
        where a correlation is not defined.

    Example:
        >>> one = {"row": "ID", "column": "shape"}
        >>> table = pd.DataFrame([one | {"group": "at", "r": 0.8, "n": 15}, one | {"group": "other", "r": 0.1, "n": 33}])
        >>> differences(table).round(3)[["z", "p"]].to_numpy().tolist()
        [[2.839, 0.005]]
    """
    keys = ["row", "column"]
    sides = [cells[cells["group"] == g].set_index(keys)[["r", "n"]] for g in (first, second)]
    table = sides[0].join(sides[1], lsuffix="_first", rsuffix="_second", how="inner")
    table["z"] = statistic(*(table[c].to_numpy(float) for c in ("r_first", "r_second", "n_first", "n_second")))
    table["p"] = 2 * norm.sf(table["z"].abs())
    table["p_holm"] = adjusted(table["p"])
    return table.reset_index()[list(COLUMNS)]


def statistic(first: np.ndarray, second: np.ndarray, n_first: np.ndarray, n_second: np.ndarray) -> np.ndarray:
    """Return z of two correlations over n_first and n_second observations; NaN where one of them is not defined."""
    # An order without exceptions has no finite atanh: r counts as the largest that is not 1.
    steps = [np.arctanh(np.clip(r, -0.999, 0.999)) for r in (first, second)]
    spread = [VARIANCE / np.where(n >= FEWEST, n - 3, np.nan) for n in (n_first, n_second)]
    return (steps[0] - steps[1]) / np.sqrt(spread[0] + spread[1])
