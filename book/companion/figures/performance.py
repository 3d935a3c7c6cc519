"""Figures of the performance page: speed compared with naive baselines and with the device's limit, and scaling."""

from __future__ import annotations

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bvg.bench.network import FORWARD, LIMIT
from companion.figures.base import WIDTH, Figure, canvas, styled
from companion.text import listed

OURS, THEIRS, MOST = "tab:blue", "0.7", "tab:red"


@styled
def stimuli(measured: pd.DataFrame, narrow: bool = False) -> Figure:
    """Plot milliseconds per image of each kind of stimuli, for bvg and naive baselines.

    Args:
        measured: rows of the section "kernels" of `bvg.bench.load`.
        narrow: draw the variant for phones.

    Returns:
        `data`: device, name, way, value [ms per image], ratio (time relative to bvg's), difference.
    """
    data = measured[measured["section"] == "kernels"]
    compared = data.groupby(["device", "name"])["way"].transform("nunique") > 1
    data = data[compared].reset_index(drop=True)
    ours = data[data["way"] == "bvg"].set_index(["device", "name"])["value"]
    data["ratio"] = data["value"] / ours.loc[pd.MultiIndex.from_frame(data[["device", "name"]])].to_numpy()
    panels = list(data.groupby(["device", "name"], sort=False))
    figure = canvas((2.1 if narrow else 1.35) * len(panels) + 0.2, narrow)
    for axes, ((device, name), rows) in zip(figure.subplots(len(panels), 1, squeeze=False)[:, 0], panels, strict=True):
        texts = [
            f"{v:.3g} ms" + (f", {r:,.{0 if r >= 100 else 1}f}{'×' if narrow else ' times as long'}" if r != 1 else "")
            for v, r in zip(rows["value"], rows["ratio"], strict=True)
        ]
        _bars(axes, list(rows["way"]), rows["value"].to_numpy(), texts)
        _title(axes, f"{name}: milliseconds per image", device)
    parts = [f"{name} on {device}: {listed(_times(rows))}" for (device, name), rows in panels]
    alt = f"Bar charts of the time per image to make the stimuli. {'. '.join(parts)}."
    return Figure(figure, data[["device", "name", "way", "value", "ratio", "difference"]], alt)


def _times(rows: pd.DataFrame) -> list[str]:
    return [f"{way} {value:.3g} ms" for way, value in zip(rows["way"], rows["value"], strict=True)]


@styled
def throughput(measured: pd.DataFrame, narrow: bool = False) -> Figure:
    """Plot images per second of a ResNet-50, with rooflines.

    The roofline is an upper limit: each layer takes at least the time of its operations, at the rate of a large product of
    matrices, and the time of reading its input and writing its output, at the rate of a copy within memory.

    Args:
        measured: rows of the section "network" of `bvg.bench.load`.
        narrow: draw the variant for phones.

    Returns:
        `data`: device, way, value [images per second], roofline [images per second].
    """
    rows = measured[measured["section"] == "network"]
    parts = []
    for device, of in rows.groupby("device", sort=False):
        limit = of[of["name"] == LIMIT].set_index("way")["value"]
        speed = of.loc[(of["name"] == FORWARD) & (of["unit"] == "images/s"), ["way", "value"]]
        precision = [next((p for p in limit.index if p in way), "fp32") for way in speed["way"]]
        parts.append(speed.assign(device=device, roofline=limit[precision].to_numpy()))
    data = pd.concat(parts, ignore_index=True)[["device", "way", "value", "roofline"]]
    panels = list(data.groupby("device", sort=False))
    height = sum(0.3 * len(of) + (1.1 if narrow else 0.75) for _, of in panels) + 0.3
    figure = canvas(height, narrow)
    ratios = [len(of) + 2 for _, of in panels]
    for axes, (device, of) in zip(
        figure.subplots(len(panels), 1, squeeze=False, height_ratios=ratios)[:, 0], panels, strict=True
    ):
        shares = of["value"] / of["roofline"]
        texts = [
            f"{v:,.3g}, {share:.0%}" if narrow else f"{v:,.3g} images/s, {share:.0%} of the roofline"
            for v, share in zip(of["value"], shares, strict=True)
        ]
        _bars(axes, list(of["way"]), of["value"].to_numpy(), texts, of["roofline"].to_numpy())
        axes.plot(of["roofline"], range(len(of)), "|", color=MOST, markersize=13, markeredgewidth=2.2, label="roofline")
        _title(axes, f"ResNet-50: images per second{', share of the roofline' if narrow else ''}", device)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", fontsize=8.5)
    rates = [f"{device}: {listed(f'{w} {v:,.3g} (roofline {r:,.3g})' for w, v, r in of[['way', 'value', 'roofline']].to_numpy())}"
            for device, of in panels]  # fmt: skip
    return Figure(figure, data, f"Bar charts of images per second of a ResNet-50. {'. '.join(rates)}.")


