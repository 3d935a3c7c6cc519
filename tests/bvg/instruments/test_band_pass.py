"""Band-pass: its conditions, its stimuli, and the cut-offs that it accepts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bvg.instruments import STUDY
from bvg.kernels import bandpass

BAND_PASS = STUDY["band-pass"]


def test_the_study_s_cutoffs_are_measured_once_each():
    conditions = BAND_PASS.conditions()
    assert len(conditions) == len(set(conditions)) == 22
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    some = [("low-pass", "", 0.3), ("high-pass", "", 0.99)]
    stimuli = dict(BAND_PASS.stimuli(images, torch.arange(2), 0, some))
    assert set(stimuli) == set(some)
    assert torch.equal(stimuli["low-pass", "", 0.3], bandpass(images, 0.3, "low"))
    assert torch.equal(stimuli["high-pass", "", 0.99], bandpass(images, 0.99, "high"))


@pytest.mark.parametrize("cutoffs", [[0.5], (0, 1), np.array([0.1, 0.2])], ids=str)
def test_cutoffs_are_kept_as_a_tuple(cutoffs):
    assert replace(BAND_PASS, cutoffs=cutoffs).cutoffs == tuple(cutoffs)


@pytest.mark.parametrize(
    ("cutoffs", "message"),
    [
        ([30], r"expected `cutoffs` in \[0, 1\], at least one, got \[30\] .are they in percent"),
        ([], "at least one"),
        (0.5, r"expected `cutoffs` in \[0, 1\]"),
        ("0.5", r"expected `cutoffs` in \[0, 1\]"),
        ([None], r"expected `cutoffs` in \[0, 1\]"),
        ([float("nan")], r"expected `cutoffs` in \[0, 1\]"),
        ([0.5, 0.1, 0.5], r"expected each of `cutoffs` once"),
    ],
)
def test_invalid_cutoffs_are_rejected(cutoffs, message):
    with pytest.raises(ValueError, match=message):
        replace(BAND_PASS, cutoffs=cutoffs)
