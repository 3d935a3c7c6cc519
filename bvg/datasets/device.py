"""Copy images to the device that runs the models, without waiting for it.

On CUDA a copy is queued behind earlier work on the same stream: it takes a thousandth of a network's time, so a second
stream is not worth its synchronization. The host reads the next batch meanwhile.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import torch
from torch import Tensor

from bvg.datasets.cache import CachedImages, MappedImages

CHUNK = 256
"""Images per copy when a data set is put on a device."""

PIECE = 8
"""Images that one thread gathers at a time."""

log = logging.getLogger(__name__)


def to_device(values: np.ndarray | Tensor, device: torch.device) -> Tensor:
    """Copy an array or tensor to a device; on CUDA without waiting.

    The copy to CUDA goes through pinned memory. torch does not reuse the pinned memory before the copy is made.
    """
    tensor = torch.as_tensor(values)
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=device.type == "cuda")


class DeviceImages:
    """Rows of a memory map, copied to a device.

    Args:
        mapped: the memory map.
        rows: int64 [n], the rows that will be requested.
        device: where to copy them.
    """

    def __init__(self, mapped: MappedImages, rows: np.ndarray, device: torch.device) -> None:
        self.valid, self.files, self._device = mapped.valid, mapped.files, device
        self._place = np.full(len(mapped.files), -1)
        self._place[rows] = np.arange(len(rows))
        self._images = torch.empty((len(rows), *mapped.images.shape[1:]), dtype=torch.uint8, device=device)
        pinned = PinnedImages(mapped)
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            self._images[start : start + len(chunk)] = to_device(pinned.take(chunk), device)

    def contains(self, mapped: MappedImages, rows: np.ndarray) -> bool:
        """Return whether these rows of this map are on the device."""
        return self.files == mapped.files and bool((self._place[rows] >= 0).all() and self.valid[rows].all())

    def take(self, rows: np.ndarray) -> Tensor:
        """Return some rows, int64 [B] -> uint8 [B, 3, H, W] on the device."""
        return self._images.index_select(0, to_device(self._place[rows], self._device))


class PinnedImages:
    """Rows of a memory map, gathered by several threads; into pinned memory for CUDA."""

    def __init__(self, mapped: MappedImages) -> None:
        self.valid, self.files, self._images = mapped.valid, mapped.files, mapped.images

    def take(self, rows: np.ndarray) -> Tensor:
        """Return some rows, int64 [B] -> uint8 [B, 3, H, W] on the CPU."""
        shape = len(rows), *self._images.shape[1:]
        out = torch.empty(shape, dtype=torch.uint8, pin_memory=torch.cuda.is_available())

        def copy(part: slice) -> None:
            # With mode="raise", NumPy would copy to a buffer first.
            np.take(self._images, rows[part], axis=0, out=out.numpy()[part], mode="clip")

        deque(_threads().map(copy, (slice(i, i + PIECE) for i in range(0, len(rows), PIECE))), maxlen=0)
        return out


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(16, os.cpu_count() or 1), "bvg-gather")


def half_of_free_memory(device: torch.device) -> int:
    """Return half of the free bytes of a CUDA device; the batches take the other half."""
    return torch.cuda.mem_get_info(device)[0] // 2


class DeviceCache:
    """Keeps one data set on a CUDA device for all instruments that use it.

    Other devices read the memory map.

    Args:
        device: where the models run.
        room: returns how many bytes of it a data set may take.
    """

    def __init__(self, device: torch.device, room: Callable[[torch.device], int] = half_of_free_memory) -> None:
        self._device, self._room = device, room
        self._cached: DeviceImages | None = None

    def nearest(self, mapped: MappedImages, rows: np.ndarray) -> CachedImages:
        """Return the fastest way to these rows of a memory map."""
        if self._device.type == "cpu":
            return mapped
        if self._cached is None or not self._cached.contains(mapped, rows):
            self._cached = None  # first, to make room for the next one
            self._cached = self._copy(mapped, rows)
        return self._cached or PinnedImages(mapped)

    def _copy(self, mapped: MappedImages, rows: np.ndarray) -> DeviceImages | None:
        if self._device.type != "cuda" or len(rows) * mapped.images[0].nbytes > self._room(self._device):
            return None
        try:
            return DeviceImages(mapped, rows, self._device)
        except torch.OutOfMemoryError as error:  # the free memory is fragmented
            log.info("reading from the memory map, since the data set does not fit on %s: %s", self._device, error)
            return None
