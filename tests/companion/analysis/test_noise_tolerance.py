"""The noise that a model tolerates, from its fitted channel."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.analysis.noise_tolerance import tolerated

from bvg.results import channel

METRICS = ["bandwidth", "center_frequency", "peak_noise_sensitivity"]


@pytest.mark.parametrize("thresholds", [[0, 1, 2, 3, 4, 4, 3], [0, 0, 1, 2, 3, 2, 1], [1, 2, 3, 3, 2, 1, 0]])
def test_the_limit_lies_between_the_noise_levels_that_the_thresholds_name(thresholds):
    """A fit that misses no threshold by half a level gives back each: how many levels, from the strongest down, are too strong."""
    fit = channel.fit_channel(thresholds)
    limits = tolerated(pd.DataFrame([{m: getattr(fit, m) for m in METRICS}]), 7).loc[0]
    levels = np.log2(np.array(channel.NOISE_SDS[1:]) / channel.NOISE_SDS[-1])
    assert [int((levels >= limit).sum()) for limit in limits] == thresholds


def test_a_model_without_a_fit_has_no_limit():
    limits = tolerated(pd.DataFrame(np.nan, ["a"], METRICS), 5)
    assert limits.shape == (1, 5)
    assert limits.isna().all(axis=None)
