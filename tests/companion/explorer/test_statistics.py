"""The explorer's correlations in a browser equal SciPy's, for any measures, groups and selection."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from companion.explorer import explorer
from explorer_page import ABOUT, HIGHEST, PUBLISHED, WIDE, agrees, button, place, pressed


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
def test_r_p_and_n_equal_scipys(visit, x, y):
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


def test_dragging_selects_models_and_gives_their_r_p_and_n(visit):
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


def test_a_new_model_is_displayed_but_not_in_the_statistics(visit, tmp_path):
    rows = PUBLISHED[(PUBLISHED["model"] == "tv_resnet50") & (PUBLISHED["benchmark"] != "pgd")]
    rows = rows.assign(model="mine", source="run-1", value=rows["value"] * 1.1)
    shown = explorer(pd.concat([PUBLISHED, rows], ignore_index=True), allow_missing=True)
    path = tmp_path / "mine.html"
    path.write_text(shown.standalone(), encoding="utf-8")
    page = visit(to=path.as_uri())
    assert pressed(page) == {"mine"}
    assert page.locator("#bvgx-profile-name").inner_text() == "mine"
    agrees(page, "shape", "ID", WIDE.index)
    assert "1 further model in the plot is not in the statistics" in page.locator(
        ".bvgx-statistics"
    ).inner_text().replace("\xa0", " ")
    above = int((WIDE["shape"] > 1.1 * WIDE.at["tv_resnet50", "shape"]).sum())
    rank = page.locator('.bvgx-profile [data-measure="shape"] td').nth(2).inner_text()
    assert re.fullmatch(rf"{above + 1}(st|nd|rd|th) of 49", rank)
    page.select_option("#bvgx-y", "pgd")
    assert button(page, "mine").count() == 0, "it was not attacked"
