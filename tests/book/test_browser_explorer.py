"""The explorer in a real browser: what it shows, computes, selects, remembers and asks for, by pointer and by keyboard."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from browser import DESK, PHONE, axe, violations, watch
from companion.explorer import explorer
from scipy.stats import spearmanr

from bvg import study
from bvg.results import load

PUBLISHED = load("published")
SHOWN = explorer(PUBLISHED)
WIDE = SHOWN.table().pivot(index="model", columns="measure", values="value")
ABOUT = study.describe(list(WIDE.index))
NAMES = ABOUT["name"]
HIGHEST = WIDE["shape"].idxmax()
READY = "#bvg-explorer[data-ready] .bvgx-plot svg"


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    path.write_text(SHOWN.standalone(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def visit(browser, address):
    """Open the explorer; afterwards, nothing may have gone wrong, and nothing have been asked of anyone."""
    contexts, traffic = [], []

    def visit(view: str = "", to: str = address, **settings):
        contexts.append(browser.new_context(**({"viewport": DESK, "reduced_motion": "reduce"} | settings)))
        page = contexts[-1].new_page()
        traffic.append(watch(page))
        page.goto(to + view)
        page.wait_for_selector(READY)
        return page

    yield visit
    for seen in traffic:
        assert seen.problems == []
        assert [r for r in seen.requests if not r.startswith(("file://", "data:"))] == []
    for context in contexts:
        context.close()


def pressed(page) -> set[str]:
    """Ids of the models that are selected, as the table says."""
    return set(page.eval_on_selector_all("[aria-pressed=true]", "all => all.map((b) => b.dataset.model)"))


def button(page, model: str):
    return page.locator(f'button[data-model="{model}"]')


def statistics(page, which: str = ".bvgx-r") -> tuple[float, float, int]:
    """r, p and n as they are printed."""
    text = page.locator(which).inner_text().replace("\xa0", " ").replace("−", "-")
    found = re.search(r"r = (-?[\d.]+), p = ([\d.]+(?: × 10\S+)?), n = (\d+) models", text)
    assert found, text
    mantissa, _, power = found[2].partition(" × 10")
    exponent = int(power.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))) if power else 0
    return float(found[1]), float(mantissa) * 10.0**exponent, int(found[3])


def agrees(page, x: str, y: str, models, which: str = ".bvgx-r") -> None:
    """What is printed, and the full numbers behind it, are scipy's."""
    rows = WIDE.loc[list(models), [x, y]]
    expected = spearmanr(rows[x], rows[y])
    r, p, n = statistics(page, which)
    assert n == len(rows)
    assert r == pytest.approx(expected.statistic, abs=0.0005001)
    assert p == pytest.approx(expected.pvalue, abs=0.0005001)
    held = page.locator(which).evaluate("e => ({...e.dataset})")
    assert float(held["r"]) == pytest.approx(expected.statistic, rel=1e-12)
    assert float(held["p"]) == pytest.approx(expected.pvalue, rel=1e-9)


def place(page, model: str, x: str, y: str) -> tuple[float, float]:
    """Where a model's mark lies in the window, from the axes' own labels: two ticks of each tell the scale."""
    ticks = page.eval_on_selector_all(
        ".bvgx-plot >> nth=0 >> .role-axis-label text",
        """all => all.map((t) => { const b = t.getBoundingClientRect();
           return [Number(t.textContent.replace("−", "-").replace(",", "")), b.x + b.width / 2, b.y + b.height / 2]; })""",
    )
    across = [t for t in ticks if abs(t[2] - max(u[2] for u in ticks)) < 3]
    upwards = [t for t in ticks if t not in across]
    slope_x, at_x = np.polyfit([t[0] for t in across], [t[1] for t in across], 1)
    slope_y, at_y = np.polyfit([t[0] for t in upwards], [t[2] for t in upwards], 1)
    return slope_x * WIDE.at[model, x] + at_x, slope_y * WIDE.at[model, y] + at_y


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ("shape", "ID"),
        ("low_frequency", "imagenet-r"),
        ("high_frequency", "imagenet-c/glass_blur"),
        ("bandwidth", "imagenet-cbar/sparkles"),
        ("peak_noise_sensitivity", "Adversarial"),  # with ties
        ("center_frequency", "shape"),
    ],
)
def test_r_p_and_n_of_any_choice_are_scipys(visit, x, y):
    page = visit()
    page.select_option("#bvgx-x", x)
    page.select_option("#bvgx-y", y)
    agrees(page, x, y, WIDE.index)


