"""Decoded images kept once, in a memory map of uint8 [N, 3, 224, 224] that later runs and other processes share."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import PIL
from filelock import FileLock

from bvg.datasets.batches import Decoded, UnreadableImages
from bvg.datasets.index import Dataset
from bvg.datasets.layouts import LAYOUTS, DataError
from bvg.datasets.loading import SHAPE, Decoder, split

CHUNK = 256
"""Images between two marks of progress: what a killed run has to decode again at most."""


def decoded(
    dataset: Dataset,
    cache_dir: str | Path,
    workers: int | None = None,
    skip_unreadable: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Decoded:
    """The images of a data set from a memory map in `cache_dir`, decoding those that it does not hold yet.

    One memory map serves every subset of a list of files (any `limit`, and imagenet, imagenet-real and
    imagenet-16class): only the rows asked for are decoded and take room (150,528 bytes each; 7.5 GB for ImageNet). It
    is found by a digest of the files' paths and sizes and the preprocessing, so changed files are decoded anew. Pixels
    reach the disk before the rows are marked as done, once per CHUNK images; whatever kills a run, the next one
    continues from the last mark. Runs that fill the same map wait for each other.

    Args:
        dataset, workers, skip_unreadable: as for `batches`.
        cache_dir: where memory maps are kept; made if it does not exist. It can be deleted at any time.
        on_progress: called with the number of images that were just found or decoded; the calls add up to len(dataset).

    Raises:
        UnreadableImages: after the others have been decoded and kept. The next call tries the unreadable ones again.
        DataError: if the folder cannot be written to or has no room.
    """
    report = on_progress or (lambda n: None)
    folder = _folder(dataset, cache_dir)
    unreadable: dict[str, str] = {}
    wanted = dataset.index
    try:
        if not _done(folder, len(dataset.files))[wanted].all():
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / "lock"):
                done = _done(folder, len(dataset.files))
                report(int(done[wanted].sum()))
                unreadable = _fill(dataset, folder, done, workers, report)
        else:
            report(len(dataset))
    except OSError as error:
        raise DataError(
            f"expected `cache_dir` to be a folder with room that can be written to, got {error.strerror or error} "
            f"for {folder}"
        ) from error
    if unreadable and not skip_unreadable:
        raise UnreadableImages(unreadable, len(dataset))
    images = np.load(folder / "images.npy", mmap_mode="r")
    return Decoded(images, _done(folder, len(dataset.files)), dataset.files)


def missing(dataset: Dataset, cache_dir: str | Path) -> np.ndarray:
    """Rows of a data set's images that its memory map does not hold yet: those of its `index` that `decoded` decodes."""
    return dataset.index[~_done(_folder(dataset, cache_dir), len(dataset.files))[dataset.index]]


def _folder(dataset: Dataset, cache_dir: str | Path) -> Path:
    set_ = LAYOUTS[dataset.name].folders[0].split("/")[0]  # imagenet for imagenet-real, too: one map for both
    return Path(cache_dir) / f"{set_}-{_key(dataset)[:16]}"


def _fill(dataset: Dataset, folder: Path, done: np.ndarray, workers: int | None, report: Callable) -> dict[str, str]:
    """Decode what is not done into the map of a locked folder; the images that cannot be decoded, with the reason."""
    positions = np.flatnonzero(~done[dataset.index])
    need, free = len(positions) * int(np.prod(SHAPE)), shutil.disk_usage(folder).free
    if need > free:
        raise DataError(
            f"expected {need / 1e6:,.1f} MB of room for {len(positions):,} decoded images, got {free / 1e6:,.1f} MB "
            f"in {folder}"
        )
    offset = _create(folder, len(dataset.files))
    unreadable = {}
    # Writes by system call, not through the map: on a full disk they fail with an error, where a map kills the process.
    descriptor = os.open(folder / "images.npy", os.O_WRONLY)
    try:
        with closing(Decoder(workers)) as decoder:
            for part, images, reasons in decoder.read(split(dataset.take(positions), CHUNK), len(positions)):
                unreadable |= {part.paths[i]: why for i, why in reasons.items()}
                good = [row for i, row in enumerate(part.index.tolist()) if i not in reasons]
                for row, image in zip(good, images, strict=True):
                    _write(descriptor, image.tobytes(), offset + row * image.nbytes)
                os.fsync(descriptor)
                done[good] = True
                _save(folder / "done.npy", done)
                report(len(part))
    finally:
        os.close(descriptor)
    return unreadable


def _key(dataset: Dataset) -> str:
    """Digest of what determines every row of a memory map: files with their sizes, preprocessing, Pillow's version."""
    digest = hashlib.sha256(f"{dataset.preprocessing}\n{PIL.__version__}\n".encode())
    for path in dataset.files:
        digest.update(f"{path}\t{(dataset.folder / path).stat().st_size}\n".encode())
    return digest.hexdigest()


def _done(folder: Path, n: int) -> np.ndarray:
    """bool [n], rows of a memory map that are complete."""
    try:
        done = np.load(folder / "done.npy")
    except FileNotFoundError:
        return np.zeros(n, dtype=bool)
    if not (folder / "images.npy").exists():
        return np.zeros(n, dtype=bool)
    return done


def _create(folder: Path, n: int) -> int:
    """Make an empty (sparse) memory map unless there is one; where in the file its first row starts."""
    path = folder / "images.npy"
    if not path.exists():
        (folder / "done.npy").unlink(missing_ok=True)
        new = path.with_suffix(".new")
        np.lib.format.open_memmap(new, mode="w+", dtype=np.uint8, shape=(n, *SHAPE)).flush()
        os.replace(new, path)
    return np.load(path, mmap_mode="r").offset


def _write(descriptor: int, data: bytes, position: int) -> None:
    while data:  # a disk that fills up may take a part
        written = os.pwrite(descriptor, data, position)
        data, position = data[written:], position + written


def _save(path: Path, array: np.ndarray) -> None:
    """Write an .npy file so that a reader finds the old one or the new one, never a part."""
    new = path.with_suffix(".new")
    with open(new, "wb") as file:
        np.save(file, array)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
