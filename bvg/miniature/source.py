"""The miniature's data sets, under the ids of the benchmarks that they stand for, as `bvg.measure` takes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

import bvg.models.zoo
from bvg.datasets.batches import Batch
from bvg.datasets.index import Dataset
from bvg.datasets.layouts import Condition
from bvg.instruments.base import Instrument
from bvg.miniature import corruptions, drawing, shapes, synthetic, textures, zoo
from bvg.miniature.instruments import INSTRUMENTS
from bvg.study import SEVERITIES

SPLITS: dict[str, tuple[str, int]] = {
    "imagenet": ("val", 480),
    "imagenet-v2": ("v2", 480),
    "imagenet-a": ("v2", 240),
    "imagenet-c": ("val", 160),
    "imagenet-cbar": ("val", 160),
    "imagenet-r": ("silhouette", 480),
    "imagenet-sketch": ("sketch", 480),
    "stylized": ("stylized", 480),
    "cue-conflict": ("cue-conflict", 480),
    "pgd": ("val", 160),
}
"""Benchmark -> the split of `bvg.miniature.synthetic` that stands for it, and the images of each of its conditions."""

MISJUDGED = Path(__file__).with_name("misjudged.json")
"""Positions in the split v2, behind its first 480 images, that the baseline gets wrong: 15 of each class. They stand for
ImageNet-A, the photographs that a ResNet-50 got wrong."""


class Drawn:
    """The miniature's images; nothing lies on disk."""

    instruments = INSTRUMENTS
    batch_size = 32
    kept = ()
    cache = Path()

    def to_decode(self, condition: Condition, n: int, limit: int | None, held: set[int]) -> int:
        """None: they are drawn."""
        return 0

    def load(self, name: str | Path) -> nn.Module:
        """One of the miniature's networks, a file that its training wrote, or what `package.module:function` returns."""
        if str(name) in zoo.names():
            return zoo.load(str(name))
        if str(name).endswith(".safetensors"):
            return zoo.load(Path(name).stem, Path(name).parent)
        return bvg.models.zoo.load(name, size=synthetic.SIZE, classes=len(synthetic.CLASSES))

    def check(self, wanted: Iterable[Instrument], limit: int | None) -> dict[Condition, int]:
        """Number of images that a measurement uses, per condition of the data sets that instruments show."""
        names = dict.fromkeys(instrument.dataset for instrument in wanted)
        if unknown := [name for name in names if name not in SPLITS]:
            raise ValueError(f"expected data sets of the miniature ({', '.join(SPLITS)}), got {', '.join(unknown)}")
        conditions = [condition for name in names for condition in _conditions(name)]
        return {condition: len(self.open(condition, limit)) for condition in conditions}

    def open(self, condition: Condition, limit: int | None) -> Dataset:
        """The images of a condition, by class; at most `limit`, evenly spread."""
        name, variant, level = condition
        positions = _positions(name)
        labels = positions % 16
        if name == "cue-conflict":
            labels = np.stack([labels, _scenes(name).texture.numpy()], axis=1)
        files = tuple(f"{SPLITS[name][0]}/{position}" for position in positions.tolist())
        everything = np.arange(len(positions))
        folder, how = Path("miniature"), f"drawn64-{_version()}"
        return Dataset(name, variant, level, folder, files, everything, labels, how).limited(limit)

    def streams(self, parts: Sequence[Dataset], size: int, store: None = None) -> Iterator[Iterator[Batch]]:
        """For each of several parts of a data set its images, in order."""
        return (self.batches(part, size) for part in parts)

    def batches(self, part: Dataset, size: int) -> Iterator[Batch]:
        """The images of a data set, or of what `take` took of it, in order: uint8 [B, 3, 64, 64]."""
        for start in range(0, len(part), size):
            some = part.take(range(start, min(start + size, len(part))))
            images = _scenes(some.name).images[torch.from_numpy(some.index)]
            if some.variant:
                images = corruptions.corrupt(images, some.variant, int(some.level), index=some.index)
            yield Batch(images.numpy(), some.labels, some.index)

    def store(self, data: Dataset, progress: bool) -> None:
        """Nothing to decode."""
        return None

    def close(self) -> None:
        """Nothing to let go of."""


def _conditions(name: str) -> list[Condition]:
    kinds = [kind for kind, shift in corruptions.CORRUPTIONS.items() if shift.benchmark == name]
    return [(name, kind, str(severity)) for kind in kinds for severity in SEVERITIES] or [(name, "", "")]


def _positions(name: str) -> np.ndarray:
    """Positions in its split of a data set's images, class by class: int64 [N]."""
    if name == "imagenet-a":
        return np.array([position for row in json.loads(MISJUDGED.read_text()) for position in row])
    count = SPLITS[name][1]
    return np.arange(count).reshape(-1, 16).T.ravel()  # position i is of class i mod 16


@cache
def _scenes(name: str) -> synthetic.Scenes:
    return synthetic.scenes(SPLITS[name][0], torch.from_numpy(_positions(name)))


@cache
def _version() -> str:
    """Digest of the code that draws: a run folder is not continued over images that are drawn otherwise."""
    sources = b"".join(
        Path(module.__file__).read_bytes() for module in (drawing, shapes, corruptions, textures, synthetic)
    )
    return hashlib.sha256(sources).hexdigest()[:12]
