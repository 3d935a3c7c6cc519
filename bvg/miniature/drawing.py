"""Draw the synthetic images: object, texture and background, with shapes behind the object and a disc in front.

Arithmetic is elementwise and in float64, so that an image does not depend on the other images of its batch.
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
    """Ranges of the random variation within a split; all distributions are uniform.

    Attributes:
        radius: radius of the circle around the shape, in pixels.
        offset: largest distance between the centres of shape and image along each axis, in pixels.
        rotation: largest rotation of the shape, in degrees.
        aspect: largest stretch along one axis, as a fraction.
        warp: largest bend of the outline, in pixels.
        tilt: largest rotation of the texture, in degrees; stripes stay closer to their own orientation than to any other.
        zoom: largest change of the texture's scale, as a fraction.
        contrast: distance between the texture's two colours in RGB.
        plain: share of images whose texture has no contrast.
        brightness: range of the channels of object and background.
        clutter: largest amplitude of the background's blotches.
        distractors: number of small single-coloured shapes behind the object.
        occluded: share of images with a disc in front of the object.
        grain: largest SD of the camera noise, which is the same in all three channels.
        drawing: "scene"; "outline" or "filled", black on white; or "texture", which fills the image.
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


# Random factors of a scene, one uniform number each. Append new names, so that the existing ones keep their numbers.
FACTORS = (
    *("radius", "x", "y", "rotation", "aspect", "warp", "warp_x", "warp_y"),
    *("tilt", "zoom", "phase_u", "phase_v", "contrast", "plain", "texture"),
    *("red", "green", "blue", "red_step", "green_step", "blue_step"),
    *("back_red", "back_green", "back_blue", "clutter", "clutter_tint", "light", "light_angle", "grain"),
    *("occluded", "occluder_angle", "occluder_radius", "occluder_red", "occluder_green", "occluder_blue"),
    *(f"other{k}_{what}" for k in range(3) for what in ("shape", "x", "y", "radius", "red", "green", "blue")),
)


def compose(
    look: Look, factors: dict[str, Tensor], shape: Tensor, texture: Tensor, lattices: Tensor, grain: Tensor
) -> tuple[Tensor, Tensor]:
    """Draw images, and the share of each pixel that the object fills.

    Args:
        look: ranges of the variation.
        factors: uniform numbers in [0, 1), float64 [N, 1, 1], by the names in `FACTORS`.
        shape, texture: int64 [N].
        lattices: float64 [N, 2, L, L] in [0, 1), random values for noise textures and background.
        grain: float64 [N, 64, 64], standard normal.

    Returns:
        images float64 [N, 3, 64, 64] and masks float64 [N, 64, 64], both in [0, 1].
    """
    axis = torch.arange(SIZE, dtype=torch.float64) - (SIZE - 1) / 2
    y, x = axis[None, :, None], axis[None, None, :]
    distance = _object(look, factors, shape, x, y)
    if look.drawing == "texture":
        distance = torch.full_like(distance, -1.0)
    mask = (0.5 - distance).clamp(0, 1)
    if look.drawing == "filled":
        return _on_paper(mask * (1 - 0.3 * factors["red"])), mask
    if look.drawing == "outline":
        return _on_paper(_stroke(factors, distance, lattices[:, 0], x, y)), mask
    picture = _scene(look, factors, texture, mask, lattices, x, y)
    return (picture + (look.grain * factors["grain"] * grain)[:, None]).clamp_(0, 1), mask


