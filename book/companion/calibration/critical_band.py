"""Calibrate the critical band: measure and fit observers with known channels.

Thresholds come from images or, for many channels at once, directly from the definition of the channels. The last part
reconstructs the thresholds behind the published fits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
import torch

from bvg import kernels, known_models, results
from bvg.instruments import CriticalBand
from bvg.miniature import synthetic
from bvg.results import channel
from companion.calibration import observers
from companion.calibration.observers import Gaussian
from companion.calibration.readings import SIZE, measure

# From images ----------------------------------------------------------------------------------------------------------

CHANNELS = tuple(Gaussian(*of) for of in ((1, 3), (2, 2), (2, 3), (2, 4), (3, 3)))
"""Channels of the observers that are measured on images; at 64 px there are five bands."""


def observed(seed: int, images: int = 32, channels: Sequence[Gaussian] = CHANNELS) -> pd.DataFrame:
    """Measure and fit the thresholds of known channels on noisy images at 64 px.

    Returns:
        Columns form ("band", "filter"; see `ChannelObserver`), centre [octaves above band 0], bandwidth [octaves], peak, band,
        sensitivity (true), threshold (measured), and the fit to the thresholds: fit_centre, fit_bandwidth, fit_peak.
    """
    pictures, labels = synthetic.images("val", images, seed)
    pictures = pictures / 255
    clean = kernels.low_contrast_grey(pictures)
    instrument = CriticalBand("critical-band", "", size=SIZE)
    kinds = {(form, c): f"{form}/{c.centre}/{c.bandwidth}" for form in ("band", "filter") for c in channels}
    by = {name: observers.ChannelObserver(clean, labels, c, form) for (form, c), name in kinds.items()}
    measured = measure(instrument, by, pictures, labels, seed)
    tables = []
    for (form, of), name in kinds.items():
        own = measured[measured["observer"] == name]
        fit = own[own["variant"] == "relative"].set_index("metric")["value"]
        band = np.arange(instrument.bands)
        one = pd.DataFrame({"form": form, **of._asdict(), "band": band})
        one["sensitivity"] = of.sensitivity(torch.tensor(band)).numpy()
        one["threshold"] = channel.noise_thresholds(_accuracies(own, instrument.bands))
        one["fit_centre"] = math.log2(fit["center_frequency"] / kernels.band_centre(0, SIZE))
        one["fit_bandwidth"] = fit["bandwidth"]
        one["fit_peak"] = 4 + math.log2(fit["peak_noise_sensitivity"])
        tables.append(one)
    return pd.concat(tables, ignore_index=True)


def _accuracies(measured: pd.DataFrame, bands: int) -> np.ndarray:
    """Return the accuracies of the critical-band test as fractions [5, bands]."""
    top1 = measured[measured["metric"] == "top1"].set_index(["variant", "level"])["value"] / 100
    return np.array([[top1[f"band-{b}" if sd else "", sd] for b in range(bands)] for sd in channel.NOISE_SDS])


def noise_bands(size: int = 224) -> pd.DataFrame:
    """Compute how the power of each band's noise is distributed over spatial frequency.

    Returns:
        Columns band, nominal (nominal centre, cycles per image), frequency (cycles per image, in quarter octaves),
        share (of the band's power, per quarter octave), mean (power-weighted geometric mean of the frequencies).
    """
    power = observers.noise_power(size, 8).flatten(1).double()
    octave = observers.octaves(size).flatten().double()
    power, octave = power[:, 1:], octave[1:]  # without the mean
    place = (4 * octave).round().long()
    lowest = int(place.min())
    rows = []
    for band, own in enumerate(power):
        nominal, total = kernels.band_centre(band, size), own.sum()
        mean = kernels.band_centre(0, size) * 2 ** float((own * octave).sum() / total)
        share = torch.bincount(place - lowest, weights=own / total)
        frequency = kernels.band_centre(0, size) * 2 ** ((torch.arange(len(share)) + lowest) / 4)
        rows += [(band, nominal, f, s, mean) for f, s in zip(frequency.tolist(), share.tolist(), strict=True)]
    return pd.DataFrame(rows, columns=["band", "nominal", "frequency", "share", "mean"])


# From thresholds ------------------------------------------------------------------------------------------------------

PEAKS = (3.0, 3.5, 4.0, 6.0)
FINE_PEAKS = tuple(np.arange(1, 8.01, 0.25))


def thresholds(channels: Gaussian, bands: int) -> np.ndarray:
    """Return the thresholds of known channels at five noise levels.

    A threshold is the sensitivity, rounded to an integer and capped at 4.

    Args:
        channels: fields that broadcast to a shape [...].

    Returns:
        int64 [..., bands].
    """
    fields = (torch.as_tensor(np.asarray(field, dtype=float))[..., None] for field in channels)
    sensitivity = Gaussian(*fields).sensitivity(torch.arange(bands))
    return np.floor(np.minimum(sensitivity.numpy(), channel.STRONGEST) + 0.5).astype(int)


def recovered(bands: int, peaks: Sequence[float] = PEAKS, step: float = 0.25) -> pd.DataFrame:
    """Fit the thresholds of known channels over a grid of centre and bandwidth.

    Returns:
        Columns bands, peak, centre [octaves above band 0], bandwidth [octaves], thresholds (text), fit_centre, fit_bandwidth (NaN
        where the thresholds do not determine a channel), centre_error, bandwidth_error (fitted minus true, octaves),
        trusted (see `trusted`).
    """
    axes = np.array(peaks), np.arange(-1, bands + step / 2, step), np.arange(0.5, 10 + step / 2, step)
    peak, centre, width = (a.ravel() for a in np.meshgrid(*axes, indexing="ij"))
    vectors = thresholds(Gaussian(centre, width, peak), bands)
    fits = np.array([_fit(tuple(v)) for v in vectors.tolist()])
    table = pd.DataFrame({"bands": bands, "peak": peak, "centre": centre, "bandwidth": width})
    table["thresholds"] = [_text(v) for v in vectors.tolist()]
    table["fit_centre"], table["fit_bandwidth"] = fits.T
    table["centre_error"] = table["fit_centre"] - table["centre"]
    table["bandwidth_error"] = table["fit_bandwidth"] - table["bandwidth"]
    return table.assign(trusted=trusted(table))


def trusted(table: pd.DataFrame) -> pd.Series:
    """Return whether a true channel is in the region where the fit can be trusted.

    There the centre is at least an octave inside the bands, the bandwidth 2 to 4 octaves and the peak 3 to 4, so that neither
    the weakest noise nor the range of bands truncates the Gaussian.
    """
    inside = table["centre"].between(1, table["bands"] - 2)
    return inside & table["bandwidth"].between(2, 4) & table["peak"].between(3, 4)


def errors(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Compute median and largest errors inside and outside the trusted region.

    Errors are absolute, in octaves.
    """
    table = pd.concat(tables).assign(
        centre_error=lambda t: t["centre_error"].abs(), bandwidth_error=lambda t: t["bandwidth_error"].abs()
    )
    grouped = table.groupby(["bands", "trusted"], sort=False)
    stated = grouped[["centre_error", "bandwidth_error"]].agg(["median", "max"])
    stated.columns = ["_".join(names) for names in stated.columns]
    stated.insert(0, "channels", grouped.size())
    stated.insert(1, "none", grouped["fit_centre"].agg(lambda fit: int(fit.isna().sum())))
    return stated.reset_index().sort_values(["bands", "trusted"], ascending=False, ignore_index=True)


@cache
def _fit(vector: tuple[int, ...]) -> tuple[float, float]:
    """Return centre (octaves above band 0) and bandwidth (octaves)."""
    fit = channel.fit_channel(vector, lowest_centre=1.0)
    return math.log2(fit.center_frequency) if not fit.reason else math.nan, fit.bandwidth


def _text(vector: Sequence[int]) -> str:
    return " ".join(map(str, vector))


def plateaus(bands: int = 7, step: float = 1 / 64) -> pd.DataFrame:
    """Compute how far a channel in the trusted region can change before any threshold changes.

    Returns:
        Columns varied ("centre", "bandwidth"), length (octaves): one row for each range of centres, or bandwidths, over which
        the thresholds stay the same while everything else is fixed. Ranges at the border of the region are left out.
    """
    centre, width, peak = np.arange(1, bands - 2 + step / 2, step), np.arange(2, 4 + step / 2, step), (3.0, 3.5, 4.0)
    vectors = thresholds(Gaussian(centre[:, None, None], width[:, None], np.array(peak)), bands)
    tables = []
    for axis, varied in enumerate(("centre", "bandwidth")):
        lines = np.moveaxis(vectors, axis, 0).reshape(vectors.shape[axis], -1, bands)
        changed = (np.diff(lines, axis=0) != 0).any(axis=-1)
        lengths = [step * np.diff(np.flatnonzero(line)) for line in changed.T]
        tables.append(pd.DataFrame({"varied": varied, "length": np.concatenate(lengths)}))
    return pd.concat(tables, ignore_index=True)


# The published fits --------------------------------------------------------------------------------------------------


def thresholds_behind(
    bandwidth: float, centre_frequency: float, peak_noise_sensitivity: float
) -> list[tuple[int, ...]]:
    """Return the thresholds, among all 5 ** 7, whose fit is the published one.

    Candidates are thresholds for which the published Gaussian is a stationary point of the squared error. They are fitted
    again; those that reproduce each published number to 0.001 are returned.
    """
    amplitude, mu = 4 + math.log2(peak_noise_sensitivity), math.log2(centre_frequency / channel.LOWEST_CENTRE)
    sigma = bandwidth / 2 / math.sqrt(math.log(4))
    x = np.arange(7) - mu
    gaussian = amplitude * np.exp(-(x**2) / (2 * sigma**2))
    slopes = gaussian * np.stack([x / sigma**2, x**2 / sigma**3, np.full(7, 1 / amplitude)])
    gradient = (gaussian - _all_thresholds()) @ slopes.T
    if amplitude > 4 - 1e-6:
        gradient[:, 2] = gradient[:, 2].clip(min=0)  # at its upper bound, the gradient of the amplitude may be negative
    near = _all_thresholds()[np.abs(gradient).max(axis=1) < 0.01].astype(int)
    published = bandwidth, centre_frequency, peak_noise_sensitivity
    found = []
    for vector in map(tuple, near.tolist()):
        fit = channel.fit_channel(vector)
        got = fit.bandwidth, fit.center_frequency, fit.peak_noise_sensitivity
        if np.allclose(got, published, rtol=0, atol=1e-3):
            found.append(vector)
    return found


@cache
def _all_thresholds() -> np.ndarray:
    return np.array(list(itertools.product(range(5), repeat=7)), dtype=float)


def collapse(bands: int = 7) -> pd.DataFrame:
    """Group the channels of a fine grid by their thresholds.

    The centre goes from 1 octave below the lowest band to 2 above the highest and the bandwidth from 0.5 to 16 octaves, in
    steps of 1/8; the peak goes from 1 to 8 in steps of 1/4. The weakest noise cannot distinguish peaks above 4.

    Returns:
        Columns thresholds (text), channels, centre_low, centre_high, bandwidth_low, bandwidth_high (octaves).
    """
    centre, width = np.arange(-1, bands + 1.01, 1 / 8), np.arange(0.5, 16.01, 1 / 8)
    axes = np.meshgrid(centre, width, FINE_PEAKS, indexing="ij")
    vectors = thresholds(Gaussian(*axes), bands).reshape(-1, bands)
    table = pd.DataFrame(
        {"code": vectors @ 5 ** np.arange(bands), "centre": axes[0].ravel(), "bandwidth": axes[1].ravel()}
    )
    grouped = table.groupby("code")
    first = grouped.head(1)
    shown = pd.DataFrame({"code": first["code"], "thresholds": [_text(v) for v in vectors[first.index].tolist()]})
    spread = grouped.agg(
        channels=("centre", "size"),
        centre_low=("centre", "min"),
        centre_high=("centre", "max"),
        bandwidth_low=("bandwidth", "min"),
        bandwidth_high=("bandwidth", "max"),
    )
    return shown.merge(spread, left_on="code", right_index=True).drop(columns="code").reset_index(drop=True)


def published_thresholds(grid: pd.DataFrame) -> pd.DataFrame:
    """Reconstruct the thresholds behind each distinct published fit.

    Args:
        grid: from `collapse`.

    Returns:
        One row per distinct fit of the study's models, most frequent first: thresholds (text), solutions (number of sets of
        thresholds that give this fit), models (number of models that share it), bandwidth, center_frequency,
        peak_noise_sensitivity, and the columns of `grid` (0 channels if no Gaussian of the grid has these thresholds).
    """
    columns = ["bandwidth", "center_frequency", "peak_noise_sensitivity"]
    known = known_models.models()
    table = results.load("published").query("benchmark == 'critical-band' and variant == 'relative'")
    fits = table.pivot(index="model", columns="metric", values="value").loc[known.index[known["in_study"]], columns]
    distinct = fits.round(6).value_counts().rename("models").reset_index()
    found = [thresholds_behind(*fit) for fit in distinct[columns].itertuples(index=False)]
    distinct.insert(0, "thresholds", [_text(vectors[0]) if vectors else "" for vectors in found])
    distinct.insert(1, "solutions", [len(vectors) for vectors in found])
    merged = distinct.merge(grid, on="thresholds", how="left")
    return merged.assign(channels=merged["channels"].fillna(0).astype(int))


def rising(vectors: pd.Series) -> pd.Series:
    """Return whether the thresholds (text) never decrease before the highest band."""
    return vectors.map(lambda text: text.split()[:-1] == sorted(text.split()[:-1]))
