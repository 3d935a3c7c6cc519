"""Read the files in an uncompressed tar file where they lie, without unpacking it.

`TarFolder` and `TarMember` offer what reading a data set needs of `pathlib.Path`: a data set's `folder / path` is one or the other.
A member is read by its position, so processes may share the file.
"""

from __future__ import annotations

import hashlib
import logging
import os
import posixpath
import tarfile
from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from bvg import files
from bvg.datasets.layouts import DataError
from bvg.datasets.unpack import reject_hostile

log = logging.getLogger(__name__)

AFTER_SLASH = chr(ord("/") + 1)
"""Paths in folder `a/` lie between "a/" and "a" + AFTER_SLASH in sorted order."""


class Stat(NamedTuple):
    """Size [bytes] and times [ns] of a file, by the names of `os.stat_result`."""

    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> Stat:
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(frozen=True)
class TarMember:
    """A file in a tar file.

    Attributes:
        archive: the tar file.
        name: path of the member in its data set.
        offset, size: where its bytes are.
        indexed: size and times of the tar file when its members were listed.
    """

    archive: Path
    name: str
    offset: int
    size: int
    indexed: Stat

    def __str__(self) -> str:
        return f"{self.archive}/{self.name}"

    def is_dir(self) -> bool:
        """Return False: a member is a file."""
        return False

    def read_bytes(self) -> bytes:
        """Return the content.

        Raises:
            DataError: the tar file has changed since its members were listed.
            OSError: it cannot be read.
        """
        file = _opened(self.archive, self.indexed)
        content = os.pread(file.number, self.size, self.offset)
        if Stat.of(os.fstat(file.number)) != self.indexed or len(content) != self.size:
            raise DataError(
                f"expected {self.archive} to stay as it was when its members were listed, but it has changed: start again"
            )
        return content

    def stat(self) -> Stat:
        """Return the size of the member, and the times of the tar file."""
        return self.indexed._replace(st_size=self.size)


@dataclass(frozen=True, eq=False)
class Members:
    """The files in a tar file.

    Attributes:
        archive: the tar file.
        indexed: its size and times when they were listed.
        names: their paths, sorted.
        offsets, sizes: int64 [n], where the bytes of each are.
    """

    archive: Path
    indexed: Stat
    names: list[str]
    offsets: np.ndarray
    sizes: np.ndarray

    def renamed(self, names: list[str]) -> Members:
        """Return the same files under other paths, one for each of `self.names`."""
        order = sorted(range(len(names)), key=names.__getitem__)
        sorted_names = [names[i] for i in order]
        return replace(self, names=sorted_names, offsets=self.offsets[order], sizes=self.sizes[order])


@dataclass(frozen=True)
class TarFolder:
    """A folder in a tar file.

    Attributes:
        members: the files in the tar file.
        inside: path of the folder in it, which ends with "/"; empty for the whole.
    """

    members: Members
    inside: str = ""

    def __str__(self) -> str:
        return f"{self.members.archive}/{self.inside}".rstrip("/")

    def __truediv__(self, path: str) -> TarFolder | TarMember:
        path, of = self.inside + path, self.members
        i = bisect_left(of.names, path)
        if i < len(of.names) and of.names[i] == path:
            return TarMember(of.archive, path, int(of.offsets[i]), int(of.sizes[i]), of.indexed)
        return TarFolder(of, f"{path}/")

    @property
    def name(self) -> str:
        return posixpath.basename(str(self))

    def is_dir(self) -> bool:
        """Return whether the folder holds files."""
        return self._start() < self._end()

    def resolve(self) -> TarFolder:
        """Return the folder with the absolute path of its tar file."""
        return TarFolder(replace(self.members, archive=self.members.archive.resolve()), self.inside)

    def entries(self, folders: bool) -> list[str]:
        """Return the names of the folders in it, or of the files, sorted."""
        names, found, i, end = self.members.names, [], self._start(), self._end()
        while i < end:
            name, slash, _ = names[i][len(self.inside) :].partition("/")
            if bool(slash) == folders:
                found.append(name)
            i = bisect_left(names, f"{self.inside}{name}{AFTER_SLASH}") if slash else i + 1
        return found

    def _start(self) -> int:
        return bisect_left(self.members.names, self.inside)

    def _end(self) -> int:
        names = self.members.names
        return bisect_left(names, self.inside[:-1] + AFTER_SLASH) if self.inside else len(names)


