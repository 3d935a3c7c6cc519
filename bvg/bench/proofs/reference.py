"""Independent implementations of the kernels in NumPy, SciPy and Pillow, in float64, one image at a time.

They share no line with `bvg.kernels`, so the proofs can fail on a CPU as well.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
from PIL import Image
from scipy.ndimage import correlate1d
from scipy.special import ndtr, ndtri

LOW = np.uint64(0xFFFFFFFF)
MARGIN, MEAN = 0.1, 0.449
BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16


def words(blocks: int | np.ndarray, seed: int, index: int, stream: str) -> list[np.ndarray]:
    """Return the four random words of blocks of an image (Philox-4x32-10): uint64 [blocks] each."""
    block = np.arange(blocks, dtype=np.uint64) if isinstance(blocks, int) else blocks.astype(np.uint64)
    digest = hashlib.blake2b(stream.encode(), digest_size=8).digest()
    name = np.frombuffer(digest, "<u4").astype(np.uint64)
    counter = [block, np.full_like(block, index), np.full_like(block, name[0]), np.full_like(block, name[1])]
    keys = [seed % 2**32, seed >> 32]
    for _ in range(10):
        first, second = counter[0] * np.uint64(0xD2511F53), counter[2] * np.uint64(0xCD9E8D57)
        left, right = map(np.uint64, keys)
        high = np.uint64(32)
        counter = [
            (second >> high) ^ counter[1] ^ left,
            second & LOW,
            (first >> high) ^ counter[3] ^ right,
            first & LOW,
        ]
        keys = [(keys[0] + 0x9E3779B9) % 2**32, (keys[1] + 0xBB67AE85) % 2**32]
    return counter


def uniform(size: int, seed: int, index: int, stream: str) -> np.ndarray:
    """Return uniform numbers of 24 bits: float32 [size]."""
    drawn = np.concatenate(words(-(-size // 4), seed, index, stream))[:size]
    return (drawn >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-24)


def normal(size: int, seed: int, index: int, stream: str) -> np.ndarray:
    """Return standard normal numbers from words rounded to float32 (Box-Muller transform): float64 [size]."""
    drawn = []
    four = [word.astype(np.float32) for word in words(-(-size // 4), seed, index, stream)]
    for radius_word, angle_word in (four[:2], four[2:]):
        radius = np.sqrt(-2 * np.log(((radius_word + np.float32(1)) * np.float32(2.0**-32)).astype(np.float64)))
        angle = (angle_word * np.float32(2 * math.pi * 2.0**-32)).astype(np.float64)
        drawn += [radius * np.cos(angle), radius * np.sin(angle)]
    return np.concatenate(drawn)[:size]


def grey(image: np.ndarray, contrast: float = 0.2) -> np.ndarray:
    """Convert an image to low-contrast grey with Pillow: [3, H, W] in [0, 1] -> float64 [H, W]."""
    picture = Image.fromarray(np.round(image * 255).astype(np.uint8).transpose(1, 2, 0)).convert("L")
    values = np.asarray(picture, dtype=np.float64) / 255
    return (values - values.mean()) * contrast + MEAN


def narrowband(white: np.ndarray, band: int) -> np.ndarray:
    """Confine white noise [H, W] to one octave by a Laplacian pyramid built with SciPy's filters."""
    levels = [white]
    while min(levels[-1].shape) >= 5:
        levels.append(_both(levels[-1], BINOMIAL)[::2, ::2])
    level = len(levels) - 1 - band
    finest = white - _enlarged(levels[1], white.shape)
    alone = levels[level]
    if level + 1 < len(levels):
        alone = alone - _enlarged(levels[level + 1], alone.shape)
    for larger in reversed(levels[:level]):
        alone = _enlarged(alone, larger.shape)
    return alone * np.sqrt((finest**2).mean() / (alone**2).mean())


def critical_band(
    image: np.ndarray, noise_sd: float, band: int, seed: int, index: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make a critical-band stimulus.

    Returns:
        The stimulus, float64 [H, W]; the sum of image and noise; and which pixels are redrawn, bool [H, W].
    """
    stream, still = f"critical-band/{band}/{noise_sd!r}", grey(image)
    noise = narrowband(normal(still.size, seed, index, stream).reshape(still.shape) * noise_sd, band)
    total = still + noise
    redrawn = ((total < 0) | (total > 1)) & (np.abs(noise) > 1 - MARGIN)
    stimulus = np.where(total < 0, MARGIN, np.where(total > 1, 1 - MARGIN, total))
    if redrawn.any():
        word = words(np.flatnonzero(redrawn), seed, index, f"{stream}/redrawn")[0]
        kept = still[redrawn]
        lowest, highest = ndtr(-kept / noise_sd), ndtr((1 - kept) / noise_sd)
        quantile = lowest + (highest - lowest) * (word + 0.5) * 2.0**-32
        stimulus[redrawn] = np.clip(kept + noise_sd * ndtri(quantile), 0, 1)
    return stimulus, total, redrawn


def _both(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    for axis in (0, 1):
        image = correlate1d(image, weights, axis=axis, mode="mirror")
    return image


def _enlarged(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    between = np.zeros(shape)
    between[::2, ::2] = image
    return _both(between, 2 * BINOMIAL)
