"""Checks of the low- and high-pass curves: above 1, at chance, falling."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import known_models
from companion.analysis.data_audit.check import Case, Check, Outcome
from companion.text import format_number


def above_one(case: Case) -> Outcome:
    """Check whether filtered images give a higher accuracy than unfiltered ones."""
    if case.curves.empty:
        return Outcome(None, "no low- and high-pass accuracies")
    above = case.curves[case.curves["relative_top1"] > 1]
    if above.empty:
        return Outcome(False, "no ratio is above 1")
    largest = above.loc[above["relative_top1"].idxmax()]
    at = ", ".join(f"{count} at {kind} {cutoff:g}" for (kind, cutoff), count in _counts(above).items())
    number = (
        f"{len(above)} of {len(case.curves)} ratios ({at}); the largest {largest['relative_top1']:.4f} ({largest['kind']} "
        f"{largest['cutoff']:g}, {known_models.describe([largest['model']])['name'].iloc[0]})"
    )
    clipped = case.curves.assign(relative_top1=case.curves["relative_top1"].clip(upper=1))
    return Outcome(True, number, case.cells(case.with_curves(clipped)))


def _counts(curves: pd.DataFrame) -> pd.Series:
    return curves.groupby(["kind", "cutoff"], sort=True).size()


def at_chance(case: Case) -> Outcome:
    """Check whether high-pass accuracy is below twice chance.

    The high-frequency bias is then mostly chance divided by clean accuracy.
    """
    clean = case.accuracy.get("imagenet", pd.Series(dtype=float)).dropna()
    curves = case.curves[case.curves["model"].isin(clean.index)]
    if curves.empty:
        return Outcome(None, "no low- and high-pass accuracies")
    chance = 100 / next(b.classes for b in case.world.benchmarks if b.id == "imagenet")
    whole = curves["model"].map(clean).astype(float)
    top1 = curves["relative_top1"] * whole
    window = np.isclose(curves["cutoff"].to_numpy()[:, None], list(case.high_cutoffs)).any(axis=1)
    means = top1[(curves["kind"] == "high-pass") & window].groupby(curves["model"]).mean()
    low = means[means < 2 * chance]
    if means.empty or low.empty:
        return Outcome(
            False if len(means) else None, f"no model's mean high-pass top-1 is below twice chance ({chance:g} %)"
        )
    trained = known_models.describe(low.index)["group"].eq("adversarial_training").sum()
    number = (
        f"{len(low)} of {len(means)} models ({trained} of them adversarially trained) have a mean high-pass top-1 below "
        f"{2 * chance:g} %, twice chance; the lowest is {format_number(means.min())} %"
    )
    if not (whole > chance).all():
        return Outcome(True, number)
    above = curves.assign(relative_top1=(top1 - chance) / (whole - chance))
    return Outcome(True, number, case.cells(case.with_curves(above)))


def falling(case: Case) -> Outcome:
    """Check whether a filter that passes more of the image lowers the accuracy."""
    wide = case.curves.pivot(index=["kind", "model"], columns="cutoff", values="relative_top1")
    if wide.shape[1] < 2:
        return Outcome(None, "no low- and high-pass accuracies")
    steps = wide.diff(axis=1)
    falls = (steps < 0).groupby("kind").agg("sum").sum(axis=1)
    models = (steps < 0).any(axis=1).groupby("kind").sum()
    if not falls.sum():
        return Outcome(False, "no curve falls")
    kind, model = steps.min(axis=1).idxmin()
    number = (
        "; ".join(f"{models[k]} {k} curves fall, {falls[k]} steps in all" for k in models.index if models[k])
        + f"; the largest by {format_number(-steps.min(axis=None), 3)} of clean accuracy ({kind}, {known_models.describe([model])['name'].iloc[0]})"
    )
    rising = wide.cummax(axis=1).stack().dropna().rename("relative_top1").reset_index()
    return Outcome(True, number, case.cells(case.with_curves(rising)))


CHECKS: tuple[Check, ...] = (
    Check(
        "above-one",
        "Some models recognize filtered images better than unfiltered ones.",
        "A filter that removes almost nothing changes a few decisions, for better or worse, so the ratio can exceed 1.",
        "ratios clipped at 1",
        above_one,
    ),
    Check(
        "at-chance",
        "High-frequency bias is close to chance divided by clean accuracy for some models.",
        "The cut-offs of the paper's window pass so little that adversarially trained models guess. Of two models that guess, "
        "the one with the lower clean accuracy gets the larger bias.",
        "low- and high-pass ratios of accuracies above chance",
        at_chance,
    ),
    Check(
        "falling",
        "Some curves fall although more of the image passes.",
        "Small steps are chance. The table does not show the cause of the larger ones.",
        "curves replaced by their running maximum",
        falling,
    ),
)  # fmt: skip
