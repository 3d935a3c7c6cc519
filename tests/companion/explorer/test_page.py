"""The explorer as a page: its address, its accessibility, and how it works in a notebook or without JavaScript."""

from __future__ import annotations

import pandas as pd
import pytest
from browser import DESK, PHONE, axe, violations, watch
from explorer_page import ABOUT, CONTENT, HIGHEST, NAMES, READY, WIDE, agrees, button, pressed


def test_tab_reaches_every_control_with_visible_focus(visit):
    page = visit()
    reached = set()
    for _ in range(90):
        page.keyboard.press("Tab")
        width, name = page.evaluate(
            "() => { const e = document.activeElement; return [getComputedStyle(e).outlineWidth, e.id || e.value || e.textContent]; }"
        )
        reached.add(name)
        assert name == page.title() or width != "0px", name
    fields = {"bvgx-x", "bvgx-y", "bvgx-search", "equal", "apart", "logx", "logy", "baseline"}
    buttons = {"⇄", "All", "None", "Reset", "Copy link to this view", "Download CSV", "Download PNG"}
    assert fields | buttons <= reached


def test_the_address_stores_and_restores_the_view(visit, address):
    page = visit()
    assert "#" not in page.url
    page.select_option("#bvgx-x", "bandwidth")
    page.select_option("#bvgx-y", "imagenet-c/fog")
    page.get_by_label("Stylized ImageNet (3)").uncheck()
    button(page, "resnet50_prime").click()
    button(page, "tv_resnet50").click()
    again = visit(page.url.removeprefix(address))
    for seen in (page, again):
        assert seen.input_value("#bvgx-x") == "bandwidth"
        assert seen.input_value("#bvgx-y") == "imagenet-c/fog"
        assert not seen.get_by_label("Stylized ImageNet (3)").is_checked()
        assert pressed(seen) == {"resnet50_prime", "tv_resnet50"}
        assert seen.locator("#bvgx-profile-name").inner_text().startswith(NAMES["tv_resnet50"])
        agrees(seen, "bandwidth", "imagenet-c/fog", ABOUT.index[ABOUT["group"] != "stylized"])
    page.get_by_role("button", name="Reset").click()
    assert "#" not in page.url
    assert pressed(page) == set()


def test_a_new_address_changes_the_view_and_an_invalid_one_does_not(visit):
    page = visit()
    page.evaluate("() => { location.hash = '#x=low_frequency&y=pgd&models=tv_resnet50'; }")
    page.wait_for_function("() => document.getElementById('bvgx-y').value === 'pgd'")
    agrees(page, "low_frequency", "pgd", WIDE.index)
    assert pressed(page) == {"tv_resnet50"}
    page.evaluate("() => { location.hash = '#a-heading'; }")
    page.evaluate("() => new Promise((done) => setTimeout(done, 50))")
    assert page.input_value("#bvgx-y") == "pgd"
    other = visit("#x=nothing&y=%E0%A4%A&off=nobody&models=<b>,tv_resnet50")
    assert (other.input_value("#bvgx-x"), other.input_value("#bvgx-y")) == ("shape", "ID")
    assert pressed(other) == {"tv_resnet50"}


def test_the_copied_link_is_that_of_the_view(visit):
    page = visit("#x=bandwidth&y=pgd")
    page.evaluate("() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; }")
    page.get_by_role("button", name="Copy link").click()
    assert "copied" in page.get_by_role("status").inner_text()
    assert page.evaluate("() => window.copied") == page.url


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_no_serious_violation_and_the_page_fits(visit, theme, size):
    view = f"#x=center_frequency&y=imagenet-cbar/single_frequency_greyscale&off=freezing&models=tv_resnet50,{HIGHEST}"
    page = visit(view, viewport=size, color_scheme=theme)
    assert violations(axe(page)) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= size["width"]
    for plot in page.locator(".bvgx-plot:visible").all():
        box, svg = plot.bounding_box(), plot.locator("svg").bounding_box()
        assert svg["width"] == pytest.approx(box["width"], abs=2)


def test_targets_are_at_least_24_pixels(visit):
    page = visit(f"#models={HIGHEST}", viewport=PHONE)
    small = page.evaluate(
        """() => [...document.querySelectorAll(".bvgx :is(button, select, input[type=search], label:has(input))")]
        .filter((e) => e.checkVisibility()).map((e) => [e.textContent.slice(0, 20), e.getBoundingClientRect()])
        .filter(([, box]) => box.width < 24 || box.height < 24).map(([text]) => text)"""
    )
    assert small == []


def test_it_works_within_a_notebooks_output(browser, tmp_path, monkeypatch):
    """The iframe that `Page.explorer` shows: a page without an address of its own."""
    import companion.page

    shown = []
    monkeypatch.setattr(companion.page, "display", lambda data, **more: shown.append(data))
    monkeypatch.chdir(tmp_path)
    companion.page.Page("explorer", {"out": "output"}, ["out"]).explorer(CONTENT)
    assert (tmp_path / "output" / "explorer.html").read_text(encoding="utf-8") == CONTENT.standalone()
    table = pd.read_csv(tmp_path / "output" / "tables" / "explorer.csv")
    pd.testing.assert_frame_equal(table, CONTENT.table(), check_exact=True)
    (tmp_path / "notebook.html").write_text("<!doctype html>" + shown[-1]["text/html"], encoding="utf-8")
    context = browser.new_context(viewport=DESK)
    page = context.new_page()
    traffic = watch(page)
    page.goto((tmp_path / "notebook.html").as_uri())
    frame = page.frame_locator("iframe")
    frame.locator(READY).first.wait_for()
    frame.locator(f'button[data-model="{HIGHEST}"]').click()
    assert frame.locator("#bvgx-profile-name").inner_text() == NAMES[HIGHEST]
    assert frame.get_by_role("button", name="Copy link").count() == 0
    assert traffic.problems == []
    context.close()


def test_without_javascript_the_page_links_the_numbers(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert "tables/explorer.csv" in page.locator("noscript").inner_text()
    context.close()


def test_print_shows_light_plots_with_their_legend_and_no_controls(visit):
    page = visit(f"#x=shape&y=ID&models={HIGHEST}", color_scheme="dark")
    plot, filter_ = page.locator(".bvgx-drawing").first, "e => getComputedStyle(e).filter"
    assert "invert" in plot.evaluate(filter_)
    page.emulate_media(media="print")
    assert plot.evaluate(filter_) == "none"
    assert page.get_by_text("Augmentation (12)").is_visible()
    assert page.locator(".bvgx-r").first.is_visible()
    for gone in ("#bvgx-x", "#bvgx-search", ".bvgx-groups input", ".bvgx-profile p button"):
        assert not page.locator(gone).first.is_visible(), gone
