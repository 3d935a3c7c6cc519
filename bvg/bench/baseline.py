"""Naive baselines: one image and one condition at a time, with widely used libraries.

They compute the same stimuli as `bvg.kernels`. The benchmark checks that whenever it times them.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def bandpass_numpy(image: np.ndarray, cutoff: float, kind: str) -> np.ndarray:
    """Filter an image with NumPy: float32 [3, H, W] in [0, 1], as the result."""
    spectrum = np.fft.fftshift(np.fft.fft2(image), axes=(-2, -1))
    kept = np.fft.ifft2(np.fft.ifftshift(spectrum * _square(image.shape, cutoff, kind), axes=(-2, -1)))
    return kept.real.clip(0, 1).astype(np.float32)


def bandpass_torch(image: Tensor, cutoff: float, kind: str) -> Tensor:
    """Do the same with torch, on the device of the image."""
    mask = torch.from_numpy(_square(tuple(image.shape), cutoff, kind)).to(image.device, torch.float32)
    spectrum = torch.fft.fftshift(torch.fft.fft2(image), dim=(-2, -1))
    return torch.fft.ifft2(torch.fft.ifftshift(spectrum * mask, dim=(-2, -1))).real.clamp(0, 1)


def _square(shape: tuple[int, ...], cutoff: float, kind: str) -> np.ndarray:
    height, width = shape[-2:]
    share = cutoff if kind == "low" else 1 - cutoff
    down, across = int(share * (height // 2)), int(share * (width // 2))
    mask = np.zeros((height, width))
    mask[height // 2 - down : height // 2 + down, width // 2 - across : width // 2 + across] = 1
    return mask if kind == "low" else 1 - mask


def narrowband_pyrtools(white: np.ndarray, band: int) -> np.ndarray:
    """Confine white noise [H, W] to one octave with pyrtools' Laplacian pyramid."""
    import pyrtools

    pyramid = pyrtools.pyramids.LaplacianPyramid(white)
    alone = pyramid.recon_pyr(levels=pyramid.num_scales - 1 - band)
    finest = pyramid.recon_pyr(levels=0)
    return alone * np.sqrt(np.mean(finest**2) / np.mean(alone**2))


def critical_band(
    grey: np.ndarray, white: np.ndarray, noise_sd: float, band: int, rng: np.random.Generator, every: bool
) -> np.ndarray:
    """Add narrow-band noise to a grey image; move values outside [0, 1] in a loop.

    Args:
        grey: the image, [H, W] in [0, 1].
        white: white noise [H, W] of standard deviation `noise_sd`.
        noise_sd, band: as in `bvg.kernels.critical_band`.
        rng: for pixels that are redrawn.
        every: whether the loop visits every pixel, like that of Subramanian et al. (methods.py of their repository), or only
            those outside [0, 1], found by NumPy.
    """
    noise = narrowband_pyrtools(white, band)
    stimulus = grey + noise
    if stimulus.min() < 0 or stimulus.max() > 1:
        outside = (
            np.ndindex(stimulus.shape) if every else zip(*np.nonzero((stimulus < 0) | (stimulus > 1)), strict=True)
        )
        for place in outside:
            if 0 <= stimulus[place] <= 1:
                continue
            moved = 0.1 - noise[place] if stimulus[place] < 0 else 0.9 - noise[place]
            if 0 <= moved <= 1:
                stimulus[place] = moved + noise[place]
            while not 0 <= stimulus[place] <= 1:
                stimulus[place] = grey[place] + rng.normal(0, noise_sd)
    return stimulus
