"""Test the order, the subsets and the fingerprint of an indexed data set, and the check before a measurement."""

import subprocess
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from image_files import WNIDS, touch

from bvg import imagenet_classes
from bvg.datasets import check, open_dataset
from bvg.datasets.layouts import DataError


def test_limit_takes_an_even_and_reproducible_subset_and_keeps_the_index(tmp_path):
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


def test_hidden_files_and_other_file_types_are_ignored(tmp_path):
    folder = tmp_path / "imagenet-r"
    for name in ("README.txt", "n01443537/a.jpg", "n01443537/._a.jpg", "n01443537/notes.txt", ".git/x.jpg"):
        touch(folder / name)
    assert open_dataset("imagenet-r", tmp_path).paths == ("n01443537/a.jpg",)


@pytest.mark.parametrize(("variant", "level"), [("", ""), ("fog", ""), ("fog", 6), ("smog", 1), ("fog", "1.0")])
def test_an_unknown_condition_is_rejected(tmp_path, variant, level):
    with pytest.raises(
        ValueError, match="expected `variant` and `level` of imagenet-c to be one of gaussian_noise 1, "
    ):
        open_dataset("imagenet-c", tmp_path, variant, level)


@pytest.fixture
def complete_stylized(tmp_path) -> Path:
    number = 0
    for category in imagenet_classes.SIXTEEN:
        for _ in range(50):
            number += 1
            touch(tmp_path / f"stylized/dnn/session-1/{number:04}_sty_dnn_0_{category}_00_x.png")
    return tmp_path


def test_check_accepts_a_complete_set(complete_stylized):
    assert check(complete_stylized, ["stylized"]) == {("stylized", "", ""): 800}


def test_check_reports_all_problems_at_once(complete_stylized):
    root = complete_stylized
    (root / "stylized/dnn/session-1/0001_sty_dnn_0_airplane_00_x.png").unlink()
    for folder in range(1000):
        if folder not in (5, 17):
            touch(root / f"imagenet-v2/{folder}/a.jpeg")
    (root / "imagenet-v2/5").mkdir()
    touch(root / "imagenet-a/n01440764/a.jpg")  # tench is a class of ImageNet, but not of ImageNet-A
    with pytest.raises(DataError) as caught:
        check(root, ["stylized", "imagenet-v2", "imagenet-a", "imagenet-c"])
    text = str(caught.value)
    for problem in (
        "stylized: expected 800 images, found 799",
        "stylized: 1 class(es) without the expected 50 images: airplane has 49",
        "imagenet-v2: 1 empty folder(s): 5",
        "imagenet-v2: 1 of 1000 classes missing: 17",
        "imagenet-v2: expected 10,000 images, found 998",
        "imagenet-v2: 998 class(es) without the expected 10 images: 0 has 1, 1 has 1, 2 has 1, 3 has 1, 4 has 1, 6 has 1 and 992 more",
        "imagenet-a: 1 folder(s) or file(s) not of this set: n01440764",
        "imagenet-c: expected a folder imagenet-c under",
    ):
        assert f"\n- {problem}" in text, text
    assert text.startswith(f"{len(caught.value.problems)} problems with the data:")
    assert text.count("imagenet-c: ") == 1  # not once for each of the 95 conditions


def test_check_reports_a_missing_condition_and_an_empty_folder_even_with_a_limit(tmp_path):
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


def test_index_and_cache_import_no_torch():
    code = "import sys, bvg.datasets, bvg.datasets.cache; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
