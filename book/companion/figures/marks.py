"""The visual language of the figures: one mark per model, the groups' colours and fills, and who enters the statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, wraps
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure as Canvas
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D

from bvg import study
from companion.figures import svg_labels, svg_output

WIDTH = 7.2
"""Width of every figure in inches: 700 px in the page, where a point of type is then about a point."""

STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Helvetica", "Arial"],
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.8,
    "axes.edgecolor": "0.3",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.color": "0.2",
    "ytick.color": "0.2",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.92",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "hatch.color": "0.6",
    "hatch.linewidth": 0.6,
    "savefig.facecolor": "white",
    "savefig.transparent": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "bvg",
}
"""Matplotlib settings of all figures. Save within `matplotlib.rc_context(STYLE)`: text stays text in SVG, ids are stable."""

COLORS: dict[str, str] = {
    "stylized": "tab:blue",
    "adversarial_training": "tab:orange",
    "training_recipes": "tab:green",
    "freezing": "tab:red",
    "augmentation": "tab:purple",
    "contrastive": "tab:brown",
    "baseline": "black",
    "new": "magenta",
    "outside": "0.55",
}
GROUP_NAMES: dict[str, str] = {**study.GROUPS, "new": "New models", "outside": "Outside the study"}
LINES: dict[str, Any] = {
    "baseline": "-",
    "training_recipes": "-",
    "augmentation": (0, (4, 1.2)),
    "stylized": (0, (1, 1)),
    "freezing": (0, (5, 1, 1, 1)),
    "adversarial_training": "-",
    "contrastive": (0, (3, 1, 1, 1, 1, 1)),
    "new": "-",
    "outside": (0, (1, 3)),
}
_FILLS = {"augmentation": "none", "contrastive": "left", "stylized": "bottom"}
# Circle and square belong to adversarial training, the filled star to the baseline, the filled X to frozen filters.
_SHAPES = {
    "baseline": "*",
    "training_recipes": "v^<>pDdPh8",
    "augmentation": "v^<>pDdPh8*X",
    "stylized": "Dhp",
    "freezing": "X",
    "contrastive": "DhpP^v",
    "outside": "+",
}
_NORMS = {"l2": "o", "linf": "s"}


@dataclass(frozen=True)
class Figure:
    """A drawing, the numbers it shows and what one sees in it.

    Attributes:
        figure: the drawing.
        data: tidy table of what is drawn; becomes the CSV behind the figure.
        alt: alternative text, computed from the data.
        statistics: the correlations printed in the drawing where `data` holds observations (see `bvg.results.correlation.correlate`).
        drawn_by: the function that draws it, as `module:name`.
    """

    figure: Canvas
    data: pd.DataFrame
    alt: str
    statistics: pd.DataFrame | None = None
    drawn_by: str = ""

    def save(self, path: str | Path) -> None:
        """Write the drawing to a .svg or .png file; the same drawing gives the same bytes.

        The background is part of the drawing, white and opaque: its black type stays legible on a dark page. In an SVG
        each mark of a model says whose it is and what it stands for (see `companion.figures.svg_labels`).
        """
        # A fixed salt and no date or version: otherwise every build would differ.
        with matplotlib.rc_context(STYLE | {"svg.hashsalt": "bvg"}):
            if Path(path).suffix == ".png":
                self.figure.savefig(path, dpi=200, metadata={"Software": None})
                return
            drawn = StringIO()
            self.figure.savefig(drawn, format="svg", dpi=200, metadata={"Date": None, "Creator": None})
            Path(path).write_text(svg_output.written(drawn.getvalue()), encoding="utf-8")


@dataclass(frozen=True)
class Mark:
    """How one model is drawn.

    Attributes:
        color: Matplotlib colour of its group.
        marker: Matplotlib marker; the model within its group.
        fillstyle: full, none (open), left or bottom (half filled); the group, readable without colour.
        size: points.
        edge: colour of the outline.
        alpha: opacity of the face, in [0, 1].
    """

    color: str
    marker: Any
    fillstyle: str
    size: float
    edge: str
    alpha: float = 1.0

    def line(self, x: Sequence[float] = (), y: Sequence[float] = (), scale: float = 1.0, **style: Any) -> Line2D:
        """The mark at data positions x, y as an artist to add to axes or a legend; `style` overrides its properties."""
        properties = {
            "linestyle": "none",
            "marker": self.marker,
            "fillstyle": self.fillstyle,
            "markersize": self.size * scale,
            "markerfacecolor": "white" if self.fillstyle == "none" else to_rgba(self.color, self.alpha),
            "markerfacecoloralt": "white",
            "markeredgecolor": self.edge,
            "markeredgewidth": 1.1 * scale,
        }
        if self.fillstyle == "none":
            properties["fillstyle"] = "full"  # a white face, so that marks below do not show through
        return Line2D(x, y, **(properties | style))


NEW = Mark(COLORS["new"], (4, 1, 0), "full", 12, "black")


def mark(model: str) -> Mark:
    """The mark of a model: the same in every figure, whichever models are drawn beside it.

    Adversarially trained models are circles (L2) and squares (Linf) whose size grows with epsilon. Elsewhere colour and
    fill tell the group and the shape tells the model, in the order of `study.models()`, and anew in that of
    `study.miniature()`. An id that neither knows gets the mark of new models; `model@run`, a model measured again, its
    model's shape in their colour.

    Example:
        >>> mark("tv_resnet50").marker, mark("robust_resnet50_linf_eps8.0").marker, mark("my-model") == NEW
        ('*', 's', True)
    """
    base, again, _ = str(model).partition("@")
    known = _marks(study.models).get(base) or _marks(study.miniature).get(base)
    if known is None:
        return NEW
    if again:
        return Mark(NEW.color, known.marker, known.fillstyle, known.size * 1.15, "black", known.alpha)
    return known


@cache
def _marks(models: Callable[[], pd.DataFrame]) -> dict[str, Mark]:
    marks = {}
    for group, members in models().groupby("group", sort=False):
        color = COLORS[group]
        if group == "adversarial_training":
            for norm, same in members.groupby("norm", sort=False):
                # The strengths span three decades and include 0: the rank is what an eye can tell apart.
                sizes = np.linspace(4, 12, len(same)) if len(same) > 1 else [8]
                for model, size in zip(same.sort_values("epsilon").index, sizes, strict=True):
                    marks[model] = Mark(color, _NORMS[norm], "full", float(size), "#a04d00", 0.55)
            continue
        fill, shapes = _FILLS.get(group, "full"), _SHAPES[group]
        size = 10 if group == "baseline" else 7.5
        edge = color if fill != "full" or group in ("outside", "baseline") else "0.15"
        for i, model in enumerate(members.index):
            shape = shapes[i % len(shapes)]
            marks[model] = Mark(color, shape, fill, size * _BALANCE.get(shape, 1.0), edge)
    return marks


_BALANCE = {"D": 0.8, "*": 1.25, "d": 1.05, "8": 0.95}
"""Factors that give shapes of one nominal size about the same area."""


LEGEND = {
    "handler_map": {tuple: HandlerTuple(ndivide=None, pad=0.4)},
    "handlelength": 3.6,
    "handletextpad": 1,
}
"""Settings of every legend of groups: the marks of one group stand beside each other."""


def group_name(group: str, world: study.World) -> str:
    """The printed name of a group of models."""
    return (GROUP_NAMES | dict(world.groups))[group]


def sections(table: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """Group, its printed name and its models, of the groups in `study.describe`'s table; the miniature's ones apart."""
    small = table.index.isin(study.miniature().index)
    apart = " (mini)" if study.world(table.index) is study.STUDY else ""
    parts = []
    for group in GROUP_NAMES:
        for world, which, suffix in ((study.STUDY, ~small, ""), (study.MINIATURE, small, apart)):
            members = table[which & (table["group"] == group)]
            if len(members):
                parts.append((group, group_name(group, world) + suffix, members))
    return parts


def key(models: Sequence[str]) -> tuple[list[Any], list[str], list[tuple[str, bool]]]:
    """Handles and labels of a legend of the groups among `models`, and what each stands for (see `companion.figures.svg_labels.link`).

    Three marks stand for a group of many.
    """
    handles, labels, entries = [], [], []
    for group, name, members in sections(study.describe(list(models))):
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
            entries.append((svg_labels.section(same.index[0]), False))
    return handles, labels, entries


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Run a drawing function under `STYLE` on top of Matplotlib's defaults, whatever the caller's settings are, and note it."""

    @wraps(draw)
    def under_style(*args: Any, **kwargs: Any) -> Figure:
        with matplotlib.style.context(["default", STYLE]):
            return replace(draw(*args, **kwargs), drawn_by=f"{draw.__module__}:{draw.__qualname__}")

    return under_style


