"""How firm Figure 2 is, at a glance; and the correlations of the spectral biases over all windows of cut-offs."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure as Canvas
from matplotlib.legend_handler import HandlerTuple
from matplotlib.patches import Patch, Rectangle

from bvg import study
from companion.figures.base import WIDTH, Figure, styled
from companion.figures.marks import group_name
from companion.text import distinct_sets, listed, number, plural, set_name, signed

_COLORS = ScalarMappable(Normalize(-1, 1), "RdBu_r")
_PALE, _BENT, _GREY = 0.7, "#fff2b3", "0.45"
_HATCH = {"hatch.color": "white", "hatch.linewidth": 1.6}
"""White lines on a pale face leave the type legible."""
_KINDS = {
    "firm": "firm: passes every check",
    "fragile": "fragile: significant, fails a check",
    "not monotonic": "not monotonic: only distance correlation sees it",
    "nothing": "nothing significant",
    "not defined": "not defined",
}


@styled
def firmness(
    firm: pd.DataFrame, world: study.World = study.STUDY, set_apart: Sequence[str] = ("adversarial_training",)
) -> Figure:
    """Figure 2 coloured by how firm each correlation is: r, and below it the bootstrap interval.

    Full colour is kept for cells that pass every check; fragile ones are pale and hatched, dependence that is not monotonic is
    yellow (with the distance correlation below r), the rest is white.

    Args:
        firm: from `companion.analysis.robustness.firmness`.
        world: whose names to print.
        set_apart: groups of models that make up the set `at`.

    Returns:
        `data` is `firm` of the sets drawn.
    """
    firm = distinct_sets(firm)
    rows, columns, groups = (pd.unique(firm[c]) for c in ("row", "column", "group"))
    figure = Canvas(
        figsize=(WIDTH, len(groups) * (0.46 * len(rows) + 0.34) + 1.1), facecolor="white", layout="constrained"
    )
    panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    for axes, group in zip(panels, groups, strict=True):
        own = firm[firm["group"] == group]
        for cell in own.itertuples():
            _cell(axes, list(columns).index(cell.column), list(rows).index(cell.row), cell)
        _bare(axes, len(columns), len(rows))
        axes.set_title(_title(group, own, world, set_apart), fontsize=10, weight="bold")
        axes.set_yticks(np.arange(len(rows)) + 0.5, [world.name(r) for r in rows], fontsize=9.5)
    panels[-1].set_xticks(np.arange(len(columns)) + 0.5, [fill(world.plain(c), 14) for c in columns], fontsize=9)
    kinds = [k for k in _KINDS if k in set(firm["verdict"])]
    figure.legend(
        [_swatch(k) for k in kinds],
        [_KINDS[k] for k in kinds],
        loc="outside lower center",
        ncols=2,
        handlelength=2.8,
        handleheight=1.2,
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
    )
    parts = []
    for group in groups:
        own = firm[firm["group"] == group]
        counts = own["verdict"].value_counts()
        strong = own[own["verdict"] == "firm"].sort_values("r", key=abs, ascending=False)
        best = [f"{world.name(c.row)} with {world.plain(c.column)} {signed(c.r)}" for c in strong.head(2).itertuples()]
        found = listed(f"{counts[k]} {k}" for k in kinds if k in counts)
        title = _title(group, own, world, set_apart)
        parts.append(f"{title}: {found}" + (f"; the strongest firm ones are {listed(best)}" if best else ""))
    alt = (
        f"{plural(len(groups), 'heat map')} of Spearman's r, {plural(len(rows), 'category', 'categories')} of generalization by "
        f"{plural(len(columns), 'bias', 'biases')}, coloured where firm. {'. '.join(parts)}."
    )
    return Figure(figure, firm.reset_index(drop=True), alt)


def _cell(axes: Axes, x: int, y: int, cell) -> None:
    face, hatch, ink = _look(cell.verdict, cell.r)
    with matplotlib.rc_context(_HATCH):
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=face, hatch=hatch, linewidth=0))
    firm = cell.verdict == "firm"
    if np.isnan(cell.r):
        axes.text(x + 0.5, y + 0.5, "n.d.", ha="center", va="center", fontsize=9, color=ink)
        return
    axes.text(x + 0.5, y + 0.34, signed(cell.r), ha="center", va="center", fontsize=10.5, color=ink,
              weight="bold" if firm else "normal")  # fmt: skip
    if cell.verdict == "not monotonic":
        below = f"distance {signed(cell.dcor)}"
    else:
        below = "" if np.isnan(cell.low) else f"{signed(cell.low)} to {signed(cell.high)}"
    axes.text(x + 0.5, y + 0.74, below, ha="center", va="center", fontsize=8, color=ink)


def _look(verdict: str, r: float) -> tuple[object, str | None, str]:
    """Face, hatch and colour of the type."""
    if verdict == "firm":
        return _COLORS.to_rgba(r), None, "white" if abs(r) > 0.62 else "0.05"
    if verdict == "fragile":
        # A hue of its own sign, told from the firm ones by being pale whatever its r.
        return _pale(np.sign(r) * 0.6), "///", "0.15"
    if verdict == "not monotonic":
        return _BENT, None, "0.15"
    return ("white", None, _GREY) if verdict == "nothing" else ("0.87", "////", "0.3")


def _pale(r: float) -> tuple[float, ...]:
    return tuple(1 - (1 - np.array(to_rgb(_COLORS.to_rgba(r)))) * (1 - _PALE + 0.15))


def _swatch(verdict: str) -> Patch | tuple[Patch, ...]:
    with matplotlib.rc_context(_HATCH):
        if verdict in ("firm", "fragile"):
            looks = [_look(verdict, r) for r in (-0.8, 0.8)]
            return tuple(Patch(facecolor=face, hatch=hatch, linewidth=0) for face, hatch, _ in looks)
        face, hatch, _ = _look(verdict, 0.0)
        return Patch(facecolor=face, hatch=hatch, edgecolor="0.6", linewidth=0.6)


def _bare(axes: Axes, width: int, height: int) -> None:
    """Axes of unit cells, the first row on top, with white lines between and a grey one around."""
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
    if group == "at" and list(set_apart) != ["adversarial_training"]:
        return f"{cells['n'].max()} of {listed(group_name(g, world) for g in set_apart)}"
    name = set_name(group, cells)
    return name[0].upper() + name[1:]


@styled
def windows(table: pd.DataFrame, world: study.World = study.STUDY, group: str = "total") -> Figure:
    """Correlations of the spectral biases over every window of cut-offs: triangles of the first and the last cut-off.

    Significant correlations are coloured, others grey; the window in use is outlined.

    Args:
        table: from `companion.analysis.definitions.windows`.
        world: whose names to print.
        group: the set of models.

    Returns:
        `data` is `table` of all sets.
    """
    own = table[table["group"] == group]
    biases, categories = pd.unique(own["bias"]), pd.unique(own["category"])
    cutoffs = sorted(set(own["first"]) | set(own["last"]))
    figure = Canvas(figsize=(WIDTH, 1.75 * len(biases) + 0.9), facecolor="white", layout="constrained")
    panels = figure.subplots(len(biases), len(categories), sharex=True, sharey=True, squeeze=False)
    place = {c: i for i, c in enumerate(cutoffs)}
    parts = []
    for i, bias in enumerate(biases):
        for j, category in enumerate(categories):
            axes, cells = panels[i, j], own[(own["bias"] == bias) & (own["category"] == category)]
            for cell in cells.itertuples():
                face = "0.88" if not abs(cell.shown) > 0 else _COLORS.to_rgba(cell.shown)
                at = (place[cell.last], place[cell.first])
                axes.add_patch(Rectangle(at, 1, 1, facecolor=face, edgecolor="white", linewidth=0.6))
            for cell in cells[cells["chosen"]].itertuples():
                at = (place[cell.last], place[cell.first])
                axes.add_patch(Rectangle(at, 1, 1, facecolor="none", edgecolor="black", linewidth=1.4))
            axes.set(xlim=(0, len(cutoffs)), ylim=(len(cutoffs), 0), aspect="equal")
            axes.grid(False)
            axes.tick_params(length=2)
            axes.spines[["left", "bottom"]].set_visible(False)
            signs = np.sign(cells["shown"].dropna())
            parts.append(
                f"{world.plain(bias)} with {world.name(category)}: r from {number(cells['r'].min())} to "
                f"{number(cells['r'].max())}, {(signs > 0).sum()} significant windows positive, {(signs < 0).sum()} negative"
            )
            if i == 0:
                axes.set_title(world.name(category), fontsize=9.5, weight="bold")
        panels[i, 0].set_ylabel(f"{world.plain(bias)}\nfirst cut-off")
    some = np.arange(0, len(cutoffs), 2)
    for axes in panels.flat:
        axes.set_yticks(some + 0.5, [f"{cutoffs[k]:g}" for k in some])
        axes.set_xticks(some + 0.5, [f"{cutoffs[k]:g}" for k in some], rotation=90)
    for axes in panels[-1]:
        axes.set_xlabel("last cut-off")
    bar = figure.colorbar(_COLORS, ax=list(panels.flat), location="bottom", shrink=0.6, aspect=35, pad=0.02, ticks=[-1, -0.5, 0, 0.5, 1])  # fmt: skip
    bar.set_label("Spearman's r (grey: not significant)", fontsize=9)
    bar.outline.set_visible(False)
    alt = f"Triangles of all {plural(len(own) // max(len(biases) * len(categories), 1), 'window')} of cut-offs. {'; '.join(parts)}."
    return Figure(figure, table.reset_index(drop=True), alt)
