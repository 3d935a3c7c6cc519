"""Folder layouts of the data sets, and the label of each image.

The root folder contains, or links to, these folders, or tar files in their place (see `bvg.datasets.places`):

| set | layout | images |
|---|---|---|
| `imagenet` | `imagenet/val/<wnid>/*.JPEG` | 50,000 |
| `imagenet-real` | the same images; labels in `imagenet-real/real.json` or `imagenet/real.json` | 46,837 |
| `imagenet-16class` | the same images, only the 16 categories | 10,350 |
| `imagenet-v2` | `imagenet-v2/<0 … 999>/*.jpeg`, or the upstream folder name (matched frequency) | 10,000 |
| `imagenet-a`, `imagenet-r` | `<set>/<wnid>/*.jpg`, 200 classes | 7,500; 30,000 |
| `imagenet-sketch` | `imagenet-sketch/sketch/<wnid>/*.JPEG`, or without `sketch/` | 50,889 |
| `imagenet-c`, `imagenet-cbar` | `<set>/<corruption>/<1 … 5>/<wnid>/*.JPEG`, stored at 224 px | 50,000 each |
| `stylized` | `stylized/dnn/session-<k>/<n>_sty_dnn_<c>_<category>_….png` (model-vs-human), 224 px | 800 |
| `cue-conflict` | `cue-conflict/<shape>/<shape><k>-<texture><k>.png`, 224 px | 1,280 |
| `gray-16class` | `gray-16class/*_<category>.JPEG` (critical-band-masking), 224 px | any |

Preprocessing is `resize256-crop224-bilinear` for photographs of any size, and `stored224` (none) for the sets stored at
224 px. The paper measured ImageNet-C and C-bar without resizing (its eval_imagenet_c.py), and stylized and cue-conflict
through model-vs-human, whose loader does not resize sets that it registers at 224 px (modelvshuman/datasets/base.py).

The generating script of ImageNet-C-bar names folders by strength (`sparkles/1.00` … `6.00`), not by severity. Where
`<corruption>/<severity>` does not exist, five such folders in numerical order are severities 1 to 5.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bvg import imagenet_classes, study
from bvg.messages import Brief, suggest

if TYPE_CHECKING:
    from bvg.datasets.tar import TarFolder

RESIZE_CROP = "resize256-crop224-bilinear"
STORED = "stored224"
SUFFIXES = (".jpeg", ".jpg", ".png")

Condition = tuple[str, str, str]
"""(name, variant, level): a data set, its corruption and its severity; the last two are empty where there are none."""


class DataError(Brief, RuntimeError):
    """The data on disk do not suffice; `problems` lists every reason as a sentence."""

    def __init__(self, message: str, problems: Iterable[str] = ()):
        super().__init__(message)
        self.problems = tuple(problems) or (message,)


@dataclass(frozen=True)
class FolderLayout:
    """How one data set lies on disk.

    Attributes:
        folders: candidates under the root; the first that exists is used.
        labelled_by: what gives the label: class folders ("wnid", "number", "category") or file names ("session",
            "flat").
        images: images of the complete set (per condition); None where the set has no fixed size.
        per_class: images per class, where all classes have the same number.
        preprocessing: RESIZE_CROP or STORED.
    """

    folders: tuple[str, ...]
    labelled_by: str
    images: int | None
    per_class: int | None = None
    preprocessing: str = RESIZE_CROP


_VAL = FolderLayout(("imagenet/val",), "wnid", 50_000, 50)
LAYOUTS: dict[str, FolderLayout] = {
    "imagenet": _VAL,
    "imagenet-real": _VAL,
    "imagenet-16class": _VAL,
    "imagenet-v2": FolderLayout(
        (
            "imagenet-v2/imagenetv2-matched-frequency-format-val",
            "imagenet-v2",
            "imagenetv2-matched-frequency-format-val",
        ),
        "number",
        10_000,
        10,
    ),
    "imagenet-a": FolderLayout(("imagenet-a",), "wnid", 7_500),
    "imagenet-r": FolderLayout(("imagenet-r",), "wnid", 30_000),
    "imagenet-sketch": FolderLayout(("imagenet-sketch/sketch", "imagenet-sketch"), "wnid", 50_889),
    "imagenet-c": FolderLayout(("imagenet-c",), "wnid", 50_000, 50, STORED),
    "imagenet-cbar": FolderLayout(("imagenet-cbar",), "wnid", 50_000, 50, STORED),
    "stylized": FolderLayout(("stylized/dnn",), "session", 800, 50, STORED),
    "cue-conflict": FolderLayout(("cue-conflict",), "category", 1_280, 80, STORED),
    "gray-16class": FolderLayout(("gray-16class",), "flat", None, None, STORED),
}
"""FolderLayout of every set, with the images that its makers state. `imagenet-real` and `imagenet-16class` read
`imagenet`."""


def conditions(name: str) -> list[Condition]:
    """List the conditions of a data set.

    There is one, with empty strings, except for imagenet-c and imagenet-cbar.

    >>> conditions("imagenet-v2")
    [('imagenet-v2', '', '')]
    >>> len(conditions("imagenet-c")), conditions("imagenet-cbar")[0]
    (95, ('imagenet-cbar', 'blue_noise_sample', '1'))
    """
    layout_of(name)
    return [(name, c, str(s)) for c in study.CORRUPTIONS.get(name, ()) for s in study.SEVERITIES] or [(name, "", "")]


@dataclass(frozen=True)
class Found:
    """Content of the folder of a data set.

    Attributes:
        images: (class that gives the order, relative path, labels), sorted.
        empty: class folders without an image.
        strange: folders that are not a class, and files whose names give no label or are not printable text (bytes that are
            not UTF-8).
    """

    images: list[tuple[int, str, tuple[int, ...]]]
    empty: list[str]
    strange: list[str]


def scan(name: str, folder: Path | TarFolder) -> Found:
    """Find all images in the folder of a data set, on disk or in a tar file, in order, with their labels."""
    by = LAYOUTS[name].labelled_by
    class_of = _class_of_folder(name)
    images, empty, strange = [], [], []
    for sub in [""] if by == "flat" else entries(folder, folders=True):
        class_ = class_of(sub)
        if class_ is None:
            strange.append(sub if sub.isprintable() else repr(sub))
            continue
        files = entries(folder / sub if sub else folder, folders=False)
        if not files and by != "flat":
            empty.append(sub)
        for file in files:
            labels = _labels(by, class_, file)
            path = f"{sub}/{file}" if sub else file
            if labels is None or not path.isprintable():
                strange.append(repr(path) if not path.isprintable() else path)
            else:
                images.append((labels[0], path, labels))
    return Found(sorted(images), sorted(empty), sorted(strange))


def entries(folder: Path | TarFolder, folders: bool) -> list[str]:
    """List the sub-folders, or the image files, in a folder, except hidden ones (`.DS_Store`, `._x.JPEG`)."""

    def wanted(name: str) -> bool:
        return not name.startswith(".") and (folders or name.lower().endswith(SUFFIXES))

    if not isinstance(folder, Path):
        return list(filter(wanted, folder.entries(folders)))
    with os.scandir(folder) as found:
        visible = (e for e in found if wanted(e.name))
        try:
            return [e.name for e in visible if (e.is_dir() if folders else e.is_file())]
        except OSError as error:
            raise DataError(f"expected folders and files in {folder} that can be opened, got: {error}") from error


def _class_of_folder(name: str) -> Callable[[str], int | None]:
    """Return a function from sub-folder to class: -1 where file names give the class, None for a folder of another set."""
    by = LAYOUTS[name].labelled_by
    if by == "wnid":
        return _wnid_index(name).get
    if by == "number":  # 0, 1, … or 000, 001, …: the class index itself
        return lambda sub: int(sub) if sub.isdecimal() and int(sub) < len(imagenet_classes.wnids()) else None
    if by == "category":
        return {category: i for i, category in enumerate(imagenet_classes.SIXTEEN)}.get
    return lambda sub: -1 if re.fullmatch(r"session-\d+|", sub) else None


def _wnid_index(name: str) -> dict[str, int]:
    """Map the wnids of a set's classes to their indices in 0 … 999."""
    wnids = imagenet_classes.wnids()
    indices = imagenet_classes.subset(name) if name in ("imagenet-a", "imagenet-r") else range(len(wnids))
    return {wnids[i]: int(i) for i in indices}


