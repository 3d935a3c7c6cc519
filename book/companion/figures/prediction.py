"""Cross-validated prediction of generalization from the biases, compared with its null distribution."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bvg import study
from companion.analysis.prediction import ALL, METHODS, feature_name
from companion.figures.base import Figure, canvas, styled
from companion.text import format_number

_LOOKS = {"linear": ("o", "tab:blue", -0.17), "forest": ("s", "tab:green", 0.17)}
_LEAST = -0.3  # a smaller R2 is drawn as an arrow at the edge


@styled
def prediction(predicted: pd.DataFrame, threshold: float | None = None, narrow: bool = False) -> Figure:
    """Draw R2 on held-out models: a panel per category, a row per set of features, both methods, over all models.

    A grey bar ends at the (1 - alpha) quantile of the null distribution: without any relation, R2 exceeds it with
    probability alpha.

    Args:
        predicted: from `companion.analysis.prediction.prediction`.
        threshold: R2 at which to draw a line; None for no line.
        narrow: draw the variant for phones, with one panel per row.

    Returns:
        `data` holds the rows over all models.
    """
    data = predicted[predicted["group"] == "total"].reset_index(drop=True)
    features = list(dict.fromkeys(data["features"]))
    categories = list(dict.fromkeys(data["category"]))
    across = 1 if narrow else len(categories)
    down = -(-len(categories) // across)
    figure = canvas(down * (0.36 * len(features) + 0.5) + (1.0 if narrow else 0.6), narrow)
    panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, category in zip(panels, categories, strict=True):
        _panel(axes, data[data["category"] == category], features)
        if threshold is not None:
            axes.axvline(threshold, color="0.3", linewidth=0.9, linestyle=(0, (3, 2)))
        axes.set_title(study.CATEGORY_NAMES[category], fontsize=9.5, weight="bold")
        axes.set(xlim=(_LEAST - 0.06, 1.04), xticks=[0, 0.5, 1])
        axes.set_xlabel("R² on held-out models", fontsize=8.5)
    panels[0].set_yticks(range(len(features)), [feature_name(f) for f in features], fontsize=8.5)
    panels[0].set_ylim(len(features) - 0.5, -0.5)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=1 if narrow else 3)
    return Figure(figure, data, _alt(data, categories))


def _panel(axes: Axes, data: pd.DataFrame, features: list[str]) -> None:
    """Draw one category: both methods and the null distribution's quantile for every set of features."""
    for method, (marker, color, shift) in _LOOKS.items():
        own = data[data["method"] == method].set_index("features").reindex(features)
        at, r2 = np.arange(len(features)) + shift, own["r2"].to_numpy(float)
        null = own["null"].to_numpy(float)
        label = "no relation, up to its (1 − α) quantile" if method == "linear" else None
        axes.barh(at, np.maximum(null, _LEAST) - _LEAST + 0.06, 0.3, left=_LEAST - 0.06, color="0.85", label=label)
        inside = r2 >= _LEAST
        axes.plot(
            r2[inside], at[inside], linestyle="none", marker=marker, markersize=5, color=color, label=METHODS[method]
        )
        below = r2 < _LEAST
        axes.plot(np.full(below.sum(), _LEAST), at[below], linestyle="none", marker="<", markersize=5, color=color)
    axes.axvline(0, color="0.5", linewidth=0.8)
    if ALL in features:
        axes.axhline(features.index(ALL) - 0.5, color="0.6", linewidth=0.8)


def _alt(data: pd.DataFrame, categories: list[str]) -> str:
    """State, by category, R2 from all biases and from the best single bias."""
    parts = []
    for category in categories:
        of = data[data["category"] == category]
        whole = of[of["features"] == ALL].set_index("method")["r2"]
        single = of[of["features"] != ALL].dropna(subset="r2")
        text = ", ".join(f"{format_number(r2)} ({METHODS[m].lower()})" for m, r2 in whole.items())
        if len(single):
            best = single.loc[single["r2"].idxmax()]
            text += f"; best single bias: {feature_name(best['features'])}, {format_number(best['r2'])} ({METHODS[best['method']].lower()})"
        parts.append(f"{study.CATEGORY_NAMES[category]} {text}")
    return f"Dot plot of the R2 of predictions for held-out models. From all six biases: {'. '.join(parts)}."
