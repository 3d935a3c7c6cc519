"""Sources of images: the ImageNet family on disk, or the miniature's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch

from bvg import files, known_models
from bvg.datasets import index
from bvg.datasets.cache import CacheReader, missing_rows, open_cache
from bvg.datasets.content import digests
from bvg.datasets.device import DeviceCache
from bvg.datasets.index import Dataset
from bvg.datasets.layouts import Condition
from bvg.datasets.loading import FileReader, Reader
from bvg.instruments import INSTRUMENTS, Instrument
from bvg.measure.progress import bar as progress_bar
from bvg.models.loading import load

if TYPE_CHECKING:
    from torch import nn

MINIATURE = "miniature"
"""The value of `data` for the synthetic images, and of `models` for all networks trained on them."""

CPU = torch.device("cpu")

CACHED = ("imagenet", "imagenet-real", "imagenet-16class")
"""Data sets that several instruments use: they are decoded once, into the cache."""


class Source(Protocol):
    """Where the engine gets images from, and models for them.

    Attributes:
        instruments: the instruments that use the images, by name.
        world: name of the images in a manifest, a key of `bvg.study.WORLDS`.
        size, classes: size [px] of the images, and number of the logits of a model.
        batch_size: default images per batch on a CPU, whose caches are small.
        kept: data sets that are decoded as a whole into the folder `cache` before they are used.
        uncached: reads images without the cache.
    """

    instruments: Mapping[str, Instrument]
    world: str
    size: int
    classes: int
    batch_size: int
    kept: Sequence[str]
    cache: Path
    uncached: Reader

    def load(self, name: str | Path) -> nn.Module:
        """Load a model for these images."""

    def check(self, wanted: Iterable[Instrument], limit: int | None) -> dict[Condition, int]:
        """Check the data sets of instruments; return the images used per condition."""

    def open(self, condition: Condition, limit: int | None) -> Dataset:
        """Index the images of a condition without decoding them."""

    def fingerprint(self, data: Dataset, progress: bool) -> dict[str, int | str]:
        """Return what identifies the images used: their number, and digests of paths, labels and content."""

    def to_decode(
        self, condition: Condition, n: int, limit: int | None, cached: frozenset[int]
    ) -> tuple[int, frozenset[int]]:
        """Count the images to decode before n of a condition can be read.

        Args:
            condition, limit: as for `open`.
            n: images of the condition that will be read.
            cached: rows that earlier conditions of the same run add to the cache.

        Returns:
            The count, and the rows that are added to the cache by then.
        """

    def reader(self, data: Dataset, progress: bool) -> Reader:
        """Fill the cache if there is one, with a progress bar if `progress`; return a reader."""

    def close(self) -> None:
        """End the processes that read images."""


@dataclass(frozen=True)
class Disk:
    """Data sets in a folder (see `Source`).

    Attributes:
        root: the folder that holds the data sets, laid out as described in `bvg.datasets.layouts`.
        workers: processes that decode, as for `bvg.datasets.loading.FileReader`.
        skip_unreadable: leave out images that cannot be decoded.
        device: where the models run.
        cache: folder of decoded images.
    """

    root: Path
    workers: int | None
    skip_unreadable: bool
    device: torch.device = CPU
    cache: Path = field(default_factory=lambda: files.cache_dir() / "decoded")
    instruments = INSTRUMENTS
    world = "study"
    size = 224
    classes = 1000
    batch_size = 8
    kept = CACHED

    def load(self, name: str | Path) -> nn.Module:
        """Load a model of ImageNet (see `bvg.models.load`)."""
        if name in known_models.miniature().index:
            raise ValueError(f"expected a model of ImageNet, got {name}: measure it with data={MINIATURE!r}")
        return load(name)

    def check(self, wanted: Iterable[Instrument], limit: int | None) -> dict[Condition, int]:
        """Check the data sets of instruments; return the images used per condition."""
        return index.check(self.root, dict.fromkeys(i.dataset for i in wanted), limit)

    def open(self, condition: Condition, limit: int | None) -> Dataset:
        """Index the images of a condition without decoding them."""
        return index.open_dataset(condition[0], self.root, *condition[1:], limit=limit)

    def fingerprint(self, data: Dataset, progress: bool) -> dict[str, int | str]:
        """Return what identifies the images used (see `Source`); files that changed since the last time are read."""
        with progress_bar(len(data), "checking", progress, leave=False, delay=1) as bar:
            content = digests(data, self.cache, bar.update)
        return data.fingerprint() | {"content_sha256": hashlib.sha256(content.tobytes()).hexdigest()}

    def to_decode(
        self, condition: Condition, n: int, limit: int | None, cached: frozenset[int]
    ) -> tuple[int, frozenset[int]]:
        """Count the images to decode before n of a condition can be read (see `Source`)."""
        if condition[0] not in CACHED:
            return n, cached
        missing = frozenset(missing_rows(self.open(condition, limit), self.cache).tolist())
        return len(missing - cached), cached | missing

    @cached_property
    def uncached(self) -> FileReader:
        """Decodes image files."""
        return FileReader(self.workers, self.skip_unreadable)

    @cached_property
    def _device_cache(self) -> DeviceCache:
        return DeviceCache(self.device)

    def reader(self, data: Dataset, progress: bool) -> Reader:
        """Return what reads a data set: from the cache, which is filled first, or from the files."""
        if data.name not in CACHED:
            return self.uncached
        with progress_bar(len(data), "decoding", progress, leave=False, delay=1) as bar:
            mapped = open_cache(data, self.cache, self.workers, True, bar.update)
        return CacheReader(self._device_cache.nearest(mapped, data.index), self.uncached)

    def close(self) -> None:
        """End the processes that decode."""
        self.uncached.close()


def source(
    data: str | Path,
    workers: int | None = None,
    skip_unreadable: bool = False,
    device: torch.device = CPU,
    cache: str | Path | None = None,
) -> Source:
    """Return the source that `data` names: "miniature" or a folder of data sets.

    The other arguments are as for `Disk`; `cache` defaults to the folder `decoded` of `bvg.files.cache_dir`.
    """
    if str(data) == MINIATURE:
        from bvg.miniature.source import Synthetic

        return Synthetic()
    return Disk(Path(data), workers, skip_unreadable, device, Path(cache or files.cache_dir() / "decoded"))
