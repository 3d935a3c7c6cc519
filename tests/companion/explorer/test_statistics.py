"""The explorer's r, p and intervals in a browser equal SciPy's and NumPy's, for any measures, groups and selection."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from companion.analysis import choices, equal_accuracy, resampling
from companion.explorer import explorer
from explorer_page import ABOUT, CONTENT, PUBLISHED, WIDE, agrees, button, held, pressed, printed, scales
from scipy.stats import kstest, spearmanr


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
    page.get_by_label("Adversarial training (15)").uncheck()
    others = ABOUT.index[ABOUT["group"] != "adversarial_training"]
    agrees(page, "shape", "ID", others)
    assert page.locator("tbody [data-model]").count() == len(others)
    page.get_by_role("button", name="None", exact=True).click()
    assert page.locator("tbody [data-model]").count() == 0
    assert "fewer than 4" in page.locator(".bvgx-r").first.inner_text()
    page.get_by_label("Contrastive learning").check()
    agrees(page, "shape", "ID", ABOUT.index[ABOUT["group"] == "contrastive"])
    page.get_by_role("button", name="All", exact=True).click()
    agrees(page, "shape", "ID", WIDE.index)


def test_dragging_selects_models_and_gives_their_r_p_and_n(visit):
    page = visit()
    corners = (0.255, 55.0), (0.76, 74.0)  # shape bias, ID
    within = WIDE.index[WIDE["shape"].between(0.255, 0.76) & WIDE["ID"].between(55.0, 74.0)]
    assert 6 < len(within) < 40
    scale = scales(page)
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
    assert "1 further model in the plot is not in the statistics" in printed(page.locator(".bvgx-statistics").first)
    above = int((WIDE["shape"] > 1.1 * WIDE.at["tv_resnet50", "shape"]).sum())
    rank = page.locator('.bvgx-profile [data-measure="shape"] td').nth(2).inner_text()
    assert re.fullmatch(rf"{above + 1}(st|nd|rd|th) of 49", rank)
    page.get_by_label("at equal ImageNet accuracy").check()
    assert held(page)["r"] == pytest.approx(partial("shape", "ID"), rel=1e-9)
    assert page.locator('.bvgx-view [data-mark="mine"]').count() == 1
    page.select_option("#bvgx-y", "pgd")
    assert button(page, "mine").count() == 0, "it was not attacked"


def partial(x: str, y: str) -> float:
    """Partial rank correlation of the published models given ImageNet top-1."""
    table = WIDE.reset_index()
    one = {"all": pd.Series(True, table.index)}
    cells = equal_accuracy.correlate(table, table["imagenet"], [y], [x], one, table["model"], replicates=0)
    return cells["partial"].iloc[0]


FAMILY = choices.families(WIDE.reset_index(), "source").to_numpy()
SETTINGS = CONTENT.data["statistics"]
DRAWN = 20000  # resamples of NumPy, whose own error is then small
CORRELATE = "([variables, families, settings]) => bvgx.stats.correlate(variables, families, settings)"


def random_view(rng: np.random.Generator) -> tuple[str, str, np.ndarray]:
    """Two measures and a selection of models, as row numbers of WIDE."""
    x, y = rng.choice(WIDE.columns.drop("imagenet"), 2, replace=False)
    return x, y, np.sort(rng.choice(len(WIDE), rng.integers(12, 49), replace=False))


def numpys(x: np.ndarray, y: np.ndarray, z: np.ndarray | None, labels: np.ndarray) -> np.ndarray:
    """r of `DRAWN` resamples of whole families, given z unless it is None."""
    counts = resampling.bootstrap(labels, DRAWN, np.random.default_rng(1))
    if z is None:
        return resampling.spearman(x[:, None], y[:, None], counts)[0].ravel()
    r = resampling.spearman(np.column_stack([x, z]), np.column_stack([y, z]), counts)[0]
    return equal_accuracy.partial(r[:, 0, 0], r[:, 0, 1], r[:, 1, 0])


@pytest.mark.parametrize("given", [None, "imagenet"], ids=["raw", "at equal accuracy"])
def test_random_selections_have_scipys_r_and_p_and_numpys_interval(visit, given):
    """The share of NumPy's resamples beyond each end of the interval is alpha / 2, within the error of 2,000 resamples."""
    page, rng = visit(), np.random.default_rng(0)
    half = SETTINGS["alpha"] / 2
    error = np.sqrt(half * (1 - half) * (1 / SETTINGS["replicates"] + 1 / DRAWN))
    beyond = []
    for _ in range(12):
        x, y, use = random_view(rng)
        rows, labels = WIDE.iloc[use], FAMILY[use]
        names = [x, y, *([given] if given else [])]
        found = page.evaluate(CORRELATE, [[rows[k].tolist() for k in names], labels.tolist(), SETTINGS])
        table = rows.reset_index()
        one = {"all": pd.Series(True, table.index)}
        control = table[given] if given else np.random.default_rng(2).permutation(len(table))
        expected = equal_accuracy.correlate(table, control, [y], [x], one, pd.Series(labels), replicates=0).iloc[0]
        assert (found["n"], found["families"]) == (len(use), expected["families"])
        if given:
            assert [found["r"], found["p"]] == pytest.approx([expected["partial"], expected["p"]], rel=1e-9)
        else:
            scipys = spearmanr(rows[x], rows[y])
            assert [found["r"], found["p"]] == pytest.approx([scipys.statistic, scipys.pvalue], rel=1e-9)
        drawn = numpys(*(rows[k].to_numpy() for k in names), *([] if given else [None]), labels)
        drawn = drawn[~np.isnan(drawn)]
        assert found["low"] < found["r"] < found["high"]
        # Resamples of few families often have the very same r, such as 1: then the share beyond an end jumps over alpha / 2.
        for outside in (drawn - found["low"], found["high"] - drawn):
            beyond.append(np.clip(half, (outside < -1e-9).mean(), (outside <= 1e-9).mean()))
    assert beyond == pytest.approx([half] * len(beyond), abs=4.5 * error)
    assert np.mean(beyond) == pytest.approx(half, abs=4.5 * error / np.sqrt(len(beyond)))