def test_r_p_and_n_follow_the_groups(visit):
    page = visit()
    page.get_by_label("Adversarial training").uncheck()
    others = ABOUT.index[ABOUT["group"] != "adversarial_training"]
    agrees(page, "shape", "ID", others)
    assert page.locator("tbody [data-model]").count() == len(others)
    page.get_by_role("button", name="None", exact=True).click()
    assert page.locator("tbody [data-model]").count() == 0
    assert "fewer than 4" in page.locator(".bvgx-r").inner_text()
    page.get_by_label("Contrastive learning").check()
    agrees(page, "shape", "ID", ABOUT.index[ABOUT["group"] == "contrastive"])
    page.get_by_role("button", name="All", exact=True).click()
    agrees(page, "shape", "ID", WIDE.index)


def test_dragging_selects_what_lies_within_and_gives_its_r_p_and_n(visit):
    page = visit()
    corners = (0.255, 55.0), (0.76, 74.0)  # shape bias, ID
    within = WIDE.index[WIDE["shape"].between(0.255, 0.76) & WIDE["ID"].between(55.0, 74.0)]
    assert 6 < len(within) < 40
    at = [place(page, HIGHEST, "shape", "ID"), place(page, "tv_resnet50", "shape", "ID")]
    known = WIDE.loc[[HIGHEST, "tv_resnet50"], ["shape", "ID"]].to_numpy()
    scale = [np.polyfit(known[:, k], [a[k] for a in at], 1) for k in (0, 1)]
    (left, bottom), (right, top) = ([np.polyval(scale[k], c[k]) for k in (0, 1)] for c in corners)
    page.mouse.move(left, bottom)
    page.mouse.down()
    page.mouse.move((left + right) / 2, (top + bottom) / 2)
    assert page.locator(".bvgx-brush").first.is_visible()
    page.mouse.move(right, top)
    page.mouse.up()
    assert pressed(page) == set(within)
    agrees(page, "shape", "ID", within, ".bvgx-r-selected")
    agrees(page, "shape", "ID", WIDE.index)


def test_pointing_names_a_model_its_method_and_its_numbers_and_clicking_selects_it_in_every_plot(visit):
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
    rings = "svg .layer_1_marks path"
    plots = page.locator(".bvgx-plot")
    page.wait_for_function(
        f"() => [...document.querySelectorAll('.bvgx-plot')].every((p) => p.querySelector('{rings}'))"
    )
    assert [plots.nth(i).locator(rings).count() for i in range(plots.count())] == [1] * 5
    assert NAMES[HIGHEST] in page.locator(".bvgx-drawing").first.get_attribute("aria-label")
    page.mouse.click(x, y)
    assert pressed(page) == set()


def test_a_tap_names_and_selects(visit):
    page = visit(viewport=PHONE, has_touch=True, is_mobile=True)
    page.locator(".bvgx-plot").first.scroll_into_view_if_needed()
    page.touchscreen.tap(*place(page, HIGHEST, "shape", "ID"))
    assert pressed(page) == {HIGHEST}
    assert NAMES[HIGHEST] in page.locator(".bvgx-tip:visible").inner_text()


def test_the_table_begins_with_the_highest_shape_bias_and_its_profile_has_every_benchmark(visit):
    """The way of a reader who knows nothing: the first row of the table, then the profile."""
    page = visit()
    first = page.locator("tbody [data-model]").first
    assert first.get_attribute("data-model") == HIGHEST
    assert page.locator(".bvgx-models th[aria-sort=descending]").inner_text().startswith("Shape bias")
    first.click()
    assert page.locator("#bvgx-profile-name").inner_text() == NAMES[HIGHEST]
    ranks = WIDE.rank(ascending=False, method="min").loc[HIGHEST]
    last = WIDE.rank(ascending=False, method="max").loc[HIGHEST]
    ids = [*(b.id for b in study.BIASES), *study.CATEGORIES, *(b.id for b in study.BENCHMARKS)]
    assert page.locator(".bvgx-profile [data-measure]").count() == len(ids)
    for id in ids:
        cells = page.locator(f'.bvgx-profile [data-measure="{id}"] td').all_inner_texts()
        assert float(cells[0]) == pytest.approx(WIDE.at[HIGHEST, id], abs=0.0051)
        places = [int(n) for n in re.findall(r"(\d+)(?:st|nd|rd|th)", cells[2])]
        assert places == sorted({int(ranks[id]), int(last[id])}), id
        assert cells[2].endswith("of 48")


def test_the_table_sorts_by_either_number_and_by_name(visit):
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


def test_search_finds_by_name_and_by_method_and_says_when_there_is_nothing(visit):
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


