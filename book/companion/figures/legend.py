"""Legends: the figure that names every model's mark, and the legend of model groups within other figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.legend_handler import HandlerTuple

from bvg import known_models, study
from companion.figures import svg_labels
from companion.figures.base import Figure, canvas, styled
from companion.figures.marks import GROUP_NAMES, group_name, mark

LEGEND = {
    "handler_map": {tuple: HandlerTuple(ndivide=None, pad=0.4)},
    "handlelength": 3.6,
    "handletextpad": 1,
}
"""Matplotlib settings of every legend of groups: the marks of one group stand side by side."""


def sections(table: pd.DataFrame, world: study.World = study.STUDY) -> list[tuple[str, str, pd.DataFrame]]:
    """Split models by group; the miniature's models form sections of their own.

    Args:
        table: from `known_models.describe`.
        world: the images that the models were measured on.

    Returns:
        Group id, printed name and rows of `table`, in the order of the paper's legend.
    """
    small = table.index.isin(known_models.miniature().index)
    apart = " (mini)" if world is study.STUDY else ""
    parts = []
    for group in GROUP_NAMES:
        for names, which, suffix in ((study.STUDY, ~small, ""), (study.MINIATURE, small, apart)):
            members = table[which & (table["group"] == group)]
            if len(members):
                parts.append((group, group_name(group, names) + suffix, members))
    return parts


def key(models: Sequence[str], world: study.World = study.STUDY) -> tuple[list[Any], list[str], list[tuple[str, bool]]]:
    """Return handles, labels and SVG entries (see `svg_labels.label_legend`) of a legend of the groups of `models`.

    Up to three marks stand for a group. Adversarially trained models have one entry per norm, with the range of epsilon.
    """
    handles, labels, entries = [], [], []
    for group, name, members in sections(known_models.describe(list(models)), world):
        for norm in ("l2", "linf") if group == "adversarial_training" else ("",):
            same = members[members["norm"] == norm] if norm else members
            if same.empty:
                continue
            strength = ""
            if norm:
                same = same.sort_values("epsilon", kind="stable")
                low, high = (f"{e:g}" for e in same["epsilon"].iloc[[0, -1]])
                symbol, unit = {"l2": ("L2", ""), "linf": ("L∞", "/255")}[norm]
                strength = f", {symbol}, ε = {low if low == high else f'{low} to {high}'}{unit}"
            ids = same.index if len(same) < 4 or group == "new" else same.index[[0, len(same) // 2, -1]]
            distinct = list(dict.fromkeys(mark(m) for m in ids))
            handles.append(tuple(m.line(scale=0.85) for m in distinct[:3]))
            labels.append(name + strength)
            entries.append((svg_labels.legend_group(same.index[0]), False))
    return handles, labels, entries


@styled
def legend(models: Sequence[str] | None = None, world: study.World = study.STUDY, narrow: bool = False) -> Figure:
    """Draw every model's mark with its name, by group.

    Args:
        models: ids; None for the study's 48.
        world: the images that the models were measured on.
        narrow: draw the variant for phones, with two columns.

    Returns:
        `data` with the columns model, name, group, color, marker, fillstyle, size (points).
    """
    everyone = known_models.models()
    table = known_models.describe(list(everyone.index[everyone["in_study"]]) if models is None else list(models))
    parts = sections(table, world)
    columns: list[list[tuple[str, str, bool]]] = [
        [] for _ in range(2 if narrow else 4)
    ]  # id, printed name, is it a model
    for _, title, members in sorted(parts, key=lambda part: -len(part[2])):
        column = min(columns, key=len)  # largest group first, into the shortest column
        column += [("", "", False)] if column else []
        column.append(
            (svg_labels.legend_group(members.index[0]).removesuffix("-l2").removesuffix("-linf"), title, False)
        )
        column += [(model, name, True) for model, name in members["name"].items()]
    height = max(map(len, columns))
    figure = canvas(0.21 * height + 0.1, narrow, layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, len(columns)), ylim=(height - 0.3, -0.7))
    axes.axis("off")
    for i, column in enumerate(columns):
        for j, (id, text, is_model) in enumerate(column):
            _legend_row(axes, i, j, id, text, is_model)
    marks = [mark(m) for m in table.index]
    data = table.reset_index()[["model", "name", "group"]].assign(
        color=[m.color for m in marks],
        marker=[str(m.marker) for m in marks],
        fillstyle=[m.fillstyle for m in marks],
        size=[m.size for m in marks],
    )
    counts = ", ".join(f"{title} ({len(members)})" for _, title, members in parts)
    return Figure(figure, data, f"Legend of the {len(table)} models, one mark each, by group: {counts}.")


def _legend_row(axes: Axes, x: float, y: float, id: str, text: str, is_model: bool) -> None:
    """Draw a model's mark and name, or the heading of a group."""
    if is_model:
        axes.add_line(svg_labels.label_mark(mark(id).line([x + 0.09], [y], label=id), id))
        drawn = axes.text(x + 0.17, y, text, fontsize=8, va="center")
    else:
        drawn = axes.text(x + 0.03, y, text, weight="bold", fontsize=8.5 if len(text) < 24 else 7.5, va="center")
    svg_labels.label_entry([drawn], id, is_model)
