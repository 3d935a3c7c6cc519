"""Every cell of the heat maps leads to its view in the explorer, on a desktop and on a phone."""

from __future__ import annotations

from collections import Counter

import pytest
from bs4 import BeautifulSoup


@pytest.fixture(scope="module")
def pages(build) -> dict[str, BeautifulSoup]:
    names = ("biases-and-generalization", "index", "benchmarks", "bias-correlation", "at-equal-accuracy")
    paths = [build / "html" / f"{name}.html" for name in names]
    return {path.name: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in paths}


def test_cells_of_figure_2_lead_to_the_explorer(pages):
    for name in ("biases-and-generalization.html", "index.html"):
        drawings = pages[name].find_all("svg", class_="bvg-linked")
        assert len(drawings) == 2  # the second is for phones
        for links in (drawing.find_all("a") for drawing in drawings):
            # Two maps lead to the same view of adversarially trained and other models.
            assert Counter(Counter(a["href"] for a in links).values()) == {1: 24, 2: 24}
            assert {"explorer.html#x=shape&y=ID", "explorer.html#x=bandwidth&y=Adversarial&view=apart"} <= {
                a["href"] for a in links
            }
            assert len({a["aria-label"] for a in links}) == 48


@pytest.mark.parametrize(
    ("name", "cells", "one"),
    [
        ("benchmarks.html", 45, "explorer.html#x=imagenet&y=imagenet-c"),
        ("bias-correlation.html", 15, "explorer.html#x=shape&y=bandwidth"),
        ("at-equal-accuracy.html", 3 * 54, "explorer.html#x=shape&y=imagenet-r&view=equal"),
    ],
)
def test_cells_of_other_heat_maps_lead_to_the_explorer(pages, name, cells, one):
    drawing = pages[name].find("svg", class_="bvg-linked")
    links = [a["href"] for a in drawing.find_all("a")]
    assert len(links) == cells
    assert one in links
