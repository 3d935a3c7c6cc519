"""Load the images of data sets as batches, in order.

Batches are uint8 [B, 3, 224, 224], RGB in 0 … 255. The pixels depend on the image alone, not on workers, batch size or order. torch is imported only where worker processes
are started.
"""

from __future__ import annotations

import sys
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import joblib
import numpy as np

from bvg.datasets.index import Dataset
from bvg.datasets.layouts import DataError
from bvg.datasets.preprocessing import SHAPE, decode
from bvg.datasets.tar import TarMember
from bvg.messages import shorten

if TYPE_CHECKING:
    from torch import Tensor

PIECE = 16
"""Images that one process decodes at a time. A small number lets all processes work on the next batch, in little memory."""

SERIAL = 512
"""Images that are decoded in the calling process before workers, which take a few seconds to start, are used."""


class UnreadableImages(DataError):
    """Some images cannot be decoded; `reasons` maps the path of each to the decoder's message."""

    def __init__(self, reasons: dict[str, str], total: int):
        self.reasons = dict(reasons)
        problems = [f"{path}: {reason}" for path, reason in self.reasons.items()]
        lines = shorten([f"\n- {problem}" for problem in problems], limit=100)
        super().__init__(
            f"expected {total:,} readable images, {len(self.reasons):,} cannot be decoded (replace them, or measure "
            f"without them by skip_unreadable=True, --skip-unreadable):{lines}",
            problems,
        )


class Batch(NamedTuple):
    """Consecutive images of a data set.

    Attributes:
        images: uint8 [B, 3, 224, 224], an array, or a tensor on any device.
        labels: as in `Dataset.labels`.
        index: int64 [B], positions in the whole set.
    """

    images: np.ndarray | Tensor
    labels: np.ndarray | tuple[frozenset[int], ...]
    index: np.ndarray


class Reader(Protocol):
    """Reads images, from files (`FileReader`) or the cache (`bvg.datasets.cache.CacheReader`)."""

    def read(self, parts: Sequence[Dataset], batch_size: int) -> Iterator[Iterator[Batch]]:
        """Yield, for each part of a data set, an iterator over its batches.

        A batch lies within one part; reading ahead does not stop at its end. Take the batches of one part before those
        of the next one. `UnreadableImages` ends the part that holds them, not the others.
        """


class Decoded(NamedTuple):
    """Part of a data set, decoded.

    Attributes:
        part: the images that were requested.
        images: uint8 [k, 3, 224, 224], those that can be decoded.
        reasons: why the others cannot be decoded, by their position in `part`.
    """

    part: Dataset
    images: np.ndarray
    reasons: dict[int, str]


def batches(
    dataset: Dataset,
    batch_size: int,
    reader: Reader | None = None,
    workers: int | None = None,
    skip_unreadable: bool = False,
) -> Iterator[Batch]:
    """Yield the images of a data set, or of a part of it, in order.

    Args:
        dataset: what to read.
        batch_size: images per batch; fewer in the last one, and where unreadable images are left out.
        reader: what reads them; None decodes the files, with the other arguments as for `FileReader`.
        workers, skip_unreadable: as for `FileReader`.

    Raises:
        UnreadableImages: images cannot be decoded. The rest of the data set is tried first, so that all are listed.
        ValueError: `batch_size` is not positive.
    """
    if reader is None:
        with closing(FileReader(workers, skip_unreadable)) as files:
            yield from batches(dataset, batch_size, files)
        return
    for part in reader.read([dataset], batch_size):
        yield from part


def split(dataset: Dataset, size: int) -> Iterator[Dataset]:
    """Split a data set into parts of `size` images; the last one may have fewer.

    Raises:
        ValueError: `size` is not positive.
    """
    if size < 1:
        raise ValueError(f"expected `batch_size` to be at least 1, got {size}")
    return (dataset.take(range(i, min(i + size, len(dataset)))) for i in range(0, len(dataset), size))


