"""How one of the miniature's images is drawn: object, texture, background, and what lies before and behind.

All arithmetic is in float64 and elementwise, so that an image does not depend on its neighbours in the batch.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bvg.miniature.shapes import signed_distance
from bvg.miniature.textures import pattern, value_noise

SIZE = 64


@dataclass(frozen=True)
class Look:
    """What varies in a split's images, and how far; ranges are of uniform distributions.

    Attributes:
        radius: radius of the circle around the shape, in pixels.
        offset: largest distance of the shape's centre from the image's, along each axis, in pixels.
        rotation: largest rotation of the shape, in degrees.
        aspect: largest stretch along one axis, as a fraction.
        warp: largest bend of the outline, in pixels.
        tilt: largest rotation of the texture, in degrees: the stripes stay closer to their own orientation than to another.
        zoom: largest change of the texture's scale, as a fraction.
        contrast: distance of the texture's two colours in RGB.
        plain: share of images whose texture has no contrast.
        brightness: range of the object's and the background's channels.
        clutter: largest range of the background's blotches.
        distractors: number of small shapes of one colour behind the object.
        occluded: share of images with a disc in front of the object.
        grain: largest SD of the camera's noise, alike in the three channels.
        drawing: "scene"; or black on white, "outline" or "filled"; or "texture", which fills the image.
    """

    radius: tuple[float, float] = (17, 28)
    offset: float = 8
    rotation: float = 18
    aspect: float = 0.2
    warp: float = 1.5
    tilt: float = 12
    zoom: float = 0.12
    contrast: tuple[float, float] = (0.1, 0.6)
    plain: float = 0.35
    brightness: tuple[float, float] = (0.15, 0.85)
    clutter: float = 0.3
    distractors: int = 2
    occluded: float = 0.4
    grain: float = 0.03
    drawing: str = "scene"


# The uniform numbers of a scene, by name; a new name goes to the end, so that the others keep their numbers.
DRAWN = (
    *("radius", "x", "y", "rotation", "aspect", "warp", "warp_x", "warp_y"),
    *("tilt", "zoom", "phase_u", "phase_v", "contrast", "plain", "texture"),
    *("red", "green", "blue", "red_step", "green_step", "blue_step"),
    *("back_red", "back_green", "back_blue", "clutter", "clutter_tint", "light", "light_angle", "grain"),
    *("occluded", "occluder_angle", "occluder_radius", "occluder_red", "occluder_green", "occluder_blue"),
    *(f"other{k}_{what}" for k in range(3) for what in ("shape", "x", "y", "radius", "red", "green", "blue")),
)


def compose(
    look: Look, draw: dict[str, Tensor], shape: Tensor, texture: Tensor, lattices: Tensor, grain: Tensor
) -> tuple[Tensor, Tensor]:
    """Images, and how much of each pixel the object fills.

    Args:
        look: what varies, and how far.
        draw: uniform numbers in [0, 1), float64 [N, 1, 1], by the names in `DRAWN`.
        shape, texture: int64 [N].
        lattices: float64 [N, 2, L, L] in [0, 1), random values for noise textures and background.
        grain: float64 [N, 64, 64], standard normal.

    Returns:
        images float64 [N, 3, 64, 64] and masks float64 [N, 64, 64], both in [0, 1].
    """
    axis = torch.arange(SIZE, dtype=torch.float64) - (SIZE - 1) / 2
    y, x = axis[None, :, None], axis[None, None, :]
    distance = _object(look, draw, shape, x, y)
    if look.drawing == "texture":
        distance = torch.full_like(distance, -1.0)
    mask = (0.5 - distance).clamp(0, 1)
    if look.drawing == "filled":
        return _on_paper(mask * (1 - 0.3 * draw["red"])), mask
    if look.drawing == "outline":
        return _on_paper(_stroke(draw, distance, lattices[:, 0], x, y)), mask
    picture = _scene(look, draw, texture, mask, lattices, x, y)
    return (picture + (look.grain * draw["grain"] * grain)[:, None]).clamp_(0, 1), mask


def _object(look: Look, draw: dict[str, Tensor], shape: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Signed distance of each pixel to the object's outline, in pixels: float64 [N, 64, 64]."""
    radius = _between(look.radius, draw["radius"])
    bend = look.warp * draw["warp"]
    x = x - _spread(look.offset, draw["x"])
    y = y - _spread(look.offset, draw["y"])
    bent_x = x + bend * torch.sin(0.11 * y + 2 * math.pi * draw["warp_x"])
    bent_y = y + bend * torch.sin(0.11 * x + 2 * math.pi * draw["warp_y"])
    u, v = _rotated(bent_x, bent_y, _spread(look.rotation, draw["rotation"]))
    stretch = 1 + _spread(look.aspect, draw["aspect"]) / 2
    return radius * signed_distance(shape, u / (radius * stretch), v * stretch / radius)


