"""Shapes and textures of the synthetic images, against matplotlib and hand calculation."""

import math

import matplotlib.path
import numpy as np
import pytest
import torch

from bvg import miniature
from bvg.miniature.shapes import OUTLINES, SHAPES, signed_distance
from bvg.miniature.textures import TEXTURES, pattern, value_noise


@pytest.mark.parametrize(("shape", "loops"), OUTLINES.items(), ids=OUTLINES)
def test_inside_agrees_with_matplotlib(shape, loops):
    points = np.random.default_rng(1).uniform(-1.2, 1.2, (2000, 2))
    inside = np.logical_xor.reduce([matplotlib.path.Path(loop).contains_points(points) for loop in loops])
    x, y = torch.from_numpy(points.T.copy())[:, None, None]
    distance = signed_distance(torch.tensor([SHAPES.index(shape)]), x, y)[0, 0].numpy()
    clear = np.abs(distance) > 0.02  # the table is interpolated
    assert ((distance < 0) == inside)[clear].all()
    assert 0.1 < inside.mean() < 0.6


def test_distances_to_a_square_agree_with_hand_calculation():
    x, y = torch.tensor([[[[0.0, 1.2, 0.5]]], [[[0.0, 0.0, 1.0]]]], dtype=torch.float64)
    square = signed_distance(torch.tensor([SHAPES.index("square")]), x, y).flatten()
    assert square.tolist() == pytest.approx([-0.78, 0.42, 0.22], abs=0.005)


def test_shapes_differ_from_each_other():
    axis = torch.linspace(-1, 1, 65, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    inside = signed_distance(torch.arange(16), x.expand(16, -1, -1), y.expand(16, -1, -1)) < 0
    for one in range(16):
        for other in range(one):
            overlap = (inside[one] & inside[other]).sum() / (inside[one] | inside[other]).sum()
            assert overlap < 0.95, (SHAPES[one], SHAPES[other])


@pytest.mark.parametrize(
    ("texture", "period", "degrees"),
    [
        ("fine horizontal stripes", 4, 90),
        ("fine vertical stripes", 4, 0),
        ("fine diagonal stripes", 5, 45),
        ("coarse horizontal stripes", 13, 90),
        ("coarse vertical stripes", 13, 0),
        ("fine checks", 3 * math.sqrt(2), 45),
        ("coarse checks", 8 * math.sqrt(2), 45),
    ],
)
def test_textures_have_their_frequency_and_orientation(texture, period, degrees):
    which = TEXTURES.index(texture) + 16 * torch.arange(6)
    images, labels = miniature.images("texture", which)
    assert (labels == which[0]).all()
    grey = images.double().mean(1)
    power = np.abs(np.fft.fft2(grey.numpy() * np.outer(np.hanning(64), np.hanning(64)))) ** 2
    fy, fx = np.meshgrid(*2 * [np.fft.fftfreq(64)], indexing="ij")
    power[:, np.hypot(fx, fy) < 3 / 64] = 0  # the mean and the light gradient
    peak = power.reshape(6, -1).argmax(1)
    fx, fy = fx.flatten()[peak], fy.flatten()[peak]
    look = miniature.SPLITS["texture"]
    grid = 0.75 / 64  # the resolution of the spectrum
    assert (np.hypot(fx, fy) > 1 / period / (1 + look.zoom) - grid).all()
    assert (np.hypot(fx, fy) < 1 / period / (1 - look.zoom) + grid).all()
    away = (np.degrees(np.arctan2(fy, fx)) - degrees + 45) % (90 if "checks" in texture else 180) - 45
    assert np.abs(away).max() < look.tilt + 8


def test_textures_differ_from_each_other():
    u, v = (
        axis.double().expand(16, -1, -1) for axis in torch.meshgrid(torch.arange(64), torch.arange(64), indexing="xy")
    )
    lattice = torch.rand((1, 32, 32), generator=torch.Generator().manual_seed(0)).double().expand(16, -1, -1)
    shares = pattern(torch.arange(16), u, v, lattice)
    assert shares.min() >= 0
    assert shares.max() <= 1
    spectra = np.abs(np.fft.fft2((shares - shares.mean((1, 2), keepdim=True)).numpy())).reshape(16, -1)
    spectra /= np.linalg.norm(spectra, axis=1, keepdims=True)
    likeness = spectra @ spectra.T - np.eye(16)
    assert likeness.max() < 0.8


def test_value_noise_equals_the_lattice_at_its_points_and_is_periodic():
    lattice = torch.arange(16.0, dtype=torch.float64).view(1, 4, 4) / 16
    at = 3 * torch.arange(4.0, dtype=torch.float64)
    u, v = at.expand(1, 4, 4), at[:, None].expand(1, 4, 4)
    assert torch.equal(value_noise(u, v, lattice, 3.0), lattice)
    assert torch.equal(value_noise(u + 12, v - 24, lattice, 3.0), lattice)
