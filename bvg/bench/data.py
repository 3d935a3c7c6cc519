"""Timing of decoding, of the memory map, and of whole measurements by number of models, images and conditions."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from torch import nn

from bvg import imagenet_classes
from bvg.bench import baseline
from bvg.bench.kernels import photographs
from bvg.bench.network import UNMODIFIED, resnet50
from bvg.bench.record import BVG, Bench, Row
from bvg.datasets import cache, loading
from bvg.datasets.index import Dataset, open_dataset
from bvg.datasets.preprocessing import decode
from bvg.measure.runner import run

DECODE, MEASURE = "decoding", "band-pass measurement"
BASELINE = f"decoded and filtered anew for each model and condition, {UNMODIFIED}"
BATCH = 64


def rows(bench: Bench) -> Iterator[Row]:
    """Measure the speed of decoding and reading, and the time of whole measurements."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write_photographs(root, 1024 if bench.cuda else 256)
        yield from _decode(bench, open_dataset("imagenet", root), root)
        yield from _measure(bench, root)


def write_photographs(root: Path, n: int) -> None:
    """Write a small ImageNet of photographs of scikit-image, as JPEGs of 500 x 375."""
    for number, image in enumerate(photographs(n, size=300)):
        picture = Image.fromarray((image * 255).byte().permute(1, 2, 0).numpy()).resize((500, 375), Image.BICUBIC)
        path = root / "imagenet/val" / imagenet_classes.wnids()[number % 1000] / f"ILSVRC2012_val_{number + 1:08}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, quality=92)


def _decode(bench: Bench, data: Dataset, root: Path) -> Iterator[Row]:
    def read_all(batches) -> None:
        for batch in batches:
            torch.as_tensor(batch.images).to(bench.device, non_blocking=True)

    n, cores = len(data), os.cpu_count() or 1
    taken = bench.fastest(lambda: [decode(data.folder / path, data.preprocessing) for path in data.paths], least=2)
    yield Row("decode", DECODE, "one process", n / taken, "images/s", n)
    taken = bench.fastest(lambda: read_all(loading.batches(data, BATCH, workers=cores)), least=2)
    yield Row("decode", DECODE, f"{BVG}, {cores} processes", n / taken, "images/s", n)
    reader = cache.CacheReader(cache.open_cache(data, root / "cache"))
    taken = bench.fastest(lambda: read_all(loading.batches(data, BATCH, reader)))
    yield Row("decode", DECODE, f"{BVG}, from the memory map", n / taken, "images/s", n)


def _measure(bench: Bench, root: Path) -> Iterator[Row]:
    """Time measurements while models, images or conditions vary; then the baseline."""
    scale = 16 if bench.cuda else 2
    models, images, cutoffs = 2, 16 * scale, 2
    points = [(m, images, cutoffs) for m in (1, 2, 4)]
    points += [(models, scale * i, cutoffs) for i in (8, 32)] + [(models, images, c) for c in (1, 5)]
    network = resnet50(bench.device)
    measurement = Measurement(bench, network, root)
    measurement(1, 8, 1)  # one-time initialization
    for m, i, c in points:
        taken = measurement(m, i, c)
        yield Row("engine", MEASURE, BVG, taken, "s", i, m, 1 + 2 * c)
    taken = bench.fastest(
        lambda: _baseline(bench, network, open_dataset("imagenet", root, limit=images), models, cutoffs), 1
    )
    yield Row("engine", MEASURE, BASELINE, taken, "s", images, models, 1 + 2 * cutoffs)


def _cutoffs(count: int) -> list[float]:
    return np.linspace(0.1, 0.5, count).round(3).tolist()


class Measurement:
    """Measures copies of a network on clean and band-pass filtered images."""

    def __init__(self, bench: Bench, network: nn.Module, root: Path) -> None:
        self.bench, self.network, self.root, self.number = bench, network, root, 0

    def __call__(self, models: int, images: int, cutoffs: int) -> float:
        """Return the seconds that a measurement takes, including loading and writing."""
        self.number += 1
        named = {f"model-{k}": self.network for k in range(models)}
        cache = self.root / f"cache-{self.number}"  # empty, so that decoding is timed too
        began = time.perf_counter()
        run(
            named, "band-pass", self.root, self.root / f"run-{self.number}", device=self.bench.device, limit=images,
            cutoffs=_cutoffs(cutoffs), cache=cache, progress=False,
        )  # fmt: skip
        return time.perf_counter() - began


@torch.inference_mode()
def _baseline(bench: Bench, network: nn.Module, data: Dataset, models: int, cutoffs: int) -> None:
    """Decode, filter and classify each image anew for each model and condition."""
    conditions = [None, *((kind, cutoff) for kind in ("low", "high") for cutoff in _cutoffs(cutoffs))]
    for _ in range(models):
        for condition in conditions:
            for start in range(0, len(data), BATCH):
                stimuli = []
                for path in data.paths[start : start + BATCH]:
                    image = decode(data.folder / path, data.preprocessing).astype(np.float32) / 255
                    stimuli.append(
                        image if condition is None else baseline.bandpass_numpy(image, condition[1], condition[0])
                    )
                network(torch.from_numpy(np.stack(stimuli)).to(bench.device)).argmax(1).cpu()