def _object(look: Look, factors: dict[str, Tensor], shape: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return each pixel's signed distance to the outline: float64 [N, 64, 64].

    The unit is pixels.
    """
    radius = _between(look.radius, factors["radius"])
    bend = look.warp * factors["warp"]
    x = x - _spread(look.offset, factors["x"])
    y = y - _spread(look.offset, factors["y"])
    bent_x = x + bend * torch.sin(0.11 * y + 2 * math.pi * factors["warp_x"])
    bent_y = y + bend * torch.sin(0.11 * x + 2 * math.pi * factors["warp_y"])
    u, v = _rotated(bent_x, bent_y, _spread(look.rotation, factors["rotation"]))
    stretch = 1 + _spread(look.aspect, factors["aspect"]) / 2
    return radius * signed_distance(shape, u / (radius * stretch), v * stretch / radius)


def _scene(
    look: Look, factors: dict[str, Tensor], texture: Tensor, mask: Tensor, lattices: Tensor, x: Tensor, y: Tensor
) -> Tensor:
    """Draw the whole scene: float64 [N, 3, 64, 64] in [0, 1].

    Background, small shapes, object and disc lie under a light gradient.
    """
    u, v = _rotated(x, y, _spread(look.tilt, factors["tilt"]))
    zoom = 1 + _spread(look.zoom, factors["zoom"])
    share = pattern(texture, u / zoom + 64 * factors["phase_u"], v / zoom + 64 * factors["phase_v"], lattices[:, 0])
    share -= 0.5

    blotches = value_noise(x + 0 * y, y + 0 * x, lattices[:, 1], 13.0) - 0.5
    grain = value_noise(x + 512 + 0 * y, y + 512 + 0 * x, lattices[:, 1], 3.5) - 0.5
    clutter = look.clutter * factors["clutter"]
    others = [
        (
            _small(factors, f"other{k}", x, y),
            [_between(look.brightness, factors[f"other{k}_{c}"]) for c in ("red", "green", "blue")],
        )
        for k in range(look.distractors)
    ]
    cover = _cover(look, factors, x, y)
    angle = 2 * math.pi * factors["light_angle"]
    light = 1 + 0.3 * factors["light"] * (x * torch.cos(angle) + y * torch.sin(angle)) / (SIZE / 2)

    contrast = _between(look.contrast, factors["contrast"])
    contrast = torch.where(factors["plain"] < look.plain, 0.0, contrast)
    # The two colours differ mostly in lightness: channel steps of one sign, the weakest at 0.4 of the strongest.
    steps = [0.4 + 0.6 * factors[f"{c}_step"] for c in ("red", "green", "blue")]
    length = torch.sqrt(sum(step**2 for step in steps))
    channels = []
    for number, name in enumerate(("red", "green", "blue")):
        tint = torch.cos(2 * math.pi * (factors["clutter_tint"] + number / 3))
        back = _between(look.brightness, factors[f"back_{name}"]) + clutter * (blotches * (1 + tint) + grain)
        for inside, colours in others:
            back = torch.lerp(back, colours[number].expand_as(back), inside)
        front = _between(look.brightness, factors[name]) + contrast * steps[number] / length * share
        value = torch.lerp(back, front, mask)
        value = torch.lerp(value, factors[f"occluder_{name}"].expand_as(value), cover)
        channels.append(value * light)
    return torch.stack(channels, dim=1).clamp_(0, 1)


def _stroke(factors: dict[str, Tensor], distance: Tensor, lattice: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return ink along the outline, with gaps where the pressure is low."""
    width = 0.3 + 0.5 * factors["contrast"]
    line = (0.8 + width - distance.abs()).clamp(0, 1)
    pressure = value_noise(x + 0 * y, y + 0 * x, lattice, 6.0)
    gaps = (6 * (pressure - 0.5 * factors["plain"]) + 0.5).clamp(0, 1)
    return line * gaps * (1 - 0.5 * factors["red"])


def _on_paper(ink: Tensor) -> Tensor:
    return (1 - ink)[:, None].expand(-1, 3, -1, -1)


def _small(factors: dict[str, Tensor], name: str, x: Tensor, y: Tensor) -> Tensor:
    """Return the share of each pixel that a distractor fills."""
    radius = 4 + 4 * factors[f"{name}_radius"]
    kind = (factors[f"{name}_shape"].flatten() * 16).long()
    u, v = (axis - _spread(SIZE / 2, factors[f"{name}_{at}"]) for axis, at in ((x, "x"), (y, "y")))
    u, v = torch.broadcast_tensors(u / radius, v / radius)
    return (0.5 - radius * signed_distance(kind, u, v)).clamp(0, 1)


def _cover(look: Look, factors: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Return the share of each pixel that a disc on the object's rim covers.

    Most images have none.
    """
    angle = 2 * math.pi * factors["occluder_angle"]
    away = 0.8 * _between(look.radius, factors["radius"])
    radius = torch.where(factors["occluded"] < look.occluded, 7 + 9 * factors["occluder_radius"], -9.0)
    u = x - _spread(look.offset, factors["x"]) - away * torch.cos(angle)
    v = y - _spread(look.offset, factors["y"]) - away * torch.sin(angle)
    return (0.5 - (torch.hypot(*torch.broadcast_tensors(u, v)) - radius)).clamp(0, 1)


def _rotated(x: Tensor, y: Tensor, degrees: Tensor) -> tuple[Tensor, Tensor]:
    angle = torch.deg2rad(degrees)
    c, s = torch.cos(angle), torch.sin(angle)
    return x * c + y * s, y * c - x * s


def _between(bounds: tuple[float, float], uniform_number: Tensor) -> Tensor:
    return bounds[0] + (bounds[1] - bounds[0]) * uniform_number


def _spread(most: float, uniform_number: Tensor) -> Tensor:
    return most * (2 * uniform_number - 1)
