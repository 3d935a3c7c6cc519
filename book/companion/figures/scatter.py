"""Scatter plots of biases against accuracies, with rank correlations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from bvg import study
from bvg.results import correlation
from companion.figures import svg_labels
from companion.figures.base import WIDTH, Figure, styled
from companion.figures.legend import LEGEND, key
from companion.figures.marks import COLORS, NEW, Mark, mark
from companion.text import SHORT_SETS, label, listed, number, plain, plural, quoted, strongest, told_apart


@styled
def scatter(
    scores: pd.DataFrame, x: Sequence[str], y: Sequence[str], alpha: float = 0.05, highlight: Sequence[str] = ()
) -> Figure:
    """Scatter plots of biases against accuracies, one mark per model, with Spearman's r above each panel.

    Several biases make one row each, with one column per accuracy; the panels of a single bias, or of more
    than four accuracies, are wrapped to fit.
    A model that lacks a value is missing from that panel. The legend states over how many models r is taken; a panel over
    others states its own n, for each set of models. Without any adversarially trained model, or with nothing else, r is
    that of all models alone.

    Args:
        scores: one row per model: model, group and the columns named in `x` and `y` (see `bvg.results.scores`).
        x: biases. y: categories or benchmarks, in percent.
        alpha: level of significance; correlations with p >= alpha are printed as n.s.
        highlight: models to ring and name; they are left out of the correlations (see `study.counted`). One that lacks
            the values is not drawn.

    Returns:
        `data` with the columns model, group, x, y, x_value, y_value, in_statistics; `statistics` from `stats.correlate`.

    Raises:
        KeyError: a column that `scores` does not have.
        ValueError: `highlight` names a model that is not in `scores`, or there is nothing to draw.
    """
    counted, world = study.counted(scores, highlight), study.world(scores["model"])
    sets = {k: mask & counted for k, mask in study.figure2_groups(scores["group"]).items()}
    cells = correlation.correlate(scores, y, x, {k: m for k, m in sets.items() if k == "total" or m.any()}, alpha)
    if not len(x) or not len(y):
        raise ValueError(f"expected at least one column in `x` and in `y`, got {list(x)} and {list(y)}")
    wrapped = len(x) == 1 or len(y) > 4
    columns = min(len(y), 4 if not wrapped else 2 if len(y) <= 4 else 3)
    rows = -(-len(x) * len(y) // columns)
    pairs = list(product(x, y))
    points = [_points(scores.assign(in_statistics=counted), bias, accuracy) for bias, accuracy in pairs]
    data = pd.concat(points, ignore_index=True)
    seen = scores["model"].isin(data["model"])
    highlight = [m for m in highlight if seen[scores["model"] == m].any()]
    handles, names, entries = key(list(scores["model"][seen]))
    entries += [(m, True) for m in highlight]
    handles += [(mark(m).line(),) for m in highlight]
    names += [f"{name} (ringed)" for name in study.describe(highlight)["name"]]
    printed = told_apart(cells)
    own = [printed[(printed["row"] == accuracy) & (printed["column"] == bias)] for bias, accuracy in pairs]
    most = max(own, key=lambda c: c["n"].iloc[0])
    over = _over(list(most["n"]), data.loc[~data["in_statistics"], "model"], highlight)
    spare = columns * rows - len(x) * len(y)
    title = fill(over, 26 * spare if spare > 1 else 106)
    below = 0.0 if spare > 1 else 0.3 + 0.2 * (-(-len(handles) // 2) + len(title.splitlines()))
    height, size, fontsize, width = _PANELS[columns]
    figure = Canvas(figsize=(WIDTH, height * rows + 0.3 + below), facecolor="white", layout="constrained")
    grid = figure.add_gridspec(rows, columns)
    texts = [_correlations(c, most, width) for c in own]
    panels = []
    for i, (bias, accuracy) in enumerate(pairs):
        axes = figure.add_subplot(grid[i // columns, i % columns])
        _marks(axes, points[i], highlight, size, world)
        axes.annotate(texts[i], (0, 1), (0, 3), xycoords="axes fraction", textcoords="offset points", fontsize=fontsize)
        first = i - i % columns
        lines = 1 + max(text.count("\n") for text in texts[first : first + columns])
        name = label(accuracy, world) if i < columns or wrapped else ""
        axes.set_title(name, weight="bold", pad=5 + 1.35 * lines * fontsize)
        outer = len(x) > 1 or i + columns >= len(pairs)
        axes.set_xlabel(fill(label(bias, world), 22 if columns > 2 else 60) if outer else "", fontsize=fontsize + 0.5)
        axes.set_ylabel("" if i % columns or accuracy in _BIAS_IDS else "Accuracy [%]")
        axes.margins(0.07)
        axes.locator_params(nbins=5)
        panels.append(axes)
    if spare > 1:
        corner = figure.add_subplot(grid[-1, columns - spare :])
        corner.axis("off")
        legend = corner.legend(handles, names, loc="center", title=title, **LEGEND)
    else:
        legend = figure.legend(handles, names, loc="outside lower center", ncols=2, title=title, **LEGEND)
    svg_labels.label_legend(legend, entries)
    if highlight:
        figure.draw_without_rendering()  # fixes the layout, so that names can be placed where there is room
        for axes, at in zip(panels, points, strict=True):
            _annotate(axes, at, highlight)
    alt = (
        f"{plural(len(panels), 'scatter plot')} of {plural(seen.sum(), 'model')}: accuracy "
        f"({listed(label(a, world) for a in y)}) against {listed(plain(b, world) for b in x)}. {over}. "
        f"{strongest(printed, world)}"
    )
    fewer = [
        f"{label(c['row'].iloc[0], world)} against {plain(c['column'].iloc[0], world)} ({_n(c)})"
        for c in own
        if _n(c) != _n(most)
    ]
    if fewer:
        alt += f" Other numbers of models: {listed(fewer)}."
    if highlight:
        alt += f" Highlighted: {quoted(study.describe(highlight)['name'])}."
    return Figure(figure, data, alt, cells)


# Columns of panels -> height of a row [in], size of the marks, size of type, letters in a line above the panel.
_PANELS = {1: (3.2, 1.0, 8.5, 90), 2: (2.5, 0.95, 8.5, 60), 3: (2.1, 0.85, 7.5, 38), 4: (1.95, 0.72, 7.5, 31)}
_BIAS_IDS = tuple(b.id for b in study.BIASES)


def _points(scores: pd.DataFrame, bias: str, accuracy: str) -> pd.DataFrame:
    """The models that have both values."""
    values = {"x": bias, "y": accuracy, "x_value": scores[bias], "y_value": scores[accuracy]}
    columns = ["model", "group", *values, "in_statistics"]
    return scores.assign(**values)[columns].dropna(subset=["x_value", "y_value"])


def _over(n: Sequence[int], left_out: pd.Series, highlight: Sequence[str]) -> str:
    """Over which models r is taken, n of all, of AT and of others; and what kinds of models are drawn and left out."""
    text = f"Spearman's r over {plural(n[0], 'model')}"
    if len(n) > 1:
        text += f", {n[1]} adversarially trained (AT) and {n[2]} {'other' if n[2] == 1 else 'others'}"
    ringed, small = left_out.isin(list(highlight)), left_out.isin(study.miniature().index)
    kinds = {"highlighted": ringed, "new": ~ringed & ~small, "miniature": ~ringed & small}
    kinds = [kind for kind, which in kinds.items() if which.any()]
    return f"{text}; {listed(kinds)} models are left out" if kinds else text


def _marks(axes: Axes, points: pd.DataFrame, highlight: Sequence[str], size: float, world: study.World) -> None:
    """One artist per model, labelled with its id; large marks below small ones, highlighted and new models on top."""
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


def _annotate(axes: Axes, points: pd.DataFrame, highlight: Sequence[str]) -> None:
    """Name the highlighted models, each where its name stays in the panel and hides the fewest marks and no other name."""
    pixels = axes.transData.transform(points[["x_value", "y_value"]].to_numpy(float))
    ringed = points["model"].isin(list(highlight)).to_numpy()
    point, panel = axes.figure.dpi / 72, axes.bbox
    taken = [Bbox.from_extents(*(at - 9 * point), *(at + 9 * point)) for at in pixels[ringed]]
    for model, x, y in points.loc[ringed, ["model", "x_value", "y_value"]].itertuples(index=False):
        name = study.describe([model])["name"].iloc[0]
        most = min(26, int(panel.width / point / 5.2))  # letters that fit
        text = axes.annotate(
            name if len(name) <= most else name[: most - 1] + "…", (x, y), xytext=(0, 0), textcoords="offset points",
            fontsize=7, weight="bold", ha="center", va="center", zorder=30,
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
    """How many models each set of a panel has, all first: `n = 45, 12, 33`."""
    return f"n = {', '.join(map(str, cells['n']))}"


def _correlations(cells: pd.DataFrame, most: pd.DataFrame, width: int) -> str:
    """The line above a panel, e.g. `r: −0.76 (all), n.s. (AT), −0.60 (others)`, with n where it is not that of `most`."""
    parts = [
        f"{'not defined' if np.isnan(c.r) else 'n.s.' if c.shown == 0 else number(c.shown)} ({SHORT_SETS[c.group]})"
        for c in cells.itertuples()
    ]
    if _n(cells) != _n(most):
        parts.append(_n(cells))
    parts = [p.replace(" ", "\u00a0") for p in parts]  # no-break spaces keep a number and its set on one line
    return fill("r:\u00a0" + ", ".join(parts), width, break_on_hyphens=False)
