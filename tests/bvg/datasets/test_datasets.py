"""The data sets on disk, their check, decoding and the memory map: on real images and on small trees made here."""

import json
import multiprocessing
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bvg import imagenet_classes
from bvg.datasets import check, open_dataset
from bvg.datasets.batches import UnreadableImages, batches, streams
from bvg.datasets.cache import decoded
from bvg.datasets.layouts import RESIZE_CROP, STORED, DataError, conditions
from bvg.datasets.loading import Decoder, decode

STIMULI = Path(__file__).parents[3].parent / "shared/data/stimuli"
real_images = pytest.mark.skipif(not STIMULI.is_dir(), reason="needs ../shared/data/stimuli, which is not there")
WNIDS = imagenet_classes.wnids()


def picture(path: Path, size=(224, 224), mode="RGB", seed=0) -> Path:
    """A small image with something in it, made at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = {"L": (), "RGB": (3,), "CMYK": (4,), "RGBA": (4,)}[mode]
    noise = np.random.default_rng([seed, *size]).integers(0, 256, (*size[::-1], *channels), dtype=np.uint8)
    Image.fromarray(noise, mode).save(path)
    return path


def touch(path: Path) -> None:
    """A file that is an image by its name only: enough to index, which does not look inside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def validation_images(root: Path, n: int, size=(300, 260)) -> Path:
    """imagenet/val with image i (1 … n) in class 5 i, so that file numbers and class order agree on nothing."""
    for i in range(1, n + 1):
        picture(root / "imagenet/val" / WNIDS[5 * (n - i)] / f"ILSVRC2012_val_{i:08}.JPEG", size, seed=i)
    return root


def pixels(dataset, **options) -> np.ndarray:
    return np.concatenate([batch.images for batch in batches(dataset, 7, **options)])


# --- layouts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "variant", "level", "file", "label", "preprocessing"),
    [
        ("imagenet", "", "", f"imagenet/val/{WNIDS[7]}/ILSVRC2012_val_00000001.JPEG", 7, RESIZE_CROP),
        ("imagenet-v2", "", "", "imagenet-v2/7/a.jpeg", 7, RESIZE_CROP),
        ("imagenet-v2", "", "", "imagenet-v2/007/a.jpeg", 7, RESIZE_CROP),
        ("imagenet-v2", "", "", "imagenetv2-matched-frequency-format-val/7/a.jpeg", 7, RESIZE_CROP),
        ("imagenet-v2", "", "", "imagenet-v2/imagenetv2-matched-frequency-format-val/7/a.jpeg", 7, RESIZE_CROP),
        ("imagenet-a", "", "", "imagenet-a/n01498041/0.01_x.jpg", 6, RESIZE_CROP),
        ("imagenet-r", "", "", "imagenet-r/n01443537/art_0.jpg", 1, RESIZE_CROP),
        ("imagenet-sketch", "", "", f"imagenet-sketch/sketch/{WNIDS[7]}/sketch_0.JPEG", 7, RESIZE_CROP),
        ("imagenet-sketch", "", "", f"imagenet-sketch/{WNIDS[7]}/sketch_0.JPEG", 7, RESIZE_CROP),
        ("imagenet-c", "fog", 3, f"imagenet-c/fog/3/{WNIDS[7]}/a.JPEG", 7, STORED),
        ("imagenet-cbar", "sparkles", "5", f"imagenet-cbar/sparkles/5/{WNIDS[7]}/a.JPEG", 7, STORED),
        ("stylized", "", "", "stylized/dnn/session-1/0051_sty_dnn_0_bear_00_bear-0003-val.png", 1, STORED),
        ("cue-conflict", "", "", "cue-conflict/bear/bear3-oven10.png", (1, 14), STORED),
        ("gray-16class", "", "", "gray-16class/10_color_gray_g_knife.JPEG", 13, STORED),
    ],
)
def test_layout(tmp_path, name, variant, level, file, label, preprocessing):
    touch(tmp_path / file)
    data = open_dataset(name, tmp_path, variant, level)
    assert str(tmp_path / file) == str(data.folder / data.paths[0])
    assert data.preprocessing == preprocessing
    assert data.labels.tolist() == [list(label) if isinstance(label, tuple) else label]
    assert data.labels.dtype == data.index.dtype == np.int64
    assert check(tmp_path, [(name, variant, str(level))], limit=1) == {(name, variant, str(level)): 1}


