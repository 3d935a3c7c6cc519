"""Every figure of the built book in a browser: legible and whole on a phone, dark in the dark theme, light in print."""

from __future__ import annotations

import pytest
from drawings_in_browser import Drawings, pages_with_figures, visit

PAGES = pages_with_figures()
SMALLEST_PX = 11
TEXT = 4.5  # contrast of text
MARK = 3.0  # contrast of a mark with the ground
WHITE = 0.5  # mean luminance; white is 1


@pytest.fixture(scope="module")
def look(context, site):
    """Visit a page once, however many tests use the result."""
    seen: dict[str, Drawings] = {}

    def at(name: str) -> Drawings:
        if name not in seen:
            page = context.new_page()
            seen[name] = visit(page, f"{site}/{name}.html")
            page.close()
        return seen[name]

    return at


def test_every_page_with_a_figure_is_here(build):
    drawn = {p.stem for p in (build / "html").glob("*.html") if "bvg-drawing" in p.read_text(encoding="utf-8")}
    assert set(PAGES) == drawn


@pytest.mark.parametrize("name", PAGES)
def test_on_a_phone_type_is_large_enough_and_nothing_is_cut_or_scrolls(look, name):
    figures = look(name).phone
    assert figures
    assert all(f["name"].endswith("-narrow.svg") and f["texts"] for f in figures)
    assert {f["name"]: round(f["smallest"], 1) for f in figures if f["smallest"] < SMALLEST_PX} == {}
    assert {f["name"]: f["cut"] for f in figures if f["cut"]} == {}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("form", ["light", "dark", "printed"])
def test_text_is_legible(look, name, form):
    """Text has a contrast of 4.5 with what lies below it, also the number in each cell of a heat map."""
    figures = getattr(look(name), form)
    assert figures
    faint = {
        f["name"]: [(text, round(contrast, 1)) for text, contrast in f["texts"] if contrast < TEXT] for f in figures
    }
    assert {name: texts for name, texts in faint.items() if texts} == {}


@pytest.mark.parametrize("name", PAGES)
def test_dark_figures_are_dark_and_printed_ones_are_white(look, name):
    seen = look(name)
    assert seen.dark
    assert seen.light
    assert seen.printed
    assert [f["name"] for f in seen.dark if f["ground"] > 0.02] == []
    assert [f["name"] for f in (*seen.light, *seen.printed) if f["ground"] < 1] == []
    assert {name: value for name, value in seen.luminance.items() if value > WHITE} == {}


@pytest.mark.parametrize("name", PAGES)
def test_marks_of_models_stand_out_from_the_dark_ground(look, name):
    dark = look(name).dark
    assert dark
    faint = {(f["name"], m, round(c, 1)) for f in dark for m, c in f["marks"] if c < MARK}
    assert faint == set()
