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
    text = page.locator(which).inner_text().replace("\xa0", " ").replace("−", "-")
    found = re.search(r"r = (-?[\d.]+), p = ([\d.]+(?: × 10\S+)?), n = (\d+) models", text)
    assert found, text
    mantissa, _, power = found[2].partition(" × 10")
    exponent = int(power.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))) if power else 0
    return float(found[1]), float(mantissa) * 10.0**exponent, int(found[3])


def agrees(page, x: str, y: str, models, which: str = ".bvgx-r") -> None:
    """Assert that the printed r, p and n, and the full numbers behind them, equal SciPy's."""
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
    """Position of a model's mark in the window, computed from the tick labels of the axes."""
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
