"""The laboratory's page in Chromium: dragging gives Python's answer; address, own photographs, keyboard, phone, axe."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browser import PHONE, THEME, WIDER, axe, violations
from companion.analysis import filtered_accuracy
from PIL import Image

from bvg.results import load, scores

READ = "() => ({ key: root().key, median: Number(root().median), text: document.querySelector('[role=status]').textContent })".replace(
    "root()", "document.getElementById('bvg-laboratory').dataset"
)
FRAME = "() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"


def read(page) -> dict:
    page.evaluate(FRAME)
    return page.evaluate(READ)


def drag(page, name: str, to: float, start: float) -> None:
    """Drag a slider's handle with the mouse from the share `start` of its length to `to`."""
    box = page.locator(f"#bvgl-{name}").bounding_box()
    handle = 16  # pixels, as wide in Chromium as the slider is not

    def place(share: float) -> tuple[float, float]:
        return box["x"] + handle / 2 + share * (box["width"] - handle), box["y"] + box["height"] / 2

    page.mouse.move(*place(start))
    page.mouse.down()
    page.mouse.move(*place(to), steps=6)
    page.mouse.up()


@pytest.mark.parametrize("kind", ["low", "high"])
def test_dragging_finds_the_cutoff_at_which_the_median_model_falls_below_half(visit, lab, kind):
    page = visit()
    page.get_by_label("Kind of filter").select_option(kind)
    drag(page, "cutoff", 1, start=0.5)
    assert read(page)["key"] == f"{kind}-0.99"
    slider, seen = page.locator("#bvgl-cutoff"), {}
    slider.focus()
    expected = filtered_accuracy.half(lab.medians, kind)
    while (found := read(page))["median"] >= 0.5:
        seen[found["key"]] = found["median"]
        slider.press("ArrowLeft")
        assert len(seen) < 99
    assert found["key"] == f"{kind}-{expected['cutoff']:g}"
    assert (
        f"cut-off {expected['cutoff']:.2f}: the median model keeps {100 * expected['median_share']:.1f}\u00a0%"
        in found["text"]
    )
    table = lab.medians[lab.medians["kind"] == kind].set_index("cutoff")["median_share"]
    assert seen | {found["key"]: found["median"]} == {
        f"{kind}-{cutoff:g}": share for cutoff, share in table.items() if cutoff >= expected["cutoff"]
    }


def test_the_value_read_while_dragging_equals_pythons(visit, lab):
    page = visit()
    table = lab.medians.set_index(["kind", "cutoff"])
    box = page.locator("#bvgl-cutoff").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    met = set()
    for share in np.linspace(0.5, 0.02, 12):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        found = read(page)
        kind, cutoff = found["key"].split("-")
        row = table.loc[kind, float(cutoff)]
        met.add(cutoff)
        assert found["median"] == row["median_share"]
        numbers = [float(n) for n in re.findall(r"(\d+\.\d)\u00a0%", found["text"])]
        assert numbers[:2] == pytest.approx([100 * row["median_share"], row["median_accuracy"]], abs=0.0501)
        assert ("Interpolated" in found["text"]) == (row["below"] != row["above"])
    page.mouse.up()
    assert len(met) > 8


def test_marks_stand_where_the_models_fall(visit, lab):
    page = visit("#kind=low&cutoff=0.2")
    curves = (
        scores.bandpass(load("published"))
        .query("kind == 'low-pass' and cutoff == 0.2")
        .set_index("model")["relative_top1"]
    )
    at = "all => Object.fromEntries(all.map((m) => [m.dataset.model, new DOMPoint(0, 0).matrixTransform(m.getScreenCTM()).x]))"
    places = page.eval_on_selector_all("[data-model]", at)
    assert len(places) == 48
    values = curves[list(places)].to_numpy()
    slope, offset = np.polyfit(values, list(places.values()), 1)
    assert np.allclose(slope * values + offset, list(places.values()), atol=0.1)
    median = page.locator("[data-line=median]").evaluate("m => new DOMPoint(0, 0).matrixTransform(m.getScreenCTM()).x")
    assert median == pytest.approx(slope * np.median(values) + offset, abs=0.1)
    assert page.locator("[data-model] title").first.text_content() in {m["name"] for m in lab.data["models"]}


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("#mode=noise&band=5&sd=2", "noise-5-2"),
        ("#mode=cues&mix=7", "cues"),
        ("#kind=high&cutoff=0.3&picture=astronaut", "high-0.3"),
        ("#kind=none&cutoff=7&picture=own&mode=no&band=x&other=1", "low-0.99"),
    ],
)
def test_the_address_holds_the_setting(visit, lab, setting, key):
    page = visit(setting)
    found = read(page)
    assert (found["key"], found["text"]) == (key, lab.data["settings"][key]["text"])
    again = "&".join(
        f"{name}={value}"
        for name, value in page.evaluate("() => [...new FormData(document.forms[0])]")
        if name != "file"
    )
    assert read(visit(f"#{again}"))["key"] == key
    page.locator("input[type=range]:visible").first.press("ArrowLeft")
    changed = page.evaluate("() => location.hash")
    assert "file=" not in changed
    assert read(visit(changed)) == read(page)


