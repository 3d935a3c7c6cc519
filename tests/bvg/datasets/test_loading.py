"""Test batches of decoded images: their order, unreadable images, and the worker processes."""

import multiprocessing
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from image_files import WNIDS, damage, picture, pixels, validation_images

from bvg.datasets import open_dataset
from bvg.datasets.layouts import RESIZE_CROP, DataError
from bvg.datasets.loading import FileReader, UnreadableImages, batches
from bvg.datasets.preprocessing import decode


def test_batches_are_in_order_and_do_not_depend_on_workers_or_batch_size(tmp_path):
    data = open_dataset("imagenet", validation_images(tmp_path, 20))
    expected = np.stack([decode(data.folder / path, RESIZE_CROP) for path in data.paths])
    for size, workers in ((1, 1), (3, 2), (64, 2), (7, 5), (20, 0), (17, None)):
        got = list(batches(data, size, workers=workers))
        assert [len(b.images) for b in got] == [size] * (20 // size) + [20 % size] * (20 % size > 0)
        np.testing.assert_array_equal(np.concatenate([b.images for b in got]), expected)
        np.testing.assert_array_equal(np.concatenate([b.index for b in got]), data.index)
        np.testing.assert_array_equal(np.concatenate([b.labels for b in got]), data.labels)
    part = data.take(range(5, 9))
    np.testing.assert_array_equal(pixels(part), expected[5:9])
    assert next(iter(batches(part, 4))).index.tolist() == [5, 6, 7, 8]


def test_unreadable_images_are_listed_or_left_out(tmp_path):
    data = open_dataset("imagenet", validation_images(tmp_path, 9))
    readable = pixels(data)[3:]
    bad = damage(data.folder, data.paths)
    with pytest.raises(UnreadableImages) as caught:
        pixels(data)
    assert set(caught.value.reasons) == bad
    assert "expected 9 readable images, 3 cannot be decoded" in str(caught.value)
    assert all(path in str(caught.value) for path in bad)
    np.testing.assert_array_equal(pixels(data, skip_unreadable=True), readable)
    index = np.concatenate([batch.index for batch in batches(data, 2, skip_unreadable=True)])
    assert index.tolist() == [3, 4, 5, 6, 7, 8]


def test_no_batch_follows_the_first_unreadable_image(tmp_path):
    data = open_dataset("imagenet", validation_images(tmp_path, 9))
    damage(data.folder, data.paths)
    seen = []
    with pytest.raises(UnreadableImages):
        seen.extend(batch.index.tolist() for batch in batches(data.take([3, 4, 5, 6, 0, 7, 8]), 2))
    assert seen == [[3, 4], [5, 6]]


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_end_with_their_part_and_unreadable_images_end_only_their_own(tmp_path, workers):
    data = open_dataset("imagenet", validation_images(tmp_path, 50))
    damage(data.folder, data.paths[21:24])
    parts = [data.take(range(start, stop)) for start, stop in ((0, 20), (20, 25), (25, 50))]
    taken = []
    reader = FileReader(workers)
    for read in reader.read(parts, 18):
        try:
            taken.append([len(batch.images) for batch in read])
        except UnreadableImages as error:
            taken.append(set(error.reasons))
    assert taken == [[18, 2], set(data.paths[21:24]), [18, 7]]
    # Batches that are not taken do not reach the next part, and a reader can be used again, even if it was left early.
    firsts = [next(read) for read in reader.read(parts[::2], 7)]
    assert [batch.index.tolist() for batch in firsts] == [list(range(7)), list(range(25, 32))]
    next(next(reader.read(parts, 7)))
    (last,) = next(reader.read([parts[2]], 25))
    np.testing.assert_array_equal(last.images, np.stack([decode(data.folder / p, RESIZE_CROP) for p in parts[2].paths]))


def test_processes_start_only_for_many_images_and_end_with_their_reader(tmp_path):
    import torch

    state = torch.get_rng_state()
    data = open_dataset("imagenet", validation_images(tmp_path, 10))
    before = set(multiprocessing.active_children())  # of other tests
    reader = FileReader()
    list(next(reader.read([data], 4)))
    assert set(multiprocessing.active_children()) <= before
    reader = FileReader(workers=2)
    list(next(reader.read([data], 4)))
    assert len(set(multiprocessing.active_children()) - before) == (2 if sys.platform == "linux" else 0)
    del reader
    assert set(multiprocessing.active_children()) <= before
    assert torch.equal(torch.get_rng_state(), state)
    with pytest.raises(ValueError, match="expected `workers` to be at least 0, got -1"):
        FileReader(-1)


def test_a_wrong_size_found_by_a_worker_raises_the_same_error(tmp_path):
    picture(tmp_path / "imagenet-c/fog/1" / WNIDS[0] / "a.png", (256, 224))
    with pytest.raises(DataError, match=r"got 256 x 224: .*a\.png") as caught:
        list(batches(open_dataset("imagenet-c", tmp_path, "fog", 1), 8, workers=1))
    assert type(caught.value) is DataError


def test_a_script_can_use_workers_without_a_main_guard(tmp_path):
    validation_images(tmp_path, 20)
    code = f"""
        from bvg import datasets
        from bvg.datasets import loading
        data = datasets.open_dataset("imagenet", {str(tmp_path)!r})
        print(sum(len(batch.images) for batch in loading.batches(data, 8, workers=2)))
    """
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(code))
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("20\n", "")
