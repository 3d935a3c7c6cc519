"""Looks into the critical band's fits and into which models are compared."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import study
from bvg.results import channel, scores
from companion.analysis import choices
from companion.analysis.data_audit.check import Case, Look, Seen
from companion.tables import study as tables
from companion.text import listed, signed

FIT = tuple(b.id for b in study.BIASES if b.test == "critical band")
NO_FITS = "no fits of the critical band"


def _fits(case: Case) -> pd.DataFrame:
    return case.scores[list(FIT)].dropna()


def _without_fits(case: Case, models: pd.Index) -> pd.DataFrame:
    """The cells with the fits of these models left out; the models stay in the cells of the other biases."""
    table = case.scores.copy()
    table.loc[table.index.isin(models), list(FIT)] = np.nan
    return case.cells(table)


def _named(models: pd.Index, most: int = 3) -> str:
    """A few models by name; of more, how many are adversarially trained."""
    about = study.describe(list(models))
    if len(about) <= most:
        return listed(about["name"])
    return f"{about['group'].eq('adversarial_training').sum()} of them adversarially trained"


def shared_fits(case: Case) -> Seen:
    """Whether models share one fit in all three numbers (to six decimals)."""
    shared = tables.shared_fits(case.scores)
    if shared.empty:
        return Seen(None, NO_FITS)
    fits = _fits(case).round(6)
    among = shared[shared > 1]
    if among.empty:
        return Seen(False, f"{len(fits)} models have {len(shared)} different fits")
    most = fits.index[np.isclose(fits, shared.index[0]).all(axis=1)]
    number = (
        f"{len(fits)} models have {len(shared)} different fits; {among.sum()} models share theirs with another one, "
        f"{shared.iloc[0]} one and the same ({_named(most)})"
    )
    return Seen(True, number, _without_fits(case, most))


def at_bound(case: Case) -> Seen:
    """Whether the fit's amplitude is at a bound of the search: 0 or 4, a peak noise sensitivity of 1/16 or 1."""
    peak = _fits(case)["peak_noise_sensitivity"]
    if peak.empty:
        return Seen(None, NO_FITS)
    bounds = [2.0**-channel.STRONGEST, 1.0]
    upper, lower = np.isclose(peak, bounds[1], rtol=0, atol=1e-6), np.isclose(peak, bounds[0], rtol=0, atol=1e-6)
    number = f"{upper.sum()} of {len(peak)} fits are at the upper bound, {lower.sum()} at the lower"
    if not (upper | lower).any():
        return Seen(False, number)
    return Seen(True, number, _without_fits(case, peak.index[upper | lower]))


def centre_outside(case: Case) -> Seen:
    """Whether a fit's centre lies outside the centres of the bands that were measured."""
    centre = _fits(case)["center_frequency"]
    if centre.empty:
        return Seen(None, NO_FITS)
    low, high = _centres(case.world)
    out = centre[(centre < low) | (centre > high)]
    within = f"the bands' centres run from {low:g} to {high:g} cycles per image"
    if out.empty:
        return Seen(False, f"no fit is centred outside; {within}")
    far = f"{len(out)} of {len(centre)} ({_named(out.index)}), the furthest at {signed(out.max(), 1)}"
    return Seen(True, f"{far}; {within}", _without_fits(case, out.index))


def _centres(world: study.World) -> tuple[float, float]:
    """Centres of the lowest and the highest band, in cycles per image."""
    low = channel.LOWEST_CENTRE
    if world is study.MINIATURE:
        from bvg.kernels import band_centre  # brings torch along, which the study's numbers do not need
        from bvg.miniature import SIZE

        low = band_centre(0, SIZE)
    return low, low * 2 ** (world.bands - 1)


def wide_fits(case: Case) -> Seen:
    """Whether a fit is wider, at half its height, than all bands together."""
    width = _fits(case)["bandwidth"]
    if width.empty:
        return Seen(None, NO_FITS)
    wide = width[width > case.world.bands]
    if wide.empty:
        return Seen(False, f"no fit is wider than the {case.world.bands} octaves of the bands")
    number = (
        f"{len(wide)} of {len(width)} ({_named(wide.index)}), up to {signed(wide.max(), 1)} octaves where the bands cover "
        f"{case.world.bands}"
    )
    return Seen(True, number, _without_fits(case, wide.index))


def raw_fits(case: Case) -> Seen:
    """Whether thresholds against one half of all images, not of the model's accuracy, give fits that are no channels."""
    rows = case.table[(case.table["benchmark"] == "critical-band") & (case.table["variant"] == "raw")]
    raw = rows.pivot(index="model", columns="metric", values="value").reindex(case.scores.index)
    raw = raw.reindex(columns=list(FIT)).dropna()
    if raw.empty:
        return Seen(None, "no fits of the raw thresholds")
    wide = raw["bandwidth"] > case.world.bands
    number = (
        f"{wide.sum()} of {len(raw)} raw fits are wider than the {case.world.bands} bands, {(raw['bandwidth'] > 100).sum()} "
        f"wider than 100 octaves; {tables.shared_fits(raw).iloc[0]} models share one"
    )
    table = case.scores.copy()
    table[list(FIT)] = raw.reindex(table.index)
    return Seen(bool(wide.any()), number, case.cells(table) if wide.any() else None)