def test_cbar_strength_folders_are_severities_in_numerical_order(tmp_path):
    for strength in ("10.00", "9.00", "4.00", "2.00", "1.00"):
        touch(tmp_path / "imagenet-cbar/inverse_sparkles" / strength / WNIDS[0] / "a.JPEG")
    found = [open_dataset("imagenet-cbar", tmp_path, "inverse_sparkles", s).folder.name for s in range(1, 6)]
    assert found == ["1.00", "2.00", "4.00", "9.00", "10.00"]


def test_v2_folders_sort_as_numbers(tmp_path):
    for folder in range(1000):
        touch(tmp_path / f"imagenet-v2/{folder}/a.jpeg")
    data = open_dataset("imagenet-v2", tmp_path)
    assert data.labels.tolist() == list(range(1000))
    assert [Path(p).parent.name for p in data.paths[:12]] == [str(i) for i in range(12)]


def test_real_labels_go_by_file_number_and_unlabelled_images_are_left_out(tmp_path):
    validation_images(tmp_path, 5)
    labels = [[] for _ in range(50_000)]
    labels[0], labels[2], labels[3] = [11], [33, 34], [44]  # files 1, 3, 4; files 2 and 5 have none
    (tmp_path / "imagenet/real.json").write_text(json.dumps(labels))
    data = open_dataset("imagenet-real", tmp_path)
    by_file = {int(Path(p).stem[-8:]): y for p, y in zip(data.paths, data.labels, strict=True)}
    assert by_file == {1: {11}, 3: {33, 34}, 4: {44}}
    whole = open_dataset("imagenet", tmp_path)  # classes descend with the file number: 5, 4, 3, 2, 1
    assert data.index.tolist() == [1, 2, 4]
    assert [whole.paths[i] for i in data.index] == list(data.paths)
    assert [b.labels for b in batches(data, 2)] == [({44}, {33, 34}), ({11},)]
    before = data.fingerprint()
    labels[0] = [12]
    (tmp_path / "imagenet/real.json").write_text(json.dumps(labels))
    assert open_dataset("imagenet-real", tmp_path).fingerprint() != before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "found neither"),
        ("[[1], [2]]", "got 2 lists"),
        ("<html>", "got Expecting value"),
        ("[1]", "not iterable"),
    ],
)
def test_real_labels_that_are_not_there_or_not_labels(tmp_path, content, reason):
    validation_images(tmp_path, 1)
    if content:
        (tmp_path / "imagenet/real.json").write_text(content)
    with pytest.raises(DataError, match=rf"imagenet-real: expected .*{reason}"):
        open_dataset("imagenet-real", tmp_path)


def test_16class_takes_the_images_of_the_16_categories_with_their_index(tmp_path):
    (oven,), (knife,) = imagenet_classes.sixteen_indices("oven"), imagenet_classes.sixteen_indices("knife")
    for wnid in (WNIDS[0], WNIDS[oven], WNIDS[knife]):
        touch(tmp_path / "imagenet/val" / wnid / "a.JPEG")
    data = open_dataset("imagenet-16class", tmp_path)
    names = imagenet_classes.SIXTEEN
    assert sorted(names[y] for y in data.labels) == ["knife", "oven"]
    whole = open_dataset("imagenet", tmp_path)
    assert [names[y] for y in data.labels] == [{oven: "oven", knife: "knife"}[int(whole.labels[i])] for i in data.index]


