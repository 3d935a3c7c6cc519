"""Where a data set lies under the root: in a folder, or in an uncompressed tar file that is read as it is.

A tar file stands for a folder of its name: `imagenet-a.tar` for `imagenet-a`, `imagenet-c/fog.tar` for `imagenet-c/fog`. It may hold
the folder itself or what is in it. Two files of upstream are read under their own names: `imagenet-c/weather.tar` and the other
archives of ImageNet-C, and `imagenet/ILSVRC2012_img_val.tar`, whose labels come from the development kit next to it. A folder is
preferred to a tar file.
"""

from __future__ import annotations

import re
import tempfile
from functools import lru_cache
from pathlib import Path, PurePosixPath

from bvg import study
from bvg.datasets import tar
from bvg.datasets.layouts import Condition, DataError, entries, layout_of, title
from bvg.datasets.tar import TarFolder
from bvg.datasets.upstream import names, upstream
from bvg.messages import shorten

Folder = Path | TarFolder
"""A folder of images: on disk, or in a tar file."""

VAL_TAR = "ILSVRC2012_img_val.tar"
DEVKIT = "ILSVRC2012_devkit_t12.tar.gz"


def there(name: str, root: Path, variant: str = "") -> Path | None:
    """Return the folder or tar file of a data set, or of one of its corruptions; None if there is none. Nothing is opened.

    Raises:
        ValueError: there is no such data set.
    """
    paths = _paths(name, variant)
    for path in paths:
        if (root / path).is_dir():
            return root / path
        if (root / f"{path}.tar").is_file():
            return root / f"{path}.tar"
    archives = [f"{folder}.tar" for path in paths for folder in PurePosixPath(path).parents if folder.name]
    if variant and name in names():
        archives += [f"{name}/{file.name}" for file in upstream(name).files if variant in file.holds]
    if "imagenet/val" in paths:
        archives.append(f"imagenet/{VAL_TAR}")
    return next((root / path for path in archives if (root / path).is_file()), None)


def find_folder(condition: Condition, root: Path) -> Folder:
    """Return the folder of one condition of a data set.

    Raises:
        DataError: there is none (the message names what was tried), or its tar file is damaged or hostile.
    """
    name, variant, level = condition
    place = there(name, root, variant)
    if place is None and (base := there(name, root)) is not None:
        raise DataError(f"{title(condition)}: expected a folder {variant}/{level} in {base}, found none")
    if place is None:
        folders = layout_of(name).folders
        raise DataError(
            f"{name}: expected a folder {' or '.join(folders)} under {root}, or a tar file such as {folders[0]}.tar, found none: "
            f"`python -m bvg.datasets fetch {name} --data {root}` gets it or says how"
        )
    folder = place if place.is_dir() else _in_tar(place, _paths(name, variant))
    if not level:
        return folder
    found = folder / level
    if not found.is_dir():
        strengths = sorted((s for s in entries(folder, folders=True) if re.fullmatch(r"\d+\.\d+", s)), key=float)
        if len(strengths) == len(study.SEVERITIES):
            found = folder / strengths[study.SEVERITIES.index(int(level))]
    if not found.is_dir():
        base = folder.parent if isinstance(folder, Path) else place
        raise DataError(f"{title(condition)}: expected a folder {variant}/{level} in {base}, found none")
    return found


def _paths(name: str, variant: str) -> list[str]:
    """Return the candidates for a data set or a corruption, relative to the root."""
    return [f"{folder}/{variant}" if variant else folder for folder in layout_of(name).folders]


def _in_tar(archive: Path, paths: list[str]) -> TarFolder:
    """Return the first of some folders that a tar file holds, under its path from the root or the end of that path."""
    if archive.name == VAL_TAR:
        return validation_images(archive)
    whole = tar.open_tar(archive)
    for path in paths:
        parts = path.split("/")
        for ending in ("/".join(parts[i:]) for i in range(len(parts))):
            if (folder := whole / ending).is_dir():
                return folder
        if parts[-1] == archive.stem:
            return whole
    raise DataError(
        f"expected {archive} to hold a folder {' or '.join(paths)}, got {shorten(whole.entries(folders=True)) or 'no folder'}"
    )


def validation_images(archive: Path) -> TarFolder:
    """Return the validation images in their archive, in one folder per class, by the labels of the development kit next to it.

    Raises:
        DataError: the development kit is missing or is not the original, or the archive holds other files.
    """
    kit, whole = archive.with_name(DEVKIT), tar.open_tar(archive)
    if not kit.is_file():
        raise DataError(
            f"expected {DEVKIT}, which has the labels of {archive.name}, in {kit.parent}, found none: download it from "
            f"{upstream('imagenet').page}"
        )
    return _labelled(whole, kit, tar.Stat.of(kit.stat()))


@lru_cache(maxsize=2)
def _labelled(whole: TarFolder, kit: Path, changed: tar.Stat) -> TarFolder:
    wnids, paths = _wnids(kit), []
    for name in whole.members.names:
        number = re.fullmatch(r"ILSVRC2012_val_0*([1-9]\d*)\.JPEG", name)
        if not number or int(number[1]) > len(wnids):
            raise DataError(
                f"expected {whole} to hold ILSVRC2012_val_<number>.JPEG of 1 … {len(wnids):,}, got {name!r}"
            )
        paths.append(f"{wnids[int(number[1]) - 1]}/{name}")
    return TarFolder(whole.members.renamed(paths))


def _wnids(kit: Path) -> list[str]:
    """Return the class of each validation image, in the order of their numbers, by torchvision."""
    from torchvision.datasets import imagenet

    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, kit.name).symlink_to(kit.resolve())
        try:
            imagenet.parse_devkit_archive(scratch)
            return imagenet.load_meta_file(scratch)[1]
        except (RuntimeError, OSError) as error:
            raise DataError(f"expected {kit} to be the original development kit, got: {error}") from error
