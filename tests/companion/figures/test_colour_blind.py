"""Figures for readers with deuteranopia: similar colours differ in shape or fill, and heat maps keep their order."""

from __future__ import annotations

from itertools import combinations

import matplotlib
import numpy as np
import pytest
from companion import figures
from companion.figures import heatmaps, marks
from skimage.color import deltaE_ciede2000, rgb2lab

from bvg import known_models

# Machado, Oliveira & Fernandes 2009, table 1: deuteranomaly of severity 1.0, on linear RGB.
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
CLOSE = 25.0  # CIEDE2000 distance; 2.3 is just noticeable on large areas, and marks are small


def seen(colours) -> np.ndarray:
    """Return sRGB colours [N, 3] in [0, 1] as seen with deuteranopia."""
    rgb = np.asarray(colours, float)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ DEUTERANOPIA.T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def distance(a, b) -> float:
    return float(deltaE_ciede2000(*rgb2lab(seen([matplotlib.colors.to_rgb(a), matplotlib.colors.to_rgb(b)]))))


def test_simulation_confuses_red_with_green_and_keeps_grey():
    assert distance((0.85, 0.30, 0.25), (0.45, 0.50, 0.10)) < distance("tab:blue", "tab:orange") / 3
    np.testing.assert_allclose(seen([[0.5, 0.5, 0.5]]), 0.5, atol=1e-4)


def groups(models) -> dict[str, set[tuple[str, str]]]:
    """Return group -> shapes and fills of its marks."""
    return {
        g: {(str(figures.mark(m).marker), figures.mark(m).fillstyle) for m in of.index}
        for g, of in models.groupby("group")
    }


@pytest.mark.parametrize("models", [known_models.models(), known_models.miniature()], ids=["study", "miniature"])
def test_groups_of_similar_colours_differ_in_shape_or_fill(models):
    looks = groups(models) | {"new": {(str(marks.NEW.marker), marks.NEW.fillstyle)}}
    close = [pair for pair in combinations(looks, 2) if distance(*(marks.COLORS[g] for g in pair)) < CLOSE]
    assert close, "no similar colours: the threshold is too low to test anything"
    assert [(a, b) for a, b in close if looks[a] & looks[b]] == []


def test_no_two_marks_of_different_groups_share_shape_and_fill():
    ids = known_models.models().query("in_study").index
    same = [
        (a, b)
        for a, b in combinations(ids, 2)
        if known_models.models().loc[a, "group"] != known_models.models().loc[b, "group"]
        and (str(figures.mark(a).marker), figures.mark(a).fillstyle)
        == (str(figures.mark(b).marker), figures.mark(b).fillstyle)
    ]
    assert same == []


def test_curves_of_the_small_groups_differ_in_their_dashes():
    small = ["stylized", "freezing", "contrastive", "augmentation"]
    assert len({str(marks.LINES[g]) for g in small}) == len(small)


def test_heat_maps_keep_their_order_and_their_signs():
    """Lightness falls from zero to either end, and positive and negative values of one size stay distinguishable."""
    ramp = seen(matplotlib.colormaps[heatmaps.COLORMAP](np.linspace(0, 1, 21))[:, :3])
    lab = rgb2lab(ramp)
    assert (np.diff(lab[:11, 0]) > 0).all()
    assert (np.diff(lab[10:, 0]) < 0).all()
    for strength in range(3, 11):  # from |r| = 0.3; few smaller ones are significant
        assert deltaE_ciede2000(lab[10 - strength], lab[10 + strength]) > CLOSE, strength
