"""The colours of a drawing on a dark page: each colour that a drawing states has a dark counterpart.

Greys and pale colours swap their lightness, so that white becomes the ground of the page and black text becomes light. Colours
of groups and lines keep their hue and become lighter. The heat maps' scale is replaced by one that is made for a dark ground:
its middle is the ground and its ends are bright.
"""

import io
from functools import cache

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgb
from PIL import Image
from skimage.color import lab2rgb, rgb2lab

GROUND = "#14181e"
"""The theme's dark background, `--pst-color-background`."""
INK = "#ffffff"
"""Text without a colour of its own: the numbers in the cells of heat maps. On light cells it is black."""
SIGNAL = 20.0
"""Least chroma (CIELAB) of a colour that stands for a group, unless it is pale."""
PALE = 76.0
"""Least lightness (CIELAB) of a pale colour."""
SCALE = "RdBu_r"
"""The heat maps' scale on a light page."""
_BENDS = (-1, -0.71, 0, 0.66, 1), (-1, -0.59, 0, 0.69, 1)
"""r -> place on Matplotlib's dark scale. The numbers in the cells turn from black to white at the bends, in both themes."""


@cache
def dark(colour: str, text: bool = False) -> str:
    """Return the counterpart of a colour `#rrggbb`.

    Args:
        colour: as a drawing states it.
        text: whether it is the colour of text. White text stands on the dark cells of a heat map, which become bright.

    Example:
        >>> dark("#ffffff"), dark("#ffffff", text=True)
        ('#14181e', '#000000')
    """
    if text and colour == "#ffffff":
        return "#000000"
    if colour in scale():
        return scale()[colour]
    lightness, a, b = rgb2lab(to_rgb(colour))
    if np.hypot(a, b) >= SIGNAL and lightness < PALE:
        return _hex(50 + 0.4 * lightness, a, b)
    ground = rgb2lab(to_rgb(GROUND))
    # The exponent keeps grey text legible, which has less contrast than black.
    least = ground[0] + (95 - ground[0]) * (1 - min(lightness, 100) / 100) ** 0.85
    tint = ground[1:] * max(lightness - 80, 0) / 20
    return _hex(least, a + tint[0], b + tint[1])


@cache
def scale() -> dict[str, str]:
    """Return the colours of the heat maps' scale with their counterparts, light -> dark.

    Matplotlib's `berlin` is a diverging map for dark grounds.
    """
    places = np.linspace(-1, 1, 256)
    bright = colormaps["berlin"]((np.interp(places, *_BENDS) + 1) / 2)[:, :3]
    light = colormaps[SCALE]((places + 1) / 2)
    return {to_hex(a): to_hex(np.maximum(b, to_rgb(GROUND))) for a, b in zip(light, bright, strict=True)}


def dark_image(image: bytes) -> bytes:
    """Return a colour map that is stored as an image (PNG), with the counterpart of each of its colours."""
    pixels = np.asarray(Image.open(io.BytesIO(image)).convert("RGBA"))
    colours, places = np.unique(pixels[..., :3].reshape(-1, 3), axis=0, return_inverse=True)
    changed = np.array([to_rgb(dark(to_hex(c / 255))) for c in colours])
    result = np.dstack([(255 * changed[places].reshape(*pixels.shape[:2], 3)).round().astype(np.uint8), pixels[..., 3]])
    out = io.BytesIO()
    Image.fromarray(result, "RGBA").save(out, "PNG", optimize=True)
    return out.getvalue()


def _hex(lightness: float, a: float, b: float) -> str:
    """Return a colour of CIELAB; chroma that a screen cannot show is clipped."""
    return to_hex(np.clip(lab2rgb(np.array([lightness, a, b])), 0, 1))
