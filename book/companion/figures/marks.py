"""The mark of every model: colour and fill by group, shape by model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from bvg import known_models, study

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
"""Colours of the groups: matplotlib's tab10 in the order of the design; the baseline is black."""

GROUP_NAMES: dict[str, str] = {**study.GROUPS, "new": "New models", "outside": "Outside the study"}
"""Printed names of all groups, in the order of the legends."""

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
"""Line styles of the groups."""

_FILLS = {"augmentation": "none", "contrastive": "left", "stylized": "bottom"}
# Circles and squares mark adversarial training, the filled star the baseline, the filled X frozen filters.
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
_BALANCE = {"D": 0.8, "*": 1.25, "d": 1.05, "8": 0.95}
"""Factors that give shapes of one nominal size about the same area."""


@dataclass(frozen=True)
class Mark:
    """How one model is drawn.

    Attributes:
        color: Matplotlib colour; one per group.
        marker: Matplotlib marker; identifies the model within its group.
        fillstyle: full, none (open), left or bottom (half filled); identifies the group without colour.
        size: diameter in points.
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
        """Return the mark at data positions x, y as an artist for axes or a legend; `style` overrides properties."""
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
            properties["fillstyle"] = "full"  # a white face hides the marks below
        return Line2D(x, y, **(properties | style))


NEW = Mark(COLORS["new"], (4, 1, 0), "full", 12, "black")


def mark(model: str) -> Mark:
    """Return the mark of a model; it is the same in every figure.

    Adversarially trained models are circles (L2) and squares (Linf) whose size grows with epsilon. For all others, colour
    and fill give the group and the shape gives the model, assigned in the order of `known_models.models()` and of
    `known_models.miniature()`. Any other id gets the mark of new models, also that of a model measured again.

    Example:
        >>> mark("tv_resnet50").marker, mark("robust_resnet50_linf_eps8.0").marker, mark("my-model") == NEW
        ('*', 's', True)
    """
    return _marks(known_models.models).get(model) or _marks(known_models.miniature).get(model) or NEW


@cache
def _marks(models: Callable[[], pd.DataFrame]) -> dict[str, Mark]:
    marks = {}
    for group, members in models().groupby("group", sort=False):
        color = COLORS[group]
        if group == "adversarial_training":
            for norm, same in members.groupby("norm", sort=False):
                # Size follows the rank: the strengths include 0 and span three decades.
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


def group_name(group: str, world: study.World) -> str:
    """Return the printed name of a group of models."""
    return (GROUP_NAMES | dict(world.groups))[group]
