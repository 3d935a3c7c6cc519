"""Example stimuli for the pages, made by the kernels from images that scikit-image ships."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import skimage
import torch
from skimage.transform import resize

from bvg import kernels
from companion.analysis import filtered_accuracy

SIZE = 224

PHOTOGRAPHS = {
    "chelsea": "Cat, by Stefan van der Walt, CC0",
    "coffee": "Cup of coffee, by Rachel Michetti, CC0",
    "astronaut": "Eileen Collins, by NASA, public domain",
}
"""Photographs of scikit-image that a reader can choose: subject, source and licence, as scikit-image states them."""


def photograph(name: str = "chelsea") -> np.ndarray:
    """Return a photograph of scikit-image as float [224, 224, 3] in [0, 1]: its central square, resized."""
    image = getattr(skimage.data, name)()
    side = min(image.shape[:2])
    top, left = ((s - side) // 2 for s in image.shape[:2])
    return resize(image[top : top + side, left : left + side, :3], (SIZE, SIZE), anti_aliasing=True).astype(np.float32)


def cues() -> dict[str, np.ndarray]:
    """Return a shape (the outline of a horse), a texture (a brick wall) and the outline filled with the texture.

    Each is float [224, 224, 3] in [0, 1]. The study's stimuli are made by style transfer; these illustrate the principle.
    """
    outline = np.pad(~skimage.data.horse(), ((36, 36), (0, 0))).astype(float)
    inside = resize(outline, (SIZE, SIZE), anti_aliasing=True)[..., None].clip(0, 1)
    wall = skimage.data.brick()[:SIZE, :SIZE, None] / 255 * np.array([1.0, 0.62, 0.5])
    background = (1 - inside) * 0.93
    images = {"shape": background + inside * 0.1 * np.ones(3), "texture": wall, "conflict": background + inside * wall}
    return {name: image.clip(0, 1).astype(np.float32) for name, image in images.items()}


def mixes(steps: int = 9) -> list[np.ndarray]:
    """Return cue conflicts from texture only to shape only, with the outline filled with the texture in the middle.

    Up to the middle the texture fades from the background, so that the shape appears; from there it fades from the shape.

    Args:
        steps: number of images, an odd number from 3.

    Returns:
        Images as of `cues`.
    """
    images = cues()
    ends = images["texture"], images["conflict"], images["shape"]
    shares = np.linspace(0, 2, steps)
    return [(1 - s % 1) * ends[int(s)] + (s % 1) * ends[min(int(s) + 1, 2)] for s in shares]


def bandpass(image: np.ndarray, cutoff: float, kind: str) -> np.ndarray:
    """Apply `bvg.kernels.bandpass` to one image [H, W, 3]."""
    return _image(kernels.bandpass(_batch(image), cutoff, kind))


def brightened(image: np.ndarray) -> np.ndarray:
    """Scale an image to the full range for display: a high-pass filtered photograph is nearly black."""
    return (image / np.quantile(image, 0.999)).clip(0, 1)


def critical_band(image: np.ndarray, noise_sd: float, band: int, seed: int, index: int = 0) -> np.ndarray:
    """Apply `bvg.kernels.critical_band` to one image [H, W, 3]; `index` is its position in its data set."""
    return _image(kernels.critical_band(_batch(image), noise_sd, band, seed, torch.tensor([index])))


def overview(cutoff: float, noise_sd: float, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Return the stimuli of Figure 1: family of biases -> caption -> image, three images each."""
    photo = photograph()
    return {
        "shape": cues(),
        "spectral": {
            "photograph": photo,
            "low-pass": bandpass(photo, cutoff, "low"),
            "high-pass*": brightened(bandpass(photo, cutoff, "high")),
        },
        "critical band": {f"noise, band {b}": critical_band(photo, noise_sd, b, seed) for b in (1, 3, 5)},
    }


def filtered(cutoffs: Sequence[float]) -> list[list[np.ndarray]]:
    """Return a photograph low-pass filtered (first row) and high-pass filtered (second row, brightened) at each cut-off."""
    photo = photograph()
    low = [bandpass(photo, c, "low") for c in cutoffs]
    high = [brightened(bandpass(photo, c, "high")) for c in cutoffs]
    return [low, high]


def halved(medians: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return a photograph filtered where the median model falls below half of its accuracy: kind of filter -> image.

    Args:
        medians: from `companion.analysis.filtered_accuracy.medians`. A kind without such a cut-off gives no image; the
            high-pass filtered one is brightened.
    """
    photo, found = photograph(), {kind: filtered_accuracy.half(medians, kind) for kind in filtered_accuracy.KINDS}
    images = {kind: bandpass(photo, row["cutoff"], kind) for kind, row in found.items() if row is not None}
    return {kind: brightened(image) if kind == "high" else image for kind, image in images.items()}


def noisy(noise_sds: Sequence[float], bands: Sequence[int], seed: int) -> list[list[np.ndarray]]:
    """Return a photograph with noise in each band (columns) at each standard deviation (rows)."""
    photo = photograph()
    return [[critical_band(photo, sd, b, seed) for b in bands] for sd in noise_sds]


def _batch(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None]


def _image(batch: torch.Tensor) -> np.ndarray:
    return batch[0].permute(1, 2, 0).numpy()
