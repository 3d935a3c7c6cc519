"""What a proof is given, how it fails or is skipped, and how it states a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from bvg.miniature import synthetic

CPU = torch.device("cpu")


class NotProven(AssertionError):
    """A difference exceeds the tolerance of a proof."""


class Skipped(Exception):
    """A proof needs something that is missing here; the message says what."""


@dataclass(frozen=True)
class Ground:
    """What a proof runs on.

    Attributes:
        device: the device that is compared with the CPU.
        folder: an empty folder for the files of the proof.
    """

    device: torch.device
    folder: Path

    @property
    def cuda(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.type == "cuda"

    def size(self, gpu: int, cpu: int) -> int:
        """Choose a number of images by device."""
        return gpu if self.cuda else cpu


def at_most(what: str, value: float, bound: float, unit: str = "") -> str:
    """State a number and its bound; raise `NotProven` if it exceeds the bound or is not a number.

    >>> at_most("difference", 1e-7, 1e-6)
    'difference 1e-07 (at most 1e-06)'
    """
    stated = f"{what} {value:.3g}{unit} (at most {bound:.3g}{unit})"
    if not value <= bound:
        raise NotProven(f"expected {what} of at most {bound:.3g}{unit}, got {value:.3g}{unit}")
    return stated


def same(what: str, one: Tensor, other: Tensor) -> None:
    """Raise `NotProven` unless two tensors, on any devices, are equal bit for bit."""
    one, other = one.cpu(), other.cpu()
    if one.shape != other.shape or one.dtype != other.dtype:
        raise NotProven(f"expected {what} to be {other.dtype} {list(other.shape)}, got {one.dtype} {list(one.shape)}")
    if not torch.equal(one, other):
        raise NotProven(
            f"expected {what} to be equal, got {int((one != other).sum()):,} of {one.numel():,} values that differ"
        )


def apart(one: Tensor, other: Tensor) -> float:
    """Return the largest absolute difference of two tensors on any devices; NaN if a value is not a number."""
    return float((one.detach().cpu().double() - other.detach().cpu().double()).abs().max())


def pictures(n: int, size: int = synthetic.SIZE) -> tuple[Tensor, Tensor]:
    """Return synthetic images at a size in pixels and their classes.

    Returns:
        float [n, 3, size, size] in [0, 1], multiples of 1/255; int64 [n].
    """
    images, labels = synthetic.images("val", n)
    scaled = images.float() if size == synthetic.SIZE else interpolate(images.float(), (size, size), mode="bicubic")
    return scaled.round().clamp(0, 255) / 255, labels
