"""Heat maps of rank correlations between biases, categories and benchmarks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise, product
from textwrap import fill

import numpy as np
import pandas as pd
import seaborn
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle

from bvg import study
from companion.figures.base import TURNED, Figure, canvas, ink, styled
from companion.text import distinct_sets, format_label, listed, plural, set_name, short_row, strongest

COLORMAP = "RdBu_r"


@styled
def correlation_heatmap(
    cells: pd.DataFrame, world: study.World = study.STUDY, explorer: str | None = None, narrow: bool = False
) -> Figure:
    """Draw Figure 2: Spearman's r of every category with every bias, one heat map per set of models.

    A correlation that is not significant is printed as 0 (grey), an undefined one as n.d. (hatched). If all models or none
    are adversarially trained, there is one heat map, over all models.

    Args:
        cells: from `bvg.results.correlation.correlate(scores, categories, biases, known_models.figure2_groups(...))`.
        world: the benchmarks and groups whose names to print.
        explorer: the explorer's view that the cells link to: `plain`, or `equal` for equal ImageNet accuracy; None for no links.
        narrow: draw the variant for phones, with short names.

    Returns:
        `data` with the columns generalization, bias, group, r, p, n, shown; only the sets drawn.
    """
    cells = distinct_sets(cells)
    rows, columns, groups = (pd.unique(cells[c]) for c in ("row", "column", "group"))
    height = len(groups) * (0.34 * len(rows) + 0.32) + (1.6 if narrow else 1.0)
    figure = canvas(height, narrow)
    panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    for axes, group in zip(panels, groups, strict=True):
        own = cells[cells["group"] == group]
        _heat(axes, own, rows, columns, fontsize=8.5 if narrow else 10)
        axes.set_title(_title(own), fontsize=10, weight="bold")
        if explorer:
            kinds = [*([explorer] if explorer != "plain" else []), *([] if group == "total" else ["apart"])]
            _link(axes, product(enumerate(rows), enumerate(columns)), kinds)
        labels = [short_row(r, world) if narrow else world.name(r) for r in rows]
        axes.set_yticks(np.arange(len(rows)) + 0.5, labels, rotation=0, fontsize=8.5 if narrow else 9.5)
    names = [world.short(c) if narrow else fill(world.plain(c), 14) for c in columns]
    turned = TURNED if narrow else {"rotation": 0}
    panels[-1].set_xticks(np.arange(len(columns)) + 0.5, names, fontsize=9, **turned)
    _colorbar(figure, panels, "bottom")
    data = cells.rename(columns={"row": "generalization", "column": "bias"})
    alt = (
        f"{plural(len(groups), 'heat map')} of Spearman's r, {plural(len(rows), 'category', 'categories')} of generalization "
        f"by {plural(len(columns), 'bias', 'biases')}. {strongest(cells, world)}"
    )
    return Figure(figure, data.reset_index(drop=True), alt)


@styled
def correlation_matrix(
    cells: pd.DataFrame,
    order: Sequence[str],
    blocks: Mapping[str, Sequence[str]] | None = None,
    world: study.World = study.STUDY,
    explorer: bool = False,
    narrow: bool = False,
) -> Figure:
    """Draw the lower triangle of a symmetric matrix of Spearman's r, as in Figure 3.

    Args:
        cells: from `bvg.results.correlation.correlate(scores, order, order)`.
        order: columns of the scores table, from top to bottom.
        blocks: name -> members, separated by lines; for benchmarks these are `world.categories`.
        world: the benchmarks and groups whose names to print.
        explorer: whether the cells link to their scatter plot in the explorer.
        narrow: draw the variant for phones, with short names and without the names of blocks.

    Returns:
        `data` with the columns row, column, r, p, n, shown: the whole matrix, both triangles.
    """
    cells = cells[cells["row"].isin(list(order)) & cells["column"].isin(list(order))]
    below = [order.index(r) > order.index(c) for r, c in zip(cells["row"], cells["column"], strict=True)]
    drawn = cells[below]
    size = len(order) - 1
    figure = canvas(0.36 * size + 1.9 if narrow else 0.42 * size + 1.0, narrow)
    axes = figure.subplots()
    many = size > 6
    _heat(axes, drawn, order[1:], order[:-1], fontsize=8.2 if narrow else 8.5 if many else 9.5, short=narrow and many)
    rows = [world.short(r) if narrow else world.plain(r) for r in order[1:]]
    axes.set_yticks(np.arange(size) + 0.5, rows, rotation=0, fontsize=9)
    turned = TURNED if many or narrow else {"rotation": 0}
    short = [world.short(c) for c in order[:-1]]
    names = short if many or narrow else [fill(name, 11) for name in short]
    axes.set_xticks(np.arange(size) + 0.5, names, fontsize=9, **turned)
    axes.set_title(_title(drawn), fontsize=10, weight="bold")
    _blocks(axes, order, blocks or {}, world, named=not narrow)
    if explorer:
        places = product(enumerate(order[1:]), enumerate(order[:-1]))
        _link(axes, [((i, row), (j, column)) for (i, row), (j, column) in places if j <= i])
    _colorbar(figure, [axes], "bottom" if narrow else "right")
    alt = (
        f"Triangular heat map of Spearman's r between {listed(map(world.plain, order))}. {strongest(drawn, world)} "
        f"{(drawn['shown'] > 0).sum()} of the {len(drawn)} pairs correlate positively, {(drawn['shown'] < 0).sum()} negatively."
    )
    return Figure(figure, cells.drop(columns="group").reset_index(drop=True), alt)


def _link(axes: Axes, places: Iterable[tuple[tuple[int, str], tuple[int, str]]], kinds: Sequence[str] = ()) -> None:
    """Lay a link to the explorer over cells, each given by number and name of its row and its column.

    `kinds` are the kinds of view to open (see explorer-state.js). A drawing lies in a folder next to the pages.
    """
    view = f"&view={','.join(kinds)}" if kinds else ""
    for (i, row), (j, column) in places:
        target = f"../explorer.html#x={column}&y={row}{view}"
        axes.add_patch(Rectangle((j, i), 1, 1, facecolor=(1, 1, 1, 0), edgecolor="none", url=target, zorder=5))


def _title(cells: pd.DataFrame) -> str:
    """Return the name of the cells' set of models as a heading: `All 48 models`."""
    name = set_name(cells["group"].iloc[0], cells)
    return name[0].upper() + name[1:]


