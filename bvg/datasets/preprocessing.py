"""Decode and preprocess an image file, with pixels identical to torchvision's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from bvg.datasets.layouts import RESIZE_CROP, STORED, DataError

SIZE = 224
SHAPE = (3, SIZE, SIZE)


def decode(path: str | Path, preprocessing: str) -> np.ndarray:
    """Decode an image file to uint8 [3, 224, 224], RGB in 0 … 255.

    `resize256-crop224-bilinear` equals torchvision's Resize(256) and CenterCrop(224): Pillow's bilinear (antialiased)
    resampling scales the shorter side to 256 and the longer side to the integer part of 256 * long / short. The crop is
    the central 224 x 224, with its upper left corner rounded half to even. `stored224` leaves the image as stored.

    Args:
        path: the image file.
        preprocessing: RESIZE_CROP or STORED.

    Raises:
        DataError: an image of a set that is stored at 224 px has another size.
        OSError, or another error of Pillow: the file is not an image, or is damaged.
    """
    with Image.open(path) as file:
        image = file.convert("RGB")
    if preprocessing == RESIZE_CROP:
        short = min(image.size)
        image = image.resize(
            tuple(256 if side == short else 256 * side // short for side in image.size), Image.BILINEAR
        )
        left, top = (round((side - SIZE) / 2) for side in image.size)
        image = image.crop((left, top, left + SIZE, top + SIZE))
    elif preprocessing != STORED:
        raise ValueError(f"expected `preprocessing` to be {RESIZE_CROP} or {STORED}, got {preprocessing!r}")
    elif image.size != (SIZE, SIZE):
        raise DataError(
            f"expected an image of 224 x 224 pixels, because this set is stored at that size and not resized, got "
            f"{image.width} x {image.height}: {path}"
        )
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))
