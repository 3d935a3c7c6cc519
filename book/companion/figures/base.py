"""The parts all figures share: size, style, the `Figure` they return and the decorator that applies the style."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text

from companion.figures import svg_output

WIDTH = 7.2
"""Width of every figure in inches. The page shows it 700 px wide, so a point of type is about a point on screen."""

NARROW = 3.5
"""Width in inches of the variant for phones, which is shown 342 px wide."""

SMALLEST = 8.2
"""Smallest type of the variant for phones in points: 11 px."""

TURNED: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
"""Labels of columns that are narrower than their names."""

STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Helvetica", "Arial"],
    "text.parse_math": False,  # a "$" in a model's name is a dollar sign
    "font.size": 9,
    "text.color": "0.1",  # black is the colour of numbers on a colour: white on a dark page
    "axes.labelcolor": "0.1",
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
        narrow: the same drawing for a phone, which `styled` adds; None where there is no such variant.
    """

    figure: Canvas
    data: pd.DataFrame
    alt: str
    statistics: pd.DataFrame | None = None
    drawn_by: str = ""
    narrow: Canvas | None = None

    def save(self, path: str | Path, narrow: bool = False) -> None:
        """Write the drawing to a .svg or .png file; the same drawing gives the same bytes.

        The background is opaque white. The book gives a drawing on a dark page other colours. In an SVG, each mark of a model
        carries the model's id and its values (see `companion.figures.svg_labels`). `narrow` writes the variant for phones.
        """
        drawing = self.narrow if narrow else self.figure
        with matplotlib.rc_context(STYLE):
            # Dates and version numbers would make every build differ.
            if Path(path).suffix == ".png":
                drawing.savefig(path, dpi=200, metadata={"Software": None})
                return
            svg = StringIO()
            drawing.savefig(svg, format="svg", dpi=200, metadata={"Date": None, "Creator": None})
            Path(path).write_text(svg_output.finish(svg.getvalue()), encoding="utf-8")


def canvas(height: float, narrow: bool = False, **options: Any) -> Canvas:
    """Return an empty drawing of the width of the page, or of a phone, and of a height in inches."""
    size = NARROW if narrow else WIDTH, height
    return Canvas(figsize=size, facecolor="white", **{"layout": "constrained"} | options)


def ink(face: Any) -> str:
    """Return the colour, black or white, of text on a colour: that with the larger contrast.

    Example:
        >>> ink("#67001f"), ink("#fddbc7")
        ('white', 'black')
    """
    parts = np.array(to_rgb(face))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return "white" if linear @ (0.2126, 0.7152, 0.0722) < 0.179 else "black"


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Decorate a drawing function: apply `STYLE` whatever the caller's settings are, and record the function's name.

    The function is called a second time, with `narrow=True`, for the variant for phones. Type of that variant that would be
    too small on a phone is enlarged.
    """

    @wraps(draw)
    def under_style(*args: Any, **kwargs: Any) -> Figure:
        with matplotlib.style.context(["default", STYLE]):
            drawn = draw(*args, **kwargs)
            with matplotlib.rc_context(dict.fromkeys(("xtick.labelsize", "ytick.labelsize"), 8.5)):
                small = draw(*args, **kwargs, narrow=True).figure
                for text in small.findobj(Text):
                    text.set_fontsize(max(text.get_fontsize(), SMALLEST))
            return replace(drawn, drawn_by=f"{draw.__module__}:{draw.__qualname__}", narrow=small)

    return under_style
