"""Proofs of data: decoding in processes that start after CUDA, and data sets held on the device or streamed to it."""

from __future__ import annotations

import sys
from contextlib import closing
from functools import partial
from unittest.mock import patch

import numpy as np
import torch

from bvg.bench.data import write_images
from bvg.bench.proofs.base import Ground, NotProven, Skipped, same
from bvg.bench.proofs.engine import equal, measured
from bvg.datasets import loading
from bvg.datasets.cache import open_cache
from bvg.datasets.device import DeviceCache, DeviceImages, PinnedImages
from bvg.datasets.index import open_dataset
from bvg.measure import sources
from bvg.miniature.network import Network


def decoding(ground: Ground) -> str:
    """Processes that are forked after CUDA was initialized decode the pixels of the calling process, and CUDA still works."""
    if sys.platform != "linux":
        raise Skipped("needs Linux, where processes decode")
    n = ground.size(256, 48)
    write_images(ground.folder, n)
    data = open_dataset("imagenet", ground.folder, limit=n)
    held = torch.ones(1000, device=ground.device)  # CUDA is initialized, and the device in use
    before = float(held.sum())
    expected = [batch.images for batch in loading.batches(data, 20, workers=0)]
    with closing(loading.FileReader(workers=2)) as reader:
        for _ in range(2):  # the second time with the same processes
            found = [batch.images for batch in loading.batches(data, 20, reader)]
            if [len(one) for one in found] != [len(one) for one in expected]:
                raise NotProven("expected batches of equal sizes, got others")
            for one, other in zip(found, expected, strict=True):
                same("decoded images", torch.as_tensor(one).to(ground.device), torch.as_tensor(other))
    if float(held.sum()) != before:
        raise NotProven("expected the device's memory unchanged after the fork, got another sum")
    return f"{n} images equal, twice"


def held_and_streamed(ground: Ground) -> str:
    """A data set held on the device and one streamed from the memory map give the same pixels and the same table."""
    n = ground.size(96, 12)
    write_images(ground.folder, n)
    data = open_dataset("imagenet", ground.folder, limit=n)
    mapped = open_cache(data, ground.folder / "cache", workers=0)
    rows = np.random.default_rng(0).permutation(data.index)
    expected = torch.as_tensor(mapped.take(rows))
    for way in (DeviceImages(mapped, data.index, ground.device), PinnedImages(mapped)):
        same(f"images of {type(way).__name__}", way.take(rows), expected)
    for room, kind in ((2**40, DeviceImages), (0, PinnedImages)):
        way = DeviceCache(ground.device, lambda device, room=room: room).nearest(mapped, data.index)
        if ground.cuda and type(way) is not kind:
            raise NotProven(f"expected {kind.__name__} with room for {room} bytes, got {type(way).__name__}")
        same("images of the cache", torch.as_tensor(way.take(rows)), expected)
    torch.manual_seed(0)
    models = {"net": Network(1000).eval().requires_grad_(False)}
    tables = []
    for name, room in (("held", 2**40), ("streamed", 0)):
        with patch.object(sources, "DeviceCache", partial(DeviceCache, room=lambda device, room=room: room)):
            options = {"limit": n, "cutoffs": (0.1, 0.5), "cache": ground.folder / "cache", "batch_size": 10}
            tables.append(measured(ground, name, "band-pass", models, ground.folder, **options))
    equal("held and streamed images", tables[0][0], tables[1][0])
    if not tables[0][1].equals(tables[1][1]):
        raise NotProven("expected the same decisions on held and streamed images, got others")
    return f"{n} images, {len(tables[0][1])} decisions equal" + ("" if ground.cuda else " (a CPU reads the memory map)")
