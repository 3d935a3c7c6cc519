"""The parts all figures share: size, style, the `Figure` they return and the decorator that applies the style."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from inspect import signature
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib.style
import pandas as pd
from matplotlib.figure import Figure as Canvas

from companion.figures import svg_output

WIDTH = 7.2
"""Width of every figure in inches. The page shows it 700 px wide, so a point of type is about a point on screen."""

NARROW = 3.5
"""Width in inches of the variant for phones, which is shown 342 px wide: 8.2 points of type are 11 px."""

TURNED: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
"""Labels of columns that are narrower than their names."""

STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Helvetica", "Arial"],
    "text.parse_math": False,  # a "$" in a model's name is a dollar sign
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
"""Matplotlib settings of all figures. Text stays text in SVG, and ids are stable from build to build."""


@dataclass(frozen=True)
class Figure:
    """A drawing with the numbers it shows and its alternative text.

    Attributes:
        figure: the drawing.
        data: tidy table of the numbers drawn; it becomes the CSV behind the figure.
        alt: alternative text, computed from the data.
        statistics: correlations printed in the drawing, if `data` holds observations (see `bvg.results.correlation.correlate`).
        drawn_by: the function that draws it, as `module:name`.
        narrow: the same drawing for a phone; None where there is no such variant.
    """

    figure: Canvas
    data: pd.DataFrame
    alt: str
    statistics: pd.DataFrame | None = None
    drawn_by: str = ""
    narrow: Canvas | None = None

    def save(self, path: str | Path, narrow: bool = False) -> None:
        """Write the drawing to a .svg or .png file; the same drawing gives the same bytes.

        The background is opaque white, so that black type stays legible on a dark page. In an SVG, each mark of a model
        carries the model's id and its values (see `companion.figures.svg_labels`). `narrow` writes the variant for phones.
        """
        canvas = self.narrow if narrow else self.figure
        with matplotlib.rc_context(STYLE):
            # Dates and version numbers would make every build differ.
            if Path(path).suffix == ".png":
                canvas.savefig(path, dpi=200, metadata={"Software": None})
                return
            svg = StringIO()
            canvas.savefig(svg, format="svg", dpi=200, metadata={"Date": None, "Creator": None})
            Path(path).write_text(svg_output.finish(svg.getvalue()), encoding="utf-8")


def styled(draw: Callable[..., Figure | None]) -> Callable[..., Figure]:
    """Decorate a drawing function: apply `STYLE` whatever the caller's settings are, and record the function's name.

    A function with a parameter `narrow` is called a second time for the variant for phones; it returns None if there is none.
    """
    has_narrow = "narrow" in signature(draw).parameters

    @wraps(draw)
    def under_style(*args: Any, **kwargs: Any) -> Figure:
        with matplotlib.style.context(["default", STYLE]):
            drawn, small = draw(*args, **kwargs), None
            if has_narrow:
                with matplotlib.rc_context(dict.fromkeys(("xtick.labelsize", "ytick.labelsize"), 8.5)):
                    small = draw(*args, **kwargs, narrow=True)
            return replace(drawn, drawn_by=f"{draw.__module__}:{draw.__qualname__}", narrow=small and small.figure)

    return under_style
