"""Decode and preprocess an image file, with pixels identical to torchvision's."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image, UnidentifiedImageError

from bvg.datasets.layouts import RESIZE_CROP, STORED, DataError
from bvg.datasets.tar import TarMember

SIZE = 224
SHAPE = (3, SIZE, SIZE)

JPEG = b"\xff\xd8"
"""First bytes of a JPEG file."""

EIGHT_BIT = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
"""Pillow's names of the pixel formats that become 8-bit RGB without loss of range."""


def decode(path: Path | TarMember, preprocessing: str) -> np.ndarray:
    """Decode an image file to uint8 [3, 224, 224], RGB in 0 … 255.

    `resize256-crop224-bilinear` equals torchvision's Resize(256) and CenterCrop(224): Pillow's bilinear (antialiased)
    resampling scales the shorter side to 256 and the longer side to the integer part of 256 * long / short. The crop is
    the central 224 x 224, with its upper left corner rounded half to even. `stored224` leaves the image as stored.

    Args:
        path: the image file, on disk or in a tar file.
        preprocessing: RESIZE_CROP or STORED.

    A JPEG is decoded strictly: any warning of libjpeg (a bad code, an early end, bytes that are left over) rejects it, where
    Pillow would show grey or noise. Damage that happens to be valid code of the same length is not noticed, such as most
    single changed bits. In a PNG, checksums show any damage.

    Raises:
        DataError: an image of a set that is stored at 224 px has another size.
        ValueError: damaged JPEG, or more than 8 bits per channel.
        OSError, or another error of Pillow: the file is not an image, or is damaged.
    """
    image = _rgb(path.read_bytes())
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


def _rgb(content: bytes) -> Image.Image:
    """Decode the bytes of an image file to 8-bit RGB."""
    try:
        opened = Image.open(BytesIO(content))
    except UnidentifiedImageError:  # its message names an object in memory
        raise UnidentifiedImageError("not an image in a format that Pillow knows") from None
    with opened as file:
        if file.mode not in EIGHT_BIT:
            raise ValueError(
                f"expected 8 bits per channel, got Pillow's format {file.mode}, whose range is not known: convert the image"
            )
        if not content.startswith(JPEG):
            with Image.open(BytesIO(content)) as other:
                other.verify()  # the checksums of a PNG, which decoding ignores
            return file.convert("RGB")
        if file.mode in ("L", "RGB"):  # the same library as Pillow's with the same options: equal pixels, in less time
            pixels = simplejpeg.decode_jpeg(content, "RGB", fastdct=False, fastupsample=False, strict=True)
            return Image.fromarray(pixels)
        simplejpeg.decode_jpeg(content, file.mode, strict=True)
        return file.convert("RGB")
