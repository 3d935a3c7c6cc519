"""Archives in the layouts of upstream, for tests."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy.io import savemat
from torchvision.datasets import imagenet

from bvg import imagenet_classes


def archive(path: Path, names: Iterable[str], link: str = "") -> Path:
    """Write a tar (by suffix: compressed) or zip file with small files of these names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as file:
            for name in names:
                file.writestr(name, b"x")
        return path
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as file:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 1
            file.addfile(entry, io.BytesIO(b"x"))
        if link:
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
            file.addfile(entry)
    return path


def pack(folder: Path, path: Path, top: str = "") -> Path:
    """Write an uncompressed tar file with the content of a folder, under `top` if it is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as file:
        for inside in sorted(folder.iterdir(), reverse=True):  # another order than that of the data set
            file.add(inside, f"{top}/{inside.name}" if top else inside.name)
    return path


def development_kit(folder: Path, classes: Sequence[int], monkeypatch) -> Path:
    """Write ImageNet's development kit with the classes of the first validation images, and state its digest to torchvision."""
    kit = folder / "kit" / "ILSVRC2012_devkit_t12" / "data"
    kit.mkdir(parents=True)
    kinds = [("ILSVRC2012_ID", int), ("WNID", object), ("words", object), ("gloss", object), ("num_children", int)]
    synsets = np.array([(i + 1, wnid, "a, b", "", 0) for i, wnid in enumerate(imagenet_classes.wnids())], kinds)
    savemat(kit / "meta.mat", {"synsets": synsets})
    (kit / "ILSVRC2012_validation_ground_truth.txt").write_text("".join(f"{i + 1}\n" for i in classes))
    path = folder / "imagenet" / "ILSVRC2012_devkit_t12.tar.gz"
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz") as file:
        file.add(kit.parent, "ILSVRC2012_devkit_t12")
    state_digest(path, "devkit", monkeypatch)
    return path


def state_digest(path: Path, kind: str, monkeypatch) -> None:
    """Make torchvision expect this file as ImageNet's `val` or `devkit` archive."""
    monkeypatch.setitem(imagenet.ARCHIVE_META, kind, (path.name, hashlib.md5(path.read_bytes()).hexdigest()))
