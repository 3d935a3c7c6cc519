"""Figures of the calibration page: measurements compared with known true values."""

from __future__ import annotations

from itertools import product
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.patches import Rectangle

from bvg import study
from companion.figures.base import Figure, canvas, styled
from companion.text import format_label, listed, plural

_TRUE, _MEASURED, _OTHER = "0.45", "tab:blue", "tab:orange"


@styled
def shape_bias(table: pd.DataFrame, narrow: bool = False) -> Figure:
    """Plot measured and expected shape bias against the share of shape answers.

    Args:
        table: from `companion.calibration.readings.shape_bias`.
        narrow: draw the variant for phones.
    """
    mixed, pure = table[table["observer"] == "mixture"], table[table["observer"] != "mixture"]
    figure = canvas(3.6, narrow)
    axes = figure.subplots()
    for (guess, one), color in zip(mixed.groupby("guess"), (_MEASURED, _OTHER, "tab:green"), strict=False):
        name = f"guesses {guess:.0%} of the time" if guess else "never guesses"
        axes.fill_between(one["p"], one["low"], one["high"], color=color, alpha=0.2, linewidth=0)
        axes.plot(one["p"], one["expected"], color=color, linewidth=1)
        axes.plot(one["p"], one["measured"], "o", color=color, markersize=4, label=name)
    axes.plot(pure["p"], pure["measured"], "k*", markersize=11, label="the two oracles", clip_on=False, zorder=4)
    label = "Probability of answering by shape, if not guessing"
    axes.set(xlabel=fill(label, 40) if narrow else label, ylabel="Shape bias", ylim=(0, 1))
    axes.legend(loc="upper left")
    outside = ~mixed["measured"].between(mixed["low"], mixed["high"])
    alt = (
        "Measured shape bias against the probability of answering by shape. "
        + " ".join(f"The {o} has {m:g}." for o, m in zip(pure["observer"], pure["measured"], strict=True))
        + f" Outside their interval: {outside.sum()} of {plural(len(mixed), 'mixture')}. Without guesses the points follow the "
        "diagonal, with guesses a flatter line through one half."
    )
    return Figure(figure, table, alt)


@styled
def spectral(table: pd.DataFrame, nyquist: int, narrow: bool = False) -> Figure:
    """Map the accuracy on gratings over cut-off and frequency.

    Args:
        table: from `companion.calibration.readings.spectral`.
        nyquist: Nyquist frequency in cycles per image.
        narrow: draw the variant for phones, with one map per row.
    """
    figure = canvas(6.6 if narrow else 3.7, narrow)
    panels = figure.subplots(*((2, 1) if narrow else (1, 2)), sharey=True)
    line = np.linspace(0, 1, 2)
    for axes, kind in zip(panels, ("low-pass", "high-pass"), strict=True):
        own = table[table["kind"] == kind]
        fine = own[own["list"] == "fine"].pivot(index="frequency", columns="cutoff", values="top1")
        axes.pcolormesh(fine.columns, fine.index, fine, cmap="Blues", vmin=0, vmax=130, rasterized=True)
        coarse = own[own["list"] == "study"]
        for correct, face in ((True, "black"), (False, "white")):
            some = coarse[(coarse["top1"] > 99.9) == correct]
            name = f"{some['top1'].mean():.0f} % correct" if len(some) else ""
            style = {"markersize": 2.6, "markeredgewidth": 0.5, "markeredgecolor": "black", "markerfacecolor": face}
            axes.plot(some["cutoff"], some["frequency"], "o", label=name, **style)
        expected = line * nyquist if kind == "low-pass" else (1 - line) * nyquist
        axes.plot(line, expected, color="tab:red", linewidth=1.2, label="expected step")
        axes.set(xlim=(0, 1), ylim=(0.5, nyquist - 0.5), xlabel="Cut-off [fraction of the Nyquist frequency]")
        axes.set_title(f"{kind.capitalize()} filtered")
        axes.grid(False)
    for axes in panels if narrow else panels[:1]:
        axes.set_ylabel("Frequency of the grating\n[cycles per image]")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2 if narrow else 3)
    levels = listed(f"{v:.0f} %" for v in sorted(table["top1"].unique()))
    alt = (
        f"Two maps of accuracy over cut-off and frequency, for {plural(table['frequency'].nunique(), 'grating frequency', 'grating frequencies')}. "
        f"Accuracies that occur: {levels}. The step from the lowest to the highest follows a rising diagonal in the low-pass "
        "map and a falling one in the high-pass map."
    )
    return Figure(figure, table, alt)


