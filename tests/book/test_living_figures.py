"""Interactive figures in a browser: marks name and highlight their model, legends are linked, dark theme and print work."""

from __future__ import annotations

import pandas as pd
import pytest
from browser import DESK, PHONE, axe, violations, watch

from bvg import known_models, study

SIN = "resnet50_trained_on_SIN"
MARK = '[data-model="{}"]:not([data-entry])'
ON = ".bvg-on[data-model]:not([data-entry])"
GROUND = "svg => getComputedStyle(svg.querySelector('path')).fill"
PHOTOGRAPH = (
    "svg => svg.querySelector('image').checkVisibility() && getComputedStyle(svg.querySelector('image')).filter"
)


def opened(page, site, name: str):
    page.goto(f"{site}/{name}.html", wait_until="load")
    return page


def hover(page, figure: str, selector: str):
    mark = page.locator(f"#{figure} {selector}").first
    mark.scroll_into_view_if_needed()
    mark.hover()
    return page.locator(".bvg-tip")


def highlighted(page) -> set[str]:
    return set(page.evaluate(f"() => [...document.querySelectorAll('{ON}')].map((e) => e.dataset.model)"))


def test_hovering_over_a_mark_names_the_model_and_its_values(page, site, build):
    scores = pd.read_csv(build / "tables" / "scores.csv").set_index("model").loc[SIN]
    tip = hover(opened(page, site, "shape-bias"), "figure-4", MARK.format(SIN))
    text = tip.inner_text()
    known = known_models.models().loc[SIN]
    assert known["name"] in text
    assert known["method"] in text
    assert f"Shape bias {scores['shape']:.2f}" in text
    for category, name in study.CATEGORY_NAMES.items():
        assert f"{name} {scores[category]:.1f} %" in text
    page.mouse.move(2, 2)
    assert tip.is_hidden()
    assert highlighted(page) == set()


def test_model_is_highlighted_in_every_panel_and_figure_of_the_page(page, site):
    tip = hover(opened(page, site, "per-benchmark"), "per-benchmark-shape", MARK.format(SIN))
    assert highlighted(page) == {SIN}
    wide = ".bvg-canvas:not(.bvg-narrow)"
    assert page.locator(f"{wide} {ON}").count() == len(study.BIASES) * len(study.BENCHMARKS)
    assert page.locator(f"{wide} svg.bvg-lit").count() == len(study.BIASES)
    assert all(b.name in tip.inner_text() for b in study.BENCHMARKS)


def test_click_keeps_a_model_highlighted_until_escape(page, site):
    tip = hover(opened(page, site, "shape-bias"), "figure-4", MARK.format(SIN))
    assert tip.locator("a").count() == 0
    page.locator(f"#figure-4 {MARK.format(SIN)}").first.click()
    page.mouse.move(2, 2)
    assert highlighted(page) == {SIN}
    assert tip.is_visible(), "it stays for its link"
    page.keyboard.press("Escape")
    assert highlighted(page) == set()
    assert tip.is_hidden()


def test_a_kept_tip_leads_to_the_models_profile_in_the_explorer(page, site):
    tip = hover(opened(page, site, "shape-bias"), "figure-4", MARK.format(SIN))
    page.locator(f"#figure-4 {MARK.format(SIN)}").first.click()
    other = page.locator(f"#figure-4 {MARK.format('tv_resnet50')}").first
    other.hover()  # on the way to the link the pointer crosses other marks
    assert tip.inner_text().startswith("SIN")
    tip.locator("a").click()
    page.wait_for_url(f"**/explorer.html#models={SIN}")
    assert page.locator("#bvgx-profile-name").inner_text() == "SIN"
    assert page.locator(".bvgx-name").first.text_content() == "SIN"


def test_the_keyboard_reaches_the_link_of_a_kept_tip(page, site, build):
    highest = pd.read_csv(build / "tables" / "scores.csv").set_index("model")["shape"].idxmax()
    opened(page, site, "shape-bias").locator("#figure-4 .bvg-canvas:not(.bvg-narrow)").focus()
    for key in ("End", "Enter", "Tab"):
        page.keyboard.press(key)
    assert page.evaluate("() => document.activeElement.textContent") == "Profile in the explorer"
    assert page.locator(".bvg-tip").is_visible()
    assert violations(axe(page)) == []
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/explorer.html#models={highest}")