@styled
def cost(measured: pd.DataFrame, narrow: bool = False) -> Figure:
    """Plot the seconds of a measurement against its size, with fitted lines.

    The size is the number of models, of conditions or of images.

    Args:
        measured: rows of the section "engine" of `bvg.bench.load`.
        narrow: draw the variant for phones, with one panel per row.

    Returns:
        `data`: device, varied, amount, way, seconds, line (seconds on the line fitted to bvg's; NaN for the baseline).
    """
    rows = measured[measured["section"] == "engine"]
    data = pd.concat([_varied(of, device) for device, of in rows.groupby("device", sort=False)], ignore_index=True)
    devices = list(dict.fromkeys(data["device"]))
    figure = canvas((5.7 if narrow else 2.6) * len(devices) + 0.5, narrow)
    grid = figure.subplots(*((3 * len(devices), 1) if narrow else (len(devices), 3)), squeeze=False)
    grid = grid.reshape(len(devices), 3)
    for row, device in zip(grid, devices, strict=True):
        for axes, what in zip(row, ("models", "conditions", "images"), strict=True):
            of = data[(data["device"] == device) & (data["varied"] == what)]
            bvg, baseline = of[of["line"].notna()], of[of["line"].isna()]
            axes.plot(bvg["amount"], bvg["line"], color=OURS, linewidth=1)
            axes.plot(bvg["amount"], bvg["seconds"], "o", color=OURS, label="bvg")
            axes.plot(baseline["amount"], baseline["seconds"], "s", color="0.35", label="naive baseline")
            axes.set(xlim=(0, None), ylim=(0, None), xlabel=what)
        row[0].set_ylabel("seconds")
        _title(row[0], device)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    alt = (
        f"Seconds of a measurement against the number of models, conditions and images, with fitted lines. {_off(data)}"
    )
    return Figure(figure, data, alt)


def _varied(rows: pd.DataFrame, device: str) -> pd.DataFrame:
    """Return a device's rows that vary one number; the other two are those of most rows, and of the baseline if there is one."""
    baseline = rows[rows["way"] != "bvg"]
    fixed = rows[["models", "conditions", "images"]].mode().iloc[0]
    parts = []
    for what in ("models", "conditions", "images"):
        others = [other for other in ("models", "conditions", "images") if other != what]
        of = rows[(rows["way"] == "bvg") & (rows[others] == fixed[others]).all(axis=1)].sort_values(what)
        slope, start = np.polyfit(of[what], of["value"], 1)
        amounts = pd.concat([of[what], baseline[what]])
        seconds = pd.concat([of["value"], baseline["value"]])
        line = [*(start + slope * of[what]), *[np.nan] * len(baseline)]
        about = {"device": device, "varied": what, "amount": amounts, "seconds": seconds, "line": line}
        parts.append(pd.DataFrame(about | {"way": [*of["way"], *baseline["way"]]}))
    return pd.concat(parts)[["device", "varied", "amount", "way", "seconds", "line"]]


def _off(data: pd.DataFrame) -> str:
    ours = data.dropna(subset="line")
    off = (ours["seconds"] - ours["line"]).abs() / ours["seconds"]
    return f"The largest deviation from a line is {off.max():.0%}."


def _title(axes: Axes, *lines: str) -> None:
    """Write lines above a panel, broken to its figure's width."""
    letters = 100 if axes.figure.get_figwidth() == WIDTH else 28
    axes.set_title("\n".join(fill(line, letters) for line in lines), fontsize=9, loc="left")


def _bars(axes: Axes, names: list[str], values: np.ndarray, texts: list[str], marks: np.ndarray | float = 0) -> None:
    """Draw horizontal bars, the first on top, with a text at their end.

    Bars of bvg are coloured; a text starts to the right of bar and mark.
    """
    ends = np.maximum(values, marks)
    colors = [OURS if name.startswith("bvg") else THEIRS for name in names]
    axes.barh(range(len(names)), values, 0.62, color=colors)
    for place, (end, text) in enumerate(zip(ends, texts, strict=True)):
        axes.annotate(text, (end, place), (6, 0), textcoords="offset points", va="center", fontsize=8)
    wide = axes.figure.get_figwidth() == WIDTH
    axes.set_yticks(range(len(names)), [name if wide else fill(name, 20) for name in names], fontsize=8.5)
    axes.set(ylim=(len(names) - 0.4, -0.6), xlim=(0, (1.8 if wide else 2.4) * ends.max()))
    axes.locator_params(axis="x", nbins=8 if wide else 4)
    axes.grid(visible=False, axis="y")
