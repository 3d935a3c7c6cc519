"""Example images of the miniature for the book's galleries: float [64, 64, 3] in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bvg import kernels
from bvg.miniature import corruptions, synthetic
from bvg.miniature.instruments import INSTRUMENTS
from bvg.miniature.source import SPLITS
from bvg.study import SEVERITIES

CLASSES = tuple(range(0, 16, 2))
"""Every other class, as many as fit in one row of a page."""


def names(classes: Sequence[int] = CLASSES) -> list[str]:
    """Return the names of the classes, which are those of their shapes."""
    return [synthetic.CLASSES[k].replace("_", " ") for k in classes]


def splits(benchmarks: Sequence[str], classes: Sequence[int] = CLASSES) -> list[list[np.ndarray]]:
    """Return one row of images per data set, one image per class."""
    return [_arrays(synthetic.images(SPLITS[name][0], list(classes))[0]) for name in benchmarks]


KINDS = {"gaussian_noise": "Gaussian noise", "fog": "fog", "pixelate": "pixelate", "checkerboard_cutout": "cut-outs"}
"""Corruptions in the gallery, with short names."""


def conditions(position: int = 38) -> dict[str, list[np.ndarray]]:
    """Return name of a condition -> one validation image at five strengths.

    Strengths go from weakest to strongest.
    """
    image, _ = synthetic.images("val", [position])
    x, band = image.float() / 255, INSTRUMENTS["critical-band"]
    examples = {
        name: [corruptions.corrupt(image, kind, severity, index=[position]) for severity in SEVERITIES]
        for kind, name in KINDS.items()
    }
    examples["low-pass 0.5 … 0.1"] = [kernels.bandpass(x, c, "low") for c in (0.5, 0.4, 0.3, 0.2, 0.1)]
    # High-passed images have no mean and are nearly black, so they are brightened.
    examples["high-pass* 0.9 … 0.5"] = [2 * kernels.bandpass(x, c, "high") for c in (0.9, 0.8, 0.7, 0.6, 0.5)]
    for b in (1, 3):
        noisy = kernels.critical_band_all(x, [(sd, b) for sd in band.noise_sds], 0, [position], band.contrast)
        examples[f"noise in band {b}"] = [out for *_, out in noisy]
    return {name: [_arrays(one)[0] for one in images] for name, images in examples.items()}


def _arrays(images: Tensor) -> list[np.ndarray]:
    images = images.float() / 255 if images.dtype == torch.uint8 else images
    return list(images.clamp(0, 1).permute(0, 2, 3, 1).numpy())
