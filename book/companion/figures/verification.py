"""Differences between measured and stored or published numbers, in units of their tolerance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import study
from companion.figures.base import Figure, canvas, styled
from companion.text import format_number, plural

REACH = 2.5
"""Largest ratio that the axis shows; larger ones stand at its end."""
_LOOKS = {"agrees": ("o", "tab:blue"), "differs": ("X", "tab:red")}


@styled
def agreement(compared: pd.DataFrame, world: study.World = study.STUDY, narrow: bool = False) -> Figure:
    """Draw each number's difference divided by its tolerance, one row per benchmark; the band holds those that agree.

    Args:
        compared: one row per number with benchmark, difference, tolerance (NaN: not drawn) and verdict, from
            `bvg.measure.verify.compare` or `bvg.measure.self_check`.
        world: the benchmarks whose names to print.
        narrow: draw the variant for phones.

    Raises:
        ValueError: no number has a tolerance.
    """
    data = (
        compared.dropna(subset=["tolerance"])
        .assign(ratio=lambda t: t["difference"] / t["tolerance"])
        .reset_index(drop=True)
    )
    if data.empty:
        raise ValueError("expected at least one number with a tolerance, got none")
    rows = list(dict.fromkeys(data["benchmark"]))
    figure = canvas(0.34 * len(rows) + 1.1, narrow)
    axes = figure.subplots()
    axes.axvspan(-1, 1, color="0.93", linewidth=0)
    axes.axvline(0, color="0.6", linewidth=0.8)
    within = data.groupby("benchmark").cumcount()
    spread = data.groupby("benchmark")["ratio"].transform("size")
    height = data["benchmark"].map(rows.index) + 0.5 * (within / spread.where(spread > 1, 1) - 0.5 * (spread > 1))
    for verdict, (marker, color) in _LOOKS.items():
        own = (data["verdict"] == verdict).to_numpy()
        if own.any():
            x = data["ratio"].fillna(np.inf)[own].clip(-REACH, REACH)
            axes.plot(
                x,
                height[own],
                marker,
                color=color,
                markersize=5,
                alpha=0.8,
                label=f"{verdict} ({own.sum()})",
                clip_on=False,
            )
    names = [world.short(r) if narrow else world.name(r) for r in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set(xlim=(-REACH, REACH), ylim=(len(rows) - 0.4, -0.6), xlabel="Difference / tolerance")
    figure.legend(loc="outside lower center", ncols=2)
    counts = data["verdict"].value_counts()
    worst = data.loc[data["ratio"].abs().fillna(np.inf).idxmax()]
    alt = (
        f"Differences of {plural(len(data), 'number')} in units of their tolerance, by benchmark: "
        f"{counts.get('agrees', 0)} within, {counts.get('differs', 0)} outside. "
        f"The largest is {format_number(worst['ratio'])} ({world.name(worst['benchmark'])})."
    )
    return Figure(figure, data, alt)