def open_tar(archive: str | Path) -> TarFolder:
    """Open a tar file as a folder.

    Its headers are read once; the list of its members is kept in the cache folder (`bvg.files.cache_dir`) until the file changes.

    Args:
        archive: an uncompressed tar file.

    Raises:
        DataError: it is not one (the message names compressed files), is truncated or damaged, cannot be read, or holds a path
            outside the folder, a link or a device.
    """
    archive = Path(archive)
    try:
        return TarFolder(_members(archive, Stat.of(archive.stat())))
    except OSError as error:
        raise DataError(f"expected {archive} to be a file that can be read, got {error.strerror or error}") from error


@lru_cache(maxsize=8)  # ImageNet-C has five archives
def _members(archive: Path, indexed: Stat) -> Members:
    key = hashlib.sha256(f"{os.fsencode(archive.resolve())}\n{indexed}".encode()).hexdigest()[:16]
    place = files.cache_dir() / "tar" / f"{key}.parquet"
    try:
        table = pd.read_parquet(place)
    except (OSError, ValueError) as error:  # none yet, or damaged: listed again
        log.debug("no list of members from %s: %s", place, error)
        table = _listed(archive)
        try:
            with files.atomic(place) as temporary:
                table.to_parquet(temporary, index=False)
        except OSError as error:
            log.warning("the members of %s are not remembered, so they are listed again next time: %s", archive, error)
    return Members(archive, indexed, table["name"].tolist(), table["offset"].to_numpy(), table["size"].to_numpy())


def _listed(archive: Path) -> pd.DataFrame:
    """List the files in a tar file from its headers: name, offset and size, sorted by name; the last of equal names counts."""
    found: dict[str, tuple[int, int]] = {}
    try:
        with tarfile.open(archive, "r:") as opened:
            while (member := opened.next()) is not None:
                reject_hostile(archive, member.name, (member.isfile() or member.isdir()) and not member.issparse())
                if not member.name.isprintable():
                    raise DataError(
                        f"expected printable names in {archive}, got {member.name!r}: nothing of it was used"
                    )
                if member.isfile():
                    found[posixpath.normpath(member.name)] = member.offset_data, member.size
                opened.members.clear()  # it keeps every header: gigabytes for a million images
            end = opened.offset
    except tarfile.TarError as error:
        raise DataError(
            f"expected {archive} to be a complete, uncompressed tar file, got {type(error).__name__}: {error}. "
            "If it is compressed, unpack the compression (gunzip) or the whole; otherwise get it again"
        ) from error
    with archive.open("rb") as raw:
        raw.seek(end)
        block = raw.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE or any(block):  # the end is a block of zeros
        raise DataError(
            f"expected {archive} to be a complete tar file, got one that ends or is damaged after byte {end:,}: get it again"
        )
    rows = [(name, *place) for name, place in sorted(found.items())]
    return pd.DataFrame(rows, columns=["name", "offset", "size"]).astype({"offset": np.int64, "size": np.int64})


class _Descriptor:
    """An open file; closed with the object."""

    def __init__(self, path: Path) -> None:
        self.number = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        if hasattr(self, "number"):
            os.close(self.number)


@lru_cache(maxsize=16)
def _opened(archive: Path, indexed: Stat) -> _Descriptor:
    """Open a tar file once per process (`indexed`: a file that has changed is opened again)."""
    return _Descriptor(archive)
