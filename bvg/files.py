"""Atomic writes, digests, and the folder of cached files."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path


def cache_dir() -> Path:
    """Return the folder of downloads and decoded images: $BVG_CACHE, by default ~/.cache/bvg."""
    return Path(os.environ.get("BVG_CACHE") or Path.home() / ".cache" / "bvg")


def sha256(path: str | os.PathLike) -> str:
    """Compute the SHA-256 of a file's content, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class atomic:
    """Context that yields a temporary path next to `path` and renames it to `path` only if the block succeeds.

    A reader, or a process that dies, finds the old file or the new one, never half of one.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)

    def __enter__(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.", suffix=self.path.suffix)
        os.close(handle)
        self.temporary = Path(name)
        return self.temporary

    def __exit__(self, kind, error, trace) -> None:
        if kind is not None:
            self.temporary.unlink(missing_ok=True)
            return
        umask = os.umask(0)
        os.umask(umask)
        self.temporary.chmod(0o666 & ~umask)
        with self.temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(self.temporary, self.path)
