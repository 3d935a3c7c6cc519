"""The naive baselines compute the same stimuli as the kernels."""

import numpy as np
import pytest
import torch

from bvg import kernels
from bvg.bench import baseline
from bvg.bench.kernels import BANDPASS, CRITICAL_BAND, natural_images
from bvg.kernels.randomness import normal


def test_filters_equal_those_of_the_kernels():
    image = natural_images(2)[1:]
    for kind, cutoff, filtered in kernels.bandpass_all(image, BANDPASS):
        assert np.abs(baseline.bandpass_numpy(image[0].numpy(), cutoff, kind) - filtered[0].numpy()).max() < 2e-6
        assert (baseline.bandpass_torch(image[0], cutoff, kind) - filtered[0]).abs().max() < 2e-6


@pytest.mark.parametrize("every", [True, False])
def test_noise_equals_that_of_the_kernels(every):
    image, index = natural_images(1), torch.tensor([3])
    grey = kernels.low_contrast_grey(image)[0].numpy()
    for noise_sd, band, ours in kernels.critical_band_all(image, CRITICAL_BAND[-7:], 5, index):
        white = normal((224, 224), 5, index, f"critical-band/{band}/{noise_sd!r}")[0].numpy() * noise_sd
        theirs = baseline.critical_band(grey, white, noise_sd, band, np.random.default_rng(0), every)
        redrawn = np.abs(baseline.narrowband_pyrtools(white, band)) > 0.9
        assert np.abs(ours[0, 0].numpy() - theirs)[~redrawn].max() < 1e-5
        assert ((theirs >= 0) & (theirs <= 1)).all()