def _scene(
    look: Look, draw: dict[str, Tensor], texture: Tensor, mask: Tensor, lattices: Tensor, x: Tensor, y: Tensor
) -> Tensor:
    """Background, small shapes, object and what covers it, in a slanting light: float64 [N, 3, 64, 64] in [0, 1]."""
    u, v = _rotated(x, y, _spread(look.tilt, draw["tilt"]))
    zoom = 1 + _spread(look.zoom, draw["zoom"])
    share = pattern(texture, u / zoom + 64 * draw["phase_u"], v / zoom + 64 * draw["phase_v"], lattices[:, 0])
    share -= 0.5

    blotches = value_noise(x + 0 * y, y + 0 * x, lattices[:, 1], 13.0) - 0.5
    grain = value_noise(x + 512 + 0 * y, y + 512 + 0 * x, lattices[:, 1], 3.5) - 0.5
    clutter = look.clutter * draw["clutter"]
    others = [
        (
            _small(draw, f"other{k}", x, y),
            [_between(look.brightness, draw[f"other{k}_{c}"]) for c in ("red", "green", "blue")],
        )
        for k in range(look.distractors)
    ]
    cover = _cover(look, draw, x, y)
    angle = 2 * math.pi * draw["light_angle"]
    light = 1 + 0.3 * draw["light"] * (x * torch.cos(angle) + y * torch.sin(angle)) / (SIZE / 2)

    contrast = _between(look.contrast, draw["contrast"])
    contrast = torch.where(draw["plain"] < look.plain, 0.0, contrast)
    # The two colours differ mostly in lightness: channel steps of one sign, the weakest at 0.4 of the strongest.
    steps = [0.4 + 0.6 * draw[f"{c}_step"] for c in ("red", "green", "blue")]
    length = torch.sqrt(sum(step**2 for step in steps))
    channels = []
    for number, name in enumerate(("red", "green", "blue")):
        tint = torch.cos(2 * math.pi * (draw["clutter_tint"] + number / 3))
        back = _between(look.brightness, draw[f"back_{name}"]) + clutter * (blotches * (1 + tint) + grain)
        for inside, colours in others:
            back = torch.lerp(back, colours[number].expand_as(back), inside)
        front = _between(look.brightness, draw[name]) + contrast * steps[number] / length * share
        value = torch.lerp(back, front, mask)
        value = torch.lerp(value, draw[f"occluder_{name}"].expand_as(value), cover)
        channels.append(value * light)
    return torch.stack(channels, dim=1).clamp_(0, 1)


def _stroke(draw: dict[str, Tensor], distance: Tensor, lattice: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Ink along the outline: a thin line, lighter or darker, that a light hand interrupts."""
    width = 0.3 + 0.5 * draw["contrast"]
    line = (0.8 + width - distance.abs()).clamp(0, 1)
    pressure = value_noise(x + 0 * y, y + 0 * x, lattice, 6.0)
    gaps = (6 * (pressure - 0.5 * draw["plain"]) + 0.5).clamp(0, 1)
    return line * gaps * (1 - 0.5 * draw["red"])


def _on_paper(ink: Tensor) -> Tensor:
    return (1 - ink)[:, None].expand(-1, 3, -1, -1)


def _small(draw: dict[str, Tensor], name: str, x: Tensor, y: Tensor) -> Tensor:
    """How much of each pixel a distracting shape fills."""
    radius = 4 + 4 * draw[f"{name}_radius"]
    kind = (draw[f"{name}_shape"].flatten() * 16).long()
    u, v = (axis - _spread(SIZE / 2, draw[f"{name}_{at}"]) for axis, at in ((x, "x"), (y, "y")))
    u, v = torch.broadcast_tensors(u / radius, v / radius)
    return (0.5 - radius * signed_distance(kind, u, v)).clamp(0, 1)


def _cover(look: Look, draw: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    """How much of each pixel a disc covers; it sits on the object's rim, and is absent in most images."""
    angle = 2 * math.pi * draw["occluder_angle"]
    away = 0.8 * _between(look.radius, draw["radius"])
    radius = torch.where(draw["occluded"] < look.occluded, 7 + 9 * draw["occluder_radius"], -9.0)
    u = x - _spread(look.offset, draw["x"]) - away * torch.cos(angle)
    v = y - _spread(look.offset, draw["y"]) - away * torch.sin(angle)
    return (0.5 - (torch.hypot(*torch.broadcast_tensors(u, v)) - radius)).clamp(0, 1)


def _rotated(x: Tensor, y: Tensor, degrees: Tensor) -> tuple[Tensor, Tensor]:
    angle = torch.deg2rad(degrees)
    c, s = torch.cos(angle), torch.sin(angle)
    return x * c + y * s, y * c - x * s


def _between(bounds: tuple[float, float], uniform_number: Tensor) -> Tensor:
    return bounds[0] + (bounds[1] - bounds[0]) * uniform_number


def _spread(most: float, uniform_number: Tensor) -> Tensor:
    return most * (2 * uniform_number - 1)
