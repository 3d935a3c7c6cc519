"""Where the models fall at each setting of the laboratory, and a sentence that says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bvg.results.channel import NOISE_SDS
from companion.analysis import filtered_accuracy
from companion.text import format_number

NAMES = {"low": "Low-pass", "high": "High-pass"}
NOISE_LEVELS = (0.0, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.16)
"""Standard deviations of the noise that a reader can set."""


@dataclass(frozen=True)
class Axis:
    """Horizontal axis of the models, in the units of the drawing.

    Attributes:
        title: what the axis shows.
        low, high: ends of the axis; what lies outside is drawn at the end.
        ticks: value -> printed number.
    """

    title: str
    low: float
    high: float
    ticks: Mapping[float, str]
    left: float = 12
    right: float = 376

    def at(self, value: float) -> float | None:
        """Return the place of a value; None for NaN."""
        if np.isnan(value):
            return None
        share = (np.clip(value, self.low, self.high) - self.low) / (self.high - self.low)
        return round(float(self.left + share * (self.right - self.left)), 2)


_SHARES = {0.0: "0", 0.25: "25\u00a0%", 0.5: "50\u00a0%", 0.75: "75\u00a0%", 1.0: "100\u00a0%"}
AXES = {
    "filter": Axis("Accuracy as a share of that on unfiltered images", 0, 1.06, _SHARES),
    "noise": Axis(
        "Noise SD that halves the accuracy (estimate)", -3.5, 0.5, {np.log2(s / NOISE_SDS[-1]): f"{s:g}" for s in NOISE_SDS[1:]}
    ),
    "cues": Axis("Shape decisions among those for either cue", 0, 1, _SHARES),
}  # fmt: skip
"""The axis of each kind of stimulus."""


def filters(curves: pd.DataFrame, clean: pd.Series, counted: pd.Series) -> tuple[dict[str, dict], pd.DataFrame]:
    """Describe every low- and high-pass filter that a reader can set.

    Args:
        curves: from `bvg.results.scores.bandpass`.
        clean: top-1 on unfiltered images [%], indexed by model.
        counted: which of the models enter the median, with the same index.

    Returns:
        Key such as `low-0.17` -> setting (see `_setting`), and the table of `filtered_accuracy.medians`.
    """
    values = filtered_accuracy.shares(curves, list(clean.index))
    medians = filtered_accuracy.medians(curves, clean[counted])
    unfiltered = format_number(clean[counted].median(), 1)
    found = {
        f"{row.kind}-{row.cutoff:g}": _setting(
            "filter", values.loc[row.kind, row.cutoff], row.median_share, 0.5, _filtered(row, unfiltered)
        )
        for row in medians.itertuples()
    }
    return found, medians


def _filtered(row, unfiltered: str) -> str:
    """Say what the models keep at one row of `filtered_accuracy.medians`."""
    start = f"{NAMES[row.kind]} at cut-off {row.cutoff:.2f}:"
    if not row.n:
        return f"{start} no model has an accuracy."
    source = "Published at this cut-off."
    if row.below != row.above:
        source = f"Interpolated between the published cut-offs {row.below:g} and {row.above:g}."
    return (
        f"{start} the median model keeps {format_number(100 * row.median_share, 1)}\u00a0% of its accuracy on unfiltered images. "
        f"The median accuracy is {format_number(row.median_accuracy, 1)}\u00a0%; on unfiltered images it is {unfiltered}\u00a0%. "
        f"{_count(row.below_half, row.n)} less than half. {source}"
    )


def _count(some: int, all: int) -> str:
    return f"{some} of {all} models {'keeps' if some == 1 else 'keep'}"


def noises(tolerated: pd.DataFrame, counted: pd.Series, centres: Mapping[int, float]) -> dict[str, dict]:
    """Describe every noise that a reader can set.

    Args:
        tolerated: from `companion.analysis.noise_tolerance.tolerated`.
        counted: which of the models enter the median, with the same index.
        centres: band -> its centre in cycles per image.

    Returns:
        Key such as `noise-3-6` (band and number of the SD) -> setting.
    """
    found = {}
    for band, values in tolerated.items():
        known = values[counted].dropna()
        for number, sd in enumerate(NOISE_LEVELS):
            limit = np.log2(sd / NOISE_SDS[-1]) if sd else -np.inf
            where = f"band {band}, centred at {centres[band]:g} cycles per image"
            text = f"Noise of SD {sd:g} in {where}: " if sd else f"Without noise (SD 0; {where}): "
            if known.empty:
                text += "no model has a fitted channel."
            else:
                text += (
                    f"{_count((known >= limit).sum(), len(known))} at least half of the accuracy without noise; the "
                    f"median model does so {_up_to(known.median())}. Estimated from the models' fitted channels, "
                    "since the published results hold no accuracies in noise."
                )
            found[f"noise-{band}-{number}"] = _setting("noise", values, known.median(), limit, text)
    return found


def _up_to(limit: float) -> str:
    """Say up to which noise, given log2 of its SD relative to the strongest noise of the study."""
    weakest, strongest = NOISE_SDS[1], NOISE_SDS[-1]
    if limit > 0:
        return f"even at SD {strongest:g}, the strongest noise of the study"
    sd = strongest * 2**limit
    return f"up to SD {sd:.3f}" if sd >= weakest else f"only below SD {weakest:g}, the weakest noise of the study"


def cues(shape: pd.Series, counted: pd.Series) -> dict[str, dict]:
    """Describe the cue conflicts: the models' published shape bias (fractions), whatever the mix."""
    known = shape[counted].dropna()
    text = "The study measured full cue conflicts, not mixes: the models do not move with the mix. "
    text += (
        f"The median of {len(known)} models decides for the shape in {format_number(100 * known.median(), 1)}\u00a0% of its "
        f"decisions for either cue; {(known < 0.5).sum()} of {len(known)} decide more often for the texture."
        if len(known)
        else "No model has a shape bias."
    )
    return {"cues": _setting("cues", shape, known.median(), 0.5, text)}


def _setting(kind: str, values: pd.Series, median: float, limit: float, text: str) -> dict:
    """Return a setting: its sentence, the median, and the places of the models, of the median and of a limit on the axis."""
    at = AXES[kind].at
    return {
        "text": text,
        "median": None if np.isnan(median) else float(median),
        "places": [at(v) for v in (*values, median, limit)],
    }
