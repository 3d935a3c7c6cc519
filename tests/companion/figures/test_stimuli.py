"""Galleries and the overview display the images they are given, and describe them."""

from __future__ import annotations

import numpy as np
import pytest
from companion import figures
from figure_content import gradient, texts

from bvg import study


def test_gallery_displays_its_images_under_their_titles():
    grey, eight_bit = gradient()[..., 0], (gradient() * 255).astype(np.uint8)
    result = figures.gallery(
        [[gradient(), grey], [eight_bit, gradient()]], ["left", "right"], ["top", "bottom"], " Grey ramps"
    )
    shown = [a.get_images()[0].get_array() for a in result.figure.axes]
    np.testing.assert_array_equal(shown[0], gradient())
    np.testing.assert_array_equal(shown[1], np.stack([grey] * 3, axis=2))
    np.testing.assert_allclose(shown[2], gradient(), atol=1 / 255)
    assert list(result.data.columns) == ["row", "column", "height", "width", "mean"]
    assert result.data["mean"].iloc[0] == pytest.approx(0.5)
    assert result.alt == "Grey ramps. Grid of 4 images; columns: left and right; rows: top and bottom."


def test_gallery_needs_a_description_and_quotes_names_with_commas():
    result = figures.gallery([[gradient()] * 2], ["noise, band 1", "noise, band 3"], description="A cat in noise.")
    assert result.alt == "A cat in noise. Grid of 2 images; columns: “noise, band 1” and “noise, band 3”."
    with pytest.raises(ValueError, match="expected `description` to be a sentence"):
        figures.gallery([[gradient()]], ["title"])


@pytest.mark.parametrize(
    "images",
    [[[gradient()], [gradient(), gradient()]], [[gradient() * 255]], [[gradient()[None]]], [[gradient() * np.nan]], []],
)
def test_gallery_rejects_invalid_images(images):
    with pytest.raises(ValueError, match=r"expected (`images`|an image)"):
        figures.gallery(images, ["title"], description="A ramp.")


def test_overview_names_every_stimulus_category_and_benchmark():
    images = {
        "shape": {"original": gradient(), "conflict": gradient()},
        "spectral": {"low-pass": gradient()},
        "critical band": {"noise, low band": gradient(), "mid band": gradient(), "high band": gradient()},
    }
    result = figures.overview(images)
    assert sum(len(a.get_images()) for a in result.figure.axes) == 6
    page = "\n".join(texts(result.figure))
    for name in [b.name for b in study.BENCHMARKS] + ["conflict", "low-pass", "mid band", "explain?"]:
        assert name in page
        assert name in result.alt
    assert (
        "Shape: original and conflict. Spectral: low-pass. Critical band: “noise, low band”, “mid band” and"
        in result.alt
    )
    assert "Concepts: ImageNet-R, ImageNet-Sketch and Stylized ImageNet." in result.alt
    assert len(result.data) == len(study.BIASES) + len(study.BENCHMARKS)
    with pytest.raises(ValueError, match="critical band"):
        figures.overview({"shape": images["shape"]})