@styled
def noise(table: pd.DataFrame, narrow: bool = False) -> Figure:
    """Plot the power of each band's noise against spatial frequency.

    Args:
        table: from `companion.calibration.critical_band.noise_bands`.
        narrow: draw the variant for phones, with the legend below.
    """
    figure = canvas(3.6 if narrow else 2.9, narrow)
    axes = figure.subplots()
    means = table.groupby("band")[["nominal", "mean"]].first()
    for band, one in table.groupby("band"):
        color = f"C{band}"
        one = one[one["share"] > 0]
        axes.plot(one["frequency"], one["share"], color=color, linewidth=1.3, label=f"band {band}")
        axes.plot(means.loc[band, "nominal"], 0.62, "v", color=color, markersize=7, clip_on=False)
        axes.plot(means.loc[band, "mean"], 0.57, "|", color=color, markersize=10, markeredgewidth=2)
    axes.set_xscale("log", base=2)
    axes.set(
        xlabel="Spatial frequency [cycles per image]", ylabel="Share of the power\nper quarter octave", ylim=(0, 0.65)
    )
    axes.xaxis.set_major_formatter("{x:g}")
    if narrow:
        figure.legend(loc="outside lower center", ncols=3)
    else:
        axes.legend(ncols=2, loc="center left", bbox_to_anchor=(1, 0.5))
    ratio = means["mean"] / means["nominal"]
    alt = (
        f"Power spectra of the noise of {plural(len(means), 'band')}, each about an octave wide, with long tails. Nominal centre and "
        "mean frequency: "
        + "; ".join(f"band {b}: {r['nominal']:g} and {r['mean']:.1f} cycles per image" for b, r in means.iterrows())
        + f". The mean frequency is {format_label(ratio.min())} to {format_label(ratio.max())} times the nominal centre."
    )
    return Figure(figure, table, alt)


@styled
def channels(table: pd.DataFrame, narrow: bool = False) -> Figure:
    """Plot true sensitivity, measured thresholds and the fitted Gaussian.

    Args:
        table: from `companion.calibration.critical_band.observed`.
        narrow: draw the variant for phones, with a row per channel.
    """
    forms = {"band": "by band", "filter": "by frequency"}
    kinds = list(table.groupby(["centre", "bandwidth"], sort=False).groups)
    figure = canvas(1.7 * len(kinds) + 0.6 if narrow else 3.4, narrow)
    shape = (len(kinds), len(forms)) if narrow else (len(forms), len(kinds))
    grid = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    panels = grid.T if narrow else grid  # a row per form, a column per channel
    x = np.linspace(-0.3, table["band"].max() + 0.3, 200)
    sentences = []
    for (i, form), (j, (centre, width)) in product(enumerate(forms), enumerate(kinds)):
        axes = panels[i, j]
        one = table.query("form == @form and centre == @centre and bandwidth == @width")
        fit = one.iloc[0]
        axes.plot(x, _gaussian(x, fit["peak"], centre, width), color=_TRUE, linewidth=2.5, label="true")
        fitted = _gaussian(x, fit["fit_peak"], fit["fit_centre"], fit["fit_bandwidth"])
        axes.plot(x, fitted, color=_MEASURED, linewidth=1.2, label="fitted")
        axes.plot(one["band"], one["threshold"], "o", color=_MEASURED, markersize=4.5, label="thresholds")
        title = f"true: {centre:g}, {width:g}\n" if i == 0 or narrow else ""
        title = f"noise weighted\n{forms[form]}\n\n{title}" if narrow and j == 0 else title
        axes.set_title(f"{title}fitted: {fit['fit_centre']:.1f}, {fit['fit_bandwidth']:.1f}", fontsize=8.5)
        axes.set(ylim=(-0.2, 4.4), yticks=range(5), xticks=one["band"])
        axes.set_ylabel(f"noise weighted\n{forms[form]}" if j == 0 and not narrow else "")
        estimate = f"{format_label(fit['fit_centre'])}, {format_label(fit['fit_bandwidth'])}"
        sentences.append(f"{centre:g}, {width:g}, noise weighted {forms[form]}, fitted {estimate}")
    for axes in grid[-1] if narrow else [grid[-1, len(kinds) // 2]]:
        axes.set_xlabel("Band (octaves\nabove the lowest)" if narrow else "Band (octaves above the lowest)")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    alt = (
        "Known channels as Gaussians over five bands, the measured thresholds, and the fitted Gaussians. "
        f"Centre and bandwidth, true and fitted: {'; '.join(sentences)}."
    )
    return Figure(figure, table, alt)


def _gaussian(x: np.ndarray, peak: float, centre: float, width: float) -> np.ndarray:
    return peak * 2.0 ** -((2 * (x - centre) / width) ** 2)


@styled
def channel_map(table: pd.DataFrame, narrow: bool = False) -> Figure:
    """Map the errors of the fit over true centre and bandwidth, one column per true peak.

    Args:
        table: from `companion.calibration.critical_band.recovered`, for one number of bands.
        narrow: draw the variant for phones, with a row per peak.
    """
    bands = int(table["bands"].iloc[0])
    peaks = list(table["peak"].unique())
    rows = {"centre_error": "Error of the centre", "bandwidth_error": "Error of the bandwidth"}
    figure = canvas(1.7 * len(peaks) + 1.2 if narrow else 4.6, narrow)
    shape = (len(peaks), len(rows)) if narrow else (len(rows), len(peaks))
    panels = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    panels = panels.T if narrow else panels  # a row per error, a column per peak
    drawn = None
    for (i, (column, name)), (j, peak) in product(enumerate(rows.items()), enumerate(peaks)):
        own = table[table["peak"] == peak]
        grid = own.pivot(index="bandwidth", columns="centre", values=column)
        axes = panels[i, j]
        axes.set_facecolor("0.8")
        drawn = axes.pcolormesh(
            grid.columns,
            grid.index,
            grid,
            cmap="RdBu_r",
            norm=TwoSlopeNorm(0, -2, 2),
            shading="nearest",
            rasterized=True,
        )
        _outline(axes, own[own["trusted"]])
        if narrow:
            axes.set_title(f"{name}\n" * (j == 0) + f"peak {peak:g}")
        else:
            axes.set_title(f"peak {peak:g}" if i == 0 else "")
            axes.set_ylabel(f"{name}\n\nTrue bandwidth [octaves]" if j == 0 else "")
        axes.set(xticks=range(0, bands, 2), ylim=(0.375, 10.125))
        axes.grid(False)
    figure.supxlabel("True centre (octaves above the lowest band)", fontsize=9)
    if narrow:
        figure.supylabel("True bandwidth [octaves]", fontsize=9)
    side = {"location": "bottom"} if narrow else {}
    bar = figure.colorbar(drawn, ax=list(panels.flat), shrink=0.7, aspect=30, pad=0.02, extend="both", **side)
    bar.set_label("Fitted minus true [octaves]", fontsize=9)
    bar.outline.set_visible(False)
    inside, outside = table[table["trusted"]], table[~table["trusted"]]
    alt = (
        f"Maps of the errors of centre and bandwidth over true centre and true bandwidth, for {bands} bands and peaks of "
        f"{listed(f'{p:g}' for p in peaks)}. Largest errors inside the outlined region: {_largest(inside)}; outside: {_largest(outside)}. "
        f"Grey, for {table['fit_centre'].isna().sum()} of {len(table)} channels: the thresholds do not determine a fit."
    )
    return Figure(figure, table, alt)


def _outline(axes: Axes, region: pd.DataFrame) -> None:
    """Draw a frame around the trusted channels, if this peak has any."""
    if len(region):
        (x0, x1), (y0, y1) = ((region[c].min(), region[c].max()) for c in ("centre", "bandwidth"))
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor="black", linewidth=1.4))


