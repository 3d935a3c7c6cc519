"""What stands before and after the Fourier transforms of `bandpass`, on a GPU in one pass each: kernels in Triton."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 1024


def difference(device: torch.device) -> float:
    """Return the largest difference of a masked spectrum and of the two filtered images from those in torch."""
    with torch.inference_mode():
        images = torch.linspace(-0.5, 1.5, 2 * 3 * 16 * 16, device=device).view(2, 3, 16, 16)
        mask = torch.linspace(0, 1, 16 * 4, device=device).view(16, 4)
        spectrum = torch.fft.rfft2(images)
        expected = spectrum * torch.nn.functional.pad(mask, (0, 5)) * 0.5
        apart = float((masked(spectrum, mask, 0.5) - expected).abs().max()) / float(expected.abs().max())
        low, high = low_and_high(images, 2 * images)
        return max(
            apart, *(float(d.abs().max()) for d in (low - (2 * images).clamp(0, 1), high - (-images).clamp(0, 1)))
        )


def masked(spectrum: Tensor, mask: Tensor, scale: float) -> Tensor:
    """Multiply half spectra by `scale` and the columns of a mask that are not 0; the other columns become 0.

    Args:
        spectrum: complex64 [N, C, H, W // 2 + 1].
        mask: float32 [H, columns].
        scale: a number.

    Returns:
        complex64 of the shape of `spectrum`.
    """
    out = torch.empty_like(spectrum)
    height, width = spectrum.shape[-2:]
    pairs = torch.view_as_real(spectrum.contiguous())
    grid = triton.cdiv(2 * height * width, BLOCK), spectrum[..., 0, 0].numel()
    _masked[grid](torch.view_as_real(out), pairs, mask.contiguous(), height * width, width, mask.shape[1], scale, BLOCK)
    return out


@triton.jit
def _masked(out, spectrum, mask, size, width, columns, scale, BLOCK: tl.constexpr):
    channel = tl.program_id(1).to(tl.int64) * 2 * size
    half = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)  # a real or an imaginary part
    row, column = (half // 2) // width, (half // 2) % width
    kept = (half < 2 * size) & (column < columns)
    factor = tl.load(mask + row * columns + column, mask=kept, other=0.0)
    value = tl.load(spectrum + channel + half, mask=kept & (factor != 0), other=0.0)
    tl.store(out + channel + half, value * (factor * scale), mask=half < 2 * size)


def low_and_high(images: Tensor, low: Tensor) -> tuple[Tensor, Tensor]:
    """Return `low` and `images - low`, each clipped to [0, 1]: float32 tensors of one shape; `low` is overwritten."""
    images, high = images.contiguous(), torch.empty_like(low)
    _low_and_high[triton.cdiv(low.numel(), BLOCK),](high, low, images, low.numel(), BLOCK)
    return low, high


@triton.jit
def _low_and_high(high, low, images, size, BLOCK: tl.constexpr):
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = place < size
    kept = tl.load(low + place, mask=inside, other=0.0)
    rest = tl.load(images + place, mask=inside, other=0.0) - kept
    tl.store(low + place, tl.minimum(tl.maximum(kept, 0.0), 1.0), mask=inside)
    tl.store(high + place, tl.minimum(tl.maximum(rest, 0.0), 1.0), mask=inside)