@real_images
def test_real_stimuli_are_indexed(tmp_path):
    (tmp_path / "cue-conflict").symlink_to(STIMULI / "cue-conflict")
    (tmp_path / "gray-16class").symlink_to(STIMULI / "gray-16class")
    (tmp_path / "imagenet").mkdir()
    (tmp_path / "imagenet/val").symlink_to(STIMULI / "imagenet-sample")
    assert set(check(tmp_path, ["imagenet", "cue-conflict", "gray-16class"], limit=10**6).values()) == {200, 256, 210}
    cue, names = open_dataset("cue-conflict", tmp_path), imagenet_classes.SIXTEEN
    for path, (shape, texture) in zip(cue.paths, cue.labels, strict=True):
        assert Path(path).parent.name == names[shape]
        assert Path(path).stem.split("-")[1].rstrip("0123456789") == names[texture]
    gray = open_dataset("gray-16class", tmp_path)
    assert Counter(names[y] for y in gray.labels)["bird"] == 17  # counted in the folder by hand
    with pytest.raises(DataError, match="expected 1,280 images, found 256"):
        check(tmp_path, ["cue-conflict"])


def test_conditions_cover_every_corruption_and_severity():
    assert len(conditions("imagenet-c")) == 19 * 5
    assert len(conditions("imagenet-cbar")) == 10 * 5
    with pytest.raises(ValueError, match=r"expected `name` to be one of imagenet, .*, got 'imagenet-d'"):
        conditions("imagenet-d")


# --- order, limit, fingerprint ---------------------------------------------------------------------------------------


def test_limit_is_spread_fixed_and_keeps_the_index(tmp_path):
    for c in range(50):
        for i in range(10):
            touch(tmp_path / "imagenet/val" / WNIDS[c] / f"{i}.JPEG")
    whole = open_dataset("imagenet", tmp_path)
    assert whole.index.tolist() == list(range(500))
    for limit in (1, 7, 50, 100, 499):
        data = open_dataset("imagenet", tmp_path, limit=limit)
        assert len(data) == limit == len(set(data.index.tolist()))
        assert data.paths == open_dataset("imagenet", tmp_path, limit=limit).paths
        assert data.paths == tuple(whole.paths[i] for i in data.index)
        gaps = np.diff(data.index)
        assert limit == 1 or gaps.max() - gaps.min() <= 1
    assert set(Counter(open_dataset("imagenet", tmp_path, limit=100).labels.tolist()).values()) == {2}
    assert open_dataset("imagenet", tmp_path, limit=4).index.tolist() == [62, 187, 312, 437]  # (2 i + 1) 500 / 8
    assert len(open_dataset("imagenet", tmp_path, limit=501)) == 500


@pytest.mark.parametrize("limit", [0, -3, 2.5, True, "10"])
def test_limit_must_be_a_positive_integer(tmp_path, limit):
    touch(tmp_path / "imagenet/val" / WNIDS[0] / "a.JPEG")
    with pytest.raises(ValueError, match="expected `limit` to be an integer of at least 1 or None, got"):
        open_dataset("imagenet", tmp_path, limit=limit)


def test_fingerprint_is_the_digest_of_paths_and_labels(tmp_path):
    for c in (30, 4):
        touch(tmp_path / "imagenet/val" / WNIDS[c] / "a.JPEG")
    lines = f"{WNIDS[4]}/a.JPEG\t4\n{WNIDS[30]}/a.JPEG\t30\n"
    expected = {"count": 2, "sha256": sha256(lines.encode()).hexdigest()}
    assert open_dataset("imagenet", tmp_path).fingerprint() == expected
    touch(tmp_path / "imagenet/val" / WNIDS[4] / "b.JPEG")
    assert open_dataset("imagenet", tmp_path).fingerprint() != expected


def test_hidden_and_other_files_do_not_count(tmp_path):
    folder = tmp_path / "imagenet-r"
    for name in ("README.txt", "n01443537/a.jpg", "n01443537/._a.jpg", "n01443537/notes.txt", ".git/x.jpg"):
        touch(folder / name)
    assert open_dataset("imagenet-r", tmp_path).paths == ("n01443537/a.jpg",)


@pytest.mark.parametrize(("variant", "level"), [("", ""), ("fog", ""), ("fog", 6), ("smog", 1), ("fog", "1.0")])
def test_an_unknown_condition_is_refused(tmp_path, variant, level):
    with pytest.raises(
        ValueError, match="expected `variant` and `level` of imagenet-c to be one of gaussian_noise 1, "
    ):
        open_dataset("imagenet-c", tmp_path, variant, level)


