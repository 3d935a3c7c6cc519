"""Selecting models in the explorer: in plots, table and search, by pointer, touch and keyboard."""

from __future__ import annotations

import re

import pytest
from browser import PHONE
from explorer_page import ABOUT, HIGHEST, NAMES, WIDE, button, place, pressed

from bvg import study


def test_hovering_names_a_model_and_clicking_selects_it_in_every_plot(visit):
    page = visit()
    x, y = place(page, HIGHEST, "shape", "ID")
    page.mouse.move(x, y)
    tip = page.locator(".bvgx-tip:visible")
    text = tip.inner_text().replace("\xa0", " ")
    assert text.splitlines()[0] == NAMES[HIGHEST]
    assert ABOUT.at[HIGHEST, "method"] in text
    assert f"Shape bias: {WIDE.at[HIGHEST, 'shape']:.2f}" in text
    assert f"In distribution: {WIDE.at[HIGHEST, 'ID']:.2f} %" in text
    page.mouse.click(x, y)
    assert pressed(page) == {HIGHEST}
    plots = page.locator(".bvgx-plot:visible")
    assert [plots.nth(i).locator(".bvgx-ring").count() for i in range(plots.count())] == [1] * 5
    assert NAMES[HIGHEST] in page.locator(".bvgx-drawing").first.get_attribute("aria-label")
    page.mouse.click(x, y)
    assert pressed(page) == set()


def test_a_tap_names_and_selects(visit):
    page = visit(viewport=PHONE, has_touch=True, is_mobile=True)
    page.locator(".bvgx-plot").first.scroll_into_view_if_needed()
    page.touchscreen.tap(*place(page, HIGHEST, "shape", "ID"))
    assert pressed(page) == {HIGHEST}
    assert NAMES[HIGHEST] in page.locator(".bvgx-tip:visible").inner_text()


def test_first_row_is_the_highest_shape_bias_and_its_profile_has_every_benchmark(visit):
    """The way of a reader who knows nothing: the first row of the table, then the profile."""
    page = visit()
    first = page.locator("tbody [data-model]").first
    assert first.get_attribute("data-model") == HIGHEST
    assert page.locator(".bvgx-models th[aria-sort=descending]").inner_text().startswith("Shape bias")
    first.click()
    assert page.locator("#bvgx-profile-name").inner_text() == NAMES[HIGHEST]
    ranks = WIDE.rank(ascending=False, method="min").loc[HIGHEST]
    last = WIDE.rank(ascending=False, method="max").loc[HIGHEST]
    ids = [
        *(b.id for b in (*study.BIASES, *study.CUES, study.CRITICALITY[0])),
        *study.CATEGORIES,
        *(b.id for b in study.BENCHMARKS),
    ]
    assert page.locator(".bvgx-profile [data-measure]").count() == len(ids)
    for id in ids:
        cells = page.locator(f'.bvgx-profile [data-measure="{id}"] td').all_inner_texts()
        assert float(cells[0]) == pytest.approx(WIDE.at[HIGHEST, id], abs=0.0051)
        places = [int(n) for n in re.findall(r"(\d+)(?:st|nd|rd|th)", cells[2])]
        assert places == sorted({int(ranks[id]), int(last[id])}), id
        assert cells[2].endswith("of 48")


def test_the_table_sorts_by_number_and_by_name(visit):
    page = visit()

    def rows() -> list[str]:
        return page.eval_on_selector_all("tbody [data-model]", "all => all.map((b) => b.dataset.model)")

    assert list(WIDE.loc[rows(), "shape"]) == sorted(WIDE["shape"], reverse=True)
    head = page.locator(".bvgx-models thead th")
    head.nth(2).locator("button").click()
    assert list(WIDE.loc[rows(), "ID"]) == sorted(WIDE["ID"], reverse=True)
    head.nth(2).locator("button").click()
    assert list(WIDE.loc[rows(), "ID"]) == sorted(WIDE["ID"])
    assert [head.nth(i).get_attribute("aria-sort") for i in range(3)] == ["none", "none", "ascending"]
    head.nth(0).locator("button").click()
    assert list(NAMES[rows()]) == sorted(NAMES, key=str.lower)


def test_search_finds_names_and_methods_and_reports_no_match(visit):
    page = visit()
    field, status = page.get_by_label("Find a model"), page.get_by_role("status")
    field.fill(NAMES["resnet50_prime"])
    assert pressed(page) == {"resnet50_prime"}
    field.fill("diffusion")
    field.press("Enter")
    found = ABOUT.index[(NAMES + " " + ABOUT.index + " " + ABOUT["method"]).str.lower().str.contains("diffusion")]
    assert len(found)
    assert pressed(page) == {"resnet50_prime", *found}
    field.fill("no such model")
    field.press("Enter")
    assert "No model" in status.inner_text()
    assert pressed(page) == {"resnet50_prime", *found}


def test_search_switches_on_the_group_of_the_model(visit):
    page = visit()
    page.get_by_label("Augmentation").uncheck()
    page.get_by_label("Find a model").fill(NAMES["resnet50_prime"])
    assert page.get_by_label("Augmentation").is_checked()
    assert pressed(page) == {"resnet50_prime"}


def test_the_keyboard_selects_and_names(visit):
    page = visit()
    button(page, HIGHEST).focus()
    assert NAMES[HIGHEST] in page.locator(".bvgx-tip:visible").inner_text()
    page.keyboard.press("Space")
    assert pressed(page) == {HIGHEST}
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    second = WIDE["shape"].sort_values(ascending=False).index[1]
    assert pressed(page) == {HIGHEST, second}
    assert page.evaluate("() => document.activeElement.dataset.model") == second
    page.keyboard.press("Enter")
    assert pressed(page) == {HIGHEST}


def test_focus_in_the_table_names_a_model_in_the_plot_of_its_set(visit):
    page = visit("#view=apart")
    for model, panel in (("robust_resnet50_l2_eps5", 0), (HIGHEST, 1)):
        button(page, model).focus()
        tip = page.locator(".bvgx-tip:visible")
        assert tip.inner_text().startswith(NAMES[model])
        assert page.locator(".bvgx-view > div").nth(panel).locator(".bvgx-tip:visible").count() == 1
