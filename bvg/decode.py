"""Decoding: image files -> batches of uint8 arrays, on the fly or from a memory map (`bvg.memmap`).

Pixels are those of `torchvision.transforms` on Pillow images, bit for bit. All arrays are uint8 [n, 3, 224, 224], RGB
in 0 … 255. A result depends on the image alone, not on workers, batch size or order. No torch is imported.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from bvg.datasets import Dataset
from bvg.folders import RESIZE_CROP, STORED, DataError, some

SIZE = 224
SHAPE = (3, SIZE, SIZE)


Images = Sequence[np.ndarray | str]
"""Images, a reason standing in the place of each that cannot be decoded."""


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
    """Some images of a data set, in its order: uint8 [B, 3, 224, 224], their labels as in `Dataset.labels`, and their
    index in the whole set, int64 [B]."""

    images: np.ndarray
    labels: np.ndarray | tuple[frozenset[int], ...]
    index: np.ndarray


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


def decode(path: str | Path, preprocessing: str) -> np.ndarray:
    """One image file as uint8 [3, 224, 224], RGB in 0 … 255.

    `resize256-crop224-bilinear`: the shorter side to 256 by Pillow's bilinear (antialiased) resampling, the longer one
    to the integer part of 256 * long / short, then the central 224 x 224, the upper left corner rounded half to even;
    as torchvision's Resize(256) and CenterCrop(224). `stored224`: as stored.

    Raises:
        DataError: if an image of a set stored at 224 px has another size.
        OSError, or what else Pillow raises: if the file is not an image, or damaged.
    """
    with Image.open(path) as file:
        image = file.convert("RGB")
    if preprocessing == RESIZE_CROP:
        short = min(image.size)
        image = image.resize(
            tuple(256 if side == short else 256 * side // short for side in image.size), Image.BILINEAR
        )
        left, top = (round((side - SIZE) / 2) for side in image.size)
        image = image.crop((left, top, left + SIZE, top + SIZE))
    elif preprocessing != STORED:
        raise ValueError(f"expected `preprocessing` to be {RESIZE_CROP} or {STORED}, got {preprocessing!r}")
    elif image.size != (SIZE, SIZE):
        raise DataError(
            f"expected an image of 224 x 224 pixels, since this set is stored at that size and not resized, got "
            f"{image.width} x {image.height}: {path}"
        )
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


def batches(
    dataset: Dataset,
    batch_size: int,
    store: Decoded | None = None,
    workers: int | None = None,
    skip_unreadable: bool = False,
) -> Iterator[Batch]:
    """The images of a data set, or of what `take` took of it, in order.

    Args:
        dataset: what to read.
        batch_size: images per batch; fewer in the last one, and where unreadable images are left out.
        store: what `decoded` returned for the data set; None decodes on the fly, ahead of what is asked for.
        workers: threads that decode (Pillow works outside the interpreter lock); None is one per core.
        skip_unreadable: leave out images that cannot be decoded: the sum of batch lengths is then the n to report.
            Otherwise they end the run, after the rest of the data set has been tried so that all of them are listed.

    Raises:
        UnreadableImages: see above.
        ValueError: if `batch_size` is not positive, or `store` was made for another data set.
    """
    if batch_size < 1:
        raise ValueError(f"expected `batch_size` to be at least 1, got {batch_size}")
    if store is not None and store.files != dataset.files:
        raise ValueError(f"expected `store` to be decoded from {dataset.name}, got one with other files")
    unreadable: dict[str, str] = {}
    for part, images in read(dataset, batch_size, workers) if store is None else _from(store, dataset, batch_size):
        reasons = {}
        if not isinstance(images, np.ndarray):
            reasons = {path: why for path, why in zip(part.paths, images, strict=True) if isinstance(why, str)}
        unreadable |= reasons
        if unreadable and not skip_unreadable:
            continue
        if reasons:
            good = [i for i, image in enumerate(images) if not isinstance(image, str)]
            part, images = part.take(good), [images[i] for i in good]
        if len(part):
            yield Batch(np.asarray(images), part.labels, part.index)
    if unreadable and not skip_unreadable:
        raise UnreadableImages(unreadable, len(dataset))


def _parts(dataset: Dataset, size: int) -> Iterator[Dataset]:
    return (dataset.take(range(i, min(i + size, len(dataset)))) for i in range(0, len(dataset), size))


def read(dataset: Dataset, size: int, workers: int | None) -> Iterator[tuple[Dataset, Images]]:
    """Parts of `size` images of a data set, decoded; in order, two parts ahead."""
    pool = ThreadPoolExecutor(workers or os.cpu_count())
    try:
        ahead: deque = deque()
        for part in _parts(dataset, size):
            jobs = [pool.submit(_try, dataset.folder / path, dataset.preprocessing) for path in part.paths]
            ahead.append((part, jobs))
            if len(ahead) > 2:
                part, jobs = ahead.popleft()
                yield part, [job.result() for job in jobs]
        for part, jobs in ahead:
            yield part, [job.result() for job in jobs]
    finally:  # also when the caller stops early
        pool.shutdown(cancel_futures=True)


def _from(store: Decoded, dataset: Dataset, size: int) -> Iterator[tuple[Dataset, Images | np.ndarray]]:
    """Parts of `size` images of a data set from its memory map, [B, 3, 224, 224] where all are there."""
    for part in _parts(dataset, size):
        images, valid = store.images[part.index], store.valid[part.index]
        if not valid.all():
            lost = "not in the decoded images: unreadable when they were made, or not asked for"
            images = [image if ok else lost for image, ok in zip(images, valid, strict=True)]
        yield part, images


def _try(path: Path, preprocessing: str) -> np.ndarray | str:
    """The image, or why there is none. Damaged bytes make Pillow raise almost anything; a wrong size is no damage."""
    try:
        return decode(path, preprocessing)
    except (DataError, MemoryError):
        raise
    except Exception as error:
        return f"{type(error).__name__}: {error}"
