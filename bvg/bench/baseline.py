"""The plain way: one image, one condition after the other, by the libraries that anyone would take.

These are what the benchmark compares with. They compute the same stimuli as `bvg.kernels`, and are held against them whenever
they are timed.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def bandpass_numpy(image: np.ndarray, cutoff: float, kind: str) -> np.ndarray:
    """A low- or high-passed image by NumPy: transform, shift, mask, back. float32 [3, H, W] in [0, 1], as the result."""
    spectrum = np.fft.fftshift(np.fft.fft2(image), axes=(-2, -1))
    kept = np.fft.ifft2(np.fft.ifftshift(spectrum * _square(image.shape, cutoff, kind), axes=(-2, -1)))
    return kept.real.clip(0, 1).astype(np.float32)


def bandpass_torch(image: Tensor, cutoff: float, kind: str) -> Tensor:
    """The same by torch, on the image's device."""
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
    """White noise [H, W] confined to one octave: a level of pyrtools' Laplacian pyramid, at the RMS of the finest."""
    import pyrtools

    pyramid = pyrtools.pyramids.LaplacianPyramid(white)
    alone = pyramid.recon_pyr(levels=pyramid.num_scales - 1 - band)
    finest = pyramid.recon_pyr(levels=0)
    return alone * np.sqrt(np.mean(finest**2) / np.mean(alone**2))


def critical_band(
    grey: np.ndarray, white: np.ndarray, noise_sd: float, band: int, rng: np.random.Generator, every: bool
) -> np.ndarray:
    """A grey image [H, W] in narrow-band noise; where a pixel leaves [0, 1], a loop over pixels puts it back.

    `every`: the loop visits every pixel, as that of Subramanian et al. does (methods.py of their repository); else only those
    that need it, found by NumPy.
    """
    noise = narrowband_pyrtools(white, band)
    shown = grey + noise
    if shown.min() < 0 or shown.max() > 1:
        outside = np.ndindex(shown.shape) if every else zip(*np.nonzero((shown < 0) | (shown > 1)), strict=True)
        for place in outside:
            if 0 <= shown[place] <= 1:
                continue
            moved = 0.1 - noise[place] if shown[place] < 0 else 0.9 - noise[place]
            if 0 <= moved <= 1:
                shown[place] = moved + noise[place]
            while not 0 <= shown[place] <= 1:
                shown[place] = grey[place] + rng.normal(0, noise_sd)
    return shown
