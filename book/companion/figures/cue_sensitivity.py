"""Shape sensitivity against texture sensitivity: shape bias is the direction, the distance from the origin is what it hides."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from bvg import known_models, study
from bvg.results.cue_counts import CUES
from companion.figures import svg_labels
from companion.figures.base import Figure, canvas, styled
from companion.figures.marks import COLORS, group_name, mark
from companion.text import format_number, plural

_RAYS = (0.2, 0.4, 0.6, 0.8)
_DECIDED = (40, 60, 80)


@styled
def cue_sensitivity(shares: pd.DataFrame, world: study.World = study.STUDY, narrow: bool = False) -> Figure:
    """Draw the share of images that each model decides by shape and by texture, with their intervals.

    Rays from the origin join equal shape biases, dotted lines equal shares of decided images. A grey bar along a ray spans the
    possible counts of a model with several.

    Args:
        shares: from `companion.analysis.cue_sensitivity.intervals`.
        world: whose names of groups to print.
        narrow: draw the variant for phones.

    Returns:
        `data` is `shares`.
    """
    shape, texture, neither = (shares[shares["cue"] == cue].set_index("model") for cue in CUES)
    figure = canvas(4.3 if narrow else 5.0, narrow)
    axes = figure.subplots()
    right, top = (1.08 * max([10.0, *part["high"]]) for part in (shape, texture))
    axes.set(xlim=(0, right), ylim=(0, top))
    _guides(axes, right, top)
    for model, s, t, n in zip(shape.index, *(p.itertuples() for p in (shape, texture, neither)), strict=True):
        if s.solutions > 1:
            possible = ([100 * c.fewest / c.images, 100 * c.most / c.images] for c in (s, t))
            axes.plot(*possible, color="0.55", linewidth=3, alpha=0.6, solid_capstyle="butt", zorder=2)
        else:
            axes.plot([s.low, s.high], [t.share, t.share], color="0.7", linewidth=0.8, zorder=2)
            axes.plot([s.share, s.share], [t.low, t.high], color="0.7", linewidth=0.8, zorder=2)
        how = mark(model)
        drawn = how.line([s.share], [t.share], 0.75, zorder=4 - how.size / 20)
        values = (svg_labels.value_with_unit(m.id, c.share) for m, c in zip(study.CUES, (s, t, n), strict=True))
        axes.add_line(svg_labels.label_mark(drawn, model, *values))
    axes.set_xlabel("Shape sensitivity [%]")
    axes.set_ylabel("Texture sensitivity [%]")
    groups = [g for g in COLORS if g in set(known_models.describe(shape.index)["group"])]
    handles = [Line2D([], [], linestyle="none", marker="o", markersize=5, color=COLORS[g]) for g in groups]
    figure.legend(
        handles,
        [group_name(g, world) for g in groups],
        loc="outside lower center",
        ncols=2 if narrow else 4,
        fontsize=8,
    )
    decided = shape["share"] + texture["share"]
    alt = f"Scatter plot of texture sensitivity against shape sensitivity of {plural(len(shape), 'model')}."
    if len(shape):
        alt += f" Between {format_number(decided.min(), 0)} and {format_number(decided.max(), 0)} % of the images are decided by either cue."
    return Figure(figure, shares.reset_index(drop=True), alt)


def _guides(axes, right: float, top: float) -> None:
    """Draw rays of equal shape bias and lines of equal shares of decided images, each labelled at its end."""
    axes.grid(False)
    for bias in _RAYS:
        slope = (1 - bias) / bias
        end = min(right, top / slope)
        axes.plot([0, end], [0, slope * end], color="0.8", linewidth=0.8, zorder=1)
        at_top = slope * right > top
        axes.annotate(f"bias {bias:g}", (end, slope * end), xytext=(-3, -3), textcoords="offset points",
                      ha="right", va="top" if at_top else "bottom", fontsize=7.5, color="0.4")  # fmt: skip
    for share in (s for s in _DECIDED if s < right + top):
        ends = np.array([max(0.0, share - top), min(right, share)])
        axes.plot(ends, share - ends, color="0.75", linewidth=0.8, linestyle=":", zorder=1)
        axes.annotate(f"{share} % decided", (ends[1], share - ends[1]), xytext=(-2, 6), textcoords="offset points",
                      ha="right", fontsize=7.5, color="0.4")  # fmt: skip
