"""Timing of decoding, of the memory map, and of whole measurements by number of models, images and conditions."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from torch import nn

from bvg import imagenet_classes
from bvg.bench import baseline
from bvg.bench.kernels import natural_images
from bvg.bench.network import UNMODIFIED, resnet50
from bvg.bench.record import BVG, Bench, Row
from bvg.datasets import cache, loading
from bvg.datasets.device import DeviceImages, PinnedImages, to_device
from bvg.datasets.index import Dataset, open_dataset
from bvg.datasets.preprocessing import decode
from bvg.measure.runner import run

DECODE, MEASURE, MEMORY = "decoding", "band-pass measurement", "memory, at most so far"
BASELINE = f"decoded and filtered anew for each model and condition, {UNMODIFIED}"
MAPPED = f"{BVG}, from the memory map"
STREAMED, HELD = f"{BVG}, from the memory map into the GPU", f"{BVG}, held on the GPU"
BATCH = 64


def rows(bench: Bench) -> Iterator[Row]:
    """Measure the speed of decoding and reading, and the time of whole measurements."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write_images(root, 1024 if bench.cuda else 256)
        yield from _decode(bench, open_dataset("imagenet", root), root)
        yield from _measure(bench, root)
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        yield Row("memory", MEMORY, "the process", kilobytes * 1024 / 1e9, "GB")
        if bench.cuda:
            yield Row("memory", MEMORY, "the GPU", torch.cuda.max_memory_allocated(bench.device) / 1e9, "GB")


def write_images(root: Path, n: int) -> None:
    """Write a small ImageNet of random images with the spectrum of photographs, as JPEGs of 500 x 375."""
    some = natural_images(min(n, 64), 375, 500).mul_(255).byte().permute(0, 2, 3, 1).numpy()
    for number in range(n):
        path = root / "imagenet/val" / imagenet_classes.wnids()[number % 1000] / f"ILSVRC2012_val_{number + 1:08}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.roll(some[number % len(some)], number, axis=1)).save(path, quality=92)


def _decode(bench: Bench, data: Dataset, root: Path) -> Iterator[Row]:
    def read_all(batches) -> None:
        for batch in batches:
            torch.as_tensor(batch.images).to(bench.device, non_blocking=True)

    n, cores = len(data), os.cpu_count() or 1

    def row(way: str, work: Callable, images: int = n) -> Row:
        seconds, spread = bench.time(work, least=2)
        return Row("decode", DECODE, way, images / seconds, "images/s", images, spread=spread)

    yield row("one process", lambda: [decode(data.folder / path, data.preprocessing) for path in data.paths])
    with closing(loading.FileReader(cores)) as files:  # its processes start once for a whole run
        yield row(f"{BVG}, {cores} processes", lambda: read_all(loading.batches(data, BATCH, files)))
    mapped = cache.open_cache(data, root / "cache")
    yield row(MAPPED, lambda: read_all(loading.batches(data, BATCH, cache.CacheReader(mapped))))
    if bench.cuda:
        for way, images in ((STREAMED, PinnedImages(mapped)), (HELD, DeviceImages(mapped, data.index, bench.device))):
            reader = cache.CacheReader(images)
            yield row(
                way,
                lambda reader=reader: [to_device(b.images, bench.device) for b in loading.batches(data, 256, reader)],
            )


def _measure(bench: Bench, root: Path) -> Iterator[Row]:
    """Time measurements while models, images or conditions vary; then, on a CPU, the baseline."""
    models, cutoffs = 2, 2
    images, other_images = (512, (256, 1024)) if bench.cuda else (32, (16, 64))
    points = [(m, images, cutoffs) for m in ((1, 2, 8) if bench.cuda else (1, 2, 4))]
    points += [(models, i, cutoffs) for i in other_images] + [(models, images, c) for c in (1, 5)]
    network = resnet50(bench.device)
    measurement = Measurement(bench, network, root)
    measurement(1, 8, 1)  # one-time initialization
    for m, i, c in points:
        taken = measurement(m, i, c)
        yield Row("engine", MEASURE, BVG, taken, "s", i, m, 1 + 2 * c)
    if not bench.cuda:  # on a GPU it would take longer than everything else
        data = open_dataset("imagenet", root, limit=images)
        seconds, spread = bench.time(lambda: _baseline(bench, network, data, models, cutoffs), 1)
        yield Row("engine", MEASURE, BASELINE, seconds, "s", images, models, 1 + 2 * cutoffs, spread=spread)


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
            cutoffs=_cutoffs(cutoffs), cache=cache, progress=False, precision="tf32" if self.bench.cuda else "fp32",
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