# --- check -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def complete_stylized(tmp_path) -> Path:
    number = 0
    for category in imagenet_classes.SIXTEEN:
        for _ in range(50):
            number += 1
            touch(tmp_path / f"stylized/dnn/session-1/{number:04}_sty_dnn_0_{category}_00_x.png")
    return tmp_path


def test_check_passes_a_complete_set(complete_stylized):
    assert check(complete_stylized, ["stylized"]) == {("stylized", "", ""): 800}


def test_check_names_every_problem_at_once(complete_stylized):
    root = complete_stylized
    (root / "stylized/dnn/session-1/0001_sty_dnn_0_airplane_00_x.png").unlink()
    for folder in range(1000):
        if folder not in (5, 17):
            touch(root / f"imagenet-v2/{folder}/a.jpeg")
    (root / "imagenet-v2/5").mkdir()
    touch(root / "imagenet-a/n01440764/a.jpg")  # tench: a class of ImageNet, but none of ImageNet-A's 200
    with pytest.raises(DataError) as caught:
        check(root, ["stylized", "imagenet-v2", "imagenet-a", "imagenet-c"])
    text = str(caught.value)
    for problem in (
        "stylized: expected 800 images, found 799",
        "stylized: 1 class(es) without the expected 50 images: airplane has 49",
        "imagenet-v2: 1 empty folder(s): 5",
        "imagenet-v2: 1 of 1000 classes missing: 17",
        "imagenet-v2: expected 10,000 images, found 998",
        "imagenet-v2: 998 class(es) without the expected 10 images: 0 has 1, 1 has 1, 2 has 1, 3 has 1, 4 has 1 and 993 more",
        "imagenet-a: 1 folder(s) or file(s) not of this set: n01440764",
        "imagenet-c: expected a folder imagenet-c under",
    ):
        assert f"\n- {problem}" in text, text
    assert text.startswith(f"{len(caught.value.problems)} problems with the data:")
    assert text.count("imagenet-c: ") == 1  # not once for each of the 95 conditions


def test_check_names_the_missing_condition_and_an_empty_folder_even_under_a_limit(tmp_path):
    for c in range(3):
        touch(tmp_path / "imagenet-c/fog/1" / WNIDS[c] / "a.JPEG")
    (tmp_path / "imagenet-c/fog/1" / WNIDS[3]).mkdir()
    one, two = ("imagenet-c", "fog", "1"), ("imagenet-c", "fog", "2")
    with pytest.raises(DataError) as caught:
        check(tmp_path, [one, two], limit=2)
    assert caught.value.problems == (
        f"imagenet-c fog 1: 1 empty folder(s): {WNIDS[3]}",
        f"imagenet-c fog 2: expected a folder fog/2 in {tmp_path}/imagenet-c, found none",
    )
    (tmp_path / "imagenet-c/fog/1" / WNIDS[3]).rmdir()
    assert check(tmp_path, [one], limit=2) == {one: 2}
    assert check(tmp_path, [one], limit=99) == {one: 3}
    with pytest.raises(DataError, match="imagenet-c fog 1: 997 of 1000 classes missing"):
        check(tmp_path, [one])


# --- decoding --------------------------------------------------------------------------------------------------------


def torchvision_pixels(path: Path) -> np.ndarray:
    from torchvision import transforms

    with Image.open(path) as image:
        cropped = transforms.CenterCrop(224)(transforms.Resize(256)(image.convert("RGB")))
    return np.asarray(cropped).transpose(2, 0, 1)


@real_images
def test_decoding_equals_torchvision_on_real_photographs():
    paths = sorted(STIMULI.glob("imagenet-sample/*/*.JPEG"))
    assert len(paths) == 200
    for path in paths:
        np.testing.assert_array_equal(decode(path, RESIZE_CROP), torchvision_pixels(path), err_msg=path.name)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("size", [(500, 375), (375, 501), (256, 256), (257, 311), (60, 41), (224, 224), (1003, 130)])