def test_a_shared_address_leads_to_the_laboratory(visit):
    small = {"viewport": PHONE | {"height": 400}}
    assert visit("", **small).evaluate("() => scrollY") == 0
    assert visit("#kind=high&cutoff=0.3", **small).evaluate("() => scrollY") > 0


def test_controls_of_another_kind_of_stimulus_are_hidden(visit):
    page = visit()
    names = "all => all.filter((e) => e.checkVisibility()).map((e) => e.name)"
    shown = {}
    for mode in ("Filter", "Noise", "Cue conflict"):
        page.get_by_role("radio", name=mode).check()
        page.evaluate(FRAME)
        shown[mode] = page.eval_on_selector_all("form :is(input:not([type=radio]), select)", names)
    assert shown == {
        "Filter": ["kind", "cutoff", "picture", "file", "view"],
        "Noise": ["band", "sd", "picture", "file", "sample"],
        "Cue conflict": ["mix"],
    }


def test_sliders_have_names_and_say_their_value(visit):
    page = visit("#mode=noise&band=2&sd=4")
    assert (
        page.get_by_role("slider", name="Band of the noise").get_attribute("aria-valuetext") == "2 (7 cycles per image)"
    )
    sd = page.get_by_role("slider", name="SD of the noise")
    assert sd.get_attribute("aria-valuetext") == "0.04"
    sd.press("End")
    assert read(page)["key"] == "noise-2-8"
    assert sd.get_attribute("aria-valuetext") == "0.16"
    assert page.locator("#bvgl-sd + span").inner_text() == "0.16"


def test_a_photograph_of_ones_own_is_filtered_and_never_leaves_the_page(visit, tmp_path):
    rng = np.random.default_rng(2)
    pixels = np.kron(rng.integers(0, 256, (7, 7, 3)), np.ones((32, 32, 1))).astype(np.uint8)
    wide = np.concatenate([np.zeros((224, 60, 3), np.uint8), pixels, np.zeros((224, 60, 3), np.uint8)], axis=1)
    Image.fromarray(wide).save(tmp_path / "mine.png")
    page = visit("#kind=low&cutoff=0.99")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("input[type=file]").set_input_files(tmp_path / "mine.png")
    page.wait_for_function("() => document.forms[0].picture.value === 'own'")
    page.evaluate(FRAME)
    read_canvas = (
        "() => [...document.querySelector('[data-shows=seen]').getContext('2d').getImageData(0, 0, 224, 224).data]"
    )
    seen = np.array(page.evaluate(read_canvas)).reshape(224, 224, 4)[..., :3].astype(int)
    assert np.abs(seen - pixels).mean() < 6, "the central square, but for the highest frequency"
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == []


def test_a_file_that_is_no_image_is_rejected_in_words(visit, tmp_path):
    (tmp_path / "notes.txt").write_text("not an image")
    page = visit()
    page.locator("input[type=file]").set_input_files(tmp_path / "notes.txt")
    status = page.get_by_role("status")
    status.get_by_text("notes.txt").wait_for()
    assert status.inner_text().startswith("Expected an image, got notes.txt")
    assert page.get_by_label("Photograph").input_value() == "chelsea"


@pytest.mark.parametrize("setting", ["", "#mode=noise", "#mode=cues"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(visit, setting, size):
    page = visit(setting, **({"viewport": PHONE} if size == "phone" else {}))
    for theme in ("light", "dark"):
        page.evaluate(THEME, theme)
        assert violations(axe(page)) == []
    if size == "phone":
        assert page.evaluate(WIDER, PHONE["width"]) == []


def test_without_javascript_the_page_points_to_the_table(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert (
        page.get_by_role("link", name="the noise that each model tolerates").get_attribute("href")
        == "tables/laboratory.csv"
    )
    assert not page.locator("#bvg-laboratory").is_visible()
    context.close()
