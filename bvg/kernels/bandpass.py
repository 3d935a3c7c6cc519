"""Low-pass and high-pass filters that keep or remove a square of the two-dimensional spectrum.

Source: Gavrikov and Keuper, "Can Biases in ImageNet Models Explain Generalization?", CVPR 2024 (spectral bias).
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from bvg.kernels._checks import check_images
from bvg.kernels._gpu import gpu_kernels

Kind = Literal["low", "high"]


def half_width(cutoff: float, kind: Kind, size: int) -> int:
    """Compute the half-width of the square, in cycles per image.

    It is int(share * (size // 2)), where the share is `cutoff` for a low-pass and `1 - cutoff` for a high-pass. Python's
    floating-point arithmetic rounds as in the authors' code.

    >>> half_width(0.1, "low", 224), half_width(0.9, "high", 224)
    (11, 11)

    Raises:
        ValueError: `cutoff` outside [0, 1], or `kind` neither "low" nor "high".
    """
    if kind not in ("low", "high"):
        raise ValueError(f'expected `kind` to be "low" or "high", got {kind!r}')
    if not 0 <= cutoff <= 1:
        raise ValueError(f"expected `cutoff` in [0, 1], got {cutoff} (is it in percent?)")
    return int((cutoff if kind == "low" else 1 - cutoff) * (size // 2))


def bandpass(images: Tensor, cutoff: float, kind: Kind) -> Tensor:
    """Keep the low or the high spatial frequencies of images.

    With r = `half_width`, the square covers rows and columns centre - r … centre + r - 1 of the shifted spectrum of each
    channel. A low-pass keeps only the square; a high-pass sets it to 0. The result is the real part of the inverse
    transform, clipped to [0, 1].

    Args:
        images: float [N, C, H, W] in [0, 1].
        cutoff: share of the frequencies that are kept, in [0, 1]. A low-pass of 0.3 keeps the lowest 30 %, a high-pass of
            0.3 removes the lowest 70 %. The study uses 0.01, 0.1 … 0.9, 0.99.
        kind: "low" or "high".

    Returns:
        float [N, C, H, W] in [0, 1].

    Raises:
        ValueError: wrong shape, dtype or range.

    >>> flat = torch.full((1, 3, 224, 224), 0.25)
    >>> bandpass(flat, 0.1, "low").unique(), bandpass(flat, 0.1, "high").unique()
    (tensor([0.2500]), tensor([0.]))
    """
    ((_, _, filtered),) = bandpass_all(images, [(kind, cutoff)])
    return filtered


def bandpass_all(images: Tensor, conditions: Sequence[tuple[Kind, float]]) -> Iterator[tuple[Kind, float, Tensor]]:
    """Apply many filters to the same images, with one forward transform.

    A low-pass c and a high-pass 1 - c have the same square: they share one inverse transform, and the high-pass is the
    image minus the low-pass. The filtered batches are made one pair at a time, in the order of the size of the square.

    Args:
        images: float [N, C, H, W] in [0, 1].
        conditions: pairs of kind and cut-off (see `bandpass`).

    Yields:
        Kind, cut-off, and the result of `bandpass(images, cutoff, kind)`.

    Raises:
        ValueError: wrong shape, dtype or range.
    """
    check_images(images)
    height, width = images.shape[-2:]
    squares: dict[tuple[int, int], list[tuple[Kind, float]]] = {}
    for kind, cutoff in conditions:
        square = half_width(cutoff, kind, height), half_width(cutoff, kind, width)
        squares.setdefault(square, []).append((kind, cutoff))
    return _filtered(images, dict(sorted(squares.items())))


def _filtered(images: Tensor, squares: dict) -> Iterator[tuple[Kind, float, Tensor]]:
    spectrum = torch.fft.rfft2(images)
    for square, conditions in squares.items():
        low, high = _low_and_high(images, spectrum, square, any(kind == "high" for kind, _ in conditions))
        for kind, cutoff in conditions:
            yield kind, cutoff, low if kind == "low" else high


def _low_and_high(
    images: Tensor, spectrum: Tensor, square: tuple[int, int], both: bool
) -> tuple[Tensor, Tensor | None]:
    """Return the low-pass of a square and, if `both`, the high-pass."""
    size = images.shape[-2:]
    if images.dtype == torch.float32 and (gpu := gpu_kernels("gpu_filter", images.device)) is not None:
        # One transform back, without its own pass for the scale.
        part = gpu.masked(spectrum, _mask(square, *size, images.device), 1 / (size[0] * size[1]))
        return gpu.low_and_high(images, torch.fft.irfft2(part, s=size, norm="forward"))
    low = _inside(spectrum, square, size)
    high = (images - low).clamp_(0, 1) if both else None
    return low.clamp_(0, 1), high


def _inside(spectrum: Tensor, square: tuple[int, int], size: Sequence[int]) -> Tensor:
    """Transform the frequencies in the square back; return the real part.

    The square M contains the frequency -r but not +r. The real part of the inverse transform is the inverse transform of the
    Hermitian part. The spectrum X of a real image is Hermitian, so that part is X(k) * (M(k) + M(-k)) / 2, and the half
    spectrum from rfft2 suffices.
    """
    height, width = size
    mask = _mask(square, height, width, spectrum.device)
    part = spectrum[..., : mask.shape[1]] * mask.to(spectrum.real.dtype)
    return torch.fft.irfft(torch.fft.ifft(part, dim=-2), n=width, dim=-1)


@lru_cache(maxsize=64)  # a mask is small; making one takes a dozen kernel launches on a GPU
def _mask(square: tuple[int, int], height: int, width: int, device: torch.device) -> Tensor:
    """Compute the columns of (M(k) + M(-k)) / 2 that are not 0, float32."""
    with torch.inference_mode(False):  # a cached tensor must work in any mode
        rows, columns = _kept(square[0], height, device), _kept(square[1], width, device)
        mask = (torch.outer(rows, columns) + torch.outer(_mirrored(rows), _mirrored(columns))) / 2
        return mask[:, : min(square[1] + 1, width // 2 + 1)]


def _kept(half: int, size: int, device: torch.device) -> Tensor:
    """Return 1 for frequencies in -half … half - 1 of the unshifted spectrum, else 0."""
    frequency = torch.fft.ifftshift(torch.arange(size, device=device) - size // 2)
    return ((frequency >= -half) & (frequency < half)).float()


def _mirrored(values: Tensor) -> Tensor:
    """Return the values with those of the frequencies k and -k exchanged."""
    return values.flip(0).roll(1)
