"""Correlations before and after clean accuracy is held fixed, and accuracy against clean accuracy."""

from __future__ import annotations

from itertools import product
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bvg import known_models, study
from companion.analysis.effective_robustness import images_of, transform
from companion.analysis.equal_accuracy import reversals
from companion.figures import svg_labels
from companion.figures.base import Figure, canvas, styled
from companion.figures.marks import COLORS, group_name, mark
from companion.text import distinct_sets, format_number, listed, plural, set_name

_UP, _DOWN, _NEITHER = "tab:red", "tab:blue", "0.55"
"""Colours of a significant positive and negative partial correlation, as in the heat maps, and of one that is neither."""


@styled
def equal_accuracy(
    cells: pd.DataFrame, alpha: float = 0.05, world: study.World = study.STUDY, narrow: bool = False
) -> Figure:
    """Draw every correlation twice: over all models of a set (ring), and given ImageNet top-1 (dot with its interval).

    Args:
        cells: from `companion.analysis.equal_accuracy.correlate`.
        alpha: a dot with p < alpha is coloured by its sign.
        world: the benchmarks whose names to print.
        narrow: draw the variant for phones, with one panel per row.

    Returns:
        `data` holds the rows of `cells` of the sets drawn.
    """
    cells = distinct_sets(cells)
    rows, columns, groups = (list(pd.unique(cells[c])) for c in ("row", "column", "group"))
    down, across = (len(groups) * len(rows), 1) if narrow else (len(groups), len(rows))
    height = down * (0.235 * len(columns) + 0.42) + (1.2 if narrow else 0.75)
    figure = canvas(height, narrow)
    panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for axes, (group, row) in zip(panels.flat, product(groups, rows), strict=True):
        own = cells[(cells["group"] == group) & (cells["row"] == row)].set_index("column").reindex(columns)
        _panel(axes, own, alpha)
        name = set_name(group, cells[cells["group"] == group])
        name = name[0].upper() + name[1:]
        if narrow:
            axes.set_title(f"{world.name(row)}, {study.MODEL_SETS[group].short}", fontsize=9, weight="bold")
        elif axes in panels[0]:
            axes.set_title(world.name(row), fontsize=9.5, weight="bold")
        if axes in panels[:, 0] and not narrow:
            axes.set_ylabel(fill(name, 14) if len(columns) < 5 else name, fontsize=9, weight="bold")
    panels[0, 0].set(xlim=(-1.08, 1.08), ylim=(len(columns) - 0.4, -0.6), xticks=[-1, -0.5, 0, 0.5, 1])
    panels[0, 0].set_yticks(range(len(columns)), [world.short(c) for c in columns], fontsize=8.5)
    for axes in panels[-1]:
        axes.set_xlabel("Spearman's r", fontsize=8.5)
    figure.align_ylabels(panels[:, 0])
    ring = Line2D([], [], linestyle="none", marker="o", markersize=5, markerfacecolor="white", markeredgecolor="0.35")
    dots = [Line2D([], [], color=c, marker="o", markersize=5.5, linewidth=1.2) for c in (_UP, _DOWN, _NEITHER)]
    labels = ["raw", "at equal accuracy: positive", "negative", f"p ≥ {alpha:g}"]
    figure.legend([ring, *dots], labels, loc="outside lower center", ncols=2 if narrow else 4)
    return Figure(figure, cells.reset_index(drop=True), _alt(cells, alpha, world))


def _panel(axes: Axes, cells: pd.DataFrame, alpha: float) -> None:
    """Draw one category and set: a row for each bias."""
    axes.axvline(0, color="0.5", linewidth=0.8)
    axes.tick_params(axis="y", length=0)
    for place, cell in enumerate(cells.itertuples()):
        color = _NEITHER if not cell.p < alpha else _UP if cell.partial > 0 else _DOWN
        axes.plot([cell.low, cell.high], [place, place], color=color, linewidth=1.2, alpha=0.6)
        if abs(cell.partial - cell.r) > 0.06:
            arrow = {"arrowstyle": "->", "color": "0.45", "linewidth": 0.9, "shrinkA": 3, "shrinkB": 3, "connectionstyle": "arc3,rad=0.25"}  # fmt: skip
            axes.annotate("", (cell.partial, place), (cell.r, place), arrowprops=arrow)
        axes.plot(cell.r, place, marker="o", markersize=5, markerfacecolor="white", markeredgecolor="0.35")
        axes.plot(cell.partial, place, marker="o", markersize=5.5, color=color)


