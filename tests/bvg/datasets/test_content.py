"""Digests of images: read once, read again where a file changed, and what a strict decoder notices."""

import io
import os
from contextlib import suppress

import numpy as np
import pytest
from image_files import STIMULI, picture, validation_images
from PIL import Image

from bvg import files
from bvg.datasets import content, open_dataset
from bvg.datasets.layouts import RESIZE_CROP
from bvg.datasets.preprocessing import decode


def test_digests_are_those_of_the_files_and_are_read_once(tmp_path, monkeypatch):
    data = open_dataset("imagenet", validation_images(tmp_path, 6))
    read, digest = [], content._digest
    monkeypatch.setattr(content, "_digest", lambda path: read.append(path) or digest(path))
    expected = [files.sha256(data.folder / path) for path in data.paths]
    reports: list[int] = []
    for k in range(3):
        found = content.digests(data, tmp_path / "cache", reports.append)
        assert [row.tobytes().hex() for row in found] == expected
        assert (len(read), sum(reports)) == (6, 6 * (k + 1))
    few = data.take([4, 1])
    assert [row.tobytes().hex() for row in content.digests(few, tmp_path / "cache")] == [expected[4], expected[1]]


@pytest.mark.parametrize("keep_times", [False, True])
def test_a_changed_file_is_read_again_even_if_size_and_time_are_the_same(tmp_path, keep_times):
    data = open_dataset("imagenet", validation_images(tmp_path, 3))
    before = content.digests(data, tmp_path / "cache")
    path = data.folder / data.paths[1]
    stat, old = path.stat(), path.read_bytes()
    path.write_bytes(old[:-3] + bytes(3))
    if keep_times:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = content.digests(data, tmp_path / "cache")
    assert (before != after).any(axis=1).tolist() == [False, True, False]
    path.write_bytes(old)
    np.testing.assert_array_equal(content.digests(data, tmp_path / "cache"), before)


@pytest.mark.parametrize("spoil", [b"", b"no table", None])
def test_a_damaged_or_unwritable_store_costs_time_only(tmp_path, spoil):
    data = open_dataset("imagenet", validation_images(tmp_path, 2))
    expected = content.digests(data, tmp_path / "cache")
    if spoil is None:
        (tmp_path / "file").touch()
        found = content.digests(data, tmp_path / "file")
    else:
        (store,) = (tmp_path / "cache/digests").iterdir()
        store.write_bytes(spoil)
        found = content.digests(data, tmp_path / "cache")
    np.testing.assert_array_equal(found, expected)


def test_a_file_that_vanishes_is_left_to_the_reader(tmp_path):
    data = open_dataset("imagenet", validation_images(tmp_path, 2))
    (data.folder / data.paths[0]).unlink()
    assert content.digests(data, tmp_path / "cache")[0].tobytes() == content.UNREADABLE


def photographs() -> list:
    paths = sorted(STIMULI.glob("imagenet-sample/*/*.JPEG"))
    if not paths:
        pytest.skip("needs the real images next to the repository")
    return paths


def test_real_photographs_are_decoded_as_pillow_decodes_them():
    for path in photographs():
        with Image.open(path) as file:
            image = file.convert("RGB")
        short = min(image.size)
        size = tuple(256 if side == short else 256 * side // short for side in image.size)
        image = image.resize(size, Image.BILINEAR)
        left, top = (round((side - 224) / 2) for side in image.size)
        expected = np.asarray(image.crop((left, top, left + 224, top + 224))).transpose(2, 0, 1)
        np.testing.assert_array_equal(decode(path, RESIZE_CROP), expected)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"optimize": True}, {"subsampling": 0}, {"quality": 10}]
)
def test_kinds_of_jpeg_are_decoded_as_pillow_decodes_them(tmp_path, mode, options):
    whole = Image.effect_noise((300, 260), 80).convert("L")
    Image.merge("RGB", [whole, whole.rotate(90).resize(whole.size), whole]).convert(mode).save(
        tmp_path / "x.jpg", **options
    )
    with Image.open(tmp_path / "x.jpg") as file:
        expected = file.convert("RGB")
    left, top = round((295 - 224) / 2), 16
    expected = expected.resize((256 * 300 // 260, 256), Image.BILINEAR).crop((left, top, left + 224, top + 224))
    np.testing.assert_array_equal(decode(tmp_path / "x.jpg", RESIZE_CROP), np.asarray(expected).transpose(2, 0, 1))


def damaged(whole: bytes, kind: str, seed: int) -> bytes:
    half, rng = len(whole) // 2, np.random.default_rng(seed)
    if kind == "second half zero":
        return whole[:half] + bytes(len(whole) - half)
    if kind == "second half zero but the end mark":
        return whole[:half] + bytes(len(whole) - half - 2) + whole[-2:]
    if kind == "cut short":
        return whole[:half]
    if kind == "cut short with an end mark":
        return whole[:half] + b"\xff\xd9"
    place = int(rng.integers(len(whole) // 4, len(whole) - 200))
    return whole[:place] + rng.bytes(50) + whole[place + 50 :]


KINDS = {"second half zero": 0, "second half zero but the end mark": 0, "cut short": 0, "cut short with an end mark": 0,
         "random bytes inside": 0.4}  # fmt: skip
"""Damage, and the largest share of damaged photographs that pass as whole."""


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_photographs_are_rejected(tmp_path, kind):
    accepted = []
    paths = photographs()[:100]
    for seed, path in enumerate(paths):
        (tmp_path / "x.jpg").write_bytes(damaged(path.read_bytes(), kind, seed))
        with suppress(Exception):  # of several kinds
            decode(tmp_path / "x.jpg", RESIZE_CROP)
            accepted.append(path.name)
    assert len(accepted) <= KINDS[kind] * len(paths)


def test_formats_of_more_than_8_bits_are_rejected(tmp_path):
    Image.fromarray(np.full((240, 240), 30_000, np.uint16)).save(tmp_path / "16.png")
    Image.fromarray(np.full((240, 240), 0.5, np.float32)).save(tmp_path / "float.png", format="TIFF")
    for name, mode in (("16.png", "I;16"), ("float.png", "F")):
        with pytest.raises(ValueError, match=f"expected 8 bits per channel, got Pillow's format {mode}"):
            decode(tmp_path / name, RESIZE_CROP)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_formats_of_8_bits_are_accepted(tmp_path, mode):
    buffer = io.BytesIO()
    picture(tmp_path / "x.png", (240, 230))
    with Image.open(tmp_path / "x.png") as file:
        file.convert(mode).save(buffer, "TIFF" if mode == "CMYK" else "PNG")
    (tmp_path / "y.png").write_bytes(buffer.getvalue())
    with Image.open(tmp_path / "y.png") as file:
        expected = np.asarray(file.convert("RGB"))
    assert decode(tmp_path / "y.png", RESIZE_CROP).shape == (3, 224, 224)
    assert expected.std() > 0
