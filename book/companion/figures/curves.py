"""Curves of accuracy on filtered images over the cut-off of the filter."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from textwrap import fill, shorten

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from bvg import known_models, study
from companion.figures import svg_labels
from companion.figures.base import Figure, canvas, styled
from companion.figures.marks import GROUP_NAMES, LINES, group_name, mark
from companion.text import format_label, plural, quoted


@styled
def curves(
    curves: pd.DataFrame,
    low_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    high_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    highlight: Sequence[str] = (),
    world: study.World = study.STUDY,
    narrow: bool = False,
) -> Figure:
    """Draw relative accuracy on filtered images over the cut-off, one line per model.

    One row per large group, with all models in grey behind and the baseline in black; the small groups share a row.
    New and highlighted models are in every row. The cut-offs that a bias averages over are shaded.

    Args:
        curves: from `bvg.results.scores.bandpass`: model, kind, cutoff in [0, 1], relative_top1 (fraction of clean accuracy).
            Models outside the study are not drawn.
        low_cutoffs, high_cutoffs: the cut-offs over which the low- and the high-frequency bias average.
        highlight: models to draw on top and name; a model without a curve is not drawn.
        world: the images that the models were measured on.
        narrow: draw the variant for phones, with one legend for all.

    Returns:
        `data` with the columns model, group, kind, cutoff, relative_top1.

    Raises:
        ValueError: `highlight` is one string.
    """
    if isinstance(highlight, str):
        raise ValueError(f"expected `highlight` to be a list of model ids, got {highlight!r}")
    curves = curves.dropna(subset="relative_top1")
    highlight = [m for m in highlight if m in set(curves["model"])]
    groups = known_models.describe(pd.unique(curves["model"]))["group"]
    data = curves.assign(group=curves["model"].map(groups))
    data = data[(data["group"] != "outside") | data["model"].isin(highlight)]
    groups = groups[pd.unique(data["model"])]
    everywhere = [m for m, g in groups.items() if g in ("baseline", "new") or m in highlight]
    rows = _rows(groups.drop(everywhere))
    windows = {"low-pass": low_cutoffs, "high-pass": high_cutoffs}
    figure = canvas(1.55 * len(rows) + (1.4 if narrow else 0.75), narrow)
    panels = figure.subplots(len(rows), 2, sharex=True, sharey=True, squeeze=False)
    for row, members in zip(panels, rows, strict=True):
        for axes, (kind, window) in zip(row, windows.items(), strict=True):
            axes.axvspan(min(window), max(window), color="0.95", zorder=0)
            foreground = {*everywhere, *groups.index[groups.isin(members)]}
            _draw_lines(axes, data[data["kind"] == kind], window, foreground, everywhere, highlight)
        _row_title(row[0], members, groups, world, narrow)
    for axes, kind in zip(panels[0], windows, strict=True):
        axes.annotate(f"{kind.capitalize()} filtered", (0.5, 1), (0, 24), xycoords="axes fraction",
                      textcoords="offset points", ha="center", fontsize=10)  # fmt: skip
    for axes in panels[-1]:
        label = "Cut-off [fraction of the Nyquist frequency]"
        axes.set_xlabel(fill(label, 22) if narrow else label)
    figure.supylabel("Accuracy / clean accuracy", fontsize=9)
    shared = {g: group_name(g, world) for g in rows[-1]} if len(rows[-1]) > 1 else {}
    _legends(figure, panels[-1, 0], everywhere, shared, narrow)
    extremes = " ".join(_extremes(data[data["kind"] == kind], kind, window) for kind, window in windows.items())
    alt = f"Relative accuracy of {plural(len(groups), 'model')} over the cut-off of a filter. {extremes}"
    if highlight:
        alt += f" Highlighted: {quoted(known_models.describe(highlight)['name'])}."
    return Figure(figure, data[["model", "group", "kind", "cutoff", "relative_top1"]].reset_index(drop=True), alt)


def _rows(groups: pd.Series) -> list[list[str]]:
    """Return the groups of each row of panels: one row per group of five or more models, a shared one for the others."""
    counts = groups.value_counts()
    large = [[g] for g in GROUP_NAMES if counts.get(g, 0) >= 5]
    small = [g for g in GROUP_NAMES if 0 < counts.get(g, 0) < 5]
    return large + ([small] if small or not large else [])


def _draw_lines(
    axes: Axes,
    data: pd.DataFrame,
    window: Sequence[float],
    foreground: Collection[str],
    everywhere: Collection[str],
    highlight: Collection[str],
) -> None:
    """Draw the curves of one panel: the models of `foreground` in colour, the others in grey behind them."""
    for (model, kind), line in data.groupby(["model", "kind"], sort=False):
        x, y = line.sort_values("cutoff")[["cutoff", "relative_top1"]].to_numpy().T
        if model in foreground:
            drawn = axes.add_line(_line(model, x, y, model in everywhere, model in highlight))
        else:
            (drawn,) = axes.plot(x, y, label=f"_{model}", color="0.85", linewidth=0.5, zorder=1)
        text = _mean_text(kind, y[np.isin(x, list(window))])
        svg_labels.label_mark(drawn, model, *text, behind=model not in foreground)
    axes.set_xlim(0, 1)
    axes.autoscale_view(scalex=False)


def _row_title(axes: Axes, members: Sequence[str], groups: pd.Series, world: study.World, narrow: bool) -> None:
    """Name the groups of a row above its first panel, and explain the lines of adversarially trained models."""
    names = ", ".join(group_name(g, world) for g in members)
    title = axes.set_title(fill(names, 36) if narrow else names, weight="bold")
    if len(members) == 1:
        entry = svg_labels.legend_group(groups.index[groups == members[0]][0])
        svg_labels.label_entry([title], entry.removesuffix("-l2").removesuffix("-linf"))
    if "adversarial_training" in members:
        norms = known_models.describe(groups.index[groups == "adversarial_training"])["norm"]
        text = "L2 solid, L∞ broken;\nwider: larger ε" if norms.nunique() > 1 else "Wider: larger ε"
        text = text.replace(", ", ",\n").replace(": ", ":\n") if narrow else text
        axes.text(0.98, 0.08, text, ha="right", fontsize=8, transform=axes.transAxes)


def _mean_text(kind: str, inside: np.ndarray) -> list[str]:
    """Return the mean of a curve over the shaded cut-offs as a line of text; none without a value there."""
    text = f"{kind.capitalize()} filtered, mean over the shaded cut-offs: "
    return [f"{text}{format_label(inside.mean())} of clean accuracy"] if len(inside) else []


def _line(model: str, x: np.ndarray, y: np.ndarray, everywhere: bool, highlighted: bool) -> Line2D:
    """Return the line of a model in its group's colour and line style, with its mark if it is in every row."""
    how, known = mark(model), known_models.describe([model]).iloc[0]
    style = {"linestyle": LINES["contrastive" if known["norm"] == "linf" else known["group"]], "label": model}
    if everywhere:
        width = 2.2 if highlighted else 1.6
        return how.line(x, y, 0.6, color=how.color, linewidth=width, zorder=5 if highlighted else 4, **style)
    adversarial = known["group"] == "adversarial_training"
    return Line2D(x, y, color=how.color, alpha=0.8, linewidth=how.size / 8 if adversarial else 1.2, zorder=3, **style)


