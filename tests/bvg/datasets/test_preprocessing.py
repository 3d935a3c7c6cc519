"""Test that decoded pixels equal those of torchvision, and that a wrong size is rejected."""

from pathlib import Path

import numpy as np
import pytest
from image_files import STIMULI, WNIDS, picture
from PIL import Image

from bvg.datasets import open_dataset
from bvg.datasets.layouts import RESIZE_CROP, STORED, DataError
from bvg.datasets.loading import batches
from bvg.datasets.preprocessing import decode

real_images = pytest.mark.skipif(not STIMULI.is_dir(), reason="needs ../shared/data/stimuli")


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


def test_a_set_stored_at_224_is_not_resized_and_other_sizes_are_rejected(tmp_path):
    path = picture(tmp_path / "imagenet-c/fog/1" / WNIDS[0] / "a.png")
    np.testing.assert_array_equal(decode(path, STORED), np.asarray(Image.open(path)).transpose(2, 0, 1))
    picture(path, (256, 224))
    data = open_dataset("imagenet-c", tmp_path, "fog", 1)
    with pytest.raises(DataError, match=r"224 x 224 pixels, .*, got 256 x 224: .*a\.png"):
        list(batches(data, 8, skip_unreadable=True))  # a wrong size is not a damaged file: never skipped
