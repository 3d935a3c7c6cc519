"""A model's mark for a browser: the outline, colours and size of the static figures, as SVG."""

from __future__ import annotations

from typing import Any

from matplotlib.colors import to_hex
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D

from companion.figures.marks import Mark

POINT = 700 / 72 / 7.2
"""Pixels per point of the static figures, which are 7.2 inches or 700 pixels wide."""


def drawing(how: Mark) -> dict[str, Any]:
    """Describe a model's mark for a browser, as in the static figures.

    Returns:
        `path`: SVG path in [-1, 1], so that the mark's width is 2; `alt`: path of the other half of a half-filled mark, else
        empty; `fill`, `stroke`: colours; `opacity`: of the fill; `size`: width in pixels when a figure is 700 pixels wide.

    Example:
        >>> square = drawing(Mark("tab:orange", "s", "full", 8, "black"))
        >>> square["path"], square["fill"], square["alt"]
        ('M-1,1L1,1L1,-1L-1,-1Z', '#ff7f0e', '')
    """
    open_ = how.fillstyle == "none"
    # As in `Mark.line`: a white fill hides the marks below an open one.
    style = MarkerStyle(how.marker, "full" if open_ else how.fillstyle)
    fill = "#ffffff" if open_ else to_hex(how.color) if style.is_filled() else "none"
    alternative = style.get_alt_path()
    return {
        "path": _svg(style.get_path(), style.get_transform()),
        "alt": "" if alternative is None else _svg(alternative, style.get_alt_transform()),
        "fill": fill,
        "stroke": to_hex(how.edge),
        "opacity": how.alpha,
        "size": round(how.size * POINT, 2),
    }


def _svg(path: Outline, transform: Affine2D) -> str:
    """A Matplotlib path as an SVG path, twice as large, with y pointing down."""
    letters = {Outline.MOVETO: "M", Outline.LINETO: "L", Outline.CURVE3: "Q", Outline.CURVE4: "C"}
    parts = []
    for points, code in path.transformed(transform).iter_segments(simplify=False, curves=True):
        if code == Outline.CLOSEPOLY:
            parts.append("Z")
        else:
            numbers = (f"{round(2 * v * sign, 3) + 0.0:g}" for v, sign in zip(points, (1, -1) * 3, strict=False))
            parts.append(letters[code] + ",".join(numbers))
    return "".join(parts)
