"""Decoding image files: one, and many, by processes that do nothing else and are ahead of what is asked for.

Pixels are those of `torchvision.transforms` on Pillow images, bit for bit. torch, which runs the processes, is imported
only where there are some.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import joblib
import numpy as np
from PIL import Image

from bvg.datasets.index import Dataset
from bvg.datasets.layouts import RESIZE_CROP, STORED, DataError

if TYPE_CHECKING:
    from torch import Tensor

SIZE = 224
SHAPE = (3, SIZE, SIZE)

PIECE = 16
"""Images that one process decodes at a time: all of them work on the next batch, and little shared memory is in use."""

SHORT = 512
"""So many images are decoded where they are asked for before processes are started: that takes a few seconds."""


class Read(NamedTuple):
    """A part of a data set, read: the k images that can be decoded, uint8 [k, 3, 224, 224], and, by its position in the
    part, why another cannot."""

    part: Dataset
    images: np.ndarray | Tensor
    reasons: dict[int, str]


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


def split(dataset: Dataset, size: int) -> Iterator[Dataset]:
    """Parts of `size` images of a data set; fewer in the last one."""
    return (dataset.take(range(i, min(i + size, len(dataset)))) for i in range(0, len(dataset), size))


class Decoder:
    """Decodes image files, in processes of its own once there is much to do; they are kept until it is let go of.

    The processes are those of torch's DataLoader, forked: that needs no guard in a script and works in a notebook. They
    run Pillow and NumPy and touch neither models nor devices.

    Args:
        workers: processes; 0 decodes in this one, as systems other than Linux always do, where a fork is not safe. None
            is one per core, but 0 for the first SHORT images.

    Raises:
        ValueError: if `workers` is negative.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 0:
            raise ValueError(f"expected `workers` to be at least 0, got {workers}")
        self._workers = workers
        self._seen = 0
        self._jobs: list[tuple] = []
        self._loader = None

    def read(self, parts: Iterable[Dataset], total: int) -> Iterator[Read]:
        """Decode parts of data sets, `total` images in all, in order; where there are processes, ahead.

        Raises:
            DataError: an image is whole, but of another size than its set has.
        """
        parts = list(parts)
        jobs = [(part.folder, one.paths, part.preprocessing) for part in parts for one in split(part, PIECE)]
        pieces = self._processes(jobs, total)
        try:
            for part in parts:
                images, reasons = [], {}
                for start in range(0, len(part), PIECE):
                    some, why, error = next(pieces)
                    if error is not None:
                        raise error
                    images.append(np.asarray(some))
                    reasons |= {start + i: reason for i, reason in why.items()}
                yield Read(part, images[0] if len(images) == 1 else np.concatenate(images), reasons)
        finally:
            del pieces  # an error's traceback would hold on to it, and so keep the processes

    def close(self) -> None:
        """End the processes. They end with the decoder, too, but that may live on in an error's traceback."""
        self._loader = None

    def _processes(self, jobs: list[tuple], total: int) -> Iterator[tuple]:
        """The answers to jobs, in order."""
        self._seen += total
        workers = self._workers
        if workers is None:
            workers = joblib.cpu_count() if self._seen > SHORT and joblib.cpu_count() > 1 else 0
        if not workers or sys.platform != "linux":
            return map(_images, jobs)
        self._jobs[:] = jobs
        with warnings.catch_warnings():  # that there are more workers than cores: that is the caller's choice
            warnings.filterwarnings("ignore", "This DataLoader will create")
            if self._loader is None:
                self._loader = _loader(self._jobs, workers)
            return iter(self._loader)


class _Files:
    """What DataLoader takes for a data set: a job stands for an index."""

    def __getitem__(self, job: tuple):
        import torch

        images, *rest = _images(job)
        return torch.from_numpy(images), *rest  # a tensor: it comes back through shared memory


def _loader(jobs: list[tuple], workers: int):
    import torch
    from torch.utils.data import DataLoader

    return DataLoader(
        _Files(),
        batch_size=None,
        sampler=jobs,
        num_workers=workers,
        persistent_workers=True,
        collate_fn=_as_is,
        multiprocessing_context="fork",
        generator=torch.Generator(),  # of its own: the caller's random numbers are not DataLoader's to draw
    )


def _as_is(answer):
    return answer


def _images(job: tuple) -> tuple[np.ndarray, dict[int, str], Exception | None]:
    """The images of a job (folder, paths, preprocessing) that can be decoded, why others cannot, and what ends the run.

    Damaged bytes make Pillow raise almost anything; a wrong size is no damage. Errors are handed over, not raised: what a
    process raises reaches the other as one of another kind.
    """
    folder, paths, preprocessing = job
    images, reasons = [], {}
    for i, path in enumerate(paths):
        try:
            images.append(decode(folder / path, preprocessing))
        except (DataError, MemoryError) as error:
            return np.empty((0, *SHAPE), np.uint8), {}, error
        except Exception as error:
            reasons[i] = f"{type(error).__name__}: {error}"
    return np.stack(images) if images else np.empty((0, *SHAPE), np.uint8), reasons, None
