"""The noise that a model tolerates in each octave band, according to the Gaussian fitted to its thresholds."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from bvg.results import channel


def tolerated(fits: pd.DataFrame, bands: int, lowest_centre: float = channel.LOWEST_CENTRE) -> pd.DataFrame:
    """Estimate the SD of noise at which a model keeps half of its accuracy, from its published channel.

    The Gaussian gives a threshold T in each band: the number of noise levels, from the strongest down, that take the model
    below half of its accuracy. The limit lies between the level that still does and the next one; with levels of which each is
    twice the previous one, that is the strongest SD times 2 ** (0.5 - T).

    Args:
        fits: one row per model (index) with the columns bandwidth, center_frequency and peak_noise_sensitivity.
        bands: number of octave bands.
        lowest_centre: centre of band 0 in cycles per image, on the images of the fits.

    Returns:
        One row per model, one column per band: log2(SD / strongest SD), at most 0.5; NaN for a model without a fit.

    Example:
        >>> fits = pd.DataFrame({"bandwidth": [4.7], "center_frequency": [28.0], "peak_noise_sensitivity": [1.0]})
        >>> tolerated(fits, 7)[4].tolist()  # band 4 has its centre at 28 cycles per image: not even the weakest noise
        [-3.5]
    """
    amplitude = channel.STRONGEST + np.log2(fits["peak_noise_sensitivity"])
    mu = np.log2(fits["center_frequency"] / lowest_centre)
    sigma = fits["bandwidth"] / (2 * math.sqrt(math.log(4)))
    return pd.DataFrame({band: 0.5 - amplitude * np.exp(-((band - mu) ** 2) / (2 * sigma**2)) for band in range(bands)})
