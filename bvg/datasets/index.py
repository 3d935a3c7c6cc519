"""Index the data sets of the ImageNet family, and check them before measuring.

An index lists images in a fixed order, with their labels. `bvg.datasets.layouts` describes the folders. Nothing is decoded
here, and neither torch nor Pillow is imported.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bvg import imagenet_classes, study
from bvg.datasets import layouts, places
from bvg.datasets.layouts import LAYOUTS, SUFFIXES, Condition, DataError, Found, conditions, title
from bvg.datasets.places import Folder
from bvg.datasets.tar import TarMember
from bvg.messages import shorten

REAL_LABELS = ("imagenet-real/real.json", "imagenet/real.json")
"""Candidates for the file of ImageNet-ReaL's labels; the authors' script uses the second one."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Index of images in a fixed order; nothing is decoded.

    Attributes:
        name, variant, level: condition of the data set; corruption and severity for imagenet-c and -cbar, else empty.
        folder: folder that `files` are relative to, on disk or in a tar file.
        files: all N images of the set on disk, sorted by (class index, path).
        index: int64 [n], the position in `files` of each image used. It depends only on the set, so it can seed random
            numbers: an image has the same index under any `limit`, and in `imagenet` and `imagenet-real`. (If the set is
            incomplete on disk, positions count the images that are there.)
        labels: int64 [n], class index in 0 … 999 (also for imagenet-a and -r), or category in 0 … 15 for `stylized`,
            `gray-16class` and `imagenet-16class`; int64 [n, 2], category of shape and of texture, for `cue-conflict`;
            n frozensets of class indices for `imagenet-real`.
        preprocessing: RESIZE_CROP or STORED.
    """

    name: str
    variant: str
    level: str
    folder: Folder
    files: tuple[str, ...]
    index: np.ndarray
    labels: np.ndarray | tuple[frozenset[int], ...]
    preprocessing: str

    def __len__(self) -> int:
        return len(self.index)

    @property
    def places(self) -> list[Path | TarMember]:
        """Where the bytes of the n images used are: each reads like a path."""
        return [self.folder / self.files[i] for i in self.index]

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of the n images used, relative to `folder`."""
        return tuple(self.files[i] for i in self.index)

    def take(self, positions: Sequence[int] | np.ndarray) -> Dataset:
        """Select images by position; each keeps its index in the whole set.

        `data.take(range(512, 1024))` selects the second 512 images.
        """
        positions = np.asarray(positions, dtype=np.int64)
        if isinstance(self.labels, np.ndarray):
            labels = self.labels[positions]
        else:
            labels = tuple(self.labels[i] for i in positions)
        return replace(self, index=self.index[positions], labels=labels)

    def limited(self, limit: int | None) -> Dataset:
        """Select at most `limit` images, evenly spaced.

        Image i is number floor((2 i + 1) n / (2 limit)) of the n. Images are sorted by class, so even spacing selects the classes evenly. The selection depends only on n and `limit`.

        Raises:
            ValueError: `limit` is not a positive integer.
        """
        if limit is None:
            return self
        if isinstance(limit, bool) or not isinstance(limit, int | np.integer) or limit < 1:
            raise ValueError(f"expected `limit` to be an integer of at least 1 or None, got {limit!r}")
        n = len(self)
        return self if limit >= n else self.take([(2 * i + 1) * n // (2 * limit) for i in range(limit)])

    def fingerprint(self) -> dict[str, int | str]:
        """Return `{"count": n, "sha256": …}`.

        The digest is that of the n lines `path<TAB>label` in the order of the data set. Labels are numbers joined by commas,
        so a changed `real.json` changes the digest too. The content of the images is not read (see
        `bvg.datasets.content.digests`).
        """
        labels = (",".join(map(str, sorted(y) if isinstance(y, frozenset) else np.atleast_1d(y))) for y in self.labels)
        lines = "".join(f"{path}\t{label}\n" for path, label in zip(self.paths, labels, strict=True))
        return {"count": len(self), "sha256": hashlib.sha256(lines.encode()).hexdigest()}


def open_dataset(
    name: str, root: str | Path, variant: str = "", level: str | int = "", limit: int | None = None
) -> Dataset:
    """Index one condition of a data set without decoding.

    Args:
        name: a key of `bvg.datasets.layouts.LAYOUTS`.
        root: the folder that holds the data sets, as folders or tar files (see `bvg.datasets.places`).
        variant, level: corruption and severity, for imagenet-c and imagenet-cbar only.
        limit: use at most so many images, evenly spaced (see `Dataset.limited`).

    Raises:
        DataError: the folder is missing, holds no image, or holds a class folder or file name of another set.
        ValueError: there is no such name, variant or level, or `limit` is not a positive integer.
    """
    condition, root = _known((name, variant, str(level))), Path(root)
    folder = places.find_folder(condition, root)
    found = layouts.scan(name, folder)
    if found.strange or not found.images:
        raise _data_error([f"{title(condition)}: {fault}" for fault in _faults(name, found, complete=False)])
    return _select(condition, root, folder, found.images).limited(limit)


def check(root: str | Path, names: Iterable[str | Condition], limit: int | None = None) -> dict[Condition, int]:
    """Check data sets against their layouts before anything is measured.

    Args:
        root: the folder that holds the data sets.
        names: data sets, each with all its conditions, or single conditions (name, variant, level).
        limit: as for the measurement. None, or a number that is not smaller than the set, requires complete sets. With a
            smaller number, sets may be incomplete on disk. A missing or empty folder, and a folder that is not a class of
            the set, is a problem in either case.

    Returns:
        The number of images that a measurement uses, per condition.

    Raises:
        DataError: there are problems; the message lists all problems of all sets, one per line.
    """
    root, counts, problems = Path(root), {}, {}  # problems: a dict serves as an ordered set
    for name in names:
        for condition in conditions(name) if isinstance(name, str) else [_known(name)]:
            try:
                folder = places.find_folder(condition, root)
                found = layouts.scan(condition[0], folder)
                expected = LAYOUTS[condition[0]].images
                complete = limit is None or (expected is not None and limit >= expected)
                faults = list(_faults(condition[0], found, complete))
                problems |= dict.fromkeys(f"{title(condition)}: {fault}" for fault in faults)
                if not found.images:
                    continue
                counts[condition] = n = len(_select(condition, root, folder, found.images).limited(limit))
                if condition[0] == "imagenet-real" and complete and not faults:
                    faults = _miscount(study.benchmark("imagenet-real").images, n, "labelled images")
                    problems |= dict.fromkeys(f"imagenet-real: {fault}" for fault in faults)
            except DataError as error:
                problems |= dict.fromkeys(error.problems)
    if problems:
        raise _data_error(list(problems))
    return counts


def _data_error(problems: list[str]) -> DataError:
    lines = "".join(f"\n- {problem}" for problem in problems)
    return DataError(f"{len(problems)} problem{'s' * (len(problems) > 1)} with the data:{lines}", problems)


def _known(condition: Condition) -> Condition:
    known = conditions(condition[0])
    if condition not in known:
        pairs = shorten([" ".join(c[1:]) or "none" for c in known])
        raise ValueError(
            f"expected `variant` and `level` of {condition[0]} to be one of {pairs}, got {' '.join(condition[1:])!r}"
        )
    return condition


def _select(
    condition: Condition, root: Path, folder: Folder, images: list[tuple[int, str, tuple[int, ...]]]
) -> Dataset:
    """Make the data set of scanned images: all of them, or those that have a label in the requested set."""
    name, files = condition[0], tuple(path for _, path, _ in images)
    keep, labels = np.arange(len(files)), np.array([labels for *_, labels in images], dtype=np.int64)
    if labels.shape[1] == 1:
        labels = labels[:, 0]
    if name == "imagenet-16class":
        category_of = np.full(len(imagenet_classes.wnids()), -1)
        for i, category in enumerate(imagenet_classes.SIXTEEN):
            category_of[imagenet_classes.sixteen_indices(category)] = i
        keep = np.flatnonzero(category_of[labels] >= 0)
        labels = category_of[labels[keep]]
    elif name == "imagenet-real":
        sets = _real_labels(root, files)
        keep = np.flatnonzero([len(s) > 0 for s in sets])
        labels = tuple(sets[i] for i in keep)
    if not len(keep):
        raise DataError(f"{title(condition)}: expected images with a label in {folder}, found none")
    return Dataset(*condition, folder, files, keep, labels, LAYOUTS[name].preprocessing)


def _real_labels(root: Path, files: tuple[str, ...]) -> list[frozenset[int]]:
    """Return ImageNet-ReaL's label sets for validation images; empty where an image has no label.

    The number in the file name gives the position in the list: ILSVRC2012_val_00000001 comes first. Source: Beyer et al.
    2020, reassessed-imagenet, real.json.
    """
    path = next((root / p for p in REAL_LABELS if (root / p).is_file()), None)
    if path is None:
        raise DataError(f"imagenet-real: expected its labels at {' or '.join(REAL_LABELS)} under {root}, found neither")
    expected = f"imagenet-real: expected {path} to be a list of 50,000 lists of class indices in 0 … 999"
    try:
        sets = [frozenset(entry) for entry in json.loads(path.read_text())]
    except (ValueError, TypeError) as error:
        raise DataError(f"{expected}, got {error}") from error
    wrong = {label for s in sets for label in s} - set(range(len(imagenet_classes.wnids())))
    if len(sets) != LAYOUTS["imagenet"].images or wrong:
        raise DataError(f"{expected}, got {len(sets):,} lists" + (f" and the labels {shorten(wrong)}" if wrong else ""))
    numbers = [re.search(r"_val_0*([1-9]\d*)\.", file) for file in files]
    bad = [f for f, m in zip(files, numbers, strict=True) if m is None or int(m[1]) > len(sets)]
    if bad:
        raise DataError(f"imagenet-real: expected names ILSVRC2012_val_<number>.JPEG of 1 … 50,000, got {shorten(bad)}")
    return [sets[int(m[1]) - 1] for m in numbers]


def _faults(name: str, found: Found, complete: bool) -> Iterator[str]:
    """List the faults of a scanned set, one sentence each; check the counts only where it should be complete."""
    layout = LAYOUTS[name]
    if found.strange:
        yield f"{len(found.strange)} folder(s) or file(s) not of this set: {shorten(found.strange)}"
    if found.empty:
        yield f"{len(found.empty)} empty folder(s): {shorten(found.empty)}"
    if not found.images:
        yield f"expected images ({', '.join(SUFFIXES)}), found none"
    if not complete or not found.images:
        return
    counts = Counter(class_ for class_, *_ in found.images)
    folder_of = layouts.class_folders(name)
    missing = [sub for c, sub in folder_of.items() if c not in counts and sub not in found.empty]
    if missing:
        yield f"{len(missing)} of {len(folder_of)} classes missing: {shorten(missing)}"
    if layout.images is not None:
        yield from _miscount(layout.images, len(found.images), "images")
    if layout.per_class is not None:
        off = [f"{folder_of[c]} has {counts[c]}" for c in sorted(counts) if counts[c] != layout.per_class]
        if off:
            yield f"{len(off)} class(es) without the expected {layout.per_class} images: {shorten(off)}"


def _miscount(expected: int, got: int, what: str) -> list[str]:
    return [] if got == expected else [f"expected {expected:,} {what}, found {got:,}"]
