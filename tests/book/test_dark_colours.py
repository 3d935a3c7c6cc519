"""The dark counterparts of colours: legible, distinguishable, and the heat maps' scale made for a dark ground."""

from __future__ import annotations

import io
from itertools import combinations

import dark_colours as colours
import matplotlib
import numpy as np
import pytest
from companion.figures import heatmaps, marks
from companion.figures.base import ink
from matplotlib.colors import to_hex, to_rgb
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab


def luminance(colour: str) -> float:
    parts = np.array(to_rgb(colour))
    return float(np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722))


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str) -> np.ndarray:
    return rgb2lab(to_rgb(colour))


def test_groups_stand_out_from_the_ground_and_from_each_other():
    changed = {group: colours.dark(to_hex(c)) for group, c in marks.COLORS.items()}
    assert {g: c for g, c in changed.items() if contrast(c, colours.GROUND) < 3} == {}
    close = [(a, b) for a, b in combinations(changed, 2) if deltaE_ciede2000(lab(changed[a]), lab(changed[b])) < 12]
    assert close == []


@pytest.mark.parametrize("grey", ["0.1", "0.15", "0.2", "0.25", "0.3", "0.35", "0.42", "0.45"])
def test_grey_text_is_legible(grey):
    assert contrast(colours.dark(to_hex(grey)), colours.GROUND) >= 4.5


def test_numbers_in_cells_are_legible_in_both_themes():
    for r in np.linspace(-1, 1, 201):
        cell = to_hex(matplotlib.colormaps[heatmaps.COLORMAP]((r + 1) / 2))
        text = to_hex(ink(cell))
        dark_text = colours.INK if text == "#000000" else colours.dark(text, text=True)
        assert contrast(text, cell) >= 4.5, r
        assert contrast(dark_text, colours.dark(cell)) >= 4.5, r


def test_dark_scale_is_the_ground_at_zero_and_brightest_at_the_ends():
    assert colours.SCALE == heatmaps.COLORMAP
    ramp = [colours.dark(to_hex(matplotlib.colormaps[heatmaps.COLORMAP](i))) for i in range(256)]
    lightness = np.array([lab(c)[0] for c in ramp])
    assert contrast(ramp[128], colours.GROUND) < 1.1
    assert (np.diff(lightness[:115:5]) < 0).all()  # to r = -0.1; smaller correlations are about the ground
    assert (np.diff(lightness[141::5]) > 0).all()
    assert min(lightness[0], lightness[-1]) > 70


def test_white_becomes_the_ground_and_white_text_on_a_cell_black():
    assert colours.dark("#ffffff") == colours.GROUND
    assert colours.dark("#ffffff", text=True) == "#000000"
    assert contrast(colours.dark("#000000"), colours.GROUND) > 12


def test_image_of_a_colour_map_gets_the_counterparts_of_its_colours():
    pixels = np.array([[[255, 255, 255, 255], [103, 0, 31, 0]]], np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    changed = np.asarray(Image.open(io.BytesIO(colours.dark_image(file.getvalue()))))
    assert to_hex(changed[0, 0, :3] / 255) == colours.GROUND
    assert to_hex(changed[0, 1, :3] / 255) == colours.dark("#67001f")
    assert changed[..., 3].tolist() == [[255, 0]]
