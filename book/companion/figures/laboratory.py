"""Figure of the laboratory's answer: where the median model falls below half of its accuracy on unfiltered images."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from companion.analysis import filtered_accuracy
from companion.figures.base import Figure, canvas, styled
from companion.figures.stimuli import show
from companion.text import format_number


@styled
def halves(medians: pd.DataFrame, images: dict[str, np.ndarray], narrow: bool = False) -> Figure:
    """Draw what the models keep at each cut-off, and a picture filtered where the median falls below half.

    Args:
        medians: from `companion.analysis.filtered_accuracy.medians`.
        images: kind of filter -> image [H, W, 3] in [0, 1], filtered there; a kind without such a cut-off is left out.
        narrow: draw the variant for phones, one kind below the other.

    Returns:
        `data` is `medians`.
    """
    figure = canvas(4.6 if narrow else 2.5, narrow)
    shape = (2, 2) if narrow else (1, 4)
    panels = figure.subplots(*shape, width_ratios=[3, 2] * (1 if narrow else 2)).reshape(2, 2)
    sentences = []
    for (axes, picture), kind in zip(panels, filtered_accuracy.KINDS, strict=True):
        rows, found = medians[medians["kind"] == kind], filtered_accuracy.half(medians, kind)
        _curve(axes, rows, found)
        name = filtered_accuracy.KINDS[kind]
        axes.set_title(f"{name.capitalize()} filtered")
        picture.set_visible(kind in images)
        if found is None:
            sentences.append(f"{name.capitalize()}: the median never falls below half.")
            continue
        sentences.append(
            f"{name.capitalize()}: the median rises with the cut-off and is below half at {found['cutoff']:.2f}, where the "
            f"models keep from {format_number(found['lowest_share'])} to {format_number(found['highest_share'])}."
        )
        if kind in images:
            show(picture, images[kind])
            picture.set_title(f"at {found['cutoff']:.2f}{'*' if kind == 'high' else ''}")
    alt = "Share of accuracy that the models keep on filtered images over the cut-off: median and range. " + " ".join(
        sentences
    )
    return Figure(figure, medians, alt)


def _curve(axes: Axes, rows: pd.DataFrame, found: pd.Series | None) -> None:
    """Draw the median and the range of the models, and mark where the median falls below half."""
    axes.fill_between(rows["cutoff"], rows["lowest_share"], rows["highest_share"], color="0.88", linewidth=0)
    axes.plot(rows["cutoff"], rows["median_share"], color="tab:blue", linewidth=1.8)
    axes.axhline(0.5, color="0.3", linewidth=0.8, linestyle=(0, (4, 3)))
    if found is not None:
        axes.plot(found["cutoff"], found["median_share"], "o", color="tab:red", markersize=5)
        left = found["cutoff"] > 0.5
        axes.annotate(f"{found['cutoff']:.2f}", (found["cutoff"], found["median_share"]), (-6 if left else 6, -10),
                      textcoords="offset points", ha="right" if left else "left")  # fmt: skip
    axes.set(xlim=(0, 1), ylim=(0, 1.08), xlabel="Cut-off", ylabel="Accuracy / clean accuracy")
