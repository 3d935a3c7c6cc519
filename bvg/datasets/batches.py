"""Image files -> batches of uint8 arrays, decoded on the fly (`bvg.datasets.loading`) or from a memory map (`bvg.datasets.cache`).

All arrays are uint8 [n, 3, 224, 224], RGB in 0 … 255. A result depends on the image alone, not on workers, batch size or
order. No torch is imported.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from bvg.datasets.index import Dataset
from bvg.datasets.layouts import DataError, some
from bvg.datasets.loading import Decoder, Read, split

if TYPE_CHECKING:
    from torch import Tensor


class UnreadableImages(DataError):
    """Some images cannot be decoded; `reasons` maps the path of each to what the decoder said."""

    def __init__(self, reasons: dict[str, str], total: int):
        self.reasons = dict(reasons)
        lines = some([f"\n- {path}: {why}" for path, why in self.reasons.items()], most=100)
        super().__init__(
            f"expected {total:,} readable images, {len(self.reasons):,} cannot be decoded (replace them, or measure "
            f"without them by skip_unreadable=True, --skip-unreadable):{lines}",
            [f"{path}: {why}" for path, why in self.reasons.items()],
        )


class Batch(NamedTuple):
    """Some images of a data set, in its order: uint8 [B, 3, 224, 224], an array or a tensor on some device; their labels
    as in `Dataset.labels`; and their index in the whole set, int64 [B]."""

    images: np.ndarray | Tensor
    labels: np.ndarray | tuple[frozenset[int], ...]
    index: np.ndarray


class Store(Protocol):
    """Decoded images of a data set, kept: in a memory map (`Decoded`) or on a device (`bvg.held`)."""

    valid: np.ndarray
    files: tuple[str, ...]

    def take(self, index: np.ndarray) -> np.ndarray | Tensor:
        """Some rows, int64 [B] -> uint8 [B, 3, 224, 224]."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """A data set's images, decoded, in a memory map.

    Attributes:
        images: uint8 [N, 3, 224, 224], read-only; row i is `files[i]` of the data set: rows are found by `index`.
        valid: bool [N], rows that hold an image; False where one was not asked for or cannot be read.
        files: the N paths, to hold against those of the data set it is used for.
    """

    images: np.ndarray
    valid: np.ndarray
    files: tuple[str, ...]

    def take(self, index: np.ndarray) -> np.ndarray:
        """Some rows, int64 [B] -> uint8 [B, 3, 224, 224]."""
        return self.images[index]


def batches(
    dataset: Dataset,
    batch_size: int,
    store: Store | None = None,
    workers: int | None = None,
    skip_unreadable: bool = False,
) -> Iterator[Batch]:
    """The images of a data set, or of what `take` took of it, in order.

    Args:
        dataset: what to read.
        batch_size: images per batch; fewer in the last one, and where unreadable images are left out.
        store: what `decoded` returned for the data set; None decodes on the fly, ahead of what is asked for.
        workers: as for `bvg.datasets.loading.Decoder`.
        skip_unreadable: leave out images that cannot be decoded: the sum of batch lengths is then the n to report.
            Otherwise they end the run, after the rest of the data set has been tried so that all of them are listed.

    Raises:
        UnreadableImages: see above.
        ValueError: if `batch_size` is not positive, or `store` was made for another data set.
    """
    with closing(Decoder(workers)) as decoder:
        for part in streams([dataset], batch_size, store or decoder, skip_unreadable):
            yield from part


def streams(
    parts: Sequence[Dataset], batch_size: int, source: Store | Decoder, skip_unreadable: bool = False
) -> Iterator[Iterator[Batch]]:
    """For each of several parts of a data set its batches, which do not reach over its end; what is read ahead does.

    Args:
        parts: what to read. The batches of one are to be taken before those of the next.
        batch_size, skip_unreadable: as for `batches`; UnreadableImages ends the part that holds them, not the others.
        source: what reads the images: a store of the data set, or what decodes its files.
    """
    if batch_size < 1:
        raise ValueError(f"expected `batch_size` to be at least 1, got {batch_size}")
    if not isinstance(source, Decoder) and any(source.files != part.files for part in parts):
        raise ValueError(f"expected `store` to be decoded from {parts[0].name}, got one with other files")
    asked = (some for part in parts for some in split(part, batch_size))
    read = source.read(asked, sum(map(len, parts))) if isinstance(source, Decoder) else _from(source, asked)
    for part in parts:
        mine = islice(read, -(-len(part) // batch_size))
        yield _readable(part, mine, skip_unreadable)
        deque(mine, maxlen=0)  # what was not taken


def _readable(whole: Dataset, read: Iterator[Read], skip_unreadable: bool) -> Iterator[Batch]:
    unreadable: dict[str, str] = {}
    for part, images, reasons in read:
        unreadable |= {part.paths[i]: why for i, why in reasons.items()}
        if unreadable and not skip_unreadable:
            continue
        if reasons:
            part = part.take([i for i in range(len(part)) if i not in reasons])
        if len(part):
            yield Batch(images, part.labels, part.index)
    if unreadable and not skip_unreadable:
        raise UnreadableImages(unreadable, len(whole))


def _from(store: Store, parts: Iterable[Dataset]) -> Iterator[Read]:
    lost = "not in the decoded images: unreadable when they were made, or not asked for"
    for part in parts:
        valid = store.valid[part.index]
        yield Read(part, store.take(part.index[valid]), dict.fromkeys(np.flatnonzero(~valid).tolist(), lost))
