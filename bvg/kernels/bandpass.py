"""Low-pass and high-pass images: a square cut out of the two-dimensional spectrum.

Source: Gavrikov and Keuper, "Can Biases in ImageNet Models Explain Generalization?", CVPR 2024 (spectral bias).
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from bvg.kernels._checks import check_images

Kind = Literal["low", "high"]


def half_width(cutoff: float, kind: Kind, size: int) -> int:
    """Half-width of the square in the spectrum, in cycles per image: int(share * (size // 2)).

    The share is `cutoff` for a low-pass and `1 - cutoff` for a high-pass, in Python's floating-point arithmetic.

    >>> half_width(0.1, "low", 224), half_width(0.9, "high", 224)
    (11, 11)

    Raises:
        ValueError: the cut-off is outside [0, 1], or the kind is neither "low" nor "high".
    """
    if kind not in ("low", "high"):
        raise ValueError(f'expected `kind` to be "low" or "high", got {kind!r}')
    if not 0 <= cutoff <= 1:
        raise ValueError(f"expected `cutoff` in [0, 1], got {cutoff} (is it in percent?)")
    return int((cutoff if kind == "low" else 1 - cutoff) * (size // 2))


def bandpass(images: Tensor, cutoff: float, kind: Kind) -> Tensor:
    """Keep the low, or the high, spatial frequencies of images.

    In the shifted spectrum of each channel, with r = `half_width`, the square of rows and columns centre - r …
    centre + r - 1 is all that a low-pass keeps and all that a high-pass sets to 0. The result is the real part of the
    inverse transform, clipped to [0, 1].

    Args:
        images: float [N, C, H, W] in [0, 1].
        cutoff: share of the frequencies, in [0, 1]. A low-pass of 0.3 keeps the lowest 30 %, a high-pass of 0.3
            removes the lowest 70 %; the study has 0.01, 0.1 … 0.9, 0.99.
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
    """Many filters of the same images, from one transform.

    Low-pass c and high-pass 1 - c cut the same square: they share one inverse transform, and the high-pass is the
    image less the low-pass. One filtered batch at a time is made, in the order of the square's size.

    Args:
        images: float [N, C, H, W] in [0, 1].
        conditions: pairs of kind and cut-off, as `bandpass` takes them.

    Yields:
        kind, cut-off, and what `bandpass(images, cutoff, kind)` returns.
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
        low = _inside(spectrum, square, images.shape[-2:])
        # High-passes first: they need the low-pass as it is; after them it is clipped in place.
        for kind, cutoff in sorted(conditions, key=lambda condition: condition[0] == "low"):
            yield kind, cutoff, (low if kind == "low" else images - low).clamp_(0, 1)


def _inside(spectrum: Tensor, square: tuple[int, int], size: Sequence[int]) -> Tensor:
    """Real part of the inverse transform of the square's frequencies.

    The square M holds the frequency -r but not +r. The real part of the inverse is the inverse of the Hermitian part,
    and the spectrum X of a real image is Hermitian: what remains is X(k) * (M(k) + M(-k)) / 2, for which the half of the
    spectrum that rfft2 gives is enough.
    """
    height, width = size
    mask = _mask(square, height, width, spectrum.device)
    part = spectrum[..., : mask.shape[1]] * mask.to(spectrum.real.dtype)
    return torch.fft.irfft(torch.fft.ifft(part, dim=-2), n=width, dim=-1)


@lru_cache(maxsize=64)  # small, and on a GPU a dozen launches each
def _mask(square: tuple[int, int], height: int, width: int, device: torch.device) -> Tensor:
    """(M(k) + M(-k)) / 2 of the columns that are not 0, float32 [height, columns]."""
    with torch.inference_mode(False):  # what is kept here serves callers of any mode
        rows, columns = _kept(square[0], height, device), _kept(square[1], width, device)
        mask = (torch.outer(rows, columns) + torch.outer(_mirrored(rows), _mirrored(columns))) / 2
        return mask[:, : min(square[1] + 1, width // 2 + 1)]


def _kept(half: int, size: int, device: torch.device) -> Tensor:
    """1 where the frequency of the unshifted spectrum is in -half … half - 1, else 0."""
    frequency = torch.fft.ifftshift(torch.arange(size, device=device) - size // 2)
    return ((frequency >= -half) & (frequency < half)).float()


def _mirrored(values: Tensor) -> Tensor:
    """The value at frequency -k in the place of k."""
    return values.flip(0).roll(1)