@styled
def legend(models: Sequence[str] | None = None) -> Figure:
    """The marks of all models with their names, under the names of their groups.

    Args:
        models: ids; None is the study's 48.
    """
    everyone = study.models()
    table = study.describe(list(everyone.index[everyone["in_study"]]) if models is None else list(models))
    columns: list[list[tuple[Line2D | str, str]]] = [[] for _ in range(4)]
    parts = sections(table)
    for _, title, members in sorted(
        parts, key=lambda part: -len(part[2])
    ):  # the largest first, into the shortest column
        column = min(columns, key=len)
        column += [("", "")] if column else []
        column.append((svg_labels.section(members.index[0]).removesuffix("-l2").removesuffix("-linf"), title))
        column += [(mark(m).line([0.0], [0.0], label=m), name) for m, name in members["name"].items()]
    height = max(map(len, columns))
    figure = Canvas(figsize=(WIDTH, 0.21 * height + 0.1), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 4), ylim=(height - 0.3, -0.7))
    axes.axis("off")
    for i, column in enumerate(columns):
        for j, (line, text) in enumerate(column):
            if isinstance(line, str):
                size = 8.5 if len(text) < 24 else 7.5
                svg_labels.entry([axes.text(i + 0.03, j, text, weight="bold", fontsize=size, va="center")], line)
            else:
                line.set_data([i + 0.09], [j])
                axes.add_line(svg_labels.name(line, line.get_label()))
                svg_labels.entry([axes.text(i + 0.17, j, text, fontsize=8, va="center")], line.get_label(), model=True)
    drawn = [mark(m) for m in table.index]
    data = table.reset_index()[["model", "name", "group"]].assign(
        color=[m.color for m in drawn],
        marker=[str(m.marker) for m in drawn],
        fillstyle=[m.fillstyle for m in drawn],
        size=[m.size for m in drawn],
    )
    counts = ", ".join(f"{title} ({len(members)})" for _, title, members in parts)
    alt = f"Legend of the {len(table)} models, one mark each, by group: {counts}."
    return Figure(figure, data, alt)
