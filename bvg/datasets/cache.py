"""Cache decoded images in memory maps that later runs and other processes share."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import PIL
from filelock import FileLock

from bvg import files
from bvg.datasets.content import UNREADABLE, digests
from bvg.datasets.index import Dataset
from bvg.datasets.layouts import LAYOUTS, DataError
from bvg.datasets.loading import Batch, FileReader, UnreadableImages, split
from bvg.datasets.preprocessing import SHAPE

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 256
"""Images between two writes of the digests: at most so many are decoded again after a run was killed."""


class CachedImages(Protocol):
    """Decoded images of a data set, in a memory map or on a device.

    Attributes:
        valid: bool [N], rows that hold an image; False where one was not requested or cannot be read.
        files: the N paths, to compare with those of the data set that is read.
    """

    valid: np.ndarray
    files: tuple[str, ...]

    def take(self, rows: np.ndarray) -> np.ndarray | Tensor:
        """Return some rows, int64 [B] -> uint8 [B, 3, 224, 224]."""


@dataclass(frozen=True, eq=False)
class MappedImages:
    """Decoded images of a data set, in a memory map.

    Attributes:
        images: uint8 [N, 3, 224, 224], read-only; row i is `files[i]` of the data set, so `Dataset.index` gives the rows.
        valid, files: as for `CachedImages`.
    """

    images: np.ndarray
    valid: np.ndarray
    files: tuple[str, ...]

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return some rows, int64 [B] -> uint8 [B, 3, 224, 224]."""
        return self.images[rows]


class CacheReader:
    """Reads decoded images (see `bvg.datasets.loading.Reader`).

    Args:
        images: where they are.
        fallback: reads a part that lacks an image, and so reports why; None decodes the files in the calling process. Where
            it skips unreadable images, missing ones are skipped.
    """

    def __init__(self, images: CachedImages, fallback: FileReader | None = None) -> None:
        self.images = images
        self._fallback = fallback or FileReader(workers=0)

    def read(self, parts: Sequence[Dataset], batch_size: int) -> Iterator[Iterator[Batch]]:
        """Yield, for each part of a data set, an iterator over its batches.

        Raises:
            ValueError: the images are those of another data set.
        """
        for part in parts:
            if self.images.files != part.files:
                raise ValueError(f"expected decoded images of {part.name}, got those of other files")
            if self._fallback.skip_unreadable or self.images.valid[part.index].all():
                yield self._batches(part, batch_size)
            else:
                yield from self._fallback.read([part], batch_size)

    def _batches(self, part: Dataset, batch_size: int) -> Iterator[Batch]:
        for chunk in split(part, batch_size):
            chunk = chunk.take(np.flatnonzero(self.images.valid[chunk.index]))
            if len(chunk):
                yield Batch(self.images.take(chunk.index), chunk.labels, chunk.index)


def open_cache(
    dataset: Dataset,
    cache_dir: str | Path,
    workers: int | None = None,
    skip_unreadable: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> MappedImages:
    """Open the decoded images of a data set, after decoding those that the cache lacks.

    One memory map serves every subset of a list of files (any `limit`, and imagenet, imagenet-real and
    imagenet-16class). Only the rows that are requested are decoded and take room (150,528 bytes each; 7.5 GB for
    ImageNet). A digest of the paths, the file sizes and the preprocessing names the map. Each row is stored with the digest
    of the file's bytes, so a row is decoded again if the file was replaced. Pixels reach the disk before their rows are marked as done, once per CHUNK images. The next run resumes after
    the last mark, however a run was killed. Runs that fill the same map wait for each other.

    Args:
        dataset, workers, skip_unreadable: as for `bvg.datasets.loading.batches`.
        cache_dir: folder of the memory maps; made if it does not exist. It can be deleted at any time.
        on_progress: called with the number of images that were just found or decoded; the calls add up to len(dataset).

    Raises:
        UnreadableImages: after the others have been decoded and kept. The next call tries the unreadable ones again.
        DataError: the folder cannot be written to or has no room.
    """
    report = on_progress or (lambda n: None)
    folder = _folder(dataset, cache_dir)
    unreadable: dict[str, str] = {}
    wanted = digests(dataset, cache_dir)
    try:
        if (found := _found(dataset, folder, wanted)).all():
            report(len(dataset))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / "lock"):
                found = _found(dataset, folder, wanted)
                report(int(found.sum()))
                unreadable = _fill(dataset.take(np.flatnonzero(~found)), folder, wanted[~found], workers, report)
    except OSError as error:
        raise DataError(
            f"expected the cache of decoded images to be a writable folder with enough room, got "
            f"{error.strerror or error} for {folder}: choose another one by cache=..., --cache or $BVG_CACHE"
        ) from error
    if unreadable and not skip_unreadable:
        raise UnreadableImages(unreadable, len(dataset))
    images = np.load(folder / "images.npy", mmap_mode="r")
    valid = np.zeros(len(dataset.files), dtype=bool)
    valid[dataset.index] = _found(dataset, folder, wanted)
    return MappedImages(images, valid, dataset.files)


