"""Helpers for tests of the explorer in a browser: its content, and what its page displays."""

from __future__ import annotations

import re

import numpy as np
import pytest
from companion.explorer import explorer
from scipy.stats import spearmanr

from bvg import known_models
from bvg.results import load

PUBLISHED = load("published")
CONTENT = explorer(PUBLISHED)
WIDE = CONTENT.table().pivot(index="model", columns="measure", values="value")
ABOUT = known_models.describe(list(WIDE.index))
NAMES = ABOUT["name"]
HIGHEST = WIDE["shape"].idxmax()
READY = "#bvg-explorer[data-ready] .bvgx-plot svg"


def pressed(page) -> set[str]:
    """Ids of the selected models, from the table."""
    return set(page.eval_on_selector_all("[aria-pressed=true]", "all => all.map((b) => b.dataset.model)"))


def button(page, model: str):
    return page.locator(f'button[data-model="{model}"]')


def statistics(page, which: str = ".bvgx-r") -> tuple[float, float, int]:
    """r, p and n as printed."""
    text = printed(page.locator(which).first)
    found = re.search(r"r = (-?[\d.]+), p = ([\d.]+(?: × 10\S+)?), n = (\d+) models", text)
    assert found, text
    mantissa, _, power = found[2].partition(" × 10")
    exponent = int(power.rstrip(".;,").translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))) if power else 0
    return float(found[1]), float(mantissa) * 10.0**exponent, int(found[3])


def printed(element) -> str:
    """Text of an element with plain spaces and minus signs."""
    return element.inner_text().replace("\xa0", " ").replace("−", "-")


def held(page, which: str = ".bvgx-r") -> dict[str, float]:
    """r, p, n, low, high and families at full precision; NaN where not defined."""
    values = page.locator(which).first.evaluate("e => ({...e.dataset})")
    return {key: float(value) if value else np.nan for key, value in values.items()}


def agrees(page, x: str, y: str, models, which: str = ".bvgx-r") -> None:
    """Assert that the printed r, p and n, and the full numbers behind them, equal SciPy's."""
    rows = WIDE.loc[list(models), [x, y]]
    expected = spearmanr(rows[x], rows[y])
    r, p, n = statistics(page, which)
    assert n == len(rows)
    assert r == pytest.approx(expected.statistic, abs=0.0005001)
    assert p == pytest.approx(expected.pvalue, abs=0.0005001)
    assert held(page, which)["r"] == pytest.approx(expected.statistic, rel=1e-12)
    assert held(page, which)["p"] == pytest.approx(expected.pvalue, rel=1e-9)


def scales(page, plot: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Slope and offset of both axes of a main plot, from their tick labels: pixel in the window = slope * value + offset."""
    ticks = """(all, side) => all.map((t) => { const b = t.getBoundingClientRect();
        return [Number(t.textContent.replace("−", "-")), side === "x" ? b.x + b.width / 2 : b.y + b.height / 2]; })"""
    found = []
    for axis in "xy":
        of = page.locator(".bvgx-view .bvgx-plot").nth(plot).locator(f".bvgx-tick-{axis}")
        found.append(np.array(of.evaluate_all(ticks, axis)))
        assert len(found[-1]) >= 3
    return tuple(np.polyfit(t[:, 0], t[:, 1], 1) for t in found)


def place(page, model: str, x: str, y: str) -> tuple[float, float]:
    """Position of a model's mark in the window, computed from the tick labels of the axes."""
    return tuple(float(np.polyval(scale, WIDE.at[model, k])) for scale, k in zip(scales(page), (x, y), strict=True))


def boxes(page, selector: str) -> list[dict[str, float]]:
    """Boxes of elements in the window: left, right, top, bottom."""
    return page.eval_on_selector_all(
        selector,
        "all => all.map((e) => { const b = e.getBoundingClientRect(); return { left: b.left, right: b.right, top: b.top, bottom: b.bottom }; })",
    )
