"""The paper's figures: functions of tidy tables that return the drawing, its numbers and an alternative text."""

from companion.figures.base import STYLE, Figure
from companion.figures.curves import curves
from companion.figures.heatmaps import correlation_heatmap, correlation_matrix
from companion.figures.legend import legend
from companion.figures.marks import Mark, mark
from companion.figures.scatter import scatter
from companion.figures.stimuli import gallery, overview

__all__ = [
    "STYLE",
    "Figure",
    "Mark",
    "correlation_heatmap",
    "correlation_matrix",
    "curves",
    "gallery",
    "legend",
    "mark",
    "overview",
    "scatter",
]
