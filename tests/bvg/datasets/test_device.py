"""Test that images on a device equal those of the memory map, and that the map stays on the host where there is no room."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bvg.datasets.cache import MappedImages
from bvg.datasets.device import DeviceCache, DeviceImages, PinnedImages, to_device

CPU, GPU = torch.device("cpu"), torch.device("cuda")
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICES = [CPU, pytest.param(GPU, marks=gpu)]


@pytest.fixture
def mapped(tmp_path) -> MappedImages:
    """Make a memory map of 400 uniform images of the value i mod 251; the last one is not decoded."""
    values = np.arange(400) % 251
    images = np.broadcast_to(values[:, None, None, None], (400, 3, 8, 8)).astype(np.uint8)
    np.save(tmp_path / "images.npy", images)
    files = tuple(f"{i}.png" for i in range(400))
    return MappedImages(np.load(tmp_path / "images.npy", mmap_mode="r"), np.arange(400) < 399, files)


@pytest.mark.parametrize("device", DEVICES)
def test_rows_on_the_device_equal_those_of_the_map(mapped, device):
    rows = np.random.default_rng(0).permutation(400)[:300]  # more than a chunk, in random order
    copied = DeviceImages(mapped, rows, device)
    for index in (rows[:7], rows[::-1][:50], rows, rows[:0]):
        taken = copied.take(index)
        assert (taken.device.type, taken.dtype) == (device.type, torch.uint8)
        np.testing.assert_array_equal(taken.cpu(), mapped.take(index))
    others = np.setdiff1d(np.arange(399), rows)
    assert copied.contains(mapped, rows[rows < 399][:5])
    assert not copied.contains(mapped, others[:1])
    assert not copied.contains(mapped, np.array([399]))  # not decoded
    assert not copied.contains(replace(mapped, files=mapped.files[::-1]), rows[:5])


def test_pinned_rows_equal_those_of_the_map(mapped):
    index = np.random.default_rng(0).permutation(400)[:300]
    taken = PinnedImages(mapped).take(index)
    np.testing.assert_array_equal(taken, mapped.take(index))
    assert taken.is_pinned() == torch.cuda.is_available()


def test_the_cpu_reads_the_map_itself(mapped):
    assert DeviceCache(CPU).nearest(mapped, np.arange(10)) is mapped


@gpu
def test_a_data_set_is_copied_once_for_all_its_parts_and_only_where_there_is_room(mapped):
    cache = DeviceCache(GPU)
    first = cache.nearest(mapped, np.arange(300))
    assert isinstance(first, DeviceImages)
    assert cache.nearest(mapped, np.arange(10, 200)) is first
    assert cache.nearest(mapped, np.arange(310)) is not first
    small = DeviceCache(GPU, lambda device: 9 * mapped.images[0].nbytes)
    assert isinstance(small.nearest(mapped, np.arange(9)), DeviceImages)
    assert isinstance(small.nearest(mapped, np.arange(20, 30)), PinnedImages)


@pytest.mark.parametrize("device", DEVICES)
def test_arrays_copied_without_waiting_arrive_complete(device):
    arrays = [np.full((3, 1000, 100), i) for i in range(20)]
    copies = [to_device(array, device) for array in arrays]
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(copy.cpu(), array)