def _largest(table: pd.DataFrame) -> str:
    centre, width = (table[c].abs().max() for c in ("centre_error", "bandwidth_error"))
    return f"{format_label(centre)} octaves in the centre, {format_label(width)} in the bandwidth"


@styled
def attack(table: pd.DataFrame, narrow: bool = False) -> Figure:
    """Plot accuracy under attack against eps, as implied by the weights and as measured.

    Args:
        table: from `companion.calibration.readings.attack`.
        narrow: draw the variant for phones.
    """
    figure = canvas(3.0, narrow)
    axes = figure.subplots()
    one = table[table["scale"] == table["scale"].min()]
    axes.plot(255 * one["eps"], one["predicted"], color=_TRUE, linewidth=2.5, label="implied by the weights")
    sentences = []
    for (scale, own), (color, shape) in zip(table.groupby("scale"), ((_MEASURED, "o"), (_OTHER, "s")), strict=False):
        name = "measured" if scale == 1 else f"measured, logits times {scale:g}"
        axes.plot(255 * own["eps"], own["measured"], shape, color=color, markersize=5, label=name)
        same = np.isclose(own["measured"], own["predicted"]).sum()
        sentences.append(
            f"With logits times {scale:g}, measured and implied accuracy are equal at {same} of {plural(len(own), 'point')}."
        )
    axes.axvline(255 * study.PGD_EPSILON, color="0.6", linewidth=1, linestyle=":", label="ε in the study")
    axes.set(xlabel="Largest change of a value, ε [1/255]", ylabel="Accuracy [%]", ylim=(-3, 103), xlim=(0, None))
    axes.legend()
    return Figure(figure, table, f"Accuracy of a linear classifier under attack against epsilon. {' '.join(sentences)}")
