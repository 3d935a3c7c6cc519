"""A model that is followed stays marked on every page: in a browser, by pointer and keyboard, with and without storage."""

from __future__ import annotations

import pytest
from browser import DESK, PHONE, THEME, axe, violations, watch

from bvg import known_models

SIN = "resnet50_trained_on_SIN"
ON = "() => [...document.querySelectorAll('.bvg-on[data-model]:not([data-entry])')].map((e) => e.dataset.model)"
# Storage that rejects our key only: the theme's own scripts fail without any.
BLOCKED = """for (const name of ["getItem", "setItem", "removeItem"]) {
  const real = Storage.prototype[name];
  Storage.prototype[name] = function (key, ...more) {
    if (key === "follow") throw new DOMException("blocked", "SecurityError");
    return real.call(this, key, ...more);
  };
}"""


@pytest.fixture
def visit(browser):
    """Open pages in a context of its own; afterwards, assert that no error occurred."""
    contexts, traffic = [], []

    def visit(address: str, script: str = "", **settings):
        contexts.append(browser.new_context(**({"viewport": DESK} | settings)))
        page = contexts[-1].new_page()
        page.add_init_script(script)
        traffic.append(watch(page))
        page.goto(address)
        return page

    yield visit
    assert [seen.problems for seen in traffic] == [[]] * len(traffic)
    for context in contexts:
        context.close()


def star(page, model: str = SIN):
    return page.locator(f'#table-models [data-follow="{model}"]')


def go(page, name: str) -> None:
    """Follow a link of the page to another one, as a reader does."""
    page.locator(f'a[href^="{name}.html"]').first.evaluate("link => link.click()")
    page.wait_for_url(f"**/{name}.html*")
    page.wait_for_load_state()


def test_a_model_chosen_in_the_table_is_marked_on_every_page_until_it_is_stopped(visit, site):
    page = visit(f"{site}/models.html")
    star(page).click()
    assert star(page).get_attribute("aria-pressed") == "true"
    chip = page.locator(".bvg-chip")
    assert chip.get_by_role("status").inner_text() == "Following SIN"
    for name in ("shape-bias", "spectral-bias", "layer-criticality"):
        go(page, name)
        assert chip.get_by_role("status").inner_text() == "Following SIN"
        assert set(page.evaluate(ON)) == {SIN}
        assert page.locator("svg.bvg-lit").count() == 0, "the others are not dimmed"
        assert page.locator(".bvg-over use").count() > 0
    assert page.locator("#layer-criticality .bvg-over rect").count() == 1  # the name of its row
    go(page, "explorer")
    assert page.locator(f'[data-mark="{SIN}"] .bvgx-ring').count() == 5
    assert (
        page.locator(".bvgx-name").all_inner_texts() == ["SIN"]
        or page.locator(".bvgx-name").first.text_content() == "SIN"
    )
    chip.get_by_role("button").click()
    assert "follow=" not in page.url
    assert page.locator(".bvgx-ring").count() == 0
    assert "No model" in chip.get_by_role("status").inner_text()
    go(page, "shape-bias")
    assert page.evaluate(ON) == []
    assert not chip.get_by_role("button").is_visible()


def test_another_mark_can_be_read_meanwhile(visit, site):
    page = visit(f"{site}/shape-bias.html?follow={SIN}")
    other = page.locator("#figure-4 [data-model=tv_resnet50]:not([data-entry])").first
    other.scroll_into_view_if_needed()
    other.hover()
    assert set(page.evaluate(ON)) == {SIN, "tv_resnet50"}
    page.mouse.move(2, 2)
    assert set(page.evaluate(ON)) == {SIN}
    page.keyboard.press("Escape")
    assert set(page.evaluate(ON)) == {SIN}


def test_the_tip_of_a_mark_follows_and_its_profile_stops(visit, site):
    page = visit(f"{site}/shape-bias.html")
    page.locator("#figure-4 .bvg-canvas:not(.bvg-narrow)").focus()
    for key in ("End", "Enter", "Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    (followed,) = set(page.evaluate(ON))
    assert page.locator(".bvg-tip [data-follow]").get_attribute("aria-pressed") == "true"
    assert violations(axe(page)) == []
    page.locator(".bvg-chip a").click()
    page.wait_for_url(f"**/explorer.html?follow={followed}#models={followed}")
    name = known_models.models().at[followed, "name"]
    assert page.locator("#bvgx-profile-name").inner_text() == name
    page.locator(".bvgx-profile").get_by_role("button", name=f"Follow {name} on every page").click()
    assert page.url.endswith(f"explorer.html#models={followed}")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_it_is_marked_in_every_variant(visit, site, theme, size):
    for name in ("critical-band", "layer-criticality", "models"):
        page = visit(f"{site}/{name}.html?follow={SIN}", viewport=size)
        page.evaluate(THEME, theme)
        shown = page.locator("svg.bvg-marks:visible").first
        assert shown.locator(".bvg-over use").count() > 0
        assert violations(axe(page)) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        box = page.locator(".bvg-chip").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"]


def test_a_drawing_that_appears_later_is_marked(visit, site):
    page = visit(f"{site}/shape-bias.html?follow={SIN}")
    page.set_viewport_size(PHONE)
    page.locator("#figure-4 .bvg-narrow .bvg-over circle").first.wait_for(state="attached")


@pytest.mark.parametrize("script", ["", BLOCKED], ids=["storage", "blocked"])
def test_from_a_local_file_the_links_carry_the_model(visit, build, script):
    page = visit((build / "html" / "models.html").as_uri(), script)
    star(page).click()
    go(page, "shape-bias")
    assert page.url.endswith(f"shape-bias.html?follow={SIN}")
    assert set(page.evaluate(ON)) == {SIN}
    page.locator(".bvg-chip button").click()
    go(page, "models")
    assert star(page).get_attribute("aria-pressed") == "false"


def test_an_unknown_model_is_ignored(visit, site):
    page = visit(f"{site}/shape-bias.html?follow=constructor")
    assert page.evaluate(ON) == []
    assert page.locator(".bvg-chip").inner_text().strip() == ""
    page.goto(f"{site}/search.html?q=shape+bias")
    assert page.url.endswith("search.html?q=shape+bias")


def test_names_in_tables_lead_to_the_profile(visit, site):
    page = visit(f"{site}/models.html")
    links = page.locator("#table-models .bvg-model").evaluate_all(
        "all => all.map((a) => [a.textContent, a.getAttribute('href')])"
    )
    study = known_models.models().query("in_study")["name"]
    assert {tuple(link) for link in links} == {(name, f"explorer.html#models={model}") for model, name in study.items()}
    page.locator("#table-models .bvg-model", has_text="SIN").first.click()
    page.wait_for_url("**/explorer.html#models=*")
    assert page.locator("#bvgx-profile-name").inner_text().startswith("SIN")