def test_search_shows_a_model_whose_group_is_off(visit):
    page = visit()
    page.get_by_label("Augmentation").uncheck()
    page.get_by_label("Find a model").fill(NAMES["resnet50_prime"])
    assert page.get_by_label("Augmentation").is_checked()
    assert pressed(page) == {"resnet50_prime"}


def test_the_keyboard_alone_selects_and_names(visit):
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


def test_every_control_is_reached_by_tab_with_a_focus_that_is_seen(visit):
    page = visit()
    reached = set()
    for _ in range(90):
        page.keyboard.press("Tab")
        width, name = page.evaluate(
            "() => { const e = document.activeElement; return [getComputedStyle(e).outlineWidth, e.id || e.value || e.textContent]; }"
        )
        reached.add(name)
        assert name == page.title() or width != "0px", name
    assert {"bvgx-x", "bvgx-y", "bvgx-search", "baseline", "All", "None", "Reset", "Copy link to this view"} <= reached


def test_the_address_keeps_the_view_and_restores_it(visit, address):
    page = visit()
    assert "#" not in page.url
    page.select_option("#bvgx-x", "bandwidth")
    page.select_option("#bvgx-y", "imagenet-c/fog")
    page.get_by_label("Stylized ImageNet").uncheck()
    button(page, "resnet50_prime").click()
    button(page, "tv_resnet50").click()
    again = visit(page.url.removeprefix(address))
    for seen in (page, again):
        assert seen.input_value("#bvgx-x") == "bandwidth"
        assert seen.input_value("#bvgx-y") == "imagenet-c/fog"
        assert not seen.get_by_label("Stylized ImageNet").is_checked()
        assert pressed(seen) == {"resnet50_prime", "tv_resnet50"}
        assert seen.locator("#bvgx-profile-name").inner_text() == NAMES["tv_resnet50"]
        agrees(seen, "bandwidth", "imagenet-c/fog", ABOUT.index[ABOUT["group"] != "stylized"])
    page.get_by_role("button", name="Reset").click()
    assert "#" not in page.url
    assert pressed(page) == set()


def test_another_address_on_the_open_page_changes_the_view_and_nonsense_changes_nothing(visit):
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


def test_the_link_that_is_copied_is_the_views(visit):
    page = visit("#x=bandwidth&y=pgd")
    page.evaluate("() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; }")
    page.get_by_role("button", name="Copy link").click()
    assert "copied" in page.get_by_role("status").inner_text()
    assert page.evaluate("() => window.copied") == page.url


def test_a_new_model_stands_among_the_others_and_does_not_count(visit, tmp_path):
    rows = PUBLISHED[(PUBLISHED["model"] == "tv_resnet50") & (PUBLISHED["benchmark"] != "pgd")]
    rows = rows.assign(model="mine", source="run-1", value=rows["value"] * 1.1)
    shown = explorer(pd.concat([PUBLISHED, rows], ignore_index=True), allow_missing=True)
    path = tmp_path / "mine.html"
    path.write_text(shown.standalone(), encoding="utf-8")
    page = visit(to=path.as_uri())
    assert pressed(page) == {"mine"}
    assert page.locator("#bvgx-profile-name").inner_text() == "mine"
    agrees(page, "shape", "ID", WIDE.index)
    assert "1 model shown beside these does not count" in page.locator(".bvgx-statistics").inner_text().replace(
        "\xa0", " "
    )
    above = int((WIDE["shape"] > 1.1 * WIDE.at["tv_resnet50", "shape"]).sum())
    rank = page.locator('.bvgx-profile [data-measure="shape"] td').nth(2).inner_text()
    assert re.fullmatch(rf"{above + 1}(st|nd|rd|th) of 49", rank)
    page.select_option("#bvgx-y", "pgd")
    assert button(page, "mine").count() == 0, "it was not attacked"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_serious_and_nothing_scrolls_sideways(visit, theme, size):
    view = f"#x=center_frequency&y=imagenet-cbar/single_frequency_greyscale&off=freezing&models=tv_resnet50,{HIGHEST}"
    page = visit(view, viewport=size, color_scheme=theme)
    assert violations(axe(page)) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= size["width"]
    for plot in page.locator(".bvgx-plot").all():
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
    companion.page.Page("explorer", {"out": "output"}, ["out"]).explorer(SHOWN)
    assert (tmp_path / "output" / "explorer.html").read_text(encoding="utf-8") == SHOWN.standalone()
    table = pd.read_csv(tmp_path / "output" / "tables" / "explorer.csv")
    pd.testing.assert_frame_equal(table, SHOWN.table(), check_exact=True)
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


def test_without_javascript_the_page_says_where_the_numbers_are(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert "tables/explorer.csv" in page.locator("noscript").inner_text()
    context.close()