def test_a_kept_tip_closes_when_the_page_scrolls_or_the_focus_leaves(page, site):
    tip = hover(opened(page, site, "shape-bias"), "figure-4", MARK.format(SIN))
    page.locator(f"#figure-4 {MARK.format(SIN)}").first.click()
    page.mouse.wheel(0, 60)
    tip.wait_for(state="hidden")
    assert highlighted(page) == {SIN}
    page.locator("#figure-4 .bvg-canvas:not(.bvg-narrow)").focus()
    for key in ("End", "Enter", "Tab", "Tab", "Tab"):
        page.keyboard.press(key)
    assert tip.is_hidden()


def test_networks_of_the_miniature_have_no_link_to_the_explorer(page, site):
    opened(page, site, "miniature-results")
    mark = page.locator(".bvg-canvas:not(.bvg-narrow) svg.bvg-marks [data-model]:not([data-entry])").first
    mark.scroll_into_view_if_needed()
    mark.click()
    assert page.locator(".bvg-tip").is_visible()
    assert page.locator(".bvg-tip a").count() == 0


@pytest.mark.parametrize("group", ["augmentation", "adversarial_training-l2"])
def test_legend_entry_highlights_its_group_and_a_click_keeps_it(page, site, group):
    models = known_models.models().query("in_study")
    members = {
        m
        for m in models.index
        if (models.loc[m, "norm"] == "l2" if "-l2" in group else models.loc[m, "group"] == group)
    }
    opened(page, site, "shape-bias")
    entry = f'[data-entry][data-group="{group}"] text'
    tip = hover(page, "figure-4", entry)
    assert highlighted(page) == members
    assert f"{len(members)} models" in tip.inner_text()
    other = page.locator(f"#figure-4 {MARK.format(SIN)}").first
    assert float(other.evaluate("e => getComputedStyle(e).opacity")) < 0.3
    page.locator(f"#figure-4 {entry}").first.click()
    page.mouse.move(2, 2)
    assert highlighted(page) == members
    page.locator(f"#figure-4 {entry}").first.click()
    page.mouse.move(2, 2)
    assert highlighted(page) == set()


def test_arrow_keys_move_through_the_models_in_order(page, site, build):
    scores = pd.read_csv(build / "tables" / "scores.csv").set_index("model")["shape"]
    names = known_models.models()["name"]
    opened(page, site, "shape-bias")
    stop = page.locator("#figure-4 .bvg-canvas:not(.bvg-narrow)")
    assert page.locator("#figure-4 svg [tabindex]").count() == 0
    assert page.locator("#figure-4 .bvg-canvas:not(.bvg-narrow)[tabindex='0']").count() == 1
    stop.focus()
    page.keyboard.press("End")
    tip = page.locator(".bvg-tip")
    assert tip.get_attribute("aria-live") == "polite"
    assert tip.inner_text().startswith(names[scores.idxmax()])
    assert highlighted(page) == {scores.idxmax()}
    page.keyboard.press("Home")
    assert tip.inner_text().startswith(names[scores.idxmin()])
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert tip.inner_text().startswith(names[scores.sort_values().index[3]])
    page.keyboard.press("ArrowDown")
    assert "in this figure" in tip.inner_text()
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_thin_curve_can_be_hit_and_is_highlighted_in_every_row(page, site):
    opened(page, site, "spectral-bias")
    figure = "#bandpass-curves .bvg-canvas:not(.bvg-narrow)"
    page.locator(figure).focus()
    page.keyboard.press("Home")
    (first,) = highlighted(page)
    inside = page.locator(f"{figure} {ON}").count()
    assert inside == page.locator(f"{figure} {MARK.format(first)}").count() >= 8
    wide = page.locator(f"{figure} {MARK.format(first)} .bvg-wide").first
    assert wide.evaluate("e => [getComputedStyle(e).fill, parseFloat(getComputedStyle(e).strokeWidth) >= 6]") == [
        "none",
        True,
    ]


