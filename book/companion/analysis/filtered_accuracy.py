"""Accuracy on filtered images at any cut-off: the curves of the models between their measured cut-offs, and the median."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

KINDS = {"low": "low-pass", "high": "high-pass"}
"""Kind of filter in `bvg.kernels.bandpass` -> benchmark."""

CUTOFFS = tuple(k / 100 for k in range(1, 100))
"""The cut-offs that a reader can set: from the lowest to the highest that the study measured."""


def shares(curves: pd.DataFrame, models: Sequence[str], cutoffs: Sequence[float] = CUTOFFS) -> pd.DataFrame:
    """Interpolate linearly between the measured cut-offs: share of clean accuracy of each model.

    Args:
        curves: from `bvg.results.scores.bandpass`.
        models: ids of the models.
        cutoffs: in [0, 1].

    Returns:
        One row per kind ("low", "high") and cut-off (index), one column per model; NaN outside the measured cut-offs, next
        to one that the model lacks, and for a model without a curve.

    Example:
        >>> curves = pd.DataFrame({"model": "a", "kind": "low-pass", "cutoff": [0.1, 0.2], "relative_top1": [0.2, 0.6]})
        >>> shares(curves, ["a"], [0.1, 0.15]).loc["low", "a"].round(3).tolist()
        [0.2, 0.4]
    """
    found = {}
    for kind, benchmark in KINDS.items():
        wide = curves[curves["kind"] == benchmark].pivot(index="cutoff", columns="model", values="relative_top1")
        wide = wide.reindex(columns=list(models)).sort_index()
        columns = [
            np.interp(cutoffs, wide.index, wide[m], np.nan, np.nan) if len(wide) else np.full(len(cutoffs), np.nan)
            for m in models
        ]
        found[kind] = pd.DataFrame(np.transpose(columns), pd.Index(cutoffs, name="cutoff"), list(models))
    return pd.concat(found, names=["kind"])


def medians(curves: pd.DataFrame, clean: pd.Series, cutoffs: Sequence[float] = CUTOFFS) -> pd.DataFrame:
    """Summarize the models' accuracy on filtered images, one row per kind and cut-off.

    Args:
        curves: from `bvg.results.scores.bandpass`.
        clean: top-1 on unfiltered images [%], indexed by the models to summarize.
        cutoffs: in [0, 1].

    Returns:
        Columns kind ("low", "high"), cutoff, n (models with a value), median_share (of clean accuracy), lowest_share,
        highest_share, median_accuracy [%], below_half (number of models that keep less than half), below and above (the
        measured cut-offs between which the row is interpolated; equal where the cut-off was measured).
    """
    found = shares(curves, list(clean.index), cutoffs)
    table = pd.DataFrame(
        {
            "n": found.notna().sum(axis=1),
            "median_share": found.median(axis=1),
            "lowest_share": found.min(axis=1),
            "highest_share": found.max(axis=1),
            "median_accuracy": (found * clean).median(axis=1),
            "below_half": (found < 0.5).sum(axis=1),
        }
    ).reset_index()
    measured = {kind: np.sort(curves.loc[curves["kind"] == b, "cutoff"].unique()) for kind, b in KINDS.items()}
    around = [_around(measured[kind], cutoff) for kind, cutoff in zip(table["kind"], table["cutoff"], strict=True)]
    return table.assign(below=[low for low, _ in around], above=[high for _, high in around])


def half(table: pd.DataFrame, kind: str) -> pd.Series | None:
    """Return the row of `medians` at which the median model falls below half of its accuracy; None if it never does.

    It is the first row below half on the way from the highest cut-off, which passes most, to the lowest.
    """
    rows = table[(table["kind"] == kind) & (table["median_share"] < 0.5)]
    return None if rows.empty else rows.loc[rows["cutoff"].idxmax()]


def _around(measured: np.ndarray, cutoff: float) -> tuple[float, float]:
    """Return the measured cut-offs around one, NaN where there is none."""
    below, above = measured[measured <= cutoff], measured[measured >= cutoff]
    return (below.max() if len(below) else np.nan), (above.min() if len(above) else np.nan)
