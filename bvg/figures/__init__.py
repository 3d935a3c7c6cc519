"""The paper's figures, each a function of tidy tables that returns drawing, numbers and alt text. No function reads files."""

from bvg.figures.curves import curves
from bvg.figures.heatmaps import correlation_heatmap, correlation_matrix
from bvg.figures.marks import STYLE, Figure, Mark, legend, mark
from bvg.figures.pictures import gallery, overview
from bvg.figures.scatter import scatter
from bvg.figures.words import label

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