def _legends(figure: Canvas, axes: Axes, everywhere: Sequence[str], shared: Mapping[str, str], narrow: bool) -> None:
    """Add a legend of the models in every row below the panels, and one of the groups that share the last row.

    In the variant for phones these are one legend.

    Args:
        figure: the whole figure.
        axes: first panel of the last row.
        everywhere: models drawn in every row.
        shared: groups of the last row, id -> printed name; empty if it is a single group's.
    """
    lines = {line.get_label(): line for line in axes.get_lines() if not line.get_label().startswith("_")}
    models = [m for m in everywhere if m in lines]
    names = [shorten(n, 40, placeholder="…") for n in known_models.describe(models)["name"]] if models else []
    handles, entries = [lines[m] for m in models], [(m, True) for m in models]
    groups = known_models.describe([m for m in lines if m not in models])["group"]
    firsts = {g: groups.index[groups == g][0] for g in shared if (groups == g).any()}
    group_handles = [lines[m] for m in firsts.values()]
    group_names = [shared[g] for g in firsts]
    group_entries = [(svg_labels.legend_group(m), False) for m in firsts.values()]
    if narrow:
        handles, names, entries = handles + group_handles, names + group_names, entries + group_entries
    elif firsts:
        legend = axes.legend(group_handles, group_names, fontsize=8)
        svg_labels.label_legend(legend, group_entries)
    if handles:
        columns = min(len(handles), 2 if narrow or len(handles) > 2 else len(handles))
        legend = figure.legend(handles, names, loc="outside lower center", ncols=columns)
        svg_labels.label_legend(legend, entries)


def _extremes(curves: pd.DataFrame, kind: str, window: Sequence[float]) -> str:
    """State which models keep the most and the least accuracy in the middle of the window."""
    if curves.empty:
        return f"{kind.capitalize()}: no values."
    middle = np.median(list(window))
    cutoff = min(curves["cutoff"].unique(), key=lambda c: abs(c - middle))
    at = curves[curves["cutoff"] == cutoff].set_index("model")["relative_top1"]
    names = known_models.describe([at.idxmin(), at.idxmax()])["name"]
    return (
        f"{kind.capitalize()} at cut-off {cutoff:g}: from {format_label(at.min())} ({names.iloc[0]}) to {format_label(at.max())} "
        f"({names.iloc[1]}) of clean accuracy, median {format_label(at.median())}."
    )
