"""Data sets in tar files: the same images, labels, pixels and digests as from folders; damaged and hostile files."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from archives import archive, development_kit, pack
from image_files import WNIDS, picture, pixels, validation_images

from bvg.datasets import check, open_dataset, tar
from bvg.datasets.cache import open_cache
from bvg.datasets.content import digests
from bvg.datasets.index import Dataset
from bvg.datasets.layouts import DataError
from bvg.datasets.loading import FileReader, UnreadableImages


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BVG_CACHE", str(tmp_path / "cache"))


def assert_equal(packed: Dataset, plain: Dataset, tmp_path: Path) -> None:
    assert packed.paths == plain.paths
    assert packed.fingerprint() == plain.fingerprint()
    np.testing.assert_array_equal(packed.index, plain.index)
    np.testing.assert_array_equal(digests(packed, tmp_path / "cache"), digests(plain, tmp_path / "cache"))
    np.testing.assert_array_equal(pixels(packed), pixels(plain))


SETS = [
    ("imagenet", "", "imagenet/val", [f"{WNIDS[7]}/ILSVRC2012_val_00000001.JPEG", f"{WNIDS[2]}/ILSVRC2012_val_00000002.JPEG"]),
    ("imagenet-v2", "", "imagenet-v2", ["7/a.jpeg", "12/b.jpeg"]),
    ("imagenet-a", "", "imagenet-a", ["n01498041/0.01_x.jpg", "README.txt"]),
    ("imagenet-sketch", "", "imagenet-sketch/sketch", [f"{WNIDS[7]}/sketch_0.JPEG"]),
    ("imagenet-c", "fog", "imagenet-c/fog", [f"3/{WNIDS[7]}/a.JPEG", f"3/{WNIDS[1]}/a.JPEG", f"4/{WNIDS[1]}/a.JPEG"]),
    ("imagenet-cbar", "sparkles", "imagenet-cbar/sparkles", [f"{s}.00/{WNIDS[s]}/a.JPEG" for s in (9, 1, 10, 4, 2)]),
    ("stylized", "", "stylized/dnn", ["session-1/0051_sty_dnn_0_bear_00_bear-0003-val.png"]),
    ("cue-conflict", "", "cue-conflict", ["bear/bear3-oven10.png", "bear/bear3-cat1.png", "cat/cat1-bear2.png"]),
    ("gray-16class", "", "gray-16class", ["10_color_gray_g_knife.JPEG"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "variant", "folder", "files"), SETS, ids=[row[0] for row in SETS])
def test_a_tar_file_stands_for_a_folder(tmp_path, name, variant, folder, files):
    """Any folder on the way to the images, with or without itself in the tar file."""
    for seed, file in enumerate(files):
        place = tmp_path / "plain" / folder / file
        picture(place, (224, 224), seed=seed) if not file.endswith("txt") else place.write_text("no image")
    level = "3" if variant else ""
    plain = open_dataset(name, tmp_path / "plain", variant, level)
    parts = folder.split("/")
    for k in range(1, len(parts) + 1):
        for top in (parts[k - 1], ""):
            root = tmp_path / f"packed-{k}-{top}"
            pack(tmp_path / "plain" / "/".join(parts[:k]), root / ("/".join(parts[:k]) + ".tar"), top)
            packed = open_dataset(name, root, variant, level)
            assert isinstance(packed.folder, tar.TarFolder)
            assert_equal(packed, plain, tmp_path)
            assert check(root, [(name, variant, level)], limit=1) == {(name, variant, level): 1}
            assert str(packed.places[0]).startswith(f"{root}/{'/'.join(parts[:k])}.tar/")


def test_upstream_archives_are_read_under_their_own_names(tmp_path, monkeypatch):
    """ImageNet's validation images with the labels of the development kit, and ImageNet-C's five archives."""
    plain, packed = validation_images(tmp_path / "plain", 40), tmp_path / "packed"
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in (plain / "imagenet/val").glob("*/*"):
        shutil.copy(path, flat)
    images = pack(flat, packed / "imagenet/ILSVRC2012_img_val.tar")
    with pytest.raises(
        DataError, match=r"expected ILSVRC2012_devkit_t12.tar.gz, which has the labels .*download it from https"
    ):
        open_dataset("imagenet", packed)
    kit = development_kit(packed, [5 * (40 - i) for i in range(1, 41)], monkeypatch)
    data = open_dataset("imagenet", packed)
    assert_equal(data, open_dataset("imagenet", plain), tmp_path)
    assert {p.name for p in (packed / "imagenet").iterdir()} == {images.name, kit.name}  # nothing is written there
    cached = open_cache(data, tmp_path / "cache", workers=0)
    np.testing.assert_array_equal(cached.images[data.index], pixels(data))
    before = list((tmp_path / "cache").glob("imagenet-*"))
    open_cache(open_dataset("imagenet", plain), tmp_path / "cache", workers=0)
    assert list((tmp_path / "cache").glob("imagenet-*")) == before  # one memory map for both
    kit.write_bytes(b"another kit")
    with pytest.raises(DataError, match="to be the original development kit, got: The archive"):
        open_dataset("imagenet", packed)
    picture(tmp_path / "weather/fog/3" / WNIDS[7] / "a.JPEG")
    picture(tmp_path / "weather/snow/3" / WNIDS[8] / "a.JPEG")
    pack(tmp_path / "weather", packed / "imagenet-c/weather.tar")
    assert open_dataset("imagenet-c", packed, "fog", 3).labels.tolist() == [7]
    assert open_dataset("imagenet-c", packed, "snow", 3).labels.tolist() == [8]
    with pytest.raises(DataError, match=r"imagenet-c fog 4: expected a folder fog/4 in .*weather.tar, found none"):
        open_dataset("imagenet-c", packed, "fog", 4)
    with pytest.raises(DataError, match=r"expected .*weather.tar to hold a folder imagenet-c/frost, got fog, snow"):
        open_dataset("imagenet-c", packed, "frost", 4)
    with pytest.raises(DataError, match="imagenet-c shot_noise 1: expected a folder shot_noise/1 in"):
        open_dataset("imagenet-c", packed, "shot_noise", 1)


def test_a_file_in_the_place_of_a_folder_is_an_error(tmp_path):
    (tmp_path / "fog").mkdir()
    (tmp_path / "fog/3").write_text("not a folder")
    pack(tmp_path / "fog", tmp_path / "packed/imagenet-c/weather.tar", "fog")
    with pytest.raises(DataError, match="imagenet-c fog 3: expected a folder"):
        open_dataset("imagenet-c", tmp_path / "packed", "fog", 3)


def test_forked_workers_read_the_same_file(tmp_path):
    plain = validation_images(tmp_path / "plain", 40, size=(240, 230))
    pack(plain / "imagenet/val", tmp_path / "packed/imagenet/val.tar")
    data = open_dataset("imagenet", tmp_path / "packed")
    expected = pixels(open_dataset("imagenet", plain))
    reader = FileReader(workers=2)
    np.testing.assert_array_equal(pixels(data, reader), expected)
    np.testing.assert_array_equal(pixels(data, reader), expected)
    reader.close()


def test_an_image_that_is_damaged_in_the_tar_file_is_named(tmp_path):
    picture(tmp_path / "v2/7/a.jpeg")
    (tmp_path / "v2/7/b.jpeg").write_bytes(b"no image")
    (tmp_path / "v2/7/c.jpeg").write_bytes(b"")
    pack(tmp_path / "v2", tmp_path / "imagenet-v2.tar")
    with pytest.raises(UnreadableImages, match=r"expected 3 readable images, 2 cannot be decoded") as caught:
        pixels(open_dataset("imagenet-v2", tmp_path))
    assert set(caught.value.reasons) == {"7/b.jpeg", "7/c.jpeg"}


def test_members_are_listed_once_per_file(tmp_path, monkeypatch):
    picture(tmp_path / "v2/7/a.jpeg")
    packed = pack(tmp_path / "v2", tmp_path / "imagenet-v2.tar")
    listed, listing = [], tar._listed
    monkeypatch.setattr(tar, "_listed", lambda archive: listed.append(archive) or listing(archive))
    first = pixels(open_dataset("imagenet-v2", tmp_path))
    tar._members.cache_clear()  # as in another process
    np.testing.assert_array_equal(pixels(open_dataset("imagenet-v2", tmp_path)), first)
    assert listed == [packed]
    stale = open_dataset("imagenet-v2", tmp_path)
    picture(tmp_path / "v2/7/a.jpeg", seed=5)
    pack(tmp_path / "v2", packed)
    with pytest.raises(
        DataError, match="to stay as it was when its members were listed, but it has changed: start again"
    ):
        pixels(stale)
    assert (pixels(open_dataset("imagenet-v2", tmp_path)) != first).any()
    assert listed == [packed, packed]
    for store in (tmp_path / "cache/tar").iterdir():
        store.write_bytes(b"no table")
    tar._members.cache_clear()
    open_dataset("imagenet-v2", tmp_path)
    assert len(listed) == 3


@pytest.mark.parametrize(
    ("names", "link", "message"),
    [
        (["7/../../evil.jpeg"], "", "expected paths inside the folder in .*imagenet-v2.tar"),
        (["/evil.jpeg"], "", "expected paths inside the folder"),
        (["7/a.jpeg"], "7/link.jpeg", "got a link or device '7/link.jpeg': nothing of it was used"),
        (["seven/a.jpeg"], "", "not of this set: seven"),
        (["7/a\udcff.jpeg"], "", "expected printable names in .*, got .*udcff"),
        (["a.jpeg"], "", "expected images .*found none"),
    ],
)
def test_hostile_and_foreign_members_are_rejected(tmp_path, names, link, message):
    archive(tmp_path / "imagenet-v2.tar", names, link)
    with pytest.raises(DataError, match=message):
        check(tmp_path, ["imagenet-v2"], limit=1)


def test_truncated_damaged_and_compressed_files_are_rejected(tmp_path):
    for k in range(30):
        picture(tmp_path / f"v2/{k}/a.jpeg")
    packed = pack(tmp_path / "v2", tmp_path / "imagenet-v2.tar")
    whole = packed.read_bytes()
    with tarfile.open(packed) as opened:
        members = [member for member in opened if member.isfile()]
    headers = [member.offset for member in members]
    damaged = bytearray(whole)
    damaged[headers[9] : headers[9] + 100] = bytes(100)
    spoilt = {
        "in an image": (whole[: members[9].offset_data + 700], "unexpected end of data"),
        "between images": (whole[: headers[9]], f"ends or is damaged after byte {headers[9]:,}"),
        "in a header": (whole[: headers[9] + 100], f"ends or is damaged after byte {headers[9]:,}"),
        "a changed header": (bytes(damaged), f"ends or is damaged after byte {headers[9]:,}"),
        "empty": (b"", "empty file"),
        "no archive": (b"x" * 5000, "to be a complete, uncompressed tar file"),
    }
    for content, message in spoilt.values():
        packed.write_bytes(content)
        with pytest.raises(DataError, match=message):
            open_dataset("imagenet-v2", tmp_path)
    packed.unlink()
    with tarfile.open(packed, "w:gz") as file:
        file.add(tmp_path / "v2", "imagenet-v2")
    with pytest.raises(DataError, match=r"uncompressed tar file, got ReadError.*\(gunzip\)"):
        open_dataset("imagenet-v2", tmp_path)


def test_a_folder_is_preferred_and_a_missing_set_names_the_tar_file(tmp_path):
    with pytest.raises(DataError, match=r"imagenet-a: expected a folder imagenet-a under .*, or a tar file such as imagenet-a.tar, found none"):  # fmt: skip
        open_dataset("imagenet-a", tmp_path)
    picture(tmp_path / "imagenet-a/n01498041/a.jpg")
    (tmp_path / "imagenet-a.tar").write_bytes(b"not looked at")
    assert isinstance(open_dataset("imagenet-a", tmp_path).folder, Path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_cannot_be_read(tmp_path):
    archive(tmp_path / "imagenet-v2.tar", ["7/a.jpeg"]).chmod(0)
    with pytest.raises(DataError, match="to be a file that can be read, got Permission denied"):
        open_dataset("imagenet-v2", tmp_path)
