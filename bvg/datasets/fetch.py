"""Fetch a data set: download, verify, unpack, arrange and count."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock

from bvg.datasets import index, layouts, places, sample, unpack
from bvg.datasets.layouts import DataError
from bvg.datasets.upstream import RemoteFile, Upstream, upstream
from bvg.downloads import ChecksumError, download

ARCHIVES = "archives"
"""Folder under the root for downloaded files."""


def prepare(
    name: str, root: str | Path, keep_archives: bool = False, progress: bool = True, as_tar: bool = False
) -> dict[layouts.Condition, int]:
    """Put a data set into place under the root folder and count its images.

    What is there already stays. An interrupted download resumes; archives are verified, unpacked next to their place and then
    moved, so that no half of a set is ever in place. Digests of a sample of the images are recorded for `python -m bvg.datasets check`.

    Args:
        name: id of the data set (see `bvg.datasets.upstream.names`).
        root: the folder of the data sets.
        keep_archives: keep the downloaded archives in `ROOT/archives`.
        progress: show progress bars.
        as_tar: leave .tar files as they are, to be read in place (see `bvg.datasets.places`); compressed archives are unpacked.

    Returns:
        Number of images per condition.

    Raises:
        ValueError: no such data set.
        DataError: it has to be got by hand (the message says how), an archive is damaged or hostile, the disk is too full, or
            the images are not those that its makers state.
        bvg.downloads.DownloadError: a file cannot be downloaded.
    """
    root, source = Path(root), upstream(name)
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / f".{name}.lock"):
        if source.needs:
            prepare(source.needs, root, keep_archives, progress, as_tar)
        arrange = name == "imagenet" and not as_tar and _has_archives(root)
        absent = arrange or not in_place(source, root)
        if absent:
            if name == "imagenet":
                _arrange_imagenet(source, root)
            elif not source.files:
                raise DataError(f"{name} cannot be downloaded from {source.page}. {source.by_hand.format(root=root)}")
            else:
                _fetch_files(source, root, keep_archives, progress, as_tar)
        counts = index.check(root, [name])
        if absent:
            sample.record(name, root)
    return counts


def in_place(source: Upstream, root: Path) -> bool:
    """Return whether a data set has a folder or a tar file, or each of its corruptions (the content is not looked at)."""
    if source.name == "imagenet-real":
        return any((root / place).is_file() for place in index.REAL_LABELS)
    return None not in locations(source, root)


def locations(source: Upstream, root: Path) -> list[Path | None]:
    """Return the folder or tar file of a data set, or of each corruption where it has several archives; None if missing."""
    held = [corruption for file in source.files for corruption in file.holds]
    return [places.there(source.name, root, corruption) for corruption in held or [""]]


def _fetch_files(source: Upstream, root: Path, keep: bool, progress: bool, as_tar: bool) -> None:
    archives = root / ARCHIVES
    wanted = [f for f in source.files if not f.holds or not all(places.there(source.name, root, h) for h in f.holds)]
    unpack.require_room(archives, max(_missing(file, archives) for file in wanted), f"download {source.name}")
    for file in wanted:
        path = download(file.url, archives / file.name, _sha256(file), page=source.page, progress=progress)
        _verify_md5(path, file)
        if as_tar and file.name.endswith(".tar"):
            target = root / (f"{source.name}/{file.name}" if file.holds else f"{source.name}.tar")
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
            path.with_name(path.name + ".sha256").unlink(missing_ok=True)
            continue
        if file.name.endswith((".tar", ".gz", ".zip")):
            _place(source, path, root)
        else:
            target = root / source.folders[file.name]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target.with_name(target.name + ".new"))
            os.replace(target.with_name(target.name + ".new"), target)
        if not keep:
            path.unlink()
            path.with_name(path.name + ".sha256").unlink(missing_ok=True)


def _missing(file: RemoteFile, archives: Path) -> int:
    """Return the bytes still to download."""
    there = (archives / file.name, archives / f"{file.name}.part")
    return max(0, file.bytes - max((p.stat().st_size for p in there if p.exists()), default=0))


def _place(source: Upstream, archive: Path, root: Path) -> None:
    """Unpack an archive next to its place and move its folders there."""
    with tempfile.TemporaryDirectory(prefix=f".{source.name}-", dir=root) as scratch:
        content = Path(scratch, "content")
        unpack.unpack(archive, content)
        for inside, target in source.folders.items():
            found = list(unpack.folders_in(content)) if inside == "*" else [content / inside]
            if not all(folder.is_dir() for folder in found) or not found:
                names = ", ".join(sorted(p.name for p in unpack.folders_in(content))) or "no folder"
                raise DataError(
                    f"expected a folder {inside} in {archive.name}, got {names}: upstream has changed its archive"
                )
            for folder in found:
                place = root / target / folder.name if inside == "*" else root / target
                if not place.exists():
                    place.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(folder, place)


def _sha256(file: RemoteFile) -> str | None:
    kind, _, digest = file.digest.partition(":")
    return digest if kind == "sha256" else None


def _verify_md5(path: Path, file: RemoteFile) -> None:
    kind, _, stated = file.digest.partition(":")
    if kind != "md5":
        return
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "md5").hexdigest()
    if digest != stated:
        path.unlink()
        path.with_name(path.name + ".sha256").unlink(missing_ok=True)
        raise ChecksumError(
            f"expected {path.name} with the MD5 {stated} that {file.url} states, got {digest}: fetch it again"
        )


def _has_archives(root: Path) -> bool:
    """Return whether ImageNet's validation images are there as their makers' archive only."""
    place = places.there("imagenet", root)
    return place is not None and place.name == places.VAL_TAR


def _arrange_imagenet(source: Upstream, root: Path) -> None:
    """Arrange the validation images with the development kit's labels, by torchvision."""
    folder = root / "imagenet"
    absent = [n for n in (places.VAL_TAR, places.DEVKIT) if not (folder / n).is_file()]
    if absent:
        raise DataError(
            f"{source.name} needs a log-in; {' and '.join(absent)} are not in {folder}. {source.by_hand.format(root=root)} ({source.page})"
        )
    unpack.require_room(folder, (folder / places.VAL_TAR).stat().st_size, f"unpack {places.VAL_TAR}")
    from torchvision.datasets import imagenet

    try:
        imagenet.parse_devkit_archive(folder)
        wnids = imagenet.load_meta_file(folder)[1]
        imagenet.parse_val_archive(folder, wnids=wnids, folder=".val-arranging")
    except (RuntimeError, OSError) as error:
        shutil.rmtree(folder / ".val-arranging", ignore_errors=True)
        raise DataError(
            f"expected the two archives of {source.page} in {folder}, complete and unchanged, got: {error}"
        ) from error
    os.replace(folder / ".val-arranging", folder / "val")