def _blocks(
    axes: Axes, order: Sequence[str], blocks: Mapping[str, Sequence[str]], world: study.World, named: bool = True
) -> None:
    """Draw lines between the blocks of a triangular matrix, and the blocks' names left of their rows."""
    member = {m: name for name, members in blocks.items() for m in members}
    for k, (before, after) in enumerate(pairwise(order), start=1):
        if member.get(before) != member.get(after):
            corner = [(0, k - 1), (k, k - 1), (k, len(order) - 1)]
            axes.plot(
                *zip(*corner[: 2 if k == len(order) - 1 else 3], strict=True),
                color="black",
                linewidth=1.2,
                clip_on=False,
            )
    places = {name: [i + 0.5 for i, o in enumerate(order[1:]) if member.get(o) == name] for name in blocks}
    places = {name: at for name, at in places.items() if at}
    if places and named:
        second = axes.secondary_yaxis(-0.28)
        second.set_yticks(
            [np.mean(at) for at in places.values()], [fill(world.name(n), 12) for n in places], weight="bold"
        )
        second.tick_params(length=0, labelsize=8.5)
        second.spines["left"].set_visible(False)


def _heat(
    axes: Axes, cells: pd.DataFrame, rows: Sequence[str], columns: Sequence[str], fontsize: float, short: bool = False
) -> None:
    """Draw one annotated heat map of `shown`; cells without an entry in `cells` stay empty.

    `short` drops the zero before the decimal point, where cells are small.
    """
    most = cells["n"].max()
    text = [
        format_label(v) + (f"\nn = {n}" if n < most else "") for v, n in zip(cells["shown"], cells["n"], strict=True)
    ]
    text = [t.replace("0.", ".", 1) for t in text] if short else text
    cells = cells.assign(text=text)
    shown, text = (
        cells.pivot(index="row", columns="column", values=v).reindex(rows, columns=columns) for v in ("shown", "text")
    )
    seaborn.heatmap(
        shown.astype(float), ax=axes, annot=text.fillna(""), fmt="", vmin=-1, vmax=1, cmap=COLORMAP, cbar=False,
        linewidths=1, linecolor="white", xticklabels=False, yticklabels=False, annot_kws={"fontsize": fontsize},
    )  # fmt: skip
    for artist in axes.texts:
        value = shown.iat[int(artist.get_position()[1]), int(artist.get_position()[0])]
        artist.set_color("0.42" if value == 0 else ink(colormaps[COLORMAP]((value + 1) / 2)))
        if "\n" in artist.get_text():
            artist.set_fontsize(max(fontsize - 2, 7))
    for i, j in np.argwhere((shown.isna() & text.notna()).to_numpy()):
        axes.add_patch(Rectangle((j, i), 1, 1, facecolor="0.95", hatch="////", edgecolor="0.75", linewidth=0))
        axes.text(j + 0.5, i + 0.5, text.iat[i, j], ha="center", va="center", fontsize=fontsize - 2, color="0.3")
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0)
    axes.grid(False)


def _colorbar(figure: Canvas, panels: Sequence[Axes], location: str) -> None:
    """Add the colour scale of r, from -1 to 1, at a side of the panels."""
    bar = figure.colorbar(
        panels[0].collections[0],
        ax=list(panels),
        location=location,
        shrink=0.6,
        aspect=35,
        pad=0.02,
        ticks=[-1, -0.5, 0, 0.5, 1],
    )
    bar.set_label("Spearman's r", fontsize=9)
    bar.outline.set_visible(False)
