"""Unpack archives safely: nothing outside the folder, no links, no devices, and only if the disk has room."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

from bvg.datasets.layouts import DataError

SPARE = 1 << 30
"""Bytes that stay free on the disk."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a .tar, .tar.gz or .zip file into a new folder.

    Args:
        archive: the file.
        folder: where to put its content; created.

    Raises:
        DataError: it is not such an archive, is damaged, holds a path outside the folder, a link or a device, or needs more
            room than the disk has. The folder is then removed.
    """
    try:
        with _opened(archive) as (size, members, extract):
            for name, plain in members:
                reject_hostile(archive, name, plain)
            require_room(folder, size, f"unpack {archive.name}")
            folder.mkdir(parents=True)
            extract(folder)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise DataError(
            f"expected {archive} to be a complete archive, got {type(error).__name__}: {error}. Delete it and fetch it again"
        ) from error
    except DataError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def _opened(archive: Path) -> Iterator[tuple[int, Iterator[tuple[str, bool]], Callable[[Path], None]]]:
    """Open an archive: its unpacked size, its members (name, whether it is a plain file or folder), a function to extract."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            entries, link = file.infolist(), 0o120000
            members = ((e.filename, (e.external_attr >> 16) & 0o170000 != link) for e in entries)
            yield sum(e.file_size for e in entries), members, file.extractall
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as file:
            entries = file.getmembers()
            members = ((e.name, e.isfile() or e.isdir()) for e in entries)
            yield sum(e.size for e in entries), members, partial(file.extractall, filter="data")
    else:
        raise DataError(f"expected {archive} to be a .tar, .tar.gz or .zip file, got another kind of file")


def reject_hostile(archive: Path, name: str, plain: bool) -> None:
    """Reject a member of an archive that lies outside the folder, or is neither a plain file nor a folder.

    Raises:
        DataError: it is one of these.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[:1]:
        raise DataError(f"expected paths inside the folder in {archive}, got {name!r}: nothing of it was used")
    if not plain:
        raise DataError(
            f"expected files and folders only in {archive}, got a link or device {name!r}: nothing of it was used"
        )


def require_room(folder: Path, size: int, what: str) -> None:
    """Raise unless the disk of a folder has room.

    Raises:
        DataError: less than `size` + `SPARE` bytes are free.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < size + SPARE:
        raise DataError(
            f"expected {gigabytes(size + SPARE)} free on the disk of {there} to {what}, got {gigabytes(free)}: make room or choose another folder"
        )


def gigabytes(size: float) -> str:
    """Write a number of bytes.

    >>> gigabytes(1_264_079_360), gigabytes(388_478)
    ('1.3 GB', '0.4 MB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def folders_in(folder: Path) -> Iterator[Path]:
    """List the folders in an unpacked archive, except hidden ones."""
    return (Path(e.path) for e in os.scandir(folder) if e.is_dir() and not e.name.startswith("."))
