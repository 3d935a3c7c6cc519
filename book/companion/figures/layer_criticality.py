"""Heat map of the criticality of every layer of every model."""

from __future__ import annotations

import re
from itertools import groupby

import pandas as pd
from matplotlib.axes import Axes

from bvg import known_models, study
from companion.figures import svg_labels
from companion.figures.base import Figure, canvas, styled
from companion.figures.marks import group_name
from companion.text import format_number, plural

COLORMAP = "viridis"
_NAMES = {"conv1": "stem", "fc": "class."}


@styled
def layer_criticality(layers: pd.DataFrame, world: study.World = study.STUDY, narrow: bool = False) -> Figure:
    """Draw the criticality of each layer (columns, by depth) of each model (rows, by group).

    Args:
        layers: from `companion.analysis.layer_criticality.by_layer`.
        world: the groups whose names to print.
        narrow: draw the variant for phones, without the names of the groups.

    Returns:
        `data` is `layers`.
    """
    wide = layers.pivot(index="model", columns="layer", values="criticality")
    wide = wide.loc[pd.unique(layers["model"]), pd.unique(layers["layer"])]
    figure = canvas((0.165 if narrow else 0.155) * len(wide) + 1.2, narrow)
    axes = figure.subplots()
    image = axes.imshow(wide.to_numpy(float), aspect="auto", cmap=COLORMAP, vmin=0, vmax=1, interpolation="nearest")
    axes.set_yticks(range(len(wide)), known_models.describe(wide.index)["name"], fontsize=8.2 if narrow else 8)
    for label, model in zip(axes.get_yticklabels(), wide.index, strict=True):
        svg_labels.label_mark(label, model, f"Mean criticality {format_number(wide.loc[model].mean())}")
    axes.tick_params(length=0)
    axes.grid(False)
    _stages(axes, list(wide.columns), narrow)
    _groups(axes, layers.drop_duplicates("model")["group"], world, named=not narrow)
    bar = figure.colorbar(image, ax=axes, location="bottom", shrink=0.7, aspect=35, pad=0.02, ticks=[0, 0.5, 1])
    bar.set_label("Criticality" if narrow else "Criticality (0: a random layer does as well)", fontsize=9)
    bar.outline.set_visible(False)
    return Figure(figure, layers, _alt(layers, world))


def _stage(layer: str) -> str:
    """Return the part of the network that a layer belongs to.

    >>> _stage("layer2.0.conv1"), _stage("fc"), _stage("blocks.0.reduce")
    ('stage 2', 'class.', 'blocks.0')
    """
    first = re.match(r"[a-z_]+\.\d+|[^.]+", layer)[0]
    numbered = re.fullmatch(r"layer(\d+)", first)
    return f"stage {numbered[1]}" if numbered else _NAMES.get(first, first)


def _stages(axes: Axes, columns: list[str], narrow: bool) -> None:
    """Name the stages below the columns, with a line between two."""
    start, ticks = 0, {}
    for name, members in groupby(map(_stage, columns)):
        stop = start + len(list(members))
        ticks[(start + stop - 1) / 2] = name
        if start:
            axes.axvline(start - 0.5, color="white", linewidth=1.2)
        start = stop
    # On a phone, only the numbers fit: the stem and the classifier are single columns at the two ends.
    shown = {at: n.removeprefix("stage ") for at, n in ticks.items() if n.startswith("stage")} if narrow else ticks
    shown = shown or ticks
    axes.set_xticks(list(shown), list(shown.values()), fontsize=8.5 if narrow else 8)
    if narrow and shown != ticks:
        axes.set_xlabel("Stage", fontsize=8.5)


def _groups(axes: Axes, groups: pd.Series, world: study.World, named: bool) -> None:
    """Draw a line between groups of models and, with `named`, their names on the right."""
    start, names = 0, {}
    for group, members in groupby(groups):
        stop = start + len(list(members))
        name = group_name(group, world)
        names[(start + stop - 1) / 2] = name.replace(" ", "\n", 1) if stop - start > 1 else name
        if start:
            axes.axhline(start - 0.5, color="white", linewidth=2.4)
        start = stop
    if named:
        right = axes.secondary_yaxis("right")
        right.set_yticks(list(names), list(names.values()), fontsize=8, weight="bold")
        right.tick_params(length=0)
        right.spines["right"].set_visible(False)


def _alt(layers: pd.DataFrame, world: study.World) -> str:
    """State the size of the heat map, the groups with the lowest and highest mean, and the layers likewise."""
    models, count = layers["model"].nunique(), layers["layer"].nunique()
    ends = []
    for key, name in (("group", lambda g: group_name(g, world)), ("layer", str)):
        means = layers.groupby(key, sort=False)["criticality"].mean().sort_values(kind="stable")
        low, high = means.index[0], means.index[-1]
        ends.append(
            f"Lowest mean by {key}: {name(low)} ({format_number(means[low])}); highest: {name(high)} ({format_number(means[high])})"
        )
    return f"Heat map of the criticality of {plural(count, 'layer')} of {plural(models, 'model')}, from 0 to 1. {'. '.join(ends)}."