def _zero(case: Case) -> pd.Index:
    """The models of the group of adversarial training whose training strength is 0."""
    about = study.describe(case.scores.index)
    return about.index[(about["group"] == "adversarial_training") & (about["epsilon"] == 0)]


def _zero_number(case: Case, zero: pd.Index) -> str:
    trained = case.scores["group"].eq("adversarial_training")
    ranks = case.scores.loc[trained, "Adversarial"].rank()
    parts = [
        f"{study.describe([m])['name'].iloc[0]} is one of {trained.sum()} and {_ordinal(ranks[m])} of them under attack "
        f"({signed(case.scores.at[m, 'Adversarial'], 1)} %)"
        for m in zero
    ]
    return "; ".join(parts)


def _ordinal(rank: float) -> str:
    return "not ranked" if np.isnan(rank) else "the weakest" if rank == 1 else f"number {rank:.0f}"


def zero_moved(case: Case) -> Seen:
    """Whether a model of the group of adversarial training was trained with attacks of strength 0; moved to the others."""
    zero = _zero(case)
    if zero.empty or "adversarial_training" not in case.set_apart:
        return Seen(None, "no model trained with attacks of strength 0 among those set apart")
    sets = choices.sets(case.scores, case.set_apart)
    moved = case.scores.index.isin(zero)
    sets = sets | {"at": sets["at"] & ~moved, "other": sets["other"] | moved}
    return Seen(True, _zero_number(case, zero), case.cells(case.scores, sets))


def zero_out(case: Case) -> Seen:
    """As `zero_moved`, left out."""
    zero = _zero(case)
    if zero.empty or "adversarial_training" not in case.set_apart:
        return Seen(None, "no model trained with attacks of strength 0 among those set apart")
    return Seen(True, _zero_number(case, zero), case.cells(case.scores.drop(index=zero)))


def _everyone(case: Case) -> pd.DataFrame | None:
    """The scores with those of the models outside the study; None where there are none."""
    table = case.rescored(case.table, outside=True)
    return table if table["group"].eq("outside").any() else None


def outside_all(case: Case) -> Seen:
    """Whether the table holds models that the study does not use; taken in."""
    table = _everyone(case)
    if table is None:
        return Seen(None, "no models outside the study")
    outside = table[table["group"] == "outside"]
    gaps = int(outside[[*scores.CATEGORY_COLUMNS, *scores.BIAS_COLUMNS]].isna().any(axis=1).sum())
    number = f"{len(outside)} more models, {gaps or 'none'} of which lack{'s' * (gaps == 1)} a number"
    return Seen(True, number, case.cells(table))


def outside_alone(case: Case) -> Seen:
    """As `outside_all`, but by themselves, compared with all of the study's."""
    table = _everyone(case)
    if table is None:
        return Seen(None, "no models outside the study")
    outside = table[table["group"] == "outside"]
    changed, base = (cells[cells["group"] == "total"] for cells in (case.cells(outside, _total(outside)), case.base))
    low, high = outside["ID"].min(), outside["ID"].max()
    number = f"{len(outside)} models, {signed(low, 1)} to {signed(high, 1)} % in distribution"
    return Seen(True, number, changed, base)


def _total(table: pd.DataFrame) -> dict[str, pd.Series]:
    return {"total": pd.Series(True, table.index)}


LOOKS: tuple[Look, ...] = (
    Look(
        "shared-fits",
        "Many models have one and the same critical band.",
        "A fit follows from seven thresholds, each a count of noise levels from 0 to 4: few sets of them occur.",
        "without the fits of the models that share the most frequent one",
        shared_fits,
    ),
    Look(
        "at-bound",
        "The peak of many fits is where the search is bounded.",
        "With five noise levels the thresholds end at 4. Where several neighbouring bands reach that, a Gaussian through them "
        "would peak above it.",
        "without the fits at a bound",
        at_bound,
    ),
    Look(
        "centre-outside",
        "A fit is centred outside the bands that were measured.",
        "Thresholds that rise up to the last band leave the place of the peak open.",
        "without these fits",
        centre_outside,
    ),
    Look(
        "wide-fits",
        "Some fits are wider than all bands together.",
        "Thresholds that hardly fall on one side determine no width: the fit extrapolates.",
        "without these fits",
        wide_fits,
    ),
    Look(
        "raw-fits",
        "Against one half of all images, thresholds give no channel.",
        "On grey images of low contrast few models reach one half without any noise: all bands have the largest threshold, "
        "which any wide Gaussian fits. The study uses thresholds relative to the model's own accuracy.",
        "the raw fits instead of the relative ones",
        raw_fits,
    ),
    Look(
        "zero-moved",
        "One of the adversarially trained models was trained without an attack.",
        "It is the recipe's control, of training strength 0.",
        "the model moved to the others",
        zero_moved,
    ),
    Look(
        "zero-out",
        "One of the adversarially trained models was trained without an attack.",
        "It is the recipe's control, of training strength 0.",
        "the model left out",
        zero_out,
    ),
    Look(
        "outside-all",
        "The file holds models that the study does not use.",
        "They are of other architectures or depths, or variants of the study's.",
        "all models of the file",
        outside_all,
    ),
    Look(
        "outside-alone",
        "The models that the study does not use give another picture by themselves.",
        "They are of other architectures or depths, one of them not trained at all.",
        "these models instead of the study's (all models only)",
        outside_alone,
    ),
)  # fmt: skip
