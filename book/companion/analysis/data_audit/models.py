"""Checks of the critical-band fits and of the set of models."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import known_models, study
from bvg.results import channel, scores
from companion.analysis import choices, critical_band_fits
from companion.analysis.critical_band_fits import FIT
from companion.analysis.data_audit.check import Case, Check, Outcome
from companion.text import format_number, listed

NO_FITS = "the table has no critical-band fits"


def _fits(case: Case) -> pd.DataFrame:
    return case.scores[list(FIT)].dropna()


def _without_fits(case: Case, models: pd.Index) -> pd.DataFrame:
    """Return the cells without the fits of these models; the other biases keep the models."""
    table = case.scores.copy()
    table.loc[table.index.isin(models), list(FIT)] = np.nan
    return case.cells(table)


def _named(models: pd.Index, most: int = 3) -> str:
    """Name up to `most` models; of more, state how many are adversarially trained."""
    about = known_models.describe(list(models))
    if len(about) <= most:
        return listed(about["name"])
    return f"{about['group'].eq('adversarial_training').sum()} of them adversarially trained"


def shared_fits(case: Case) -> Outcome:
    """Check whether models share a fit in all three numbers (to six decimals)."""
    shared = critical_band_fits.shared_fits(case.scores)
    if shared.empty:
        return Outcome(None, NO_FITS)
    fits = _fits(case).round(6)
    among = shared[shared > 1]
    if among.empty:
        return Outcome(False, f"{len(fits)} models have {len(shared)} different fits")
    most = fits.index[np.isclose(fits, shared.index[0]).all(axis=1)]
    number = (
        f"{len(fits)} models have {len(shared)} different fits; {among.sum()} models share theirs with another model, "
        f"{shared.iloc[0]} of them the most frequent fit ({_named(most)})"
    )
    return Outcome(True, number, _without_fits(case, most))


def at_bound(case: Case) -> Outcome:
    """Check whether a fit's amplitude is at a bound of the search.

    The bounds are 0 and 4, that is, a peak noise sensitivity of 1/16 and 1.
    """
    peak = _fits(case)["peak_noise_sensitivity"]
    if peak.empty:
        return Outcome(None, NO_FITS)
    bounds = [2.0**-channel.STRONGEST, 1.0]
    upper, lower = np.isclose(peak, bounds[1], rtol=0, atol=1e-6), np.isclose(peak, bounds[0], rtol=0, atol=1e-6)
    number = f"{upper.sum()} of {len(peak)} fits are at the upper bound, {lower.sum()} at the lower"
    if not (upper | lower).any():
        return Outcome(False, number)
    return Outcome(True, number, _without_fits(case, peak.index[upper | lower]))


def centre_outside(case: Case) -> Outcome:
    """Check whether a fit's centre lies outside the centres of the measured bands."""
    centre = _fits(case)["center_frequency"]
    if centre.empty:
        return Outcome(None, NO_FITS)
    low, high = _centres(case.world)
    out = centre[(centre < low) | (centre > high)]
    within = f"the bands' centres run from {low:g} to {high:g} cycles per image"
    if out.empty:
        return Outcome(False, f"no centre is outside; {within}")
    far = f"{len(out)} of {len(centre)} ({_named(out.index)}), the highest at {format_number(out.max(), 1)}"
    return Outcome(True, f"{far}; {within}", _without_fits(case, out.index))


def _centres(world: study.World) -> tuple[float, float]:
    """Return the centres of the lowest and the highest band, in cycles per image."""
    low = channel.LOWEST_CENTRE
    if world is study.MINIATURE:
        from bvg.kernels import band_centre  # imports torch, which the study's numbers do not need
        from bvg.miniature import SIZE

        low = band_centre(0, SIZE)
    return low, low * 2 ** (world.bands - 1)


def wide_fits(case: Case) -> Outcome:
    """Check whether a fit is wider, at half its height, than all bands together."""
    width = _fits(case)["bandwidth"]
    if width.empty:
        return Outcome(None, NO_FITS)
    wide = width[width > case.world.bands]
    if wide.empty:
        return Outcome(False, f"no fit is wider than the {case.world.bands} octaves of the bands")
    number = f"{len(wide)} of {len(width)} ({_named(wide.index)}), up to {format_number(wide.max(), 1)} octaves; the bands cover {case.world.bands}"
    return Outcome(True, number, _without_fits(case, wide.index))


def raw_fits(case: Case) -> Outcome:
    """Check whether raw thresholds give implausibly wide fits.

    Raw thresholds are at 50 % accuracy instead of half of the model's own.
    """
    rows = case.table[(case.table["benchmark"] == "critical-band") & (case.table["variant"] == "raw")]
    raw = rows.pivot(index="model", columns="metric", values="value").reindex(case.scores.index)
    raw = raw.reindex(columns=list(FIT)).dropna()
    if raw.empty:
        return Outcome(None, "the table has no fits of raw thresholds")
    wide = raw["bandwidth"] > case.world.bands
    number = (
        f"{wide.sum()} of {len(raw)} raw fits are wider than the {case.world.bands} bands, {(raw['bandwidth'] > 100).sum()} "
        f"wider than 100 octaves; {critical_band_fits.shared_fits(raw).iloc[0]} models share the most frequent one"
    )
    table = case.scores.copy()
    table[list(FIT)] = raw.reindex(table.index)
    return Outcome(bool(wide.any()), number, case.cells(table) if wide.any() else None)