def test_decoding_equals_torchvision_on_odd_sizes_and_modes(tmp_path, mode, size):
    path = picture(tmp_path / "a.JPEG", size, mode)
    array = decode(path, RESIZE_CROP)
    assert (array.shape, array.dtype) == ((3, 224, 224), np.uint8)
    np.testing.assert_array_equal(array, torchvision_pixels(path))


def test_a_set_stored_at_224_is_not_resized_and_refuses_other_sizes(tmp_path):
    path = picture(tmp_path / "imagenet-c/fog/1" / WNIDS[0] / "a.png")
    np.testing.assert_array_equal(decode(path, STORED), np.asarray(Image.open(path)).transpose(2, 0, 1))
    picture(path, (256, 224))
    data = open_dataset("imagenet-c", tmp_path, "fog", 1)
    with pytest.raises(DataError, match=r"224 x 224 pixels, .*, got 256 x 224: .*a\.png"):
        list(batches(data, 8, skip_unreadable=True))  # a wrong set is not a damaged file: never skipped


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


def damage(folder: Path, paths: tuple[str, ...]) -> set[str]:
    """Make the first three images unreadable in three ways."""
    truncated, text, empty = paths[:3]
    whole = (folder / truncated).read_bytes()
    (folder / truncated).write_bytes(whole[: len(whole) // 2])
    (folder / text).write_text("not an image\n")
    (folder / empty).write_bytes(b"")
    return {truncated, text, empty}


@pytest.mark.parametrize("stored", [False, True], ids=["on the fly", "memory map"])
def test_unreadable_images_are_listed_or_left_out(tmp_path, stored):
    data = open_dataset("imagenet", validation_images(tmp_path, 9))
    readable = pixels(data)[3:]
    bad = damage(data.folder, data.paths)
    read = (lambda **o: decoded(data, tmp_path / "cache", **o)) if stored else (lambda **o: pixels(data, **o))
    with pytest.raises(UnreadableImages) as caught:
        read()
    assert set(caught.value.reasons) == bad
    assert "expected 9 readable images, 3 cannot be decoded" in str(caught.value)
    assert all(path in str(caught.value) for path in bad)
    if not stored:  # whole batches before the first damaged image are handed out, nothing after it
        good_first = data.take([3, 4, 5, 6, 0, 7, 8])
        seen = []
        with pytest.raises(UnreadableImages):
            seen.extend(batch.index.tolist() for batch in batches(good_first, 2))
        assert seen == [[3, 4], [5, 6]]
    store = read(skip_unreadable=True) if stored else None
    np.testing.assert_array_equal(pixels(data, store=store, skip_unreadable=True), readable)
    index = np.concatenate([b.index for b in batches(data, 2, store=store, skip_unreadable=True)])
    assert index.tolist() == [3, 4, 5, 6, 7, 8]
    if stored:
        assert store.valid.sum() == 6
        with pytest.raises(UnreadableImages, match="unreadable when they were made"):
            pixels(data, store=store)


@pytest.mark.parametrize("workers", [0, 2])
def test_streams_end_with_their_part_and_unreadable_images_with_theirs(tmp_path, workers):
    data = open_dataset("imagenet", validation_images(tmp_path, 50))
    damage(data.folder, data.paths[21:24])
    parts = [data.take(range(start, stop)) for start, stop in ((0, 20), (20, 25), (25, 50))]
    taken = []
    decoder = Decoder(workers)
    for read in streams(parts, 18, decoder):
        try:
            taken.append([len(batch.images) for batch in read])
        except UnreadableImages as error:
            taken.append(set(error.reasons))
    assert taken == [[18, 2], set(data.paths[21:24]), [18, 7]]
    # What is not taken of a part is none of the next one's, and a decoder can be used again, also if it was left early.
    firsts = [next(read) for read in streams(parts[::2], 7, decoder)]
    assert [batch.index.tolist() for batch in firsts] == [list(range(7)), list(range(25, 32))]
    next(next(streams(parts, 7, decoder)))
    (last,) = next(streams([parts[2]], 25, decoder))
    np.testing.assert_array_equal(last.images, np.stack([decode(data.folder / p, RESIZE_CROP) for p in parts[2].paths]))


def test_processes_are_started_for_many_images_only_and_end_with_their_decoder(tmp_path):
    import torch

    state = torch.get_rng_state()
    data = open_dataset("imagenet", validation_images(tmp_path, 10))
    before = set(multiprocessing.active_children())  # of other tests
    decoder = Decoder()
    list(next(streams([data], 4, decoder)))
    assert set(multiprocessing.active_children()) <= before
    decoder = Decoder(workers=2)
    list(next(streams([data], 4, decoder)))
    assert len(set(multiprocessing.active_children()) - before) == (2 if sys.platform == "linux" else 0)
    del decoder
    assert set(multiprocessing.active_children()) <= before
    assert torch.equal(torch.get_rng_state(), state)
    with pytest.raises(ValueError, match="expected `workers` to be at least 0, got -1"):
        Decoder(-1)


def test_a_wrong_size_found_by_another_process_is_the_same_error(tmp_path):
    picture(tmp_path / "imagenet-c/fog/1" / WNIDS[0] / "a.png", (256, 224))
    with pytest.raises(DataError, match=r"got 256 x 224: .*a\.png") as caught:
        list(batches(open_dataset("imagenet-c", tmp_path, "fog", 1), 8, workers=1))
    assert type(caught.value) is DataError


def test_a_script_needs_no_guard_to_decode_in_processes(tmp_path):
    validation_images(tmp_path, 20)
    code = f"""
        from bvg import datasets, decode
        data = datasets.open_dataset("imagenet", {str(tmp_path)!r})
        print(sum(len(batch.images) for batch in decode.batches(data, 8, workers=2)))
    """
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(code))
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("20\n", "")


def test_index_and_check_import_no_torch():
    code = "import sys, bvg.datasets, bvg.datasets.cache; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- memory map ------------------------------------------------------------------------------------------------------


def test_memory_map_is_decoded_once_and_shared_by_subsets(tmp_path):
    data = open_dataset("imagenet", validation_images(tmp_path, 12))
    expected, cache, seen = pixels(data), tmp_path / "cache", []
    few = data.limited(4)
    store = decoded(few, cache, on_progress=seen.append)
    assert (sum(seen), store.valid.sum(), store.images.shape) == (4, 4, (12, 3, 224, 224))
    np.testing.assert_array_equal(pixels(few, store=store), expected[few.index])
    store = decoded(data, cache)
    assert store.valid.all()
    np.testing.assert_array_equal(store.images, expected)
    for size in (1, 5, 64):
        np.testing.assert_array_equal(np.concatenate([b.images for b in batches(data, size, store)]), expected)
    labels = [[1]] * 50_000
    (tmp_path / "imagenet/real.json").write_text(json.dumps(labels))
    before = (store_folder(cache) / "images.npy").stat().st_mtime_ns
    np.testing.assert_array_equal(pixels(open_dataset("imagenet-real", tmp_path), store=store), expected)
    decoded(open_dataset("imagenet-real", tmp_path), cache)
    assert (store_folder(cache) / "images.npy").stat().st_mtime_ns == before  # found, not written again


def store_folder(cache: Path) -> Path:
    (folder,) = cache.iterdir()
    return folder


def test_a_changed_image_is_decoded_anew_and_a_foreign_store_refused(tmp_path):
    data = open_dataset("imagenet", validation_images(tmp_path, 3))
    old = decoded(data, tmp_path / "cache")
    picture(data.folder / data.paths[1], (400, 300), seed=99)
    new = decoded(data, tmp_path / "cache")
    np.testing.assert_array_equal(new.images[1], decode(data.folder / data.paths[1], RESIZE_CROP))
    assert (old.images[1] != new.images[1]).any()
    picture(tmp_path / "imagenet-v2/0/a.jpeg")
    with pytest.raises(ValueError, match="expected `store` to be decoded from imagenet-v2, got one with other files"):
        next(batches(open_dataset("imagenet-v2", tmp_path), 1, store=new))


def script(root: Path, before: str = "") -> list[str]:
    """A command that makes the memory map of imagenet in root/cache, in chunks of 4; `before` is run first."""
    lines = [
        "import os, shutil, signal",
        "from bvg import datasets, memmap",
        "memmap.CHUNK = 4",
        textwrap.dedent(before),
        f"memmap.decoded(datasets.open_dataset('imagenet', {str(root)!r}), {str(root / 'cache')!r}, workers=0)",
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


def test_kill_9_in_the_middle_of_a_write_is_continued_from_the_last_mark(tmp_path):
    data = open_dataset("imagenet", validation_images(tmp_path, 20))
    expected, cache = pixels(data), tmp_path / "cache"
    killed = subprocess.run(script(tmp_path, KILL_IN_THE_7TH_IMAGE), capture_output=True)
    assert (killed.returncode, killed.stderr) == (-signal.SIGKILL, b"")
    folder = store_folder(cache)
    assert np.load(folder / "done.npy").sum() == 4  # one chunk; the torn image and the two before it do not count
    assert np.load(folder / "images.npy", mmap_mode="r")[6].any()  # although half of it is there
    killed = subprocess.run(script(tmp_path, KILL_IN_THE_7TH_IMAGE), capture_output=True)  # and once more
    assert (killed.returncode, np.load(folder / "done.npy").sum()) == (-signal.SIGKILL, 8)
    seen = []
    np.testing.assert_array_equal(decoded(data, cache, on_progress=seen.append).images, expected)
    assert seen == [8, 12]  # found, decoded now


SLOW_WRITES = """
    import time

    write = os.pwrite
    os.pwrite = lambda *data: time.sleep(0.02) or write(*data)
"""


def test_two_processes_on_one_memory_map(tmp_path):
    data = open_dataset("imagenet", validation_images(tmp_path, 20))
    with subprocess.Popen(script(tmp_path, SLOW_WRITES)) as other:
        while not list(tmp_path.glob("cache/*/done.npy")):  # until the other has its first chunk of five
            assert other.poll() is None
        seen = []
        store = decoded(data, tmp_path / "cache", on_progress=seen.append)
        assert seen == [20]  # waited, and found what the other had decoded
    assert other.returncode == 0
    np.testing.assert_array_equal(store.images, pixels(data))


@pytest.mark.parametrize("where", ["a file", "/sys/bvg-cache"])
def test_a_folder_that_cannot_be_written_to(tmp_path, where):
    data = open_dataset("imagenet", validation_images(tmp_path, 1))
    if where == "a file":
        (tmp_path / where).touch()
    elif sys.platform != "linux":
        pytest.skip("needs Linux's /sys, which even root cannot write to")
    with pytest.raises(DataError, match="expected `cache_dir` to be a folder with room that can be written to, got"):
        decoded(data, tmp_path / where)


def small_disk(root: Path, megabytes: int) -> list[str]:
    """A command prefix that runs a script with a real disk of that size at root/cache, if this machine allows it."""
    (root / "cache").mkdir()
    mount = f"mount -t tmpfs -o size={megabytes}m none {root / 'cache'}"
    if sys.platform != "linux" or subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True).returncode:
        pytest.skip("needs a machine on which a user may mount a small disk (unshare -rm)")
    return ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$0" "$@"']


ROOM_THAT_IS_NOT_THERE = "shutil.disk_usage = lambda _: shutil._ntuple_diskusage(10**9, 0, 10**9)"


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("", "DataError: expected 3.0 MB of room for 20 decoded images, got 2.1 MB in "),
        (ROOM_THAT_IS_NOT_THERE, "got No space left on device for "),  # as when another program fills the disk
    ],
    ids=["seen before", "while writing"],
)
def test_a_full_disk_is_a_clear_error(tmp_path, before, reason):
    validation_images(tmp_path, 20)
    result = subprocess.run([*small_disk(tmp_path, 2), *script(tmp_path, before)], capture_output=True, text=True)
    assert result.returncode == 1
    assert reason in result.stderr.splitlines()[-1]
