"""Tooltips of glossary terms and citations in a browser: pointer, keyboard, touch, Escape, without scripts."""

from __future__ import annotations

import re

from browser import PHONE, axe, violations

TERM = 'article a[href^="glossary.html#term-"]'
CITATION = 'article a[href^="references.html#"]'


def tip(page):
    return page.locator("[role=tooltip]")


def test_a_term_shows_its_definition_to_the_pointer_and_keeps_it_while_the_pointer_is_on_it(page, site):
    page.goto(f"{site}/shape-bias.html")
    link = page.locator(TERM).first
    link.hover()
    assert tip(page).is_visible()
    assert link.get_attribute("aria-describedby") == tip(page).get_attribute("id")
    assert "shape" in tip(page).inner_text()
    tip(page).hover()
    page.wait_for_timeout(400)
    assert tip(page).is_visible()
    page.mouse.move(5, 5)
    tip(page).wait_for(state="hidden", timeout=2000)


def test_the_keyboard_opens_a_citation_and_escape_closes_it(page, site):
    page.goto(f"{site}/shape-bias.html")
    page.keyboard.press("Tab")  # so that the focus counts as the keyboard's
    page.locator(CITATION).first.focus()
    assert tip(page).is_visible()
    assert "ImageNet-trained CNNs are biased towards texture" in tip(page).inner_text()
    assert violations(axe(page)) == []
    page.keyboard.press("Escape")
    assert not tip(page).is_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/references.html#*")


def test_the_first_tap_shows_the_definition_and_the_second_opens_the_glossary(browser, site):
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{site}/shape-bias.html")
    link = page.locator(TERM).first
    link.tap()
    assert tip(page).is_visible()
    assert page.url.endswith("shape-bias.html")
    box = tip(page).bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    page.locator("article h1").tap()
    assert not tip(page).is_visible()
    link.tap()
    link.tap()
    page.wait_for_url("**/glossary.html#*")
    context.close()


def test_without_scripts_the_browser_shows_the_text(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/shape-bias.html")
    for kind in (TERM, CITATION):
        assert len(page.locator(kind).first.get_attribute("title")) > 20
    context.close()


def test_every_term_has_a_definition_without_markup(build):
    titles = []
    for path in (build / "html").glob("*.html"):
        if path.stem not in ("glossary", "genindex"):
            links = re.findall(r'<a [^>]*href="glossary.html#term-[^>]*>', path.read_text(encoding="utf-8"))
            titles += [re.search(r'title="([^"]*)"', link)[1] for link in links]
    assert len(titles) >= 10
    assert [t for t in titles if not 20 < len(t) <= 400 or re.search(r"[\\{}\ue000`]|\$", t)] == []
