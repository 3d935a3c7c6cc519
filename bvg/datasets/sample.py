"""Digests of a sample of images, recorded when verified archives are put into place and compared by `check`."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bvg import files
from bvg.datasets.index import open_dataset
from bvg.datasets.layouts import DataError, conditions
from bvg.messages import shorten

COUNT = 64
"""Images of a sample, at least one per condition."""


def record(name: str, root: Path) -> None:
    """Write the digests of a sample of a data set to `ROOT/.NAME.sha256`."""
    with files.atomic(_place(name, root)) as path:
        path.write_text(
            "".join(f"{digest}  {image}\n" for image, digest in _digests(name, root).items()), encoding="utf-8"
        )


def compare(name: str, root: Path) -> int | None:
    """Compare a sample of a data set with its recorded digests.

    Returns:
        The number of images compared; None if nothing was recorded.

    Raises:
        DataError: images have changed since they were recorded.
    """
    try:
        lines = _place(name, root).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    stored = {image: digest for digest, _, image in (line.partition("  ") for line in lines)}
    found = _digests(name, root)
    changed = [image for image, digest in stored.items() if found.get(image) != digest]
    if changed:
        raise DataError(
            f"expected the images that were fetched, got {len(changed)} of {len(stored)} sampled images with another content: "
            f"{shorten(changed)}. Remove the set and fetch it again"
        )
    return len(stored)


def _digests(name: str, root: Path) -> dict[str, str]:
    found, known = {}, conditions(name)
    for condition in known:
        data = open_dataset(name, root, *condition[1:], limit=max(1, COUNT // len(known)))
        for path, place in zip(data.paths, data.places, strict=True):
            found["/".join(filter(None, (*condition[1:], path)))] = hashlib.sha256(place.read_bytes()).hexdigest()
    return found


def _place(name: str, root: Path) -> Path:
    return root / f".{name}.sha256"
