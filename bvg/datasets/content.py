"""Digests of image files, remembered with size and times of each file, so that a file is read again only if it changed."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from bvg import files
from bvg.datasets.index import Dataset
from bvg.datasets.places import Folder
from bvg.datasets.tar import TarMember

log = logging.getLogger(__name__)

THREADS = min(32, 4 * (os.cpu_count() or 1))  # they wait for the disk; hashing runs outside Python's lock
UNREADABLE = b"cannot be read".ljust(32)
"""Stands for the digest of a file that cannot be opened; the reader reports why."""


def digests(dataset: Dataset, cache_dir: str | Path, on_progress: Callable[[int], None] | None = None) -> np.ndarray:
    """Compute the SHA-256 of the bytes of each image file used.

    A file whose size, modification time and change time are those of an earlier call is not read. The change time is set by
    the file system at every write or replacement, so it also changes where the other two are copied.

    An image in a tar file counts as changed if the tar file has changed.

    Args:
        dataset: the images; only those used (`Dataset.paths`) are read.
        cache_dir: folder where the digests are remembered, in `digests`. Without write access nothing is remembered.
        on_progress: called with the number of files that were just read or recognized; the calls add up to len(dataset).

    Returns:
        Bytes [n], 32 each (dtype S32 would drop zeros at the end, so uint8 [n, 32]).
    """
    report = on_progress or (lambda n: None)
    place = _place(dataset.folder, cache_dir)
    known = _read(place)
    places = dataset.places
    with ThreadPoolExecutor(THREADS) as pool:
        stamps = list(pool.map(_stamp, places))
        before = {key: (stamp, digest) for key, stamp, digest in known.itertuples(index=False)}
        found: dict[str, tuple[str, bytes]] = {}
        new = []
        for key, path, stamp in zip(dataset.paths, places, stamps, strict=True):
            if stamp and before.get(key, ("",))[0] == stamp:
                found[key] = before[key]
            else:
                new.append((key, path, stamp))
        report(len(found))
        for (key, _, stamp), digest in zip(new, pool.map(_digest, [path for _, path, _ in new]), strict=True):
            found[key] = stamp, digest
            report(1)
    if new:
        _write(place, before | {key: entry for key, entry in found.items() if entry[1] != UNREADABLE})
    return np.frombuffer(b"".join(found[key][1] for key in dataset.paths), np.uint8).reshape(-1, 32)


def _place(folder: Folder, cache_dir: str | Path) -> Path:
    name = hashlib.sha256(os.fsencode(str(folder.resolve()))).hexdigest()[:16]
    return Path(cache_dir) / "digests" / f"{name}.parquet"


def _stamp(path: Path | TarMember) -> str:
    """Return size, modification time and change time [ns] of a file as text; empty if it cannot be looked up."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"


def _digest(path: Path | TarMember) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return UNREADABLE


def _read(place: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(place)
    except (OSError, ValueError) as error:  # none yet, or damaged: computed again
        log.debug("no digests from %s: %s", place, error)
        return pd.DataFrame(columns=["path", "stamp", "digest"])


def _write(place: Path, entries: dict[str, tuple[str, bytes]]) -> None:
    rows = [(key, stamp, digest) for key, (stamp, digest) in entries.items()]
    try:
        with files.atomic(place) as temporary:
            pd.DataFrame(rows, columns=["path", "stamp", "digest"]).to_parquet(temporary, index=False)
    except OSError as error:
        log.warning("digests of images are not remembered, so they are computed again next time: %s", error)
