"""The explorer's view: what stands above the fold, labels beside marks, kinds of axes, models left out or compared, downloads."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from browser import PHONE
from companion.analysis import equal_accuracy
from explorer_page import ABOUT, HIGHEST, NAMES, WIDE, agrees, boxes, button, held, place, pressed, printed, scales
from PIL import Image

FOLD = {"width": 1280, "height": 800}
MOVED = "#x=low_frequency&y=imagenet-c/fog"


@pytest.mark.parametrize("view", ["", MOVED, "#x=shape&y=ID&view=equal,apart", f"#models={HIGHEST},tv_resnet50"])
def test_plot_and_statistics_stand_above_the_fold(visit, view):
    page = visit(view, viewport=FOLD)
    assert page.evaluate("() => scrollY") == 0
    for box in boxes(page, ".bvgx-view .bvgx-plot svg, .bvgx-view .bvgx-r"):
        assert box["bottom"] <= FOLD["height"]
    for text in page.locator(".bvgx-r:visible").all():
        assert "n = " in printed(text)
        assert "interval" in printed(text)


def test_a_shared_link_lands_on_the_plot_on_a_phone(visit):
    small = PHONE | {"height": 664}
    assert boxes(visit("", viewport=small), ".bvgx-view .bvgx-plot")[0]["bottom"] > small["height"]
    shared = visit(MOVED, viewport=small)
    plot, text = boxes(shared, ".bvgx-view .bvgx-plot")[0], boxes(shared, ".bvgx-statistics")[0]
    assert text["top"] >= 0
    assert plot["bottom"] <= small["height"] + 1


def overlap(a: dict, b: dict) -> bool:
    return a["left"] < b["right"] and b["left"] < a["right"] and a["top"] < b["bottom"] and b["top"] < a["bottom"]


@pytest.mark.parametrize("size", [FOLD, PHONE], ids=["desk", "phone"])
def test_names_cover_no_mark_and_no_other_name_and_are_not_cut(visit, size):
    page, rng = visit(viewport=size), np.random.default_rng(3)
    named = 0
    for _ in range(15):
        x, y = rng.choice(WIDE.columns, 2, replace=False)
        models = rng.choice(WIDE.index, 4, replace=False)
        page.evaluate("(hash) => { location.hash = hash; }", f"x={x}&y={y}&models={','.join(models)}")
        page.wait_for_function("(x) => document.getElementById('bvgx-x').value === x", arg=x)
        names, marks = boxes(page, ".bvgx-name"), boxes(page, ".bvgx-view [data-mark]")
        (frame,) = boxes(page, ".bvgx-view .bvgx-drawing svg")[:1]
        named += len(names)
        for i, name in enumerate(names):
            # A line of text is higher than its letters: 16 pixels are reserved for it.
            middle = (name["top"] + name["bottom"]) / 2
            letters = name | {"top": middle - 6, "bottom": middle + 6}
            assert not any(overlap(letters, mark) for mark in marks), (x, y, models)
            assert not any(overlap(letters, other) for other in names[:i])
            assert frame["left"] <= name["left"] < name["right"] <= frame["right"]
    assert named > 50  # of 60


@pytest.mark.parametrize("size", [FOLD, PHONE], ids=["desk", "phone"])
def test_no_text_of_a_plot_or_control_is_cut(visit, size):
    view = "#x=imagenet-cbar/single_frequency_greyscale&y=imagenet-cbar/checkerboard_cutout"
    page = visit(view, viewport=size)
    (frame,) = boxes(page, ".bvgx-view .bvgx-drawing svg")[:1]
    texts = boxes(page, ".bvgx-view > div:first-child svg text")
    assert len(texts) > 8
    for text in texts:
        assert frame["left"] - 0.5 <= text["left"] < text["right"] <= frame["right"] + 0.5
        assert frame["top"] - 0.5 <= text["top"] < text["bottom"] <= frame["bottom"] + 0.5
    room = page.evaluate(
        """() => { const e = document.getElementById("bvgx-search"), style = getComputedStyle(e), pen = document.createElement("canvas").getContext("2d");
        pen.font = style.font;
        return e.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - pen.measureText(e.placeholder).width; }"""
    )
    assert room > 20  # the button that clears the field needs some


@pytest.mark.parametrize(("x", "y"), [("imagenet-r", "imagenet-a"), ("bandwidth", "shape"), ("Robustness", "pgd")])
def test_any_two_measures_can_be_compared_and_swapped(visit, x, y):
    page = visit()
    page.select_option("#bvgx-x", x)
    page.select_option("#bvgx-y", y)
    agrees(page, x, y, WIDE.index)
    page.get_by_role("button", name="Swap the axes").click()
    assert (page.input_value("#bvgx-x"), page.input_value("#bvgx-y")) == (y, x)
    agrees(page, y, x, WIDE.index)


def centres(page) -> dict[str, tuple[float, float]]:
    """Centre of each mark of the first main plot in the window."""
    return dict(
        page.locator(".bvgx-view .bvgx-plot >> nth=0")
        .locator("[data-mark]")
        .evaluate_all(
            """all => all.map((e) => { const at = new DOMPoint(0, 0).matrixTransform(e.getScreenCTM()); return [e.dataset.mark, [at.x, at.y]]; })"""
        )
    )


def test_marks_stand_where_the_axes_say_linear_and_logarithmic(visit):
    page = visit("#x=high_frequency&y=imagenet-c")
    for model, at in centres(page).items():
        assert at == pytest.approx(place(page, model, "high_frequency", "imagenet-c"), abs=1)
    page.get_by_label("log x axis").check()
    ticks = page.locator(".bvgx-view .bvgx-tick-x").evaluate_all(
        "all => all.map((t) => { const b = t.getBoundingClientRect(); return [Number(t.textContent), b.x + b.width / 2]; })"
    )
    value, pixel = np.array(ticks).T
    assert len(value) >= 3
    slope, offset = np.polyfit(np.log10(value), pixel, 1)
    for model, at in centres(page).items():
        assert at[0] == pytest.approx(slope * np.log10(WIDE.at[model, "high_frequency"]) + offset, abs=1)
        assert at[1] == pytest.approx(np.polyval(scales(page)[1], WIDE.at[model, "imagenet-c"]), abs=1)
    agrees(page, "high_frequency", "imagenet-c", WIDE.index)
    page.get_by_label("at equal ImageNet accuracy").check()
    assert page.get_by_label("log x axis").is_disabled()


def test_a_model_can_be_left_out_and_put_back(visit, address):
    page = visit()
    button(page, HIGHEST).click()
    page.get_by_role("button", name=f"Leave {NAMES[HIGHEST]} out").click()
    rest = WIDE.index.drop(HIGHEST)
    again = visit(page.url.removeprefix(address))
    for seen in (page, again):
        agrees(seen, "shape", "ID", rest)
        assert HIGHEST not in centres(seen)
        assert button(seen, HIGHEST).count() == 0
    page.get_by_role("button", name=f"Put back {NAMES[HIGHEST]}").click()
    agrees(page, "shape", "ID", WIDE.index)
    assert not page.get_by_text("Left out:").is_visible()
    button(page, HIGHEST).click()
    button(page, "tv_resnet50").click()
    page.get_by_role("button", name="Leave out", exact=True).click()
    agrees(page, "shape", "ID", rest.drop("tv_resnet50"))
    page.get_by_label("Find a model").fill(NAMES[HIGHEST])
    assert pressed(page) == {HIGHEST}
    agrees(page, "shape", "ID", WIDE.index.drop("tv_resnet50"))


def test_two_models_are_compared_side_by_side(visit):
    page = visit(f"#models=tv_resnet50,{HIGHEST}")
    title = page.locator("#bvgx-profile-name").inner_text()
    assert " ".join(title.split()) == f"{NAMES[HIGHEST]} and {NAMES['tv_resnet50']}"
    ranks = WIDE.rank(ascending=False, method="min")
    for measure in ("shape", "Robustness", "imagenet-sketch"):
        cells = page.locator(f'.bvgx-profile [data-measure="{measure}"] td').all_inner_texts()
        for i, model in enumerate((HIGHEST, "tv_resnet50")):
            assert float(cells[i]) == pytest.approx(WIDE.at[model, measure], abs=0.0051)
            assert cells[3 + i].startswith(str(int(ranks.at[model, measure])))
    assert page.locator('.bvgx-profile [data-measure="shape"] .bvgx-dot').count() == 2


def download(page, name: str):
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name).click()
    return waiting.value


def test_the_csv_holds_the_numbers_of_the_view(visit):
    page = visit(f"#x=shape&y=ID&off=contrastive&out=resnet50_prime&view=equal&models={HIGHEST}")
    file = download(page, "Download CSV")
    assert file.suggested_filename == "explorer-shape-ID.csv"
    table = pd.read_csv(file.path()).set_index("model")
    shown = ABOUT.index[(ABOUT["group"] != "contrastive") & (ABOUT.index != "resnet50_prime")]
    assert set(table.index) == set(shown)
    assert list(table.index[table["selected"]]) == [HIGHEST]
    assert list(table["name"]) == list(NAMES[table.index])
    for k in ("shape", "ID"):
        assert np.array_equal(table[k], WIDE.loc[table.index, k])
    r = np.corrcoef(table["shape_residual_rank"], table["ID_residual_rank"])[0, 1]
    assert r == pytest.approx(held(page)["r"], abs=1e-12)


def test_the_csv_of_two_sets_tells_them_apart(visit):
    page = visit("#view=apart")
    table = pd.read_csv(download(page, "Download CSV").path()).set_index("model")
    assert set(table.index[table["set"] == "apart"]) == set(ABOUT.index[ABOUT["group"] == "adversarial_training"])
    assert len(table) == len(WIDE)


@pytest.mark.parametrize("view", ["#x=shape&y=ID", "#x=shape&y=ID&view=apart"])
def test_the_png_shows_the_plot_under_its_title(visit, view):
    page = visit(view, color_scheme="dark")
    file = download(page, "Download PNG")
    assert file.suggested_filename == "explorer-shape-ID.png"
    image = Image.open(io.BytesIO(file.path().read_bytes()))
    pixels = np.asarray(image.convert("RGB")).astype(int)
    plots = page.locator(".bvgx-view .bvgx-plot:visible svg")
    assert image.height == 2 * sum(46 + round(p.bounding_box()["height"]) for p in plots.all())
    assert (pixels[:4] == 255).all()  # white in the dark theme too
    assert (pixels[:92].sum(axis=2) < 300).sum() > 500  # the title
    orange = (abs(pixels - [255, 127, 14]).sum(axis=2) < 200).sum()
    assert orange > 2000  # marks of adversarially trained models


def test_the_selected_models_have_their_own_statistics_at_equal_accuracy(visit):
    chosen = list(WIDE.index[::3])
    page = visit(f"#x=shape&y=Robustness&view=equal&models={','.join(chosen)}")
    table = WIDE.loc[chosen].reset_index()
    one = {"all": pd.Series(True, table.index)}
    expected = equal_accuracy.correlate(
        table, table["imagenet"], ["Robustness"], ["shape"], one, table["model"], replicates=0
    ).iloc[0]
    found = held(page, ".bvgx-r-selected")
    assert [found[k] for k in ("r", "p", "n")] == pytest.approx(list(expected[["partial", "p", "n"]]), rel=1e-9)
