"""Read what a figure shows, and make the tables that figures draw."""

from __future__ import annotations

from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd

from bvg import known_models, study
from bvg.results import correlation

CATEGORIES = list(study.CATEGORIES)
BIASES = [b.id for b in study.BIASES]
BENCHMARKS = [b.id for b in study.BENCHMARKS]
MINUS = "−"
SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"


def with_new(scores: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Add new models to a table of scores."""
    new = scores.head(len(names)).assign(model=list(names), group="new", ID=50.0, shape=0.95)
    return pd.concat([scores, new], ignore_index=True)


def cells(scores: pd.DataFrame, rows=CATEGORIES, columns=BIASES, groups="figure 2") -> pd.DataFrame:
    """Correlate columns of a table of scores, within the sets of Figure 2 or over all models (`groups=None`)."""
    masks = known_models.figure2_groups(scores["group"]) if groups == "figure 2" else None
    return correlation.correlate(scores, rows, columns, masks)


def mark_positions(axes) -> dict[str, tuple[float, float]]:
    """Return model -> position of its mark."""
    lines = [line for line in axes.get_lines() if not line.get_label().startswith("_")]
    assert all(len(line.get_xdata()) == 1 for line in lines)
    return {line.get_label(): (line.get_xdata()[0], line.get_ydata()[0]) for line in lines}


def cell_texts(axes) -> dict[tuple[int, int], str]:
    """Return (row, column) -> text of that cell of a heat map."""
    return {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in axes.texts}


def texts(figure) -> list[str]:
    """Return all texts of a figure that are not empty."""
    return [t.get_text() for t in figure.findobj(matplotlib.text.Text) if t.get_text()]


def gradient(height=8, width=10) -> np.ndarray:
    """Return an image [height, width, 3] whose values rise from 0 to 1."""
    return np.linspace(0, 1, height * width * 3).reshape(height, width, 3)


def without_fill(root: ElementTree.Element) -> list[str]:
    """Return the shapes of an SVG that state no fill, so that viewers paint them black: drawn paths and used markers."""
    definitions = {e.get("id"): e for e in root.iter(f"{SVG}path") if e.get("id")}
    hidden = {path for tag in ("defs", "clipPath") for parent in root.iter(f"{SVG}{tag}") for path in parent}
    shapes = [(path,) for path in root.iter(f"{SVG}path") if path not in hidden]
    shapes += [(use, definitions[use.get(HREF).removeprefix("#")]) for use in root.iter(f"{SVG}use")]
    return [
        ElementTree.tostring(s[0], encoding="unicode")
        for s in shapes
        if not any("fill:" in e.get("style", "") for e in s)
    ]
