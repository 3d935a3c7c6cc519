"""Where the images of a measurement come from: the ImageNet family on disk, or the miniature, which is drawn."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from bvg import study
from bvg.datasets import cache as memmap
from bvg.datasets import index
from bvg.datasets.batches import Batch, Store, streams
from bvg.datasets.device import Holder
from bvg.datasets.index import Dataset
from bvg.datasets.layouts import Condition
from bvg.datasets.loading import Decoder
from bvg.instruments.base import INSTRUMENTS, Instrument
from bvg.measure import progress
from bvg.models import zoo

if TYPE_CHECKING:
    from torch import nn

MINIATURE = "miniature"
"""What `data` says for the drawn images, and `models` for all networks trained on them."""

CPU = torch.device("cpu")

KEPT = ("imagenet", "imagenet-real", "imagenet-16class")
"""Data sets that are decoded once and kept, since several instruments show them."""


class Source(Protocol):
    """What the engine asks of the place where images come from.

    Attributes:
        instruments: the instruments that show them, by name.
        batch_size: images per batch that suit a CPU, whose caches are small.
        kept: data sets that are decoded as a whole before they are shown, and kept in the folder `cache`.
    """

    instruments: Mapping[str, Instrument]
    batch_size: int
    kept: Sequence[str]
    cache: Path

    def load(self, name: str | Path) -> nn.Module:
        """A model that answers to these images."""

    def check(self, wanted: Iterable[Instrument], limit: int | None) -> dict[Condition, int]:
        """Hold the data sets that instruments show against what they should be; images used, per condition."""

    def open(self, condition: Condition, limit: int | None) -> Dataset:
        """Index the images of a condition without decoding."""

    def to_decode(self, condition: Condition, n: int, limit: int | None, held: set[int]) -> int:
        """How many images are decoded to read n of a condition; `held` are the rows that were decoded to keep before."""

    def store(self, data: Dataset, show: bool) -> Any:
        """What is made once of a data set and handed to `streams`, with a progress bar if `show`; None for nothing."""

    def streams(self, parts: Sequence[Dataset], size: int, store: Any) -> Iterator[Iterator[Batch]]:
        """For each of several parts of a data set its images, in order; to be taken in order."""

    def close(self) -> None:
        """Let go of what reads the images."""


@dataclass(frozen=True)
class Disk:
    """Data sets in a folder.

    Attributes:
        root: the folder that holds the data sets, laid out as `bvg.datasets.layouts` says.
        workers: processes that decode, as for `bvg.datasets.loading.Decoder`.
        skip_unreadable: leave out images that cannot be decoded.
        device: what shows the images.
    """

    root: Path
    workers: int | None
    skip_unreadable: bool
    device: torch.device = CPU
    instruments = INSTRUMENTS
    batch_size = 8
    kept = KEPT

    def load(self, name: str | Path) -> nn.Module:
        if name in study.miniature().index:
            raise ValueError(f"expected a model of ImageNet, got {name}: measure it with data={MINIATURE!r}")
        return zoo.load(name)

    def check(self, wanted: Iterable[Instrument], limit: int | None) -> dict[Condition, int]:
        return index.check(self.root, dict.fromkeys(i.dataset for i in wanted), limit)

    def open(self, condition: Condition, limit: int | None) -> Dataset:
        return index.open_dataset(condition[0], self.root, *condition[1:], limit=limit)

    @property
    def cache(self) -> Path:
        return Path(os.environ.get("BVG_CACHE") or Path.home() / ".cache/bvg") / "decoded"

    def to_decode(self, condition: Condition, n: int, limit: int | None, held: set[int]) -> int:
        if condition[0] not in KEPT:
            return n
        rows = set(memmap.missing(self.open(condition, limit), self.cache).tolist()) - held
        held |= rows
        return len(rows)

    @cached_property
    def _decoder(self) -> Decoder:
        return Decoder(self.workers)

    @cached_property
    def _holder(self) -> Holder:
        return Holder(self.device)

    def store(self, data: Dataset, show: bool) -> Store | None:
        if data.name not in KEPT:
            return None
        with progress.bar(len(data), "decoding", show, leave=False, delay=1) as bar:
            decoded = memmap.decoded(data, self.cache, self.workers, True, bar.update)
        return self._holder.nearer(decoded, data.index)

    def streams(self, parts: Sequence[Dataset], size: int, store: Store | None) -> Iterator[Iterator[Batch]]:
        if store is None:
            yield from streams(parts, size, self._decoder, self.skip_unreadable)
            return
        for part in parts:  # one that lacks an image is decoded from its files, which say why
            whole = self.skip_unreadable or store.valid[part.index].all()
            yield from streams([part], size, store if whole else self._decoder, self.skip_unreadable)

    def close(self) -> None:
        self._decoder.close()


def source(
    data: str | Path, workers: int | None = None, skip_unreadable: bool = False, device: torch.device = CPU
) -> Source:
    """The source that `data` names: "miniature", or the folder that holds the data sets; `device` shows its images."""
    if str(data) == MINIATURE:
        from bvg.miniature.source import Synthetic  # here, since it builds on all that is above

        return Synthetic()
    return Disk(Path(data), workers, skip_unreadable, device)