def _zero(case: Case) -> pd.Index:
    """Return the models in the adversarial-training group with training strength 0."""
    about = known_models.describe(case.scores.index)
    return about.index[(about["group"] == "adversarial_training") & (about["epsilon"] == 0)]


def _zero_number(case: Case, zero: pd.Index) -> str:
    trained = case.scores["group"].eq("adversarial_training")
    ranks = case.scores.loc[trained, "Adversarial"].rank()
    parts = [
        f"{known_models.describe([m])['name'].iloc[0]} is one of {trained.sum()} and {_ordinal(ranks[m])} of them under attack "
        f"({format_number(case.scores.at[m, 'Adversarial'], 1)} %)"
        for m in zero
    ]
    return "; ".join(parts)


def _ordinal(rank: float) -> str:
    return "not ranked" if np.isnan(rank) else "the weakest" if rank == 1 else f"number {rank:.0f}"


def zero_moved(case: Case) -> Outcome:
    """Check for an adversarially trained model of strength 0, and move it.

    It moves to the set of the other models.
    """
    zero = _zero(case)
    if zero.empty or "adversarial_training" not in case.set_apart:
        return Outcome(None, "no model with training strength 0 among those set apart")
    sets = choices.sets(case.scores, case.set_apart)
    moved = case.scores.index.isin(zero)
    sets = sets | {"at": sets["at"] & ~moved, "other": sets["other"] | moved}
    return Outcome(True, _zero_number(case, zero), case.cells(case.scores, sets))


def zero_out(case: Case) -> Outcome:
    """Do as in `zero_moved`, but leave the model out."""
    zero = _zero(case)
    if zero.empty or "adversarial_training" not in case.set_apart:
        return Outcome(None, "no model with training strength 0 among those set apart")
    return Outcome(True, _zero_number(case, zero), case.cells(case.scores.drop(index=zero)))


def _everyone(case: Case) -> pd.DataFrame | None:
    """Return the scores with the models outside the study; None if there are none."""
    table = case.rescored(case.table, outside=True)
    return table if table["group"].eq("outside").any() else None


def outside_all(case: Case) -> Outcome:
    """Check for models that the study does not use, and include them."""
    table = _everyone(case)
    if table is None:
        return Outcome(None, "the table has no models outside the study")
    outside = table[table["group"] == "outside"]
    gaps = int(outside[[*scores.CATEGORY_COLUMNS, *scores.BIAS_COLUMNS]].isna().any(axis=1).sum())
    number = f"{len(outside)} more models, {gaps or 'none'} of which lack{'s' * (gaps == 1)} a number"
    return Outcome(True, number, case.cells(table))


def outside_alone(case: Case) -> Outcome:
    """Compare the models outside the study with all models of the study."""
    table = _everyone(case)
    if table is None:
        return Outcome(None, "the table has no models outside the study")
    outside = table[table["group"] == "outside"]
    changed, base = (cells[cells["group"] == "total"] for cells in (case.cells(outside, _total(outside)), case.base))
    low, high = outside["ID"].min(), outside["ID"].max()
    number = f"{len(outside)} models, {format_number(low, 1)} to {format_number(high, 1)} % in distribution"
    return Outcome(True, number, changed, base)


def _total(table: pd.DataFrame) -> dict[str, pd.Series]:
    return {"total": pd.Series(True, table.index)}


CHECKS: tuple[Check, ...] = (
    Check(
        "shared-fits",
        "Many models have the same critical band.",
        "A fit follows from seven thresholds, each an integer from 0 to 4, and few combinations occur.",
        "without the fits of the models that share the most frequent one",
        shared_fits,
    ),
    Check(
        "at-bound",
        "The peak of many fits is at the bound of the search.",
        "With five noise levels the largest threshold is 4. Where several neighbouring bands reach it, a Gaussian through them "
        "would peak above it.",
        "without the fits at a bound",
        at_bound,
    ),
    Check(
        "centre-outside",
        "A fit is centred outside the measured bands.",
        "Thresholds that rise up to the last band do not determine the position of the peak.",
        "without these fits",
        centre_outside,
    ),
    Check(
        "wide-fits",
        "Some fits are wider than all bands together.",
        "Thresholds that barely fall on one side do not determine the width: the fit extrapolates.",
        "without these fits",
        wide_fits,
    ),
    Check(
        "raw-fits",
        "Raw thresholds, at 50 % accuracy, do not give plausible channels.",
        "On grey images of low contrast few models reach 50 % even without noise. All bands then have the largest threshold, "
        "which any wide Gaussian fits. The study uses thresholds relative to the model's own accuracy.",
        "the raw fits instead of the relative ones",
        raw_fits,
    ),
    Check(
        "zero-moved",
        "One of the adversarially trained models was trained without an attack.",
        "It is the control of the recipe, with training strength 0.",
        "the model moved to the others",
        zero_moved,
    ),
    Check(
        "zero-out",
        "One of the adversarially trained models was trained without an attack.",
        "It is the control of the recipe, with training strength 0.",
        "the model left out",
        zero_out,
    ),
    Check(
        "outside-all",
        "The file has models that the study does not use.",
        "They have other architectures or depths, or are variants of the study's models.",
        "all models of the file",
        outside_all,
    ),
    Check(
        "outside-alone",
        "The correlations of the models that the study does not use differ from the study's.",
        "They have other architectures or depths, and one of them is untrained.",
        "these models instead of the study's (all models only)",
        outside_alone,
    ),
)  # fmt: skip
