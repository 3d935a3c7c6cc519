"""Example images of the miniature, for the book's galleries: float [64, 64, 3] in [0, 1]."""

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
"""Every other class: as many as a page shows in one row."""


def names(classes: Sequence[int] = CLASSES) -> list[str]:
    """What the classes are called: by their shapes."""
    return [synthetic.CLASSES[k].replace("_", " ") for k in classes]


def splits(benchmarks: Sequence[str], classes: Sequence[int] = CLASSES) -> list[list[np.ndarray]]:
    """One row per data set, one image per class."""
    return [_shown(synthetic.images(SPLITS[name][0], list(classes))[0]) for name in benchmarks]


KINDS = {"gaussian_noise": "Gaussian noise", "fog": "fog", "pixelate": "pixelate", "checkerboard_cutout": "cut-outs"}
"""Corruptions to show, and their names where room is scarce."""


def conditions(position: int = 38) -> dict[str, list[np.ndarray]]:
    """One validation image as the instruments show it, by name: five strengths each, from the weakest."""
    image, _ = synthetic.images("val", [position])
    x, band = image.float() / 255, INSTRUMENTS["critical-band"]
    shown = {
        name: [corruptions.corrupt(image, kind, severity, index=[position]) for severity in SEVERITIES]
        for kind, name in KINDS.items()
    }
    shown["low-pass 0.5 … 0.1"] = [kernels.bandpass(x, c, "low") for c in (0.5, 0.4, 0.3, 0.2, 0.1)]
    # Twice as bright: without the mean they are nearly black.
    shown["high-pass* 0.9 … 0.5"] = [2 * kernels.bandpass(x, c, "high") for c in (0.9, 0.8, 0.7, 0.6, 0.5)]
    for b in (1, 3):
        noisy = kernels.critical_band_all(x, [(sd, b) for sd in band.noise_sds], 0, [position], band.contrast)
        shown[f"noise in band {b}"] = [out for *_, out in noisy]
    return {name: [_shown(one)[0] for one in images] for name, images in shown.items()}


def _shown(images: Tensor) -> list[np.ndarray]:
    images = images.float() / 255 if images.dtype == torch.uint8 else images
    return list(images.clamp(0, 1).permute(0, 2, 3, 1).numpy())
