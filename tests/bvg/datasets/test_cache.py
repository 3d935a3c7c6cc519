"""Test the cache of decoded images: sharing, unreadable images, killed runs, several processes, full disks."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from colour_reader import flat
from image_files import WNIDS, damage, picture, pixels, validation_images

from bvg.datasets import open_dataset
from bvg.datasets.cache import CacheReader, open_cache
from bvg.datasets.layouts import RESIZE_CROP, DataError
from bvg.datasets.loading import FileReader, UnreadableImages, batches
from bvg.datasets.preprocessing import decode


def map_folder(cache: Path) -> Path:
    (folder,) = (folder for folder in cache.iterdir() if folder.name != "digests")
    return folder


def done(folder: Path) -> int:
    """Count the images that a memory map holds."""
    return int(np.load(folder / "digests.npy").any(axis=1).sum())


def test_images_are_decoded_once_for_all_subsets(tmp_path):
    data = open_dataset("imagenet", validation_images(tmp_path, 12))
    expected, cache, seen = pixels(data), tmp_path / "cache", []
    few = data.limited(4)
    mapped = open_cache(few, cache, on_progress=seen.append)
    assert (sum(seen), mapped.valid.sum(), mapped.images.shape) == (4, 4, (12, 3, 224, 224))
    np.testing.assert_array_equal(pixels(few, CacheReader(mapped)), expected[few.index])
    mapped = open_cache(data, cache)
    assert mapped.valid.all()
    np.testing.assert_array_equal(mapped.images, expected)
    for size in (1, 5, 64):
        np.testing.assert_array_equal(
            np.concatenate([b.images for b in batches(data, size, CacheReader(mapped))]), expected
        )
    labels = [[1]] * 50_000
    (tmp_path / "imagenet/real.json").write_text(json.dumps(labels))
    before = (map_folder(cache) / "images.npy").stat().st_mtime_ns
    np.testing.assert_array_equal(pixels(open_dataset("imagenet-real", tmp_path), CacheReader(mapped)), expected)
    open_cache(open_dataset("imagenet-real", tmp_path), cache)
    assert (map_folder(cache) / "images.npy").stat().st_mtime_ns == before  # found, not written again


def test_a_changed_image_is_decoded_again_and_images_of_another_set_are_rejected(tmp_path):
    data = open_dataset("imagenet", validation_images(tmp_path, 3))
    old = open_cache(data, tmp_path / "cache")
    picture(data.folder / data.paths[1], (400, 300), seed=99)
    new = open_cache(data, tmp_path / "cache")
    np.testing.assert_array_equal(new.images[1], decode(data.folder / data.paths[1], RESIZE_CROP))
    assert (old.images[1] != new.images[1]).any()
    picture(tmp_path / "imagenet-v2/0/a.jpeg")
    with pytest.raises(ValueError, match="expected decoded images of imagenet-v2, got those of other files"):
        next(batches(open_dataset("imagenet-v2", tmp_path), 1, CacheReader(new)))


def test_a_row_whose_write_failed_is_not_taken_for_the_old_image(tmp_path, monkeypatch):
    """An image is replaced, the write of its pixels stops half-way, and then the old image comes back."""
    path = flat(tmp_path / "imagenet/val" / WNIDS[0] / "ILSVRC2012_val_00000001.png", (5, 32, 0))
    data, old = open_dataset("imagenet", tmp_path), path.read_bytes()
    open_cache(data, tmp_path / "cache")
    flat(path, (6, 33, 0))
    assert len(path.read_bytes()) == len(old)
    write = os.pwrite

    def torn(descriptor, content, position):
        write(descriptor, content[: len(content) // 2], position)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", torn)
    with pytest.raises(DataError, match="No space left"):
        open_cache(data, tmp_path / "cache")
    monkeypatch.undo()
    path.write_bytes(old)
    np.testing.assert_array_equal(open_cache(data, tmp_path / "cache").images[0], decode(path, RESIZE_CROP))


def script(root: Path, before: str = "") -> list[str]:
    """Return a command that caches imagenet in root/cache, in chunks of 4, after running the code `before`."""
    lines = [
        "import os, shutil, signal",
        "from bvg import datasets",
        "from bvg.datasets import cache",
        "cache.CHUNK = 4",
        textwrap.dedent(before),
        f"cache.open_cache(datasets.open_dataset('imagenet', {str(root)!r}), {str(root / 'cache')!r}, workers=0)",
    ]
    return [sys.executable, "-c", "\n".join(lines)]


KILL_IN_THE_7TH_IMAGE = """
    write, count = os.pwrite, iter(range(1, 99))

    def torn(descriptor, data, position):
        if next(count) == 7:
            write(descriptor, data[: len(data) // 2], position)
            os.kill(os.getpid(), signal.SIGKILL)
        return write(descriptor, data, position)

    os.pwrite = torn
"""


def test_a_run_killed_during_a_write_resumes_after_the_last_mark(tmp_path):
    data = open_dataset("imagenet", validation_images(tmp_path, 20))
    expected, cache = pixels(data), tmp_path / "cache"
    killed = subprocess.run(script(tmp_path, KILL_IN_THE_7TH_IMAGE), capture_output=True)
    assert (killed.returncode, killed.stderr) == (-signal.SIGKILL, b"")
    folder = map_folder(cache)
    assert done(folder) == 4  # one chunk, without the partial image and the two before it
    assert np.load(folder / "images.npy", mmap_mode="r")[6].any()  # although half of it is there
    killed = subprocess.run(script(tmp_path, KILL_IN_THE_7TH_IMAGE), capture_output=True)  # and once more
    assert (killed.returncode, done(folder)) == (-signal.SIGKILL, 8)
    seen = []
    np.testing.assert_array_equal(open_cache(data, cache, on_progress=seen.append).images, expected)
    assert seen == [8, 12]  # found, then decoded


SLOW_WRITES = """
    import time

    write = os.pwrite
    os.pwrite = lambda *data: time.sleep(0.02) or write(*data)
"""


def test_two_processes_fill_one_map_together(tmp_path):
    data = open_dataset("imagenet", validation_images(tmp_path, 20))
    with subprocess.Popen(script(tmp_path, SLOW_WRITES)) as other:
        while not list(
            tmp_path.glob("cache/*/digests.npy")
        ):  # until the other process has finished its first chunk of five
            assert other.poll() is None
        seen = []
        mapped = open_cache(data, tmp_path / "cache", on_progress=seen.append)
        assert seen == [20]  # it waited, and found what the other process had decoded
    assert other.returncode == 0
    np.testing.assert_array_equal(mapped.images, pixels(data))


@pytest.mark.parametrize("where", ["a file", "/sys/bvg-cache"])
def test_an_unwritable_folder_is_reported(tmp_path, where):
    data = open_dataset("imagenet", validation_images(tmp_path, 1))
    if where == "a file":
        (tmp_path / where).touch()
    elif sys.platform != "linux":
        pytest.skip("needs Linux's /sys, which even root cannot write to")
    with pytest.raises(DataError, match=r"expected the cache of decoded images to be a writable folder .*BVG_CACHE"):
        open_cache(data, tmp_path / where)


def small_disk(root: Path, megabytes: int) -> list[str]:
    """Return a command prefix that runs a script with a real disk of that size at root/cache, where this machine allows it."""
    (root / "cache").mkdir()
    mount = f"mount -t tmpfs -o size={megabytes}m none {root / 'cache'}"
    if sys.platform != "linux" or subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True).returncode:
        pytest.skip("needs a machine on which a user may mount a small disk (unshare -rm)")
    return ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$0" "$@"']


REPORT_MORE_ROOM = "shutil.disk_usage = lambda _: shutil._ntuple_diskusage(10**9, 0, 10**9)"


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("", "DataError: expected 3.0 MB of room for 20 decoded images, got 2.1 MB in "),
        (REPORT_MORE_ROOM, "got No space left on device for "),  # as when another program fills the disk
    ],
    ids=["before writing", "while writing"],
)
def test_a_full_disk_is_reported(tmp_path, before, reason):
    validation_images(tmp_path, 20)
    result = subprocess.run([*small_disk(tmp_path, 2), *script(tmp_path, before)], capture_output=True, text=True)
    assert result.returncode == 1
    assert reason in result.stderr.splitlines()[-1]


def test_unreadable_images_are_listed_or_left_out(tmp_path):
    data = open_dataset("imagenet", validation_images(tmp_path, 9))
    readable = pixels(data)[3:]
    bad = damage(data.folder, data.paths)
    with pytest.raises(UnreadableImages) as caught:
        open_cache(data, tmp_path / "cache")
    assert set(caught.value.reasons) == bad
    assert "expected 9 readable images, 3 cannot be decoded" in str(caught.value)
    assert all(path in str(caught.value) for path in bad)
    mapped = open_cache(data, tmp_path / "cache", skip_unreadable=True)
    assert mapped.valid.sum() == 6
    skipping = CacheReader(mapped, FileReader(0, skip_unreadable=True))
    np.testing.assert_array_equal(pixels(data, skipping), readable)
    assert np.concatenate([batch.index for batch in batches(data, 2, skipping)]).tolist() == [3, 4, 5, 6, 7, 8]
    with pytest.raises(UnreadableImages) as caught:
        pixels(data, CacheReader(mapped))
    assert set(caught.value.reasons) == bad
    parts = [data.take(range(3)), data.take(range(3, 9))]
    with pytest.raises(UnreadableImages):
        list(next(CacheReader(mapped).read(parts, 4)))
    *_, complete = CacheReader(mapped).read(parts, 4)
    np.testing.assert_array_equal(np.concatenate([batch.images for batch in complete]), readable)
