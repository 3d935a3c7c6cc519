"""Invented tables of the study's models, for the figures to draw."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from figure_content import BENCHMARKS, BIASES, CATEGORIES

from bvg import known_models, study


@pytest.fixture
def scores() -> pd.DataFrame:
    """Random scores of the study's 48 models; shape bias is an exact, falling function of ID."""
    known = known_models.models().query("in_study")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"model": known.index, "group": known["group"].to_numpy()})
    for column in (*CATEGORIES, *BENCHMARKS):
        table[column] = rng.uniform(10, 90, len(table))
    for column in BIASES:
        table[column] = rng.uniform(0, 1, len(table))
    table["shape"] = 1 - table["ID"] / 100
    return table


@pytest.fixture
def bandpass(scores) -> pd.DataFrame:
    """Random band-pass curves of the study's 48 models and of one outside the study."""
    ids = [*scores["model"], "resnet18"]
    rng = np.random.default_rng(1)
    index = pd.MultiIndex.from_product(
        [ids, ["low-pass", "high-pass"], study.CUTOFFS], names=["model", "kind", "cutoff"]
    )
    return pd.DataFrame({"relative_top1": rng.uniform(0, 1, len(index))}, index=index).reset_index()
