"""How robust the correlations of Figure 2 are, and how those of the spectral biases depend on the cut-offs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from textwrap import fill

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb
from matplotlib.legend_handler import HandlerTuple
from matplotlib.patches import Patch, Rectangle

from bvg import study
from companion.analysis.robustness import FEWEST_FAMILIES, FRAGILE, NOT_SIGNIFICANT, OTHER_DEPENDENCE, ROBUST, VERDICTS
from companion.figures.base import TURNED, Figure, canvas, ink, styled
from companion.figures.marks import group_name
from companion.text import distinct_sets, format_label, format_number, listed, plural, set_name, short_row

_COLORS = ScalarMappable(Normalize(-1, 1), "RdBu_r")
_YELLOW, _GREY = "#fff2b3", "0.45"
_HATCH = {"hatch.color": "white", "hatch.linewidth": 1.6}
"""White lines on a pale face keep the text legible."""
_MEANINGS = {
    ROBUST: ": passes every possible check",
    FRAGILE: ": significant, fails a check",
    OTHER_DEPENDENCE: ": only the distance correlation is significant",
}


@styled
def robustness(
    checked: pd.DataFrame,
    world: study.World = study.STUDY,
    set_apart: Sequence[str] = ("adversarial_training",),
    narrow: bool = False,
) -> Figure:
    """Draw Figure 2 with each correlation coloured by its robustness; r above its bootstrap interval.

    Cells that pass every check have full colour. Fragile ones are pale and hatched. Dependence that only the distance
    correlation detects is yellow, with that correlation below r. All other cells are white.

    Args:
        checked: the cells with their verdicts, from `companion.analysis.robustness`.
        world: the benchmarks and groups whose names to print.
        set_apart: groups of models that make up the set `at`.
        narrow: draw the variant for phones, with short names and without intervals.

    Returns:
        `data` holds the rows of `checked` of the sets drawn.
    """
    checked = distinct_sets(checked)
    rows, columns, groups = (pd.unique(checked[c]) for c in ("row", "column", "group"))
    height = len(groups) * ((0.36 if narrow else 0.46) * len(rows) + 0.34) + (2.0 if narrow else 1.1)
    figure = canvas(height, narrow)
    panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    parts = []
    for axes, group in zip(panels, groups, strict=True):
        own = checked[checked["group"] == group]
        for cell in own.itertuples():
            _cell(axes, list(columns).index(cell.column), list(rows).index(cell.row), cell, narrow)
        _bare(axes, len(columns), len(rows))
        title = _title(group, own, world, set_apart)
        axes.set_title(fill(title, 32) if narrow else title, fontsize=10, weight="bold")
        names = [short_row(r, world) if narrow else world.name(r) for r in rows]
        axes.set_yticks(np.arange(len(rows)) + 0.5, names, fontsize=8.5 if narrow else 9.5)
        parts.append(f"{title}: {_counts(own, world)}")
    labels = [world.short(c) if narrow else fill(world.plain(c), 14) for c in columns]
    turned = TURNED if narrow else {}
    panels[-1].set_xticks(np.arange(len(columns)) + 0.5, labels, fontsize=9, **turned)
    verdicts = [v for v in VERDICTS if v in set(checked["verdict"])]
    figure.legend(
        [_swatch(v) for v in verdicts],
        [v + ("" if narrow else _MEANINGS.get(v, "")) for v in verdicts],
        loc="outside lower center",
        ncols=1 if narrow else 2,
        handlelength=2.8,
        handleheight=1.2,
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
    )
    alt = (
        f"{plural(len(groups), 'heat map')} of Spearman's r, {plural(len(rows), 'category', 'categories')} of generalization by "
        f"{plural(len(columns), 'bias', 'biases')}, coloured where robust. {'. '.join(parts)}."
    )
    return Figure(figure, checked.reset_index(drop=True), alt)


def _counts(cells: pd.DataFrame, world: study.World) -> str:
    """Count the verdicts of a set of models, and name its two strongest robust correlations."""
    counts = cells["verdict"].value_counts()
    text = listed(f"{counts[v]} {v}" for v in VERDICTS if v in counts)
    robust = cells[cells["verdict"] == ROBUST].sort_values("r", key=abs, ascending=False).head(2)
    pairs = [f"{world.name(c.row)} with {world.plain(c.column)} {format_number(c.r)}" for c in robust.itertuples()]
    return text + (f"; strongest robust: {listed(pairs)}" if pairs else "")


def _cell(axes: Axes, x: int, y: int, cell, narrow: bool = False) -> None:
    """Draw one cell (a row of the table) at column x and row y: r above the interval or the distance correlation."""
    face, hatch, ink = _look(cell.verdict, cell.r)
    with matplotlib.rc_context(_HATCH):
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=face, hatch=hatch, linewidth=0))
    if np.isnan(cell.r):
        axes.text(x + 0.5, y + 0.5, "n.d.", ha="center", va="center", fontsize=9, color=ink)
        return
    at, size = (0.5, 8.5) if narrow else (0.34, 10.5)
    axes.text(x + 0.5, y + at, format_number(cell.r), ha="center", va="center", fontsize=size, color=ink,
              weight="bold" if cell.verdict == ROBUST else "normal")  # fmt: skip
    if narrow:
        return
    if cell.verdict == OTHER_DEPENDENCE:
        below = f"distance {format_number(cell.dcor)}"
    else:
        below = "" if np.isnan(cell.low) else f"{format_number(cell.low)} to {format_number(cell.high)}"
    axes.text(x + 0.5, y + 0.74, below, ha="center", va="center", fontsize=8, color=ink)


def _look(verdict: str, r: float) -> tuple[object, str | None, str]:
    """Return the face colour, hatch and text colour of a cell."""
    if verdict == ROBUST:
        face = _COLORS.to_rgba(r)
        return face, None, ink(face)
    if verdict == FRAGILE:
        return _pale(np.sign(r) * 0.6), "///", "0.15"  # one paleness, whatever the size of r
    if verdict == OTHER_DEPENDENCE:
        return _YELLOW, None, "0.15"
    return ("white", None, _GREY) if verdict == NOT_SIGNIFICANT else ("0.87", "////", "0.3")


def _pale(r: float) -> tuple[float, ...]:
    """Return the colour of r, mixed with white."""
    return tuple(1 - (1 - np.array(to_rgb(_COLORS.to_rgba(r)))) * 0.45)


def _swatch(verdict: str) -> Patch | tuple[Patch, ...]:
    """Return the legend handle of a verdict: one patch, or a negative and a positive one."""
    with matplotlib.rc_context(_HATCH):
        if verdict in (ROBUST, FRAGILE):
            looks = [_look(verdict, r) for r in (-0.8, 0.8)]
            return tuple(Patch(facecolor=face, hatch=hatch, linewidth=0) for face, hatch, _ in looks)
        face, hatch, _ = _look(verdict, 0.0)
        return Patch(facecolor=face, hatch=hatch, edgecolor="0.6", linewidth=0.6)


def _bare(axes: Axes, width: int, height: int) -> None:
    """Turn axes into a grid of unit cells, the first row on top, without ticks."""
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.grid(False)
    axes.tick_params(length=0)
    for x in range(1, width):
        axes.axvline(x, color="0.85", linewidth=0.8)
    for y in range(1, height):
        axes.axhline(y, color="0.85", linewidth=0.8)
    for spine in axes.spines.values():
        spine.set(visible=True, color="0.6")


def _title(group: str, cells: pd.DataFrame, world: study.World, set_apart: Sequence[str]) -> str:
    """Return the name of a set of models as a heading, with its families; groups set apart by a parameter are named."""
    if group == "at" and list(set_apart) != ["adversarial_training"]:
        name = f"{cells['n'].max()} of {listed(group_name(g, world) for g in set_apart)}"
    else:
        name = set_name(group, cells)
    families = int(cells["families"].max())
    few = ": no check by families" if families < FEWEST_FAMILIES else ""
    return f"{name[0].upper()}{name[1:]}, {plural(families, 'family', 'families')}{few}"


@styled
def windows(
    table: pd.DataFrame, world: study.World = study.STUDY, group: str = "total", narrow: bool = False
) -> Figure:
    """Draw the correlations of the spectral biases for every window of cut-offs, as triangles of first and last cut-off.

    Significant correlations are coloured, others grey; the window in use is outlined.

    Args:
        table: from `companion.analysis.definitions.windows`.
        world: the benchmarks and groups whose names to print.
        group: the set of models to draw.
        narrow: draw the variant for phones, with a row per category instead of one per bias.

    Returns:
        `data` is `table`, with all sets.
    """
    own = table[table["group"] == group]
    biases, categories = pd.unique(own["bias"]), pd.unique(own["category"])
    cutoffs = sorted(set(own["first"]) | set(own["last"]))
    figure = canvas((1.6 * len(categories) if narrow else 1.75 * len(biases)) + 0.9, narrow)
    shape = (len(categories), len(biases)) if narrow else (len(biases), len(categories))
    grid = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    panels = grid.T if narrow else grid  # a row per bias, a column per category
    parts = []
    for axes, (bias, category) in zip(panels.flat, product(biases, categories), strict=True):
        cells = own[(own["bias"] == bias) & (own["category"] == category)]
        _triangle(axes, cells, cutoffs)
        signs = np.sign(cells["shown"].dropna())
        parts.append(
            f"{world.plain(bias)} with {world.name(category)}: r from {format_label(cells['r'].min())} to {format_label(cells['r'].max())}, "
            f"{plural((signs > 0).sum(), 'significant window')} positive, {(signs < 0).sum()} negative"
        )
    for axes, category in zip(panels[0], categories, strict=True):
        axes.set_title("" if narrow else world.name(category), fontsize=9.5, weight="bold")
        axes.set_ylabel(f"{world.name(category)}\nfirst cut-off" if narrow else "")
    for axes, bias in zip(panels[:, 0], biases, strict=True):
        if narrow:
            axes.set_title(fill(world.plain(bias), 14), weight="bold")
        else:
            axes.set_ylabel(f"{world.plain(bias)}\nfirst cut-off")
    for axes in grid[-1]:
        axes.set_xlabel("last cut-off")
    bar = figure.colorbar(_COLORS, ax=list(panels.flat), location="bottom", shrink=0.6, aspect=35, pad=0.02, ticks=[-1, -0.5, 0, 0.5, 1])  # fmt: skip
    bar.set_label("Spearman's r (grey: not significant)", fontsize=9)
    bar.outline.set_visible(False)
    count = plural(len(own) // max(len(biases) * len(categories), 1), "window")
    return Figure(figure, table.reset_index(drop=True), f"Triangles of all {count} of cut-offs. {'; '.join(parts)}.")


def _triangle(axes: Axes, cells: pd.DataFrame, cutoffs: Sequence[float]) -> None:
    """Draw one bias and category: a square per window, at its last (x) and first (y) cut-off."""
    place = {c: i for i, c in enumerate(cutoffs)}
    for cell in cells.sort_values("chosen", kind="stable").itertuples():  # the outlined ones last, on top
        at = (place[cell.last], place[cell.first])
        face = _COLORS.to_rgba(cell.shown) if abs(cell.shown) > 0 else "0.88"
        axes.add_patch(Rectangle(at, 1, 1, facecolor=face, edgecolor="white", linewidth=0.6))
        if cell.chosen:
            axes.add_patch(Rectangle(at, 1, 1, facecolor="none", edgecolor="black", linewidth=1.4))
    axes.set(xlim=(0, len(cutoffs)), ylim=(len(cutoffs), 0), aspect="equal")
    axes.grid(False)
    axes.tick_params(length=2)
    axes.spines[["left", "bottom"]].set_visible(False)
    some = np.arange(0, len(cutoffs), 2)
    axes.set_yticks(some + 0.5, [f"{cutoffs[k]:g}" for k in some])
    axes.set_xticks(some + 0.5, [f"{cutoffs[k]:g}" for k in some], rotation=90)