class FileReader:
    """Decodes image files ahead of the current batch.

    Worker processes decode once there are many images. The workers are those of torch's DataLoader. They are forked, so a script needs no guard and a notebook works. They
    run Pillow and NumPy and use neither models nor devices. They are kept until the reader is closed.

    Args:
        workers: processes. 0 decodes in the calling process, as systems other than Linux always do, where a fork is not
            safe. None is one per core, but 0 for the first SERIAL images.
        skip_unreadable: leave out images that cannot be decoded; the sum of the batch lengths is then the n to report.

    Raises:
        ValueError: `workers` is negative.
    """

    def __init__(self, workers: int | None = None, skip_unreadable: bool = False) -> None:
        if workers is not None and workers < 0:
            raise ValueError(f"expected `workers` to be at least 0, got {workers}")
        self.skip_unreadable = skip_unreadable
        self._workers = workers
        self._requested = 0
        self._jobs: list[tuple] = []
        self._loader = None

    def read(self, parts: Sequence[Dataset], batch_size: int) -> Iterator[Iterator[Batch]]:
        """Yield, for each part of a data set, an iterator over its batches (see `Reader`)."""
        decoded = self.decode([chunk for part in parts for chunk in split(part, batch_size)])
        for part in parts:
            chunks = islice(decoded, -(-len(part) // batch_size))
            yield self._readable(part, chunks)
            deque(chunks, maxlen=0)  # skip what the caller did not take

    def decode(self, parts: Iterable[Dataset]) -> Iterator[Decoded]:
        """Decode parts of data sets, in order.

        Raises:
            DataError: an image is readable, but has another size than its set.
        """
        parts = list(parts)
        jobs = [(piece.places, part.preprocessing) for part in parts for piece in split(part, PIECE)]
        results = self._results(jobs, sum(map(len, parts)))
        try:
            for part in parts:
                images, reasons = [np.empty((0, *SHAPE), np.uint8)], {}
                for start in range(0, len(part), PIECE):
                    decoded, unreadable, error = next(results)
                    if error is not None:
                        raise error
                    images.append(np.asarray(decoded))
                    reasons |= {start + i: reason for i, reason in unreadable.items()}
                yield Decoded(part, images[1] if len(images) == 2 else np.concatenate(images), reasons)
        finally:
            del results  # an error's traceback would keep it, and with it the processes

    def close(self) -> None:
        """End the processes; they would end with the reader, which a traceback may keep."""
        self._loader = None

    def _readable(self, whole: Dataset, chunks: Iterator[Decoded]) -> Iterator[Batch]:
        unreadable: dict[str, str] = {}
        for part, images, reasons in chunks:
            unreadable |= {part.paths[i]: reason for i, reason in reasons.items()}
            if unreadable and not self.skip_unreadable:
                continue
            if reasons:
                part = part.take([i for i in range(len(part)) if i not in reasons])
            if len(part):
                yield Batch(images, part.labels, part.index)
        if unreadable and not self.skip_unreadable:
            raise UnreadableImages(unreadable, len(whole))

    def _results(self, jobs: list[tuple], total: int) -> Iterator[tuple]:
        """Return the results of `_decode_job` for all jobs, in order."""
        self._requested += total
        workers = self._workers
        if workers is None:
            workers = joblib.cpu_count() if self._requested > SERIAL and joblib.cpu_count() > 1 else 0
        if not workers or sys.platform != "linux":
            return map(_decode_job, jobs)
        self._jobs[:] = jobs
        with warnings.catch_warnings():  # more workers than cores: the caller's choice
            warnings.filterwarnings("ignore", "This DataLoader will create")
            if self._loader is None:
                self._loader = _data_loader(self._jobs, workers)
            return iter(self._loader)


class _Jobs:
    """A data set for torch's DataLoader, indexed by jobs."""

    def __getitem__(self, job: tuple):
        import torch

        images, *rest = _decode_job(job)
        return torch.from_numpy(images), *rest  # a tensor comes back through shared memory


def _data_loader(jobs: list[tuple], workers: int):
    import torch
    from torch.utils.data import DataLoader

    return DataLoader(
        _Jobs(),
        batch_size=None,
        sampler=jobs,
        num_workers=workers,
        persistent_workers=True,
        collate_fn=_unchanged,
        multiprocessing_context="fork",
        generator=torch.Generator(),  # its own: DataLoader must not draw from the caller's random numbers
    )


def _unchanged(result):
    return result


def _decode_job(job: tuple[list[Path | TarMember], str]) -> tuple[np.ndarray, dict[int, str], Exception | None]:
    """Decode the images of a job (places, preprocessing).

    Damaged bytes make Pillow raise almost any error. A wrong size is not damage: it ends the run. That error is
    returned, because DataLoader changes the type of errors that a worker raises.

    Returns:
        The images that can be decoded, why the others cannot, by position, and the error that ends the run.
    """
    places, preprocessing = job
    images, reasons = [], {}
    for i, place in enumerate(places):
        try:
            images.append(decode(place, preprocessing))
        except (DataError, MemoryError) as error:
            return np.empty((0, *SHAPE), np.uint8), {}, error
        except Exception as error:
            reasons[i] = f"{type(error).__name__}: {error}"
    return np.stack(images) if images else np.empty((0, *SHAPE), np.uint8), reasons, None
