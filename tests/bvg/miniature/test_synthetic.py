"""Synthetic images: they are reproducible, and shapes, textures, masks and corruptions are as described."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from bvg import miniature
from bvg.miniature import synthetic
from bvg.miniature.corruptions import blur

EVERY_SPLIT = pytest.mark.parametrize("split", miniature.SPLITS)
EVERY_KIND = pytest.mark.parametrize("kind", miniature.CORRUPTIONS)


def projection(images: torch.Tensor) -> list[int]:
    """Sum each image with random signs.

    If another machine rounds a pixel differently, the sum changes by 1.
    """
    signs = np.random.default_rng(0).choice([-1, 1], size=images.shape[1:])
    return (images.numpy().astype(int) * signs).sum((1, 2, 3)).tolist()


# If these change, increase `synthetic.VERSION`; if the training images change, retrain the networks.
PINNED = {
    "train": [30191, 11578, 16153],
    "val": [20891, 27477, 18779],
    "v2": [-7952, 4943, 9125],
    "cue-conflict": [14512, 2875, 8712],
    "stylized": [15999, 10146, 601],
    "sketch": [18646, 34013, 24063],
    "silhouette": [12279, 23249, 13984],
    "texture": [4660, 28146, 15448],
}


# Without JPEG compression, which depends on the version of the JPEG library.
PINNED_CORRUPTIONS = {
    "gaussian_noise": [23025, 25814],
    "gaussian_blur": [19567, 25390],
    "pixelate": [19985, 27033],
    "contrast": [16603, 18156],
    "brightness": [27586, 31875],
    "fog": [19764, 23002],
    "plasma_noise": [15369, 21492],
    "cocentric_sine_waves": [19890, 28642],
    "checkerboard_cutout": [21898, 29907],
}


@EVERY_SPLIT
def test_images_are_those_of_version_1_and_of_the_committed_weights(split):
    assert synthetic.VERSION == 1
    assert projection(miniature.images(split, [0, 7, 1000])[0]) == pytest.approx(PINNED[split], abs=5)


@pytest.mark.parametrize("kind", PINNED_CORRUPTIONS)
def test_corruptions_are_those_of_version_1(kind):
    images = miniature.corrupt(miniature.images("val", [0, 7])[0], kind, 3)
    assert projection(images) == pytest.approx(PINNED_CORRUPTIONS[kind], abs=5)


@EVERY_SPLIT
def test_images_are_the_same_in_any_batch_and_order(split):
    whole = miniature.scenes(split, 80, seed=3)
    part = miniature.scenes(split, [79, 4, 70], seed=3)
    for everything, chosen in zip(whole, part, strict=True):
        assert torch.equal(everything[[79, 4, 70]], chosen)


def test_images_are_the_same_in_another_process_with_one_thread():
    code = "from bvg.miniature import images; print(images('val', [3, 40])[0].numpy().tobytes().hex())"
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert bytes.fromhex(process.stdout) == miniature.images("val", [3, 40])[0].numpy().tobytes()


def test_seeds_and_splits_give_different_images():
    sample = [miniature.images("val", 16)[0], miniature.images("val", 16, seed=1)[0], miniature.images("train", 16)[0]]
    for k in range(3):
        assert not (sample[k] == sample[(k + 1) % 3]).all(dim=(1, 2, 3)).any()


@EVERY_SPLIT
def test_classes_are_balanced(split):
    images, labels = miniature.images(split, 64)
    assert images.shape == (64, 3, 64, 64)
    assert images.dtype == torch.uint8
    assert torch.bincount(labels, minlength=16).tolist() == [4] * 16


def test_cue_conflicts_contain_every_pair_once():
    _, shape, texture = miniature.cue_conflict(240)
    pairs = torch.bincount(16 * shape + texture, minlength=256).view(16, 16)
    assert pairs.tolist() == (1 - torch.eye(16, dtype=torch.int64)).tolist()


def differs(one: synthetic.Scenes, other: synthetic.Scenes) -> torch.Tensor:
    """Return where two images differ: bool [N, 64, 64].

    Masks of 0 and 255 are rounded, so a difference of 1 is ignored.
    """
    return ((one.images.int() - other.images.int()).abs() > 1).any(dim=1)


def test_cue_conflicts_have_the_outline_of_one_class_and_the_surface_of_another():
    sample = miniature.scenes("cue-conflict", 48)
    same_shape = miniature.scenes("cue-conflict", 48, texture=sample.shape)
    same_texture = miniature.scenes("cue-conflict", 48, shape=sample.texture)
    assert torch.equal(same_shape.mask, sample.mask)
    changed = differs(same_shape, sample)
    assert not changed[sample.mask == 0].any()  # another texture changes only the object
    assert (changed & (sample.mask == 255)).sum((1, 2)).min() > 20
    inside_both = (sample.mask == 255) & (same_texture.mask == 255)
    outside_both = (sample.mask == 0) & (same_texture.mask == 0)
    moved = differs(same_texture, sample)
    assert not moved[inside_both | outside_both].any()  # another shape changes only the outline
    assert ((same_texture.mask != sample.mask).sum((1, 2)) > 20).all()


@pytest.mark.parametrize("split", ["val", "stylized", "cue-conflict", "sketch"])
def test_passing_the_default_classes_gives_the_same_images(split):
    sample = miniature.scenes(split, 20)
    again = miniature.scenes(split, 20, shape=sample.shape, texture=sample.texture)
    assert torch.equal(again.images, sample.images)


def test_cues_agree_in_ordinary_images_and_textures_are_random_in_stylized_ones():
    ordinary, stylized = miniature.scenes("val", 32), miniature.scenes("stylized", 160)
    assert torch.equal(ordinary.shape, ordinary.texture)
    assert 2 < (stylized.shape == stylized.texture).sum() < 22  # 10 are expected
    assert torch.bincount(stylized.texture, minlength=16).min() > 2


def test_silhouettes_are_filled_masks_and_sketches_only_outlines():
    filled, outline = miniature.scenes("silhouette", 32), miniature.scenes("sketch", 32)
    for sample in (filled, outline):
        assert torch.equal(sample.images[:, 0], sample.images[:, 1])
        assert torch.equal(sample.images[:, 0], sample.images[:, 2])
    assert (filled.images[:, 0][filled.mask == 0] == 255).all()
    assert (filled.images[:, 0][filled.mask == 255] < 130).all()
    eroded = 1 - torch.nn.functional.max_pool2d(1 - outline.mask.double()[:, None] / 255, 7, 1, 3)[:, 0]
    assert (outline.images[:, 0][eroded == 1] == 255).all()
    assert ((outline.images[:, 0] < 200).sum((1, 2)) > 20).all()


def test_v2_has_smaller_objects():
    ordinary, shifted = (miniature.scenes(split, 80).mask.double().mean() for split in ("val", "v2"))
    assert shifted < 0.8 * ordinary


@EVERY_KIND
def test_corruption_grows_with_severity(kind):
    images, _ = miniature.images("val", 32)
    away = [
        (miniature.corrupt(images, kind, severity).double() - images).abs().mean().item() for severity in range(1, 6)
    ]
    assert away[0] > 0.5
    assert all(before < after for before, after in itertools.pairwise(away))


@EVERY_KIND
def test_corruptions_depend_only_on_the_image_and_its_index(kind):
    images, _ = miniature.images("val", 80)
    whole = miniature.corrupt(images, kind, 3, seed=5)
    part = miniature.corrupt(images[[70, 4]], kind, 3, seed=5, index=[70, 4])
    assert torch.equal(part, whole[[70, 4]])


def test_noise_contrast_and_brightness_of_a_grey_image():
    grey = torch.full((4, 3, 64, 64), 128, dtype=torch.uint8)
    noisy = miniature.corrupt(grey, "gaussian_noise", 3)
    assert noisy.double().std().item() / 255 == pytest.approx(0.08, rel=0.02)
    assert (miniature.corrupt(grey, "contrast", 5) == 128).all()
    assert miniature.corrupt(grey, "brightness", 2).unique().tolist() == [128 + 64]


def test_blur_agrees_with_scipy():
    from scipy.ndimage import gaussian_filter1d

    images = torch.rand((1, 3, 16, 20), generator=torch.Generator().manual_seed(0)).double()
    expected = images.numpy()
    for axis in (2, 3):
        expected = gaussian_filter1d(expected, 1.2, axis=axis, mode="mirror", radius=4)
    assert blur(images, 1.2).numpy() == pytest.approx(expected)


def test_corruptions_cover_both_benchmarks_at_five_severities():
    assert {corruption.benchmark for corruption in miniature.CORRUPTIONS.values()} == {"imagenet-c", "imagenet-cbar"}
    assert all(len(corruption.levels) == 5 for corruption in miniature.CORRUPTIONS.values())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: miniature.images("test", 4), "expected `split` to be one of train, val"),
        (lambda: miniature.images("val", [-1]), "expected `which`"),
        (lambda: miniature.images("val", 4, seed=-1), "expected `seed`"),
        (lambda: miniature.scenes("val", 4, shape=torch.arange(3)), r"expected `shape` to be int64 \[4\]"),
        (lambda: miniature.scenes("val", 2, texture=torch.tensor([0, 16])), "expected `texture`"),
        (lambda: miniature.corrupt(torch.zeros(1, 3, 8, 8), "fog", 1), "expected `images` to be uint8"),
        (lambda: miniature.corrupt(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), "snow", 1), "expected `kind`"),
        (lambda: miniature.corrupt(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), "fog", 6), "expected `severity`"),
    ],
)
def test_invalid_arguments_raise_an_error_that_names_them(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_zero_images_give_an_empty_batch():
    images, labels = miniature.images("val", 0)
    assert images.shape == (0, 3, synthetic.SIZE, synthetic.SIZE)
    assert labels.shape == (0,)
