"""Test where each data set lies on disk, and which labels its images get."""

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from image_files import STIMULI, WNIDS, touch, validation_images

from bvg import imagenet_classes
from bvg.datasets import check, open_dataset
from bvg.datasets.layouts import RESIZE_CROP, STORED, DataError, conditions
from bvg.datasets.loading import batches

real_images = pytest.mark.skipif(not STIMULI.is_dir(), reason="needs ../shared/data/stimuli")


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
def test_each_layout_gives_paths_labels_and_preprocessing(tmp_path, name, variant, level, file, label, preprocessing):
    touch(tmp_path / file)
    data = open_dataset(name, tmp_path, variant, level)
    assert str(tmp_path / file) == str(data.folder / data.paths[0])
    assert data.preprocessing == preprocessing
    assert data.labels.tolist() == [list(label) if isinstance(label, tuple) else label]
    assert data.labels.dtype == data.index.dtype == np.int64
    assert check(tmp_path, [(name, variant, str(level))], limit=1) == {(name, variant, str(level)): 1}


def test_strength_folders_of_cbar_are_severities_in_numerical_order(tmp_path):
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


def test_reassessed_labels_follow_the_file_number_and_unlabelled_images_are_left_out(tmp_path):
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
def test_missing_or_malformed_reassessed_labels_are_reported(tmp_path, content, reason):
    validation_images(tmp_path, 1)
    if content:
        (tmp_path / "imagenet/real.json").write_text(content)
    with pytest.raises(DataError, match=rf"imagenet-real: expected .*{reason}"):
        open_dataset("imagenet-real", tmp_path)


def test_16class_selects_the_images_of_the_16_categories_and_keeps_their_index(tmp_path):
    (oven,), (knife,) = imagenet_classes.sixteen_indices("oven"), imagenet_classes.sixteen_indices("knife")
    for wnid in (WNIDS[0], WNIDS[oven], WNIDS[knife]):
        touch(tmp_path / "imagenet/val" / wnid / "a.JPEG")
    data = open_dataset("imagenet-16class", tmp_path)
    names = imagenet_classes.SIXTEEN
    assert sorted(names[y] for y in data.labels) == ["knife", "oven"]
    whole = open_dataset("imagenet", tmp_path)
    assert [names[y] for y in data.labels] == [{oven: "oven", knife: "knife"}[int(whole.labels[i])] for i in data.index]


@real_images
def test_published_stimuli_are_indexed(tmp_path):
    (tmp_path / "cue-conflict").symlink_to(STIMULI / "cue-conflict")
    (tmp_path / "gray-16class").symlink_to(STIMULI / "gray-16class")
    (tmp_path / "imagenet").mkdir()
    (tmp_path / "imagenet/val").symlink_to(STIMULI / "imagenet-sample")
    assert set(check(tmp_path, ["imagenet", "cue-conflict", "gray-16class"], limit=1000).values()) == {200, 256, 210}
    cue, names = open_dataset("cue-conflict", tmp_path), imagenet_classes.SIXTEEN
    for path, (shape, texture) in zip(cue.paths, cue.labels, strict=True):
        assert Path(path).parent.name == names[shape]
        assert Path(path).stem.split("-")[1].rstrip("0123456789") == names[texture]
    gray = open_dataset("gray-16class", tmp_path)
    assert Counter(names[y] for y in gray.labels)["bird"] == 17  # counted by hand
    with pytest.raises(DataError, match="expected 1,280 images, found 256"):
        check(tmp_path, ["cue-conflict"])


def test_conditions_cover_every_corruption_and_severity():
    assert len(conditions("imagenet-c")) == 19 * 5
    assert len(conditions("imagenet-cbar")) == 10 * 5
    with pytest.raises(ValueError, match=r"expected `name` to be one of imagenet, .*, got 'imagenet-d'"):
        conditions("imagenet-d")


def test_names_that_are_not_text_and_loops_of_links_are_named(tmp_path):
    validation_images(tmp_path, 2)
    folder = next((tmp_path / "imagenet/val").iterdir())
    os.close(os.open(os.fsencode(folder) + b"/\xff\xfe.JPEG", os.O_CREAT))
    with pytest.raises(DataError, match=r"1 folder\(s\) or file\(s\) not of this set: .*\\udcff\\udcfe"):
        check(tmp_path, ["imagenet"], limit=5)
    (folder / "loop.JPEG").symlink_to("loop.JPEG")
    with pytest.raises(DataError, match=r"expected folders and files in .* that can be opened, got: .*loop"):
        check(tmp_path, ["imagenet"], limit=5)