def _alt(cells: pd.DataFrame, alpha: float, world: study.World) -> str:
    """State, by set, the significant partial correlations whose sign differs from the raw one, and the strongest one."""
    parts = []
    for group, own in cells.groupby("group", sort=False):
        turned = reversals(own, alpha)
        best = own.sort_values("partial", key=abs, ascending=False).head(1)
        names = [f"{world.plain(c.column)} with {world.name(c.row)} from {format_number(c.r)} to {format_number(c.partial)}" for c in (*turned.itertuples(), *best.itertuples())]  # fmt: skip
        parts.append(
            f"Over {set_name(group, own)}: {plural((own['p'] < alpha).sum(), 'significant partial correlation')} of {len(own)}, "
            f"with the sign reversed in {listed(names[:-1])}; strongest: {listed(names[-1:])}"
        )
    return f"Dot plots of Spearman's r with {listed(map(world.name, pd.unique(cells['row'])))}, raw and given ImageNet top-1. {'. '.join(parts)}."


@styled
def accuracy_lines(
    accuracies: pd.DataFrame,
    lines: pd.DataFrame,
    world: study.World = study.STUDY,
    scale: str = "probit",
    narrow: bool = False,
) -> Figure:
    """Draw accuracy on each benchmark against ImageNet top-1, with the line of the standard models.

    Args:
        accuracies: one row per model: model, group and the benchmarks [%].
        lines: from `companion.analysis.effective_robustness.residuals`.
        world: the benchmarks whose names to print.
        scale: the scale of both axes, as for `lines`.
        narrow: draw the variant for phones, with two columns of panels and the legend below.

    Returns:
        `data` has the columns model, benchmark, imagenet, accuracy [%].
    """
    benchmarks = list(lines["benchmark"])
    images = images_of(world)
    across = 2 if narrow else 4
    down = -(-(len(benchmarks) + (not narrow)) // across)
    figure = canvas(1.75 * down + 2 * narrow, narrow)
    panels = figure.subplots(down, across, sharex=True, squeeze=False).ravel()
    x = transform(accuracies["imagenet"].to_numpy(float), images["imagenet"], scale)
    for axes, line in zip(panels, lines.itertuples(), strict=False):
        y = transform(accuracies[line.benchmark].to_numpy(float), images[line.benchmark], scale)
        ends = np.array([np.nanmin(x), np.nanmax(x)])
        axes.plot(ends, line.intercept + line.slope * ends, color="0.6", linewidth=0.9, linestyle=(0, (3, 2)))
        inside = transform(np.array([line.low, line.high]), images["imagenet"], scale)
        axes.plot(inside, line.intercept + line.slope * inside, color="black", linewidth=1.6)
        for place, model in enumerate(accuracies["model"]):
            how = mark(model)
            drawn = how.line([x[place]], [y[place]], 0.55, zorder=3 - how.size / 20)
            values = (
                svg_labels.value_with_unit(c, accuracies[c].iloc[place], world) for c in ("imagenet", line.benchmark)
            )
            axes.add_line(svg_labels.label_mark(drawn, model, *values))
        low, high = np.nanmin(y), np.nanmax(y)
        axes.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))
        axes.set_title(world.name(line.benchmark), fontsize=9, weight="bold")
        _percent(axes, scale)
    for axes in panels[len(benchmarks) :]:
        axes.axis("off")
    if narrow:  # above the legend
        for axes in panels[: len(benchmarks)][-across:]:
            axes.set_xlabel("ImageNet top-1 [%]", fontsize=9)
    else:
        figure.supxlabel("ImageNet top-1 [%]", fontsize=9)
    figure.supylabel("Accuracy on the benchmark [%]", fontsize=9)
    groups = [g for g in pd.unique(known_models.describe(accuracies["model"])["group"]) if g in COLORS]
    handles = [Line2D([], [], linestyle="none", marker="o", markersize=4.5, color=COLORS[g]) for g in groups]
    names = [group_name(g, world) for g in groups]
    handles += [
        Line2D([], [], color="black", linewidth=1.6),
        Line2D([], [], color="0.6", linewidth=0.9, linestyle=(0, (3, 2))),
    ]
    names += ["line of the standard models", "… extended"]
    if narrow:
        figure.legend(handles, names, loc="outside lower center")
    else:
        panels[len(benchmarks)].legend(handles, names, loc="center", fontsize=7.5)
    data = accuracies.melt(["model", "imagenet"], benchmarks, "benchmark", "accuracy")
    alt = f"Scatter plots of accuracy against ImageNet top-1 ({scale} scale), one for each of {listed(map(world.name, benchmarks))}, with the line fitted to {plural(int(lines['n'].max()), 'standard model')}."
    return Figure(figure, data[["model", "benchmark", "imagenet", "accuracy"]], alt)


def _percent(axes: Axes, scale: str) -> None:
    """Label both axes in percent, whatever the scale."""
    levels = np.array([0.1, 0.5, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90])
    places = transform(levels, 50_000, scale)
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        inside = (places > low) & (places < high)
        axis.set_ticks(places[inside], [f"{v:g}" for v in levels[inside]], fontsize=7.5)
