"""Accuracy on filtered images over the cut-off, for every model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from textwrap import shorten

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from bvg import study
from companion.figures import svg_labels
from companion.figures.base import WIDTH, Figure, styled
from companion.figures.marks import GROUP_NAMES, LINES, group_name, mark
from companion.text import number, plural, quoted


@styled
def curves(
    curves: pd.DataFrame,
    low_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    high_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    highlight: Sequence[str] = (),
) -> Figure:
    """Accuracy on low- and high-pass filtered images, relative to clean accuracy, over the cut-off; one line per model.

    One row per large group, with all models in grey behind and the baseline in black; the small groups share a row.
    New and highlighted models stand in every row. The span of the cut-offs that a bias averages is shaded.

    Args:
        curves: from `scores.bandpass`: model, kind, cutoff in [0, 1], relative_top1 (fraction). Models outside the study
            are not drawn.
        low_cutoffs, high_cutoffs: the cut-offs over which the low- and the high-frequency bias average.
        highlight: models to draw on top and name; one without a curve is not drawn.

    Returns:
        `data` with the columns model, group, kind, cutoff, relative_top1.

    Raises:
        ValueError: `highlight` is one string.
    """
    if isinstance(highlight, str):
        raise ValueError(f"expected `highlight` to be a list of model ids, got {highlight!r}")
    curves = curves.dropna(subset="relative_top1")
    highlight = [m for m in highlight if m in set(curves["model"])]
    about = study.describe(pd.unique(curves["model"]))
    groups, norms = about["group"], about.loc[about["group"] == "adversarial_training", "norm"]
    data = curves.assign(group=curves["model"].map(groups))
    data = data[(data["group"] != "outside") | data["model"].isin(highlight)]
    groups, world = groups[pd.unique(data["model"])], study.world(groups.index)
    everywhere = [m for m, g in groups.items() if g in ("baseline", "new") or "@" in m or m in highlight]
    counts = groups.drop(everywhere).value_counts()
    large = [g for g in GROUP_NAMES if counts.get(g, 0) >= 5]
    small = [g for g in GROUP_NAMES if 0 < counts.get(g, 0) < 5]
    rows = [[g] for g in large] + ([small] if small or not large else [])
    figure = Canvas(figsize=(WIDTH, 1.55 * len(rows) + 0.75), facecolor="white", layout="constrained")
    panels = figure.subplots(len(rows), 2, sharex=True, sharey=True, squeeze=False)
    windows = {"low-pass": low_cutoffs, "high-pass": high_cutoffs}
    for (row, members), (column, (kind, window)) in product(enumerate(rows), enumerate(windows.items())):
        axes = panels[row, column]
        axes.axvspan(min(window), max(window), color="0.95", zorder=0)
        for model, line in data[data["kind"] == kind].groupby("model", sort=False):
            x, y = line.sort_values("cutoff")[["cutoff", "relative_top1"]].to_numpy().T
            if model in everywhere or groups[model] in members:
                drawn = axes.add_line(_line(model, x, y, model in everywhere, model in highlight))
            else:
                (drawn,) = axes.plot(x, y, label=f"_{model}", color="0.85", linewidth=0.5, zorder=1)
            svg_labels.label_mark(drawn, model, *_reading(kind, y[np.isin(x, list(window))]))
        title = axes.set_title(", ".join(group_name(g, world) for g in members) if column == 0 else "", weight="bold")
        if len(members) == 1 and column == 0:
            of = next(m for m, g in groups.items() if g == members[0])
            svg_labels.label_entry([title], svg_labels.legend_group(of).removesuffix("-l2").removesuffix("-linf"))
        axes.set_xlim(0, 1)
        axes.autoscale_view(scalex=False)
        if "adversarial_training" in members and column == 0:
            text = "L2 solid, L∞ broken;\nwider: larger ε" if len(set(norms)) > 1 else "Wider: larger ε"
            axes.text(0.98, 0.08, text, ha="right", fontsize=8, transform=axes.transAxes)
    for axes, kind in zip(panels[0], windows, strict=True):
        axes.annotate(
            f"{kind.capitalize()} filtered",
            (0.5, 1),
            (0, 24),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            fontsize=10,
        )
    for axes in panels[-1]:
        axes.set_xlabel("Cut-off [fraction of the Nyquist frequency]")
    figure.supylabel("Accuracy / clean accuracy", fontsize=9)
    _curve_legends(figure, panels[-1, 0], everywhere, {g: group_name(g, world) for g in small})
    alt = f"Relative accuracy of {plural(len(groups), 'model')} over the cut-off of a filter. " + " ".join(
        _curve_extremes(data[data["kind"] == kind], kind, window) for kind, window in windows.items()
    )
    if highlight:
        alt += f" Highlighted: {quoted(study.describe(highlight)['name'])}."
    return Figure(figure, data[["model", "group", "kind", "cutoff", "relative_top1"]].reset_index(drop=True), alt)


def _reading(kind: str, inside: np.ndarray) -> list[str]:
    """What a curve says in the shaded span, in words."""
    text = f"{kind.capitalize()} filtered, mean over the shaded cut-offs: "
    return [f"{text}{number(inside.mean())} of clean accuracy"] if len(inside) else []


def _line(model: str, x: np.ndarray, y: np.ndarray, everywhere: bool, highlighted: bool) -> Line2D:
    """The line of one model: colour and line style of its group, with its mark if it stands in every row."""
    how, known = mark(model), study.describe([model]).iloc[0]
    style = {"linestyle": LINES["contrastive" if known["norm"] == "linf" else known["group"]], "label": model}
    if everywhere:
        width = 2.2 if highlighted else 1.6
        return how.line(x, y, 0.6, color=how.color, linewidth=width, zorder=5 if highlighted else 4, **style)
    adversarial = known["group"] == "adversarial_training"
    return Line2D(x, y, color=how.color, alpha=0.8, linewidth=how.size / 8 if adversarial else 1.2, zorder=3, **style)


def _curve_legends(figure: Canvas, axes: Axes, everywhere: Sequence[str], small: Mapping[str, str]) -> None:
    """Below the panels: the models in every row; in the shared last row: its groups (id -> name) by line style."""
    lines = {line.get_label(): line for line in axes.get_lines()}
    known = [m for m in everywhere if m in lines]
    if known:
        names = study.describe(known)["name"]
        legend = figure.legend([lines[m] for m in known], [shorten(n, 40, placeholder="…") for n in names],
                               loc="outside lower center", ncols=2 if len(known) > 2 else max(len(known), 1))  # fmt: skip
        svg_labels.label_legend(legend, [(m, True) for m in known])
    firsts = {g: next((a for m, a in lines.items() if not m.startswith("_") and m not in known
                       and study.describe([m])["group"].iloc[0] == g), None) for g in small}  # fmt: skip
    if len(small) > 1:
        firsts = {g: a for g, a in firsts.items() if a}
        legend = axes.legend(list(firsts.values()), [small[g] for g in firsts], fontsize=8)
        svg_labels.label_legend(legend, [(svg_labels.legend_group(a.get_label()), False) for a in firsts.values()])


def _curve_extremes(curves: pd.DataFrame, kind: str, window: Sequence[float]) -> str:
    """Who keeps most and least accuracy in the middle of the averaging window."""
    if curves.empty:
        return f"{kind.capitalize()}: no values."
    middle = np.median(list(window))
    cutoff = min(curves["cutoff"].unique(), key=lambda c: abs(c - middle))
    at = curves[curves["cutoff"] == cutoff].set_index("model")["relative_top1"]
    names = study.describe([at.idxmin(), at.idxmax()])["name"]
    return (
        f"{kind.capitalize()} at cut-off {cutoff:g}: from {number(at.min())} ({names.iloc[0]}) to {number(at.max())} "
        f"({names.iloc[1]}) of clean accuracy, median {number(at.median())}."
    )
