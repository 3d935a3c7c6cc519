"""Images on their way to the device that shows them: nothing here waits for what the device still has to do.

On CUDA a copy is queued behind the work before it, on the same stream: it takes a thousandth of a network's time, and no
second stream has to be kept in step. Meanwhile the host reads the next batch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from bvg.datasets.batches import Decoded, Store

CHUNK = 256
"""Images that go to a device at once when a data set is put there."""


def to_device(values: np.ndarray | Tensor, device: torch.device) -> Tensor:
    """An array or tensor as a tensor on a device; on CUDA by way of pinned memory, without waiting.

    torch keeps the pinned memory from being used again until the copy is made.
    """
    tensor = torch.as_tensor(values)
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=device.type == "cuda")


class Held:
    """Rows of a memory map, on a device.

    Args:
        store: the memory map.
        rows: int64 [n], the rows that will be asked for.
        device: where to.
    """

    def __init__(self, store: Decoded, rows: np.ndarray, device: torch.device) -> None:
        self.valid, self.files, self._device = store.valid, store.files, device
        self._place = np.full(len(store.files), -1)
        self._place[rows] = np.arange(len(rows))
        self._images = torch.empty((len(rows), *store.images.shape[1:]), dtype=torch.uint8, device=device)
        for start in range(0, len(rows), CHUNK):
            some = rows[start : start + CHUNK]
            self._images[start : start + len(some)] = to_device(store.take(some), device)

    def holds(self, store: Decoded, rows: np.ndarray) -> bool:
        """Whether these rows of this map are here."""
        return self.files == store.files and bool((self._place[rows] >= 0).all() and self.valid[rows].all())

    def take(self, index: np.ndarray) -> Tensor:
        """Some rows, int64 [B] -> uint8 [B, 3, H, W] on the device."""
        return self._images.index_select(0, to_device(self._place[index], self._device))


class Streamed:
    """A memory map whose rows are gathered by several threads, into pinned memory where there is CUDA."""

    def __init__(self, store: Decoded) -> None:
        self.valid, self.files = store.valid, store.files
        with warnings.catch_warnings():  # that the map is read-only: nothing writes to it
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            self._images = torch.from_numpy(store.images)

    def take(self, index: np.ndarray) -> Tensor:
        """Some rows, int64 [B] -> uint8 [B, 3, H, W] on the CPU."""
        shape = len(index), *self._images.shape[1:]
        out = torch.empty(shape, dtype=torch.uint8, pin_memory=torch.cuda.is_available())
        return torch.index_select(self._images, 0, torch.from_numpy(index), out=out)


def half_of_what_is_free(device: torch.device) -> int:
    """Bytes of a CUDA device that a data set may take: the other half is left to the batches."""
    return torch.cuda.mem_get_info(device)[0] // 2


class Holder:
    """Holds one data set on a CUDA device, for all the instruments that show it; elsewhere the memory map is as near.

    Args:
        device: what shows the images.
        room: how many bytes a data set may take there.
    """

    def __init__(self, device: torch.device, room: Callable[[torch.device], int] = half_of_what_is_free) -> None:
        self._device, self._room = device, room
        self._held: Held | None = None

    def nearer(self, store: Decoded, rows: np.ndarray) -> Store:
        """What gives these rows of a memory map soonest."""
        if self._device.type == "cpu":
            return store
        if self._held is None or not self._held.holds(store, rows):
            self._held = None  # first, so that there is room for the next
            self._held = self._hold(store, rows)
        return self._held or Streamed(store)

    def _hold(self, store: Decoded, rows: np.ndarray) -> Held | None:
        if self._device.type != "cuda" or len(rows) * store.images[0].nbytes > self._room(self._device):
            return None
        try:
            return Held(store, rows, self._device)
        except torch.OutOfMemoryError:  # room in pieces
            return None