def missing_rows(dataset: Dataset, cache_dir: str | Path) -> np.ndarray:
    """Return the part of a data set's `index` that the cache has no image for: int64 [k].

    No file is read, so images that were replaced are not among them; `open_cache` decodes these, too.
    """
    stored = _stored(_folder(dataset, cache_dir), len(dataset.files))
    return dataset.index[~stored[dataset.index].any(axis=1)]


def _folder(dataset: Dataset, cache_dir: str | Path) -> Path:
    name = LAYOUTS[dataset.name].folders[0].split("/")[0]  # imagenet for imagenet-real, too: one map for both
    return Path(cache_dir) / f"{name}-{_key(dataset)[:16]}"


def _fill(dataset: Dataset, folder: Path, wanted: np.ndarray, workers: int | None, report: Callable) -> dict[str, str]:
    """Decode images with these digests into the map of a locked folder; return why some cannot be decoded, by path."""
    need, free = len(dataset) * int(np.prod(SHAPE)), shutil.disk_usage(folder).free
    if need > free:
        raise DataError(
            f"expected {need / 1e6:,.1f} MB of room for {len(dataset):,} decoded images, got {free / 1e6:,.1f} MB "
            f"in {folder}: choose another cache by cache=..., --cache or $BVG_CACHE"
        )
    offset = _create(folder, len(dataset.files))
    stored = _stored(folder, len(dataset.files))
    if stored[dataset.index].any():  # rows of replaced images: neither the old nor the new one, until they are written
        stored[dataset.index] = 0
        _save(folder, stored)
    digest_of = dict(zip(dataset.index.tolist(), wanted, strict=True))
    unreadable = {}
    # System calls instead of the map: on a full disk they fail with an error, where a write to a map kills the process.
    descriptor = os.open(folder / "images.npy", os.O_WRONLY)
    try:
        with closing(FileReader(workers)) as reader:
            for part, images, reasons in reader.decode(split(dataset, CHUNK)):
                unreadable |= {part.paths[i]: reason for i, reason in reasons.items()}
                readable = [row for i, row in enumerate(part.index.tolist()) if i not in reasons]
                for row, image in zip(readable, images, strict=True):
                    _write(descriptor, image.tobytes(), offset + row * image.nbytes)
                os.fsync(descriptor)
                for row in readable:
                    stored[row] = digest_of[row]
                _save(folder, stored)
                report(len(part))
    finally:
        os.close(descriptor)
    return unreadable


def _key(dataset: Dataset) -> str:
    """Digest everything that determines the rows of a memory map: files, their sizes, preprocessing, Pillow's version."""
    digest = hashlib.sha256(f"{dataset.preprocessing}\n{PIL.__version__}\n".encode())
    for path in dataset.files:  # from a tar file, the same map as from the folder with the same files
        digest.update(f"{path}\t{(dataset.folder / path).stat().st_size}\n".encode())
    return digest.hexdigest()


def _stored(folder: Path, n: int) -> np.ndarray:
    """Return the digests of the files behind the rows of a memory map: uint8 [n, 32], zeros where there is no image."""
    nothing = np.zeros((n, 32), np.uint8)
    try:
        stored = np.load(folder / "digests.npy")
    except (FileNotFoundError, ValueError, EOFError):  # none yet, or damaged: everything is decoded again
        return nothing
    usable = stored.shape == nothing.shape and stored.dtype == np.uint8 and (folder / "images.npy").exists()
    return stored if usable else nothing


def _save(folder: Path, stored: np.ndarray) -> None:
    with files.atomic(folder / "digests.npy") as new:
        np.save(new, stored)


def _found(dataset: Dataset, folder: Path, wanted: np.ndarray) -> np.ndarray:
    """Return which images of a data set the map holds, as files with these digests: bool [n]."""
    readable = (wanted != np.frombuffer(UNREADABLE, np.uint8)).any(axis=1)
    return readable & (_stored(folder, len(dataset.files))[dataset.index] == wanted).all(axis=1)


def _create(folder: Path, n: int) -> int:
    """Make an empty (sparse) memory map unless there is one; return the position of its first row in the file."""
    path = folder / "images.npy"
    if not path.exists():
        (folder / "digests.npy").unlink(missing_ok=True)
        with files.atomic(path) as new:
            np.lib.format.open_memmap(new, mode="w+", dtype=np.uint8, shape=(n, *SHAPE)).flush()
    return np.load(path, mmap_mode="r").offset


def _write(descriptor: int, data: bytes, position: int) -> None:
    while data:  # a disk that is almost full may take only a part
        written = os.pwrite(descriptor, data, position)
        data, position = data[written:], position + written
