"""Scatter plots of biases against accuracies, with rank correlations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.gridspec import GridSpec
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from bvg import known_models, study
from bvg.results import correlation
from companion.figures import svg_labels
from companion.figures.base import WIDTH, Figure, canvas, styled
from companion.figures.legend import LEGEND, key
from companion.figures.marks import COLORS, NEW, Mark, mark
from companion.text import distinct_sets, format_label, listed, plural, quoted, strongest


@dataclass(frozen=True)
class _Layout:
    """How the panels are arranged.

    Attributes:
        wrapped: panels fill the rows one after the other, instead of one row per bias.
        columns, rows: of the grid of panels.
        spare: panels of the last row that stay empty; from two on, the legend stands there.
        height: of a row in inches.
        mark_size: scale of the marks.
        fontsize: of the correlations, in points.
        letters: that fit in a line above a panel.
    """

    wrapped: bool
    columns: int
    rows: int
    spare: int
    height: float
    mark_size: float
    fontsize: float
    letters: int


# Columns -> height of a row, scale of the marks, font size, letters in a line above a panel.
_SIZES = {1: (3.2, 1.0, 8.5, 90), 2: (2.5, 0.95, 8.5, 60), 3: (2.1, 0.85, 7.5, 38), 4: (1.95, 0.72, 7.5, 31)}
# The same for phones: up to four panels have a row each; more stand in two columns.
_PHONE = {1: (2.4, 0.85, 8.5, 44), 2: (2.05, 0.72, 8.2, 22)}
_BIAS_IDS = tuple(b.id for b in study.BIASES)


@styled
def scatter(
    scores: pd.DataFrame,
    x: Sequence[str],
    y: Sequence[str],
    alpha: float = 0.05,
    highlight: Sequence[str] = (),
    world: study.World = study.STUDY,
    narrow: bool = False,
) -> Figure:
    """Draw biases against accuracies, one mark per model, with Spearman's r above each panel.

    Several biases make one row each, with one column per accuracy. The panels of a single bias, or of more than four
    accuracies, are wrapped to fit. A model that lacks a value is missing from that panel. The legend states the number of
    models behind r; a panel with other numbers states its own n, for each set of models. If all models or none are
    adversarially trained, only r over all models is printed.

    Args:
        scores: one row per model: model, group and the columns named in `x` and `y` (see `bvg.results.scores`).
        x: biases.
        y: categories or benchmarks, in percent.
        alpha: level of significance; correlations with p >= alpha are printed as n.s.
        highlight: models to ring and name; they are left out of the correlations (see `known_models.counted`). A model that
            lacks the values is not drawn.
        world: the images that the models were measured on.
        narrow: draw the variant for phones, with one panel per row, or two if there are more than four.

    Returns:
        `data` with the columns model, group, x, y, x_value, y_value, in_statistics; `statistics` with the correlations.

    Raises:
        KeyError: a column that `scores` does not have.
        ValueError: `highlight` names a model that is not in `scores`, or there is nothing to draw.
    """
    counted = known_models.counted(scores, highlight)
    sets = {k: mask & counted for k, mask in known_models.figure2_groups(scores["group"]).items()}
    cells = correlation.correlate(scores, y, x, {k: m for k, m in sets.items() if k == "total" or m.any()}, alpha)
    if not len(x) or not len(y):
        raise ValueError(f"expected at least one column in `x` and in `y`, got {list(x)} and {list(y)}")
    pairs = list(product(x, y))
    points = [_points(scores.assign(in_statistics=counted), bias, accuracy) for bias, accuracy in pairs]
    data = pd.concat(points, ignore_index=True)
    drawn = scores["model"][scores["model"].isin(data["model"])]
    highlight = [m for m in highlight if m in set(drawn)]
    printed = distinct_sets(cells)
    panel_cells = [printed[(printed["row"] == accuracy) & (printed["column"] == bias)] for bias, accuracy in pairs]
    most = max(panel_cells, key=lambda c: c["n"].iloc[0])
    over = _over(list(most["n"]), data.loc[~data["in_statistics"], "model"], highlight)
    layout = _layout(len(x), len(y), narrow)
    figure = canvas(layout.height * layout.rows + 0.3, narrow)
    grid = figure.add_gridspec(layout.rows, layout.columns)
    panels = _panels(grid, layout, pairs, [_correlations(c, most, layout.letters) for c in panel_cells], world)
    for axes, at in zip(panels, points, strict=True):
        _draw_marks(axes, at, highlight, layout.mark_size, world)
    _add_legend(figure, grid, layout, list(drawn), highlight, over, world)
    if highlight:
        figure.draw_without_rendering()  # fixes the layout, so that names can be placed where there is room
        _name_highlighted(panels, points, highlight)
    alt = (
        f"{plural(len(panels), 'scatter plot')} of {plural(len(drawn), 'model')}: accuracy "
        f"({listed(map(world.name, y))}) against {listed(map(world.plain, x))}. {over}. {strongest(printed, world)}"
    )
    return Figure(figure, data, alt + _alt_exceptions(panel_cells, most, highlight, world), cells)


def _layout(biases: int, accuracies: int, narrow: bool = False) -> _Layout:
    if narrow:
        columns = 1 if biases * accuracies <= 4 else 2
        return _Layout(True, columns, -(-biases * accuracies // columns), 0, *_PHONE[columns])
    wrapped = biases == 1 or accuracies > 4
    columns = min(accuracies, 4 if not wrapped else 2 if accuracies <= 4 else 3)
    rows = -(-biases * accuracies // columns)
    return _Layout(wrapped, columns, rows, columns * rows - biases * accuracies, *_SIZES[columns])


def _add_legend(
    figure: Canvas,
    grid: GridSpec,
    layout: _Layout,
    models: Sequence[str],
    highlight: Sequence[str],
    over: str,
    world: study.World,
) -> None:
    """Add the legend of the groups and the highlighted models, in the spare panels or below all, where the figure grows."""
    handles, names, entries = key(models, world)
    handles += [(mark(m).line(),) for m in highlight]
    names += [f"{name} (ringed)" for name in known_models.describe(highlight)["name"]]
    entries += [(m, True) for m in highlight]
    if layout.spare > 1:
        corner = figure.add_subplot(grid[-1, layout.columns - layout.spare :])
        corner.axis("off")
        legend = corner.legend(handles, names, loc="center", title=fill(over, 26 * layout.spare), **LEGEND)
    else:
        narrow = figure.get_figwidth() < WIDTH
        title, ncols = fill(over, 50 if narrow else 106), 1 if narrow else 2
        lines = -(-len(handles) // ncols) + len(title.splitlines())
        figure.set_figheight(figure.get_figheight() + 0.3 + 0.2 * lines)
        legend = figure.legend(handles, names, loc="outside lower center", ncols=ncols, title=title, **LEGEND)
    svg_labels.label_legend(legend, entries)


def _panels(
    grid: GridSpec, layout: _Layout, pairs: Sequence[tuple[str, str]], texts: Sequence[str], world: study.World
) -> list[Axes]:
    """Add one panel per pair of bias and accuracy, with titles, labels and the text above it."""
    columns, fontsize = layout.columns, layout.fontsize
    several_biases = len({bias for bias, _ in pairs}) > 1
    panels = []
    for i, (bias, accuracy) in enumerate(pairs):
        axes = grid.figure.add_subplot(grid[i // columns, i % columns])
        axes.annotate(texts[i], (0, 1), (0, 3), xycoords="axes fraction", textcoords="offset points", fontsize=fontsize)
        first = i - i % columns
        lines = 1 + max(text.count("\n") for text in texts[first : first + columns])
        title = world.name(accuracy) if i < columns or layout.wrapped else ""
        axes.set_title(title, weight="bold", pad=5 + 1.35 * lines * fontsize)
        outer = several_biases or i + columns >= len(pairs)
        small = columns > 2 or (columns == 2 and grid.figure.get_figwidth() < WIDTH)
        axes.set_xlabel(fill(world.name(bias), 22 if small else 60) if outer else "", fontsize=fontsize + 0.5)
        axes.set_ylabel("" if i % columns or accuracy in _BIAS_IDS else "Accuracy [%]")
        axes.margins(0.07)
        axes.locator_params(nbins=5)
        panels.append(axes)
    return panels


def _alt_exceptions(
    panel_cells: Sequence[pd.DataFrame], most: pd.DataFrame, highlight: Sequence[str], world: study.World
) -> str:
    """Return the end of the alternative text: panels with fewer models, and highlighted models."""
    fewer = [
        f"{world.name(c['row'].iloc[0])} against {world.plain(c['column'].iloc[0])} ({_n(c)})"
        for c in panel_cells
        if _n(c) != _n(most)
    ]
    text = f" Other numbers of models: {listed(fewer)}." if fewer else ""
    return text + (f" Highlighted: {quoted(known_models.describe(highlight)['name'])}." if highlight else "")


def _points(scores: pd.DataFrame, bias: str, accuracy: str) -> pd.DataFrame:
    """Return the models that have both values."""
    values = {"x": bias, "y": accuracy, "x_value": scores[bias], "y_value": scores[accuracy]}
    columns = ["model", "group", *values, "in_statistics"]
    return scores.assign(**values)[columns].dropna(subset=["x_value", "y_value"])


def _over(n: Sequence[int], left_out: pd.Series, highlight: Sequence[str]) -> str:
    """State the models behind r (n: all, AT, others) and the kinds of models drawn but left out of it."""
    text = f"Spearman's r over {plural(n[0], 'model')}"
    if len(n) > 1:
        text += f", {n[1]} adversarially trained (AT) and {n[2]} {'other' if n[2] == 1 else 'others'}"
    ringed, small = left_out.isin(list(highlight)), left_out.isin(known_models.miniature().index)
    kinds = {"highlighted": ringed, "new": ~ringed & ~small, "miniature": ~ringed & small}
    kinds = [kind for kind, which in kinds.items() if which.any()]
    return f"{text}; {listed(kinds)} models are left out" if kinds else text


def _draw_marks(axes: Axes, points: pd.DataFrame, highlight: Sequence[str], size: float, world: study.World) -> None:
    """Add one artist per model, labelled with its id: small marks above large ones, highlighted and new models on top."""
    for model, bias, accuracy, x, y in points[["model", "x", "y", "x_value", "y_value"]].itertuples(index=False):
        how, ringed = mark(model), model in highlight
        top = 20 if ringed else 19 if how.color == NEW.color else 5 if how.color == COLORS["baseline"] else 0
        order = {"zorder": 3 + top - how.size / 20, "clip_on": False}
        line = how.line([x], [y], size * (1.3 if ringed else 1), label=model, **order)
        axes.add_line(
            svg_labels.label_mark(
                line, model, svg_labels.value_with_unit(bias, x, world), svg_labels.value_with_unit(accuracy, y, world)
            )
        )
        if ringed:
            ring = Mark("black", "o", "none", how.size * 1.3 + 7, "black")
            axes.add_line(ring.line([x], [y], size, label="_ring", zorder=25, clip_on=False, markerfacecolor="none"))
    axes.autoscale_view()
    if points.empty:
        axes.text(0.5, 0.5, "no model has both values", ha="center", transform=axes.transAxes)


def _name_highlighted(panels: Sequence[Axes], points: Sequence[pd.DataFrame], highlight: Sequence[str]) -> None:
    """Name the highlighted models in every panel."""
    for axes, at in zip(panels, points, strict=True):
        _name_in_panel(axes, at, highlight)


def _name_in_panel(axes: Axes, points: pd.DataFrame, highlight: Sequence[str]) -> None:
    """Name the highlighted models where the name fits in the panel and covers the fewest marks and no other name."""
    pixels = axes.transData.transform(points[["x_value", "y_value"]].to_numpy(float))
    ringed = points["model"].isin(list(highlight)).to_numpy()
    point, panel = axes.figure.dpi / 72, axes.bbox
    taken = [Bbox.from_extents(*(at - 9 * point), *(at + 9 * point)) for at in pixels[ringed]]
    for model, x, y in points.loc[ringed, ["model", "x_value", "y_value"]].itertuples(index=False):
        name = known_models.describe([model])["name"].iloc[0]
        most = min(26, int(panel.width / point / 5.2))  # letters that fit
        text = axes.annotate(
            name if len(name) <= most else name[: most - 1] + "…", (x, y), xytext=(0, 0), textcoords="offset points",
            fontsize=7 if axes.figure.get_figwidth() == WIDTH else 8.2, weight="bold", ha="center", va="center", zorder=30,
            arrowprops={"arrowstyle": "-", "linewidth": 0.6, "shrinkB": 4},
            bbox={"facecolor": "white", "alpha": 0.6, "linewidth": 0, "pad": 0.5},
        )  # fmt: skip
        text.set_in_layout(False)
        text.get_window_extent()  # moves the text to its place; the box that it returns includes the arrow
        home = Text.get_window_extent(text)
        options = []
        for distance, dx, dy in product((14, 24, 36, 52), (1, -1, 0), (1, -1, 0)):
            box = home.translated(dx * (distance * point + home.width / 2), dy * distance * point)
            right = max(panel.x0 - box.x0, 0) + min(panel.x1 - box.x1, 0)  # back into the panel
            up = max(panel.y0 - box.y0, 0) + min(panel.y1 - box.y1, 0)
            box = box.translated(right, up)
            cost = box.padded(3 * point).count_contains(pixels) + 100 * box.count_overlaps(taken) + distance / 10
            options.append((cost, len(options), box))
        _, _, box = min(options, key=lambda option: option[:2])
        text.set_position(((box.x0 - home.x0) / point, (box.y0 - home.y0) / point))
        taken.append(box)


def _n(cells: pd.DataFrame) -> str:
    """Return the number of models of each set in a panel, all first: `n = 45, 12, 33`."""
    return f"n = {', '.join(map(str, cells['n']))}"


def _correlations(cells: pd.DataFrame, most: pd.DataFrame, width: int) -> str:
    """Return the line above a panel, such as `r: −0.76 (all), n.s. (AT)`, with n where it differs from that of `most`."""
    parts = [
        f"{'not defined' if np.isnan(c.r) else 'n.s.' if c.shown == 0 else format_label(c.shown)} ({study.MODEL_SETS[c.group].short})"
        for c in cells.itertuples()
    ]
    if _n(cells) != _n(most):
        parts.append(_n(cells))
    parts = [p.replace(" ", "\u00a0") for p in parts]  # keeps a number and its set on one line
    return fill("r:\u00a0" + ", ".join(parts), width, break_on_hyphens=False)
