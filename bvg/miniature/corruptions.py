"""Ten corruptions of the synthetic images at five severities, named as in ImageNet-C and ImageNet-C-bar."""

import io
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad

from bvg.kernels.randomness import image_index, normal, uniform
from bvg.miniature.textures import value_noise


class Corruption(NamedTuple):
    """One kind of corruption.

    Attributes:
        benchmark: "imagenet-c" or "imagenet-cbar".
        levels: the strength at severities 1 to 5.
        apply: function of images float64 [N, 3, H, W] in [0, 1], the strength, and a function that returns random
            numbers of a given shape, float64 [N, *shape], uniform in [0, 1) by default.
    """

    benchmark: str
    levels: tuple[float, ...]
    apply: Callable


def corrupt(
    images: Tensor, kind: str, severity: int, seed: int = 0, index: Tensor | Sequence[int] | None = None
) -> Tensor:
    """Apply one corruption to images.

    Args:
        images: uint8 [N, 3, H, W].
        kind: one of `CORRUPTIONS`.
        severity: 1 (weakest) … 5.
        seed: seed of the random numbers, integer in [0, 2**64).
        index: int [N], position of each image in its data set; None counts from 0.

    Returns:
        uint8 [N, 3, H, W]. Each image depends only on its original, kind, severity, seed and index.

    Raises:
        ValueError: if the dtype, the shape, the kind or the severity is not as above.

    >>> grey = torch.full((1, 3, 8, 8), 100, dtype=torch.uint8)
    >>> corrupt(grey, "brightness", 1).unique()
    tensor([138], dtype=torch.uint8)
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"expected `images` to be uint8 [N, 3, H, W], got {images.dtype} {list(images.shape)}")
    if kind not in CORRUPTIONS:
        raise ValueError(f"expected `kind` to be one of {', '.join(CORRUPTIONS)}, got {kind!r}")
    if severity not in range(1, 6):
        raise ValueError(f"expected `severity` in 1 … 5, got {severity!r}")
    index, corruption = image_index(index, images), CORRUPTIONS[kind]
    stream, out = f"miniature/{kind}/{severity}", torch.empty_like(images)
    for start in range(0, len(images), 64):
        part = slice(start, start + 64)

        def random(shape: Sequence[int], numbers: Callable = uniform, where: Tensor = index[part]) -> Tensor:
            return numbers(shape, seed, where, stream).double()

        changed = corruption.apply(images[part].double() / 255, corruption.levels[severity - 1], random)
        out[part] = (255 * changed.clamp_(0, 1)).round_().to(torch.uint8)
    return out


def _gaussian_noise(x: Tensor, level: float, random: Callable) -> Tensor:
    return x + level * random(x.shape[1:], normal)


def blur(x: Tensor, sigma: float) -> Tensor:
    """Blur images, float [N, C, H, W], by a Gaussian of SD `sigma` pixels.

    Borders are reflected.
    """
    reach = max(1, round(3 * sigma))
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=x.dtype) / sigma) ** 2)
    weights = (weights / weights.sum()).expand(x.shape[1], 1, 1, -1)
    x = conv2d(pad(x, (reach, reach, 0, 0), "reflect"), weights, groups=x.shape[1])
    return conv2d(pad(x, (0, 0, reach, reach), "reflect"), weights.transpose(2, 3), groups=x.shape[1])


def _pixelate(x: Tensor, level: float, random: Callable) -> Tensor:
    small = interpolate(x, size=(level, level), mode="area")
    return interpolate(small, size=x.shape[2:], mode="nearest-exact")


def _contrast(x: Tensor, level: float, random: Callable) -> Tensor:
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + level * (x - mean)


def _jpeg(x: Tensor, level: float, random: Callable) -> Tensor:
    decoded = []
    for image in (255 * x).round().to(torch.uint8).permute(0, 2, 3, 1).numpy():
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=int(level))
        decoded.append(torch.from_numpy(np.array(Image.open(file))))
    return torch.stack(decoded).permute(0, 3, 1, 2).double() / 255


def _plasma(x: Tensor, random: Callable) -> Tensor:
    """Return noise around 0.5, float [N, 1, H, W].

    Its amplitude halves from octave to octave.
    """
    lattice = random((34, 34))
    v, u = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in x.shape[2:]), indexing="ij")
    octaves = [value_noise(u[None] + 97 * k, v[None] + 61 * k, lattice, 32 / 2**k) / 2**k for k in range(5)]
    return (sum(octaves) / sum(2.0**-k for k in range(5)))[:, None]


def _fog(x: Tensor, level: float, random: Callable) -> Tensor:
    return torch.lerp(x, 0.55 + 0.7 * (_plasma(x, random) - 0.2), level)


def _plasma_noise(x: Tensor, level: float, random: Callable) -> Tensor:
    return x + level * 4 * (_plasma(x, random) - 0.5)


def _concentric_waves(x: Tensor, level: float, random: Callable) -> Tensor:
    numbers = random((4,))[:, :, None, None]
    v, u = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in x.shape[2:]), indexing="ij")
    away = torch.hypot(u[None] - x.shape[3] * numbers[:, 0], v[None] - x.shape[2] * numbers[:, 1])
    period = 4 + 12 * numbers[:, 2]
    return x + level * torch.sin(2 * torch.pi * (away / period + numbers[:, 3]))[:, None]


def _checkerboard_cutout(x: Tensor, level: float, random: Callable) -> Tensor:
    """Cover the share `level` of a chequerboard's black fields, 4 pixels wide, with grey."""
    v, u = torch.meshgrid(*(torch.arange(n) // 4 for n in x.shape[2:]), indexing="ij")
    fields = random((int(v.max()) + 1, int(u.max()) + 1))
    hidden = (fields[:, v, u] < level) & ((u + v) % 2 == 0)
    return torch.where(hidden[:, None], 0.5, x)


CORRUPTIONS: dict[str, Corruption] = {
    "gaussian_noise": Corruption("imagenet-c", (0.03, 0.05, 0.08, 0.12, 0.18), _gaussian_noise),
    "gaussian_blur": Corruption("imagenet-c", (0.6, 0.9, 1.3, 1.8, 2.5), lambda x, level, random: blur(x, level)),
    "pixelate": Corruption("imagenet-c", (32, 28, 24, 20, 16), _pixelate),
    "jpeg_compression": Corruption("imagenet-c", (60, 40, 25, 15, 8), _jpeg),
    "contrast": Corruption("imagenet-c", (0.5, 0.3, 0.18, 0.11, 0.06), _contrast),
    "brightness": Corruption("imagenet-c", (0.15, 0.25, 0.35, 0.45, 0.6), lambda x, level, random: x + level),
    "fog": Corruption("imagenet-c", (0.3, 0.45, 0.6, 0.72, 0.82), _fog),
    "plasma_noise": Corruption("imagenet-cbar", (0.1, 0.2, 0.3, 0.45, 0.65), _plasma_noise),
    "cocentric_sine_waves": Corruption("imagenet-cbar", (0.03, 0.06, 0.1, 0.15, 0.22), _concentric_waves),
    "checkerboard_cutout": Corruption("imagenet-cbar", (0.1, 0.2, 0.35, 0.55, 0.8), _checkerboard_cutout),
}