def test_the_interval_is_the_same_at_every_visit_and_depends_on_seed_and_level(visit):
    page, models = visit(), [m["id"] for m in CONTENT.data["models"]]
    rows, labels = (
        WIDE.loc[models, ["shape", "ID"]].T.to_numpy().tolist(),
        [m["family"] for m in CONTENT.data["models"]],
    )

    def ends(**settings) -> tuple[float, float]:
        found = page.evaluate(CORRELATE, [rows, labels, SETTINGS | settings])
        return found["low"], found["high"]

    first = held(page)
    assert (first["low"], first["high"]) == ends() == ends()
    assert ends(seed=1) != ends()
    narrow, wide = ends(alpha=0.5), ends(alpha=0.01)
    assert wide[0] < first["low"] < narrow[0] < narrow[1] < first["high"] < wide[1]
    assert "95 % interval" in printed(page.locator(".bvgx-r").first)


def test_the_random_numbers_are_uniform_and_independent(visit):
    page = visit()
    script = "([seed, n]) => { const next = bvgx.stats.generator(seed); return Array.from({ length: n }, next); }"
    numbers = np.array(page.evaluate(script, [3, 20000]))
    assert kstest(numbers, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.03


def test_fewer_than_five_families_have_no_interval(visit):
    page = visit("#x=shape&y=ID&off=" + ",".join(g for g in ABOUT["group"].unique() if g != "adversarial_training"))
    at = ABOUT.index[ABOUT["group"] == "adversarial_training"]
    agrees(page, "shape", "ID", at)
    assert np.isnan(held(page)["low"])
    assert held(page)["families"] == 1
    assert "no interval: the models come from one family" in printed(page.locator(".bvgx-r").first)


def test_equal_accuracy_shows_residual_ranks_whose_correlation_is_the_partial_one(visit):
    page = visit()
    page.get_by_label("at equal ImageNet accuracy").check()
    table = WIDE.reset_index()
    sets = {"total": pd.Series(True, table.index)}
    expected = equal_accuracy.correlate(table, table["imagenet"], ["ID"], ["shape"], sets, pd.Series(FAMILY)).iloc[0]
    assert [held(page)[k] for k in ("r", "p", "n")] == pytest.approx(list(expected[["partial", "p", "n"]]), rel=1e-9)
    assert printed(page.locator(".bvgx-r").first).startswith("partial Spearman's".replace("'", "’"))
    centres = np.array(
        page.locator(".bvgx-view .bvgx-plot >> nth=0")
        .locator("[data-mark]")
        .evaluate_all(
            "all => all.map((e) => /translate\\(([-\\d.]+) ([-\\d.]+)\\)/.exec(e.getAttribute('transform')).slice(1).map(Number))"
        )
    )
    assert len(centres) == len(WIDE)
    assert np.corrcoef(centres[:, 0], -centres[:, 1])[0, 1] == pytest.approx(expected["partial"], abs=1e-9)
    page.select_option("#bvgx-y", "imagenet")
    assert "r is not defined" in page.locator(".bvgx-r").first.inner_text()


def test_the_sets_apart_have_their_own_statistics(visit):
    page = visit("#x=high_frequency&y=imagenet-r&view=apart")
    trained = ABOUT["group"] == "adversarial_training"
    panels = page.locator(".bvgx-view > div:visible")
    assert panels.count() == 2
    for i, models in enumerate((ABOUT.index[trained], ABOUT.index[~trained])):
        which = f".bvgx-view > div:nth-child({i + 1}) .bvgx-r"
        agrees(page, "high_frequency", "imagenet-r", models, which)
        assert panels.nth(i).locator("[data-mark]").count() == len(models)
