"""Stimuli, attack and decisions: pure functions from tensors to tensors, batched, on any device.

A result depends on the seed, the index of the image and the condition, never on the batch.
"""

from bvg.kernels.bandpass import bandpass, bandpass_all
from bvg.kernels.critical_band import (
    band_centre,
    band_count,
    critical_band,
    critical_band_all,
    low_contrast_grey,
    narrowband_noise,
)
from bvg.kernels.decisions import shape_bias, shape_texture_counts, sixteen_way, subset_argmax
from bvg.kernels.pgd import pgd, random_start

__all__ = [
    "band_centre",
    "band_count",
    "bandpass",
    "bandpass_all",
    "critical_band",
    "critical_band_all",
    "low_contrast_grey",
    "narrowband_noise",
    "pgd",
    "random_start",
    "shape_bias",
    "shape_texture_counts",
    "sixteen_way",
    "subset_argmax",
]
