"""The synthetic data sets as a source of images for `bvg.measure`, under the ids of the study's benchmarks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bvg.datasets.index import Dataset
from bvg.datasets.layouts import Condition
from bvg.datasets.loading import Batch
from bvg.instruments.base import Instrument
from bvg.miniature import corruptions, synthetic, zoo
from bvg.miniature.instruments import INSTRUMENTS
from bvg.models.loading import load
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
"""Benchmark -> its split in `bvg.miniature.synthetic`, and its number of images per condition."""

MISJUDGED = Path(__file__).with_name("misjudged.json")
"""Positions of 15 images per class that the baseline misclassifies, in the split v2 after its first 480 images. They are the
counterpart of ImageNet-A, photographs that a ResNet-50 misclassified."""


class Synthetic:
    """Source of the synthetic images (see `bvg.measure.sources.Source`).

    They are generated, so nothing is read from disk.
    """

    instruments = INSTRUMENTS
    world = "miniature"
    size = synthetic.SIZE
    classes = len(synthetic.CLASSES)
    batch_size = 32
    kept = ()
    cache = Path()

    def fingerprint(self, data: Dataset, progress: bool) -> dict[str, int | str]:
        """Return what identifies the images used; what determines their content is in `Dataset.preprocessing`."""
        return data.fingerprint()

    def to_decode(
        self, condition: Condition, n: int, limit: int | None, cached: frozenset[int]
    ) -> tuple[int, frozenset[int]]:
        """Return 0 images to decode: there are no image files."""
        return 0, cached

    def load(self, name: str | Path) -> nn.Module:
        """Load a network.

        `name` is one of the miniature, a file written by its training, or `package.module:function`.
        """
        if str(name) in zoo.trained():
            return zoo.load(str(name))
        if str(name).endswith(".safetensors"):
            return zoo.load(Path(name).stem, Path(name).parent)
        return load(name, size=self.size, classes=self.classes)

    def check(self, wanted: Iterable[Instrument], limit: int | None) -> dict[Condition, int]:
        """Return the number of images per condition that a measurement uses."""
        names = dict.fromkeys(instrument.dataset for instrument in wanted)
        if unknown := [name for name in names if name not in SPLITS]:
            raise ValueError(f"expected data sets of the miniature ({', '.join(SPLITS)}), got {', '.join(unknown)}")
        conditions = [condition for name in names for condition in _conditions(name)]
        return {condition: len(self.open(condition, limit)) for condition in conditions}

    def open(self, condition: Condition, limit: int | None) -> Dataset:
        """Return the images of a condition, sorted by class; at most `limit`, evenly spread."""
        name, variant, level = condition
        positions = _positions(name)
        labels = positions % 16
        if name == "cue-conflict":
            labels = torch.stack(synthetic.cues(SPLITS[name][0], torch.from_numpy(positions)), dim=1).numpy()
        files = tuple(f"{SPLITS[name][0]}/{position}" for position in positions.tolist())
        everything = np.arange(len(positions))
        preprocessing = f"synthetic{synthetic.SIZE}-{synthetic.VERSION}"
        return Dataset(name, variant, level, Path("miniature"), files, everything, labels, preprocessing).limited(limit)

    def read(self, parts: Sequence[Dataset], size: int) -> Iterator[Iterator[Batch]]:
        """Yield the batches of each of several parts of a data set, in order."""
        return (self.batches(part, size) for part in parts)

    def batches(self, part: Dataset, size: int) -> Iterator[Batch]:
        """Yield the images of a data set in order: uint8 [B, 3, 64, 64].

        `part` may be a part that `take` returned.
        """
        split, positions = SPLITS[part.name][0], _positions(part.name)[part.index].tolist()
        everything = _images(split, positions)
        for start in range(0, len(part), size):
            some = part.take(range(start, min(start + size, len(part))))
            images = everything[start : start + size]
            if some.variant:
                images = corruptions.corrupt(images, some.variant, int(some.level), index=some.index)
            yield Batch(images.numpy(), some.labels, some.index)

    def reader(self, data: Dataset, progress: bool) -> Synthetic:
        """Return the source itself: there is nothing to decode."""
        return self

    @property
    def uncached(self) -> Synthetic:
        """The source itself: there is no cache."""
        return self

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def _conditions(name: str) -> list[Condition]:
    kinds = [kind for kind, corruption in corruptions.CORRUPTIONS.items() if corruption.benchmark == name]
    return [(name, kind, str(severity)) for kind in kinds for severity in SEVERITIES] or [(name, "", "")]


def _positions(name: str) -> np.ndarray:
    """Return the positions of a data set's images in its split, class by class: int64 [N]."""
    if name == "imagenet-a":
        return np.array([position for row in json.loads(MISJUDGED.read_text()) for position in row])
    count = SPLITS[name][1]
    return np.arange(count).reshape(-1, 16).T.ravel()  # position i is of class i mod 16


@cache
def _drawn(split: str) -> dict[int, torch.Tensor]:
    """Images of a split that this process has drawn, by position. Benchmarks share them."""
    return {}


def _images(split: str, positions: list[int]) -> torch.Tensor:
    """Return images of a split: uint8 [N, 3, 64, 64]."""
    drawn = _drawn(split)
    missing = [position for position in positions if position not in drawn]
    drawn.update(zip(missing, synthetic.images(split, missing)[0], strict=True))
    return torch.stack([drawn[position] for position in positions])
