"""What a change of training does to biases and accuracies, seed by seed."""

from __future__ import annotations

import pandas as pd
from matplotlib.lines import Line2D

from bvg import study
from companion.analysis.interventions import CHANGES
from companion.figures.base import Figure, canvas, styled
from companion.text import format_number, listed, plural

_COLORS = ("tab:blue", "tab:purple", "tab:orange")
_MARKERS = ("o", "s", "^")


@styled
def interventions(pairs: pd.DataFrame, world: study.World = study.MINIATURE, narrow: bool = False) -> Figure:
    """Draw each quantity before and after each change of training; a line joins the networks of one seed.

    Args:
        pairs: from `companion.analysis.interventions.pairs`.
        world: the benchmarks whose names to print.
        narrow: draw the variant for phones, with two columns of panels.

    Returns:
        `data` is `pairs`.
    """
    columns, changes = list(pd.unique(pairs["column"])), [c for c in CHANGES if c in set(pairs["change"])]
    across = 2 if narrow else 4
    down = -(-max(len(columns), 1) // across)
    figure = canvas(2.0 * down + (0.7 if narrow else 0.4), narrow)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    parts = []
    for axes, column in zip(panels, columns, strict=False):
        own = pairs[pairs["column"] == column]
        for place, change in enumerate(changes):
            of = own[own["change"] == change]
            for pair, marker in zip(of.itertuples(), _MARKERS, strict=False):
                axes.plot([place - 0.2, place + 0.2], [pair.baseline, pair.changed], color=_COLORS[place], linewidth=1)
                axes.plot(
                    place - 0.2, pair.baseline, marker, markersize=4, markerfacecolor="white", markeredgecolor="0.35"
                )
                axes.plot(place + 0.2, pair.changed, marker, markersize=4.5, color=_COLORS[place])
            mean = of["difference"].mean()
            parts.append(f"{world.plain(column)}, {CHANGES[change]}: {format_number(mean)} on average")
        axes.set_title(world.plain(column), fontsize=9, weight="bold")
        axes.set_xticks(range(len(changes)), [CHANGES[c].replace(" ", "\n") for c in changes], fontsize=7)
        axes.set_xlim(-0.6, len(changes) - 0.4)
    for axes in panels[len(columns) :]:
        axes.axis("off")
    seeds = sorted(set(pairs["seed"]))
    handles = [
        Line2D([], [], linestyle="none", marker=m, markersize=4.5, markerfacecolor="white", markeredgecolor="0.35")
        for m in _MARKERS[: len(seeds)]
    ]
    handles.append(Line2D([], [], linestyle="none", marker="o", markersize=4.5, color="0.35"))
    figure.legend(
        handles,
        [*(f"baseline, seed {s}" for s in seeds), "with the change"],
        loc="outside lower center",
        ncols=2 if narrow else len(handles),
    )
    alt = f"{plural(len(columns), 'panel')}: {listed(map(world.plain, columns))} of networks trained without and with {listed(CHANGES[c] for c in changes)}, from the same seeds. Differences: {'; '.join(parts)}."
    return Figure(figure, pairs.reset_index(drop=True), alt)