def test_tap_next_to_a_small_mark_names_it(browser, site):
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = opened(context.new_page(), site, "shape-bias")
    mark = page.locator(f"#figure-4 .bvg-narrow {MARK.format(SIN)}").nth(2)
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] + 6, box["y"] + box["height"] / 2)
    tip = page.locator(".bvg-tip")
    assert tip.inner_text().startswith("SIN")
    edges = tip.bounding_box()
    assert edges["x"] >= 0
    assert edges["x"] + edges["width"] <= PHONE["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_curve_behind_the_others_gets_a_colour_when_its_model_is_highlighted(page, site, theme):
    opened(page, site, "spectral-bias").evaluate(
        "(theme) => { document.documentElement.dataset.theme = theme; }", theme
    )
    behind = page.locator(f"#bandpass-curves .bvg-canvas:not(.bvg-narrow) {MARK.format(SIN)}[data-behind] path").first
    colour = "e => getComputedStyle(e).stroke"
    grey = behind.evaluate(colour)
    hover(page, "bandpass-curves", '.bvg-canvas:not(.bvg-narrow) [data-entry][data-group="stylized"] text')
    assert behind.evaluate(colour) == "rgb(214, 42, 142)" != grey


def test_phones_take_the_labels_of_the_wide_drawing(page, site):
    opened(page, site, "per-benchmark").set_viewport_size(PHONE)
    figure = "#per-benchmark-shape .bvg-narrow"
    assert page.locator(f"{figure} title").count() == 0
    marks = page.locator(f"{figure} {MARK.format(SIN)}")
    assert marks.count() == len(study.BENCHMARKS)
    marks.nth(3).scroll_into_view_if_needed()
    marks.nth(3).hover()
    first = page.locator(".bvg-tip b").all_inner_texts()
    assert first[0].startswith("Shape bias 0.")
    assert first[1].startswith(study.BENCHMARKS[3].name)
    assert highlighted(page) == {SIN}


def test_dark_theme_changes_drawings_but_not_stimuli_and_print_is_white(browser, site):
    context = browser.new_context(viewport=DESK)
    context.add_init_script("localStorage.setItem('mode', 'dark'); localStorage.setItem('theme', 'dark')")
    page = opened(context.new_page(), site, "shape-bias")
    drawing, stimuli = (
        page.locator("#figure-4 .bvg-canvas:not(.bvg-narrow) svg.bvg-marks"),
        page.locator("#shape-stimuli svg:visible"),
    )
    assert drawing.evaluate(GROUND) == stimuli.evaluate(GROUND) == "rgb(20, 24, 30)"
    assert stimuli.evaluate(PHOTOGRAPH) == "none"
    hover(page, "figure-4", MARK.format(SIN))
    page.emulate_media(media="print")
    assert drawing.evaluate(GROUND) == stimuli.evaluate(GROUND) == "rgb(255, 255, 255)"
    assert (
        page.locator(f"#figure-4 {MARK.format('tv_resnet50')}").first.evaluate("e => getComputedStyle(e).opacity")
        == "1"
    )
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for hidden in (".bvg-provenance", ".bvg-parameters", ".bd-sidebar-primary", ".bvg-tip"):
        assert page.locator(hidden).first.is_hidden(), hidden
    context.close()


def test_without_script_the_drawing_is_visible_and_names_its_marks(browser, site):
    context = browser.new_context(viewport=DESK, java_script_enabled=False)
    page = opened(context.new_page(), site, "shape-bias")
    assert page.locator("#figure-4 .bvg-canvas:not(.bvg-narrow) svg.bvg-marks").bounding_box()["width"] > 500
    titles = page.locator(f"#figure-4 .bvg-canvas:not(.bvg-narrow) {MARK.format(SIN)} > title")
    assert titles.count() == len(study.CATEGORIES)
    assert all(text.startswith("SIN") for text in titles.all_text_contents())
    context.close()


def test_figures_with_an_open_tip_have_no_serious_accessibility_findings(page, site):
    traffic = watch(page)
    hover(opened(page, site, "shape-bias"), "figure-4", MARK.format(SIN))
    page.locator("#figure-4 summary").click()
    assert violations(axe(page)) == []
    page.locator("#figure-4 .bvg-provenance a[href^='code/']").click()
    page.wait_for_url("**/code/**")
    assert violations(axe(page)) == []
    assert traffic.problems == []
