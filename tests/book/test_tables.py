"""The tables of the book in a browser: sorting, filtering, sticky headers, phones, print."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from browser import DESK, PHONE, page_names
from builder import pdf

ROOT = Path(__file__).resolve().parents[2]
WITH_TABLES = [
    *("models", "benchmarks", "biases-and-generalization", "corruptions", "claims", "how-firm", "choices"),
    "at-equal-accuracy",
    *("cue-sensitivity", "layer-criticality", "report-efficientnet", "report-miniature", "verify"),
    *("power-and-error", "data-audit", "miniature", "miniature-results", "interventions", "model-report"),
    *("measure-benchmarks", "measure-shape-bias", "measure-critical-band", "measure-adversarial"),
    *("measure-your-own-model", "calibration", "performance", "figures-and-tables"),
]
SMALLEST = 7  # points of type in print

COLUMN = "(column) => [...document.querySelectorAll(`table#${column[0]} tbody tr`)].filter((r) => !r.hidden).map((r) => r.cells[column[1]].innerText.trim())"
# Size of the smallest type in each table, in points, and whether the table is wider than its page.
PRINTED = """() => [...document.querySelectorAll("article table.bvg-table")].map((table) => {
  const zoom = parseFloat(table.style.zoom || 1);
  const cells = [...table.querySelectorAll("th, td, code")].filter((cell) => cell.checkVisibility() && cell.innerText.trim());
  return { id: table.id, points: Math.min(...cells.map((cell) => parseFloat(getComputedStyle(cell).fontSize))) * zoom * 0.75 };
})"""


def number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


def header(page, table: str, name: str):
    return page.locator(f"table#{table} thead th", has_text=re.compile(f"^{re.escape(name)}"))


def test_a_click_on_a_header_sorts_and_a_third_restores_the_order(page, site):
    page.goto(f"{site}/biases-and-generalization.html")
    before = page.evaluate(COLUMN, ["scores", 0])
    shape = header(page, "scores", "Shape bias")
    at = page.evaluate("(e) => e.cellIndex", shape.element_handle())
    assert shape.get_attribute("aria-sort") == "none"
    shape.get_by_role("button").click()
    assert shape.get_attribute("aria-sort") == "ascending"
    shown = [number(text) for text in page.evaluate(COLUMN, ["scores", at])]
    assert shown == sorted(shown)
    assert len(shown) == len(before) == 48
    shape.get_by_role("button").click()
    assert shape.get_attribute("aria-sort") == "descending"
    assert [number(text) for text in page.evaluate(COLUMN, ["scores", at])] == sorted(shown, reverse=True)
    shape.get_by_role("button").click()
    assert page.evaluate(COLUMN, ["scores", 0]) == before


def test_the_keyboard_sorts_by_text_and_other_headers_are_reset(page, site):
    page.goto(f"{site}/models.html")
    before = page.evaluate(COLUMN, ["table-models", 0])
    header(page, "table-models", "ImageNet top-1").get_by_role("button").click()
    model = header(page, "table-models", "Model")
    model.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert model.get_attribute("aria-sort") == "ascending"
    assert header(page, "table-models", "ImageNet top-1").get_attribute("aria-sort") == "none"
    names = page.evaluate(COLUMN, ["table-models", 0])
    assert sorted(names) == sorted(before)
    assert [name[0].lower() for name in names] == sorted(name[0].lower() for name in names)


def test_a_row_that_sums_up_the_others_stays_last(page, site):
    page.goto(f"{site}/corruptions.html")
    for _ in range(2):
        header(page, "table-corruptions-imagenet-c", "fog").get_by_role("button").click()
        assert page.evaluate(COLUMN, ["table-corruptions-imagenet-c", 0])[-1] == "mean"


def test_verdicts_can_be_chosen(page, site, build):
    page.goto(f"{site}/claims.html")
    verdicts = pd.read_csv(build / "tables" / "claims.csv")["verdict"]
    for verdict, count in verdicts.value_counts().items():
        button = page.get_by_role("button", name=f"{verdict} ({count})", exact=True)
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        assert set(page.evaluate(COLUMN, ["claims", 1])) == {verdict}
        assert len(page.evaluate(COLUMN, ["claims", 1])) == count
    page.get_by_role("button", name=f"all ({len(verdicts)})", exact=True).click()
    assert len(page.evaluate(COLUMN, ["claims", 1])) == len(verdicts)


def test_every_rule_is_folded_under_its_claim(page, site, build):
    page.goto(f"{site}/claims.html")
    folds = page.locator("table#claims tbody td:first-child details")
    assert folds.count() == len(pd.read_csv(build / "tables" / "claims.csv"))
    assert not folds.first.evaluate("(fold) => fold.open")
    folds.first.locator("summary").press("Enter")
    words = pd.read_csv(build / "tables" / "claims.csv")["how"].iloc[0].replace("`", "")
    assert words in folds.first.inner_text()


def test_numbers_are_right_aligned_and_text_is_not(page, site):
    page.goto(f"{site}/models.html")
    align = "(e) => getComputedStyle(e).textAlign"
    row = page.locator("table#table-models tbody tr").first.locator("td")
    assert row.nth(4).evaluate(align) == "right"
    assert header(page, "table-models", "ImageNet top-1").evaluate(align) == "right"
    assert row.nth(0).evaluate(align) in ("left", "start")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_headers_and_first_column_stay_in_view_while_the_table_scrolls_in_its_frame(context, site, size):
    page = context.new_page()
    page.set_viewport_size(size)
    page.goto(f"{site}/corruptions.html")
    frame = page.locator(".pst-scrollable-table-container").first
    frame.scroll_into_view_if_needed()
    frame.evaluate("(frame) => { frame.scrollTop = 300; frame.scrollLeft = 200; }")
    box = frame.bounding_box()
    head, name = (
        frame.locator("thead th").nth(12).bounding_box(),
        frame.locator("tbody tr").nth(12).locator("td").first.bounding_box(),
    )
    assert head["y"] == pytest.approx(box["y"], abs=2)
    assert name["x"] == pytest.approx(box["x"], abs=2)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= size["width"] + 1
    page.close()


def test_tables_are_readable_without_scripts(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/claims.html")
    assert page.locator("table#claims tbody tr").count() > 20
    assert page.locator("table#claims .bvg-fails, table#claims .bvg-holds").first.is_visible()
    assert page.locator(".bvg-sort").count() == 0
    context.close()


def test_every_page_with_a_table_is_looked_at(build):
    found = [
        p.stem for p in (build / "html").glob("*.html") if '<table class="bvg-table' in p.read_text(encoding="utf-8")
    ]
    assert sorted(found) == sorted(WITH_TABLES)
    assert set(found) <= set(page_names())


@pytest.mark.parametrize("name", WITH_TABLES)
def test_every_table_prints_at_seven_points_or_more(browser, build, name):
    context = browser.new_context(viewport={"width": pdf.WIDTH, "height": 960})
    page = context.new_page()
    page.emulate_media(media="print")
    page.goto((build / "html" / f"{name}.html").as_uri())
    pdf.prepare(page, "Title", 0)
    printed = page.evaluate(PRINTED)
    context.close()
    assert printed
    assert [table for table in printed if table["points"] < SMALLEST] == []
