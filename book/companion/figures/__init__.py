"""The paper's figures, each a function of tidy tables that returns drawing, numbers and alt text. No function reads files."""

from companion.figures.curves import curves
from companion.figures.heatmaps import correlation_heatmap, correlation_matrix
from companion.figures.marks import STYLE, Figure, Mark, legend, mark
from companion.figures.scatter import scatter
from companion.figures.stimuli import gallery, overview
from companion.text import label

__all__ = [
    "STYLE",
    "Figure",
    "Mark",
    "correlation_heatmap",
    "correlation_matrix",
    "curves",
    "gallery",
    "label",
    "legend",
    "mark",
    "overview",
    "scatter",
]
