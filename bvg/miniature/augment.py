"""Augmentations for training the miniature's networks, modelled on the methods of the study.

Each function takes a batch, float [N, 3, H, W] in [0, 1], and a random generator, and returns a batch.
"""

import math

import torch
from torch import Generator, Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from bvg.miniature.corruptions import blur as gaussian_blur


def none(x: Tensor, generator: Generator) -> Tensor:
    """Return the batch unchanged."""
    return x


def blur(x: Tensor, generator: Generator) -> Tensor:
    """Blur four images in five by a Gaussian of SD 0.5, 1, 1.5 or 2 pixels."""
    kind = torch.randint(0, 5, (len(x),), generator=generator)
    x = x.clone()
    for number in range(1, 5):
        if (chosen := kind == number).any():
            x[chosen] = gaussian_blur(x[chosen], number / 2)
    return x


def noise(x: Tensor, generator: Generator) -> Tensor:
    """Add Gaussian noise; each image gets its own SD between 0 and 0.25."""
    return (x + 0.25 * _rand(len(x), generator) * torch.randn(x.shape, generator=generator)).clamp_(0, 1)


def augmix(x: Tensor, generator: Generator) -> Tensor:
    """Blend three chains of operations (AugMix, Hendrycks et al. 2020).

    The consistency loss of AugMix is left out.
    """
    weights = -torch.rand((3, len(x), 1, 1, 1), generator=generator).clamp_min(1e-6).log()
    weights /= weights.sum(0)  # uniform on the simplex: a Dirichlet distribution with all parameters 1
    mixed = torch.zeros_like(x)
    for weight in weights:
        chain = x
        for _ in range(int(torch.randint(1, 4, (1,), generator=generator))):
            operation = _OPERATIONS[int(torch.randint(0, len(_OPERATIONS), (1,), generator=generator))]
            chain = operation(chain, generator)
        mixed += weight * chain
    return torch.lerp(x, mixed, _rand(len(x), generator))


def pixmix(x: Tensor, generator: Generator) -> Tensor:
    """Mix in a structured picture up to three times (PixMix).

    It is added or multiplied, as in Hendrycks et al. 2022.
    """
    x = _OPERATIONS[int(torch.randint(0, len(_OPERATIONS), (1,), generator=generator))](x, generator)
    for _ in range(int(torch.randint(1, 4, (1,), generator=generator))):
        picture = _picture(x, generator)
        share = 0.6 * _rand(len(x), generator)
        added = x + share * (picture - 0.5)
        multiplied = x * (1 - share + 2 * share * picture)
        x = torch.where(_rand(len(x), generator) < 0.5, added, multiplied).clamp_(0, 1)
    return x


def views(x: Tensor, generator: Generator) -> Tensor:
    """Make a random view for contrastive learning (Chen et al. 2020).

    It varies crop, colours, blur and noise.
    """
    x = _warp(x, generator, zoom=(0.6, 1.0), shift=0.2, rotation=0.1)
    # Colour is the easiest cue for matching two views: each channel gets a gain and an offset, and half become grey.
    gain, offset = (torch.rand((len(x), 3, 1, 1), generator=generator) for _ in range(2))
    x = (x - 0.5) * (0.4 + 1.2 * gain) + 0.5 + 0.5 * (offset - 0.5)
    grey = x.mean(1, keepdim=True).expand_as(x)
    x = torch.where(_rand(len(x), generator) < 0.5, grey, x)
    if torch.rand((), generator=generator) < 0.3:
        x = gaussian_blur(x, 0.8)
    return (x + 0.06 * _rand(len(x), generator) * torch.randn(x.shape, generator=generator)).clamp_(0, 1)


def mixup_cutmix(x: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Apply either Mixup or CutMix with equal probability.

    Sources: Zhang et al. 2018, Yun et al. 2019.

    Args:
        targets: float [N, classes], mixed in the same proportion.
    """
    other = torch.randperm(len(x), generator=generator)
    if torch.rand((), generator=generator) < 0.5:
        share = 0.5 * float(torch.rand((), generator=generator))
        return torch.lerp(x, x[other], share), torch.lerp(targets, targets[other], share)
    size = x.shape[-1]
    side = int(size * 0.6 * math.sqrt(float(torch.rand((), generator=generator))))
    top, left = torch.randint(0, size - side + 1, (2,), generator=generator).tolist()
    x = x.clone()
    x[:, :, top : top + side, left : left + side] = x[other, :, top : top + side, left : left + side]
    return x, torch.lerp(targets, targets[other], side * side / size**2)


def _rand(count: int, generator: Generator) -> Tensor:
    return torch.rand((count, 1, 1, 1), generator=generator)


def _warp(
    x: Tensor, generator: Generator, zoom: tuple[float, float], shift: float, rotation: float, shear: float = 0.0
) -> Tensor:
    """Zoom, shift, rotate and shear at random.

    `zoom` is the share of the side that is kept; `rotation` is in radians.
    """
    numbers = 2 * torch.rand((5, len(x)), generator=generator) - 1
    scale = (zoom[0] + zoom[1]) / 2 + (zoom[1] - zoom[0]) / 2 * numbers[0]
    angle, slant = rotation * numbers[1], shear * numbers[2]
    c, s = scale * torch.cos(angle), scale * torch.sin(angle)
    rows = [c, slant * scale - s, shift * numbers[3], s, c, shift * numbers[4]]
    grid = affine_grid(torch.stack(rows, dim=1).view(-1, 2, 3), list(x.shape), align_corners=False)
    return grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def _picture(x: Tensor, generator: Generator) -> Tensor:
    """Return coloured 1/f noise plus a grating: float [N, 3, H, W] in [0, 1]."""
    count, _, height, width = x.shape
    total = torch.zeros_like(x)
    for octave in range(1, 6):
        coarse = torch.randn((count, 3, 2**octave, 2**octave), generator=generator) * 0.35 / octave
        total += interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    angle, period, phase = torch.rand((3, count, 1, 1), generator=generator).unbind(0)
    angle, period = math.pi * angle, 3 + 20 * period
    v, u = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    wave = torch.sin(2 * math.pi * ((u * torch.cos(angle) + v * torch.sin(angle)) / period + phase))
    return (0.5 + total + 0.25 * wave[:, None]).clamp_(0, 1)


def _autocontrast(x: Tensor, generator: Generator) -> Tensor:
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    return (x - low) / (high - low).clamp_min(1e-3)


def _posterize(x: Tensor, generator: Generator) -> Tensor:
    steps = 2 + (6 * _rand(len(x), generator)).floor()
    return (x * steps).round() / steps


def _solarize(x: Tensor, generator: Generator) -> Tensor:
    return torch.where(x > 0.4 + 0.6 * _rand(len(x), generator), 1 - x, x)


def _move(x: Tensor, generator: Generator) -> Tensor:
    return _warp(x, generator, zoom=(0.9, 1.1), shift=0.15, rotation=0.3, shear=0.2)


_OPERATIONS = (_autocontrast, _posterize, _solarize, _move)
