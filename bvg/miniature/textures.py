"""The sixteen textures: two-colour patterns of known orientation and spatial frequency."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from bvg.miniature.shapes import lookup

CELLS = {"fine noise": 2.0, "medium noise": 4.5, "coarse noise": 10.0}  # size of a blotch, in pixels


def value_noise(u: Tensor, v: Tensor, lattice: Tensor, cell: float | Tensor) -> Tensor:
    """Interpolate smoothly between the points of a periodic lattice of random values.

    Args:
        u, v: float64 [N, H, W], in pixels.
        lattice: float64 [N, L, L], the values at the points.
        cell: distance between neighbouring points in pixels, a number or [N, 1, 1].

    Returns:
        float64 [N, H, W], in the range of `lattice`.
    """
    size = lattice.shape[-1]
    u, v = u / cell, v / cell
    left, top = u.floor(), v.floor()
    right, down = u - left, v - top
    # The slope is 0 at the points, which avoids visible creases.
    right, down = (t * t * (3 - 2 * t) for t in (right, down))
    left, top = left.long().remainder_(size), top.long().remainder_(size)
    image = torch.arange(len(lattice))[:, None, None] * size
    next_left, next_top = (left + 1).remainder_(size), (top + 1).remainder_(size)
    flat, row, next_row = lattice.flatten(), (image + top) * size, (image + next_top) * size
    upper = torch.lerp(lookup(flat, row + left), lookup(flat, row + next_left), right)
    lower = torch.lerp(lookup(flat, next_row + left), lookup(flat, next_row + next_left), right)
    return torch.lerp(upper, lower, down)


def _wave(t: Tensor, period: float) -> Tensor:
    return torch.sin(t * (2 * math.pi / period))


def _soft(value: Tensor, steepness: float) -> Tensor:
    """Turn a wave in [-1, 1] into a pattern in [0, 1] with antialiased edges."""
    return (0.5 + 0.5 * steepness * value).clamp(0, 1)


def _ramp(distance: Tensor) -> Tensor:
    """Return 1 inside (distance in pixels below 0) and 0 outside, antialiased."""
    return (0.5 - distance).clamp(0, 1)


def _sawtooth(t: Tensor, period: float) -> Tensor:
    """Return the position within the period, in [-period / 2, period / 2)."""
    return t - period * torch.floor(t / period + 0.5)


def _stripes(period: float, degrees: float) -> Callable:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return lambda u, v, lattice: _soft(_wave(u * c + v * s, period), 1.0 + period / 8)


def _checks(side: float) -> Callable:
    return lambda u, v, lattice: _soft(_wave(u, 2 * side) * _wave(v, 2 * side), side / 2)


def _dots(u, v, lattice):
    return _ramp(torch.hypot(_sawtooth(u, 9), _sawtooth(v, 9)) - 2.9)


def _rings(u, v, lattice):
    return _ramp((torch.hypot(_sawtooth(u, 14), _sawtooth(v, 14)) - 4.2).abs() - 1.2)


def _brick(u, v, lattice):
    row = torch.floor(v / 6)
    return _ramp(torch.minimum(_sawtooth(v, 6).abs(), _sawtooth(u + 6 * row.remainder(2), 12).abs()) - 0.8)


def _weave(u, v, lattice):
    over = (torch.floor(u / 8) + torch.floor(v / 8)).remainder(2)
    return _soft(torch.lerp(_wave(u, 4), _wave(v, 4), over), 1.2)


def _zigzag(u, v, lattice):
    return _soft(_wave(v + 0.9 * _sawtooth(u, 10).abs(), 7), 1.6)


def _net(u, v, lattice):
    return _ramp(torch.minimum(_sawtooth(u + v, 11).abs(), _sawtooth(u - v, 11).abs()) * math.sqrt(0.5) - 0.8)


def _noise(name: str) -> Callable:
    return lambda u, v, lattice: _soft(2 * value_noise(u, v, lattice, CELLS[name]) - 1, 1.6)


# Each function takes u, v (float64 [N, H, W]; pixels, v downwards) and a lattice (float64 [N, L, L] in [0, 1]), and returns
# the share of the second colour. Class k has shape k and texture k, so the order matters.
_PATTERNS: dict[str, Callable] = {
    "fine horizontal stripes": _stripes(4, 90),
    "coarse checks": _checks(8),
    "medium noise": _noise("medium noise"),
    "dots": _dots,
    "fine diagonal stripes": _stripes(5, 45),
    "brick": _brick,
    "coarse vertical stripes": _stripes(13, 0),
    "weave": _weave,
    "fine noise": _noise("fine noise"),
    "coarse horizontal stripes": _stripes(13, 90),
    "rings": _rings,
    "fine checks": _checks(3),
    "zigzag": _zigzag,
    "coarse noise": _noise("coarse noise"),
    "fine vertical stripes": _stripes(4, 0),
    "net": _net,
}
TEXTURES = tuple(_PATTERNS)


def pattern(texture: Tensor, u: Tensor, v: Tensor, lattice: Tensor) -> Tensor:
    """Return the share of the texture's second colour at each point of each image.

    Args:
        texture: int64 [N], positions in `TEXTURES`.
        u, v: float64 [N, H, W], position in the texture's frame, in pixels.
        lattice: float64 [N, L, L] in [0, 1], random values for the noise textures.

    Returns:
        float64 [N, H, W] in [0, 1].
    """
    shares = torch.empty_like(u)
    for number, name in enumerate(TEXTURES):
        chosen = (texture == number).nonzero()[:, 0]
        if len(chosen):
            shares[chosen] = _PATTERNS[name](u[chosen], v[chosen], lattice[chosen])
    return shares
