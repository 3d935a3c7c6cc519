"""Small image files for tests, in the folders of the data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from bvg import imagenet_classes
from bvg.datasets.index import Dataset
from bvg.datasets.loading import batches

WNIDS = imagenet_classes.wnids()
STIMULI = Path(__file__).resolve().parents[2].parent / "shared/data/stimuli"
"""Real images, in a folder next to the repository that is not part of it."""


def picture(path: Path, size=(224, 224), mode="RGB", seed=0) -> Path:
    """Write an image of noise to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = {"L": (), "RGB": (3,), "CMYK": (4,), "RGBA": (4,)}[mode]
    noise = np.random.default_rng([seed, *size]).integers(0, 256, (*size[::-1], *channels), dtype=np.uint8)
    Image.fromarray(noise, mode).save(path)
    return path


def touch(path: Path) -> None:
    """Make an empty file with the name of an image: indexing does not read the content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def validation_images(root: Path, n: int, size=(300, 260)) -> Path:
    """Make imagenet/val with images 1 … n in descending classes, so that file numbers and class order differ."""
    for i in range(1, n + 1):
        picture(root / "imagenet/val" / WNIDS[5 * (n - i)] / f"ILSVRC2012_val_{i:08}.JPEG", size, seed=i)
    return root


def pixels(dataset: Dataset, *args, **options) -> np.ndarray:
    """Read all images of a data set."""
    return np.concatenate([batch.images for batch in batches(dataset, 7, *args, **options)])


def damage(folder: Path, paths: tuple[str, ...]) -> set[str]:
    """Make the first three images unreadable, in three ways."""
    truncated, text, empty = paths[:3]
    whole = (folder / truncated).read_bytes()
    (folder / truncated).write_bytes(whole[: len(whole) // 2])
    (folder / text).write_text("not an image\n")
    (folder / empty).write_bytes(b"")
    return {truncated, text, empty}