_CATEGORY_IN_NAME = {
    "category": re.compile(r"([a-z]+)\d+-([a-z]+)\d+\.\w+"),  # airplane1-bicycle2.png: shape, texture
    "session": re.compile(r"\d+_[^_]+_[^_]+_[^_]+_([a-z]+)_.+"),  # 0001_sty_dnn_0_airplane_00_….png
    "flat": re.compile(r".*_([a-z]+)\.\w+"),  # 0_color_gray_g_knife.JPEG
}


def _labels(by: str, class_: int, file: str) -> tuple[int, ...] | None:
    """Return the label of an image (shape and texture for cue-conflict); None where its name does not fit the set."""
    if by not in _CATEGORY_IN_NAME:
        return (class_,)
    match = _CATEGORY_IN_NAME[by].fullmatch(file)
    if not match or not set(match.groups()) <= set(imagenet_classes.SIXTEEN):
        return None
    labels = tuple(imagenet_classes.SIXTEEN.index(category) for category in match.groups())
    return labels if class_ in (-1, labels[0]) else None


def class_folders(name: str) -> dict[int, str]:
    """Map each class of a set to its folder name: wnid, number or category."""
    by = LAYOUTS[name].labelled_by
    if by == "wnid":
        return {i: wnid for wnid, i in _wnid_index(name).items()}
    if by == "number":
        return {i: str(i) for i in range(len(imagenet_classes.wnids()))}
    return dict(enumerate(imagenet_classes.SIXTEEN))


def layout_of(name: str) -> FolderLayout:
    """Return the layout of a data set.

    Raises:
        ValueError: there is no data set of that name; the message lists them.
    """
    if name not in LAYOUTS:
        raise ValueError(f"expected `name` to be one of {', '.join(LAYOUTS)}, got {name!r}{suggest(name, LAYOUTS)}")
    return LAYOUTS[name]


def title(condition: Condition) -> str:
    """Write a condition in words: `imagenet-c fog 3`."""
    return " ".join(part for part in condition if part)
