"""Tables of the performance page."""

from __future__ import annotations

import pandas as pd

from bvg.bench.data import DECODE
from bvg.bench.precision import FLIPS, LOSS
from bvg.bench.projection import hours
from companion.tables.base import Table
from companion.text import duration, format_number, listed, plural


def devices(measured: pd.DataFrame) -> Table:
    """List the devices of the benchmark, with the date of the measurement."""
    data = measured[["device", "kind", "cores", "measured"]].drop_duplicates(ignore_index=True)
    names = {"device": "Device", "kind": "Kind", "cores": "CPU cores", "measured": "Measured"}
    return Table(data.rename(columns=names).astype(str), data)


def drift(measured: pd.DataFrame) -> Table:
    """Compare each precision with the unmodified network in float32.

    The table lists flips per 1,000 decisions and the change of top-1 accuracy.
    """
    data = measured[measured["section"] == "drift"].rename(columns={"name": "tested", "way": "precision"})
    data = data[["device", "tested", "precision", "images", "models", "unit", "value"]].reset_index(drop=True)
    wide = data.pivot_table(
        "value", ["device", "tested", "precision", "images", "models"], "unit", sort=False, observed=True
    ).reset_index()
    shown = pd.DataFrame(
        {
            "Device": wide["device"],
            "Network and stimuli": wide["tested"],
            "Precision": wide["precision"],
            "Decisions": [
                f"{images * models:,}" for images, models in zip(wide["images"], wide["models"], strict=True)
            ],
            "Flips per 1,000": [format_number(v, 1) for v in wide[FLIPS]],
            "Top-1 [points]": ["" if pd.isna(v) else format_number(v, 2) for v in wide[LOSS]],
        }
    )
    return Table(shown, data)


def decoding(measured: pd.DataFrame) -> Table:
    """List the images per second that are decoded, or read from the memory map."""
    rows = measured[measured["name"] == DECODE]
    data = rows[["device", "cores", "way", "images", "value"]].reset_index(drop=True)
    shown = data.assign(value=data["value"].map("{:,.0f}".format)).drop(columns="images").astype(str)
    names = {"device": "Device", "cores": "CPU cores", "way": "How", "value": "Images per second"}
    return Table(shown.rename(columns=names), data)


def study(measured: pd.DataFrame, models: int) -> Table:
    """List the projected time of the full study per device and network form, in hours in `data`.

    There is one column for one model, and one for `models` models.
    """
    parts = []
    for device, rows in measured.groupby("device", sort=False):
        for count in dict.fromkeys((1, models)):
            parts.append(hours(rows, count).assign(device=device, models=count))
    data = pd.concat(parts, ignore_index=True)[
        ["device", "models", "way", "instrument", "decoding", "stimuli", "network", "total"]
    ]
    sums = data.groupby(["device", "way", "models"], sort=False)["total"].sum().unstack("models").reset_index()
    shown = {"Device": sums["device"], "Network": sums["way"]}
    for count in dict.fromkeys((1, models)):
        shown[plural(count, "model")] = sums[count].map(duration)
    return Table(pd.DataFrame(shown), data)


def finding(projected: pd.DataFrame, devices: pd.DataFrame) -> str:
    """State how long the full study takes on each device, in its fastest form.

    Args:
        projected: `data` of `study`.
        devices: `data` of `devices`.

    Example:
        >>> row = {"device": "AMD EPYC", "way": "bf16", "instrument": "imagenet"}
        >>> about = pd.DataFrame([{"device": "AMD EPYC", "kind": "cpu", "cores": 2}])
        >>> finding(pd.DataFrame([row | {"models": 1, "total": 90.0}, row | {"models": 48, "total": 9000.0}]), about)
        'Measuring one ResNet-50 on everything takes about 3.8 days on 2 CPU cores (AMD EPYC); 48 models take about 1 year.'
    """
    about = devices.set_index("device")
    sums = projected.groupby(["device", "way", "models"], sort=False)["total"].sum()
    parts = []
    for device, of in sums.groupby("device", sort=False):
        one, *more = [(n, duration(h)) for n, h in of.groupby("models").min().items()]
        many = f"; {plural(more[0][0], 'model')} take about {more[0][1]}" if more else ""
        where = plural(about.at[device, "cores"], "CPU core") if about.at[device, "kind"] == "cpu" else "a GPU"
        parts.append(f"about {one[1]} on {where} ({device}){many}")
    return f"Measuring one ResNet-50 on everything takes {listed(parts)}."


def ratios(measured: pd.DataFrame) -> str:
    """State how many times faster bvg is than each baseline, for one device."""
    rows = measured[measured["section"] == "kernels"]
    parts = []
    for name, of in rows.groupby("name", sort=False):
        bvg = of.loc[of["way"] == "bvg", "value"].item()
        baselines = of[of["way"] != "bvg"]
        parts.append(
            f"{name}: "
            + listed(
                f"{v / bvg:.1f} times ({way})" for way, v in zip(baselines["way"], baselines["value"], strict=True)
            )
        )
    return "; ".join(parts)
