"""Tables of the performance page."""

from __future__ import annotations

import pandas as pd

from bvg.bench.data import DECODE, HELD, STREAMED
from bvg.bench.network import ATTACK, FORWARD
from bvg.bench.precision import FLIPS, LOSS
from bvg.bench.projection import hours
from bvg.bench.record import BVG
from bvg.instruments import STUDY
from companion.tables.base import Table
from companion.text import duration, format_number, listed, plural


def devices(measured: pd.DataFrame) -> Table:
    """List the devices of the benchmark, with the date of the measurement."""
    data = measured[["device", "kind", "cores", "measured"]].drop_duplicates(ignore_index=True)
    names = {"device": "Device", "kind": "Kind", "cores": "CPU cores", "measured": "Measured"}
    return Table(data.rename(columns=names).astype(str), data)


def kernels(measured: pd.DataFrame) -> Table:
    """List how many images per second each kernel makes, and the time of one as a share of the fastest forward pass."""
    parts = []
    for device, of in measured.groupby("device", sort=False):
        fastest = of.loc[(of["name"] == FORWARD) & (of["unit"] == "images/s")].nlargest(1, "value").iloc[0]
        ours = of[(of["section"] == "kernels") & (of["way"] == BVG)]
        rate = 1e3 * ours["conditions"] / ours["value"]
        about = {"device": device, "kernel": ours["name"], "rate": rate}
        parts.append(pd.DataFrame(about | {"share": fastest["value"] / rate, "network": fastest["way"]}))
    data = pd.concat(parts, ignore_index=True)
    shown = data.assign(rate=data["rate"].map("{:,.0f}".format), share=data["share"].map("{:.2%}".format))
    names = {
        "device": "Device",
        "kernel": "Kernel",
        "rate": "Images per second",
        "share": "Time, as a share of one forward pass",
        "network": "of this form of ResNet-50",
    }
    return Table(shown.rename(columns=names), data)


def attack(measured: pd.DataFrame) -> Table:
    """List how many images per second are attacked with the steps of the study, per device and form of the network."""
    data = measured.loc[measured["name"] == ATTACK, ["device", "way", "images", "value", "note"]]
    data = data.assign(rate=1e3 / data["value"] / STUDY["pgd"].steps).reset_index(drop=True)
    shown = data[["device", "way", "rate", "note"]].assign(rate=[format_number(v, 1) for v in data["rate"]])
    names = {"device": "Device", "way": "Network", "rate": "Attacked images per second", "note": "Note"}
    return Table(shown.rename(columns=names), data)


def profile(measured: pd.DataFrame) -> Table:
    """List where the time of the device goes, by kind of operation."""
    data = measured.loc[measured["section"] == "profile", ["device", "name", "way", "images", "value", "note"]]
    data = data.reset_index(drop=True)
    data["share"] = data["value"] / data.groupby(["device", "name"])["value"].transform("sum")
    shown = data[["device", "name", "way", "value", "share", "note"]].assign(
        value=[format_number(v, 2) for v in data["value"]], share=data["share"].map("{:.0%}".format)
    )
    names = {"device": "Device", "name": "Work", "way": "Kind", "value": "ms", "share": "Share", "note": "Note"}
    return Table(shown.rename(columns=names), data)


TARGETS = {
    "ResNet-50 in TF32 [images/s]": (25_000, FORWARD, "tf32"),
    "ResNet-50 in fp16 [images/s]": (45_000, FORWARD, "fp16"),
    "PGD with 40 steps [images/s]": (400, ATTACK, "fp16"),
    "band-pass filtered images [1/s]": (1_000_000, "band-pass", BVG),
    "images from the memory map into the GPU [images/s]": (200_000, DECODE, STREAMED),
    "images held on the GPU [images/s]": (200_000, DECODE, HELD),
}
"""What a GPU of the class of an H200 was meant to reach: number, row of the benchmark, and way or precision."""


def targets(measured: pd.DataFrame) -> Table:
    """Compare each GPU with the targets; none is met by a device that was not measured."""
    rows = []
    for device, of in measured[measured["kind"] == "cuda"].groupby("device", sort=False):
        rates = pd.concat(
            [
                of[of["unit"] == "images/s"].rename(columns={"value": "rate"}),
                attack(of).data.assign(name=ATTACK),
                kernels(of).data.rename(columns={"kernel": "name"}).assign(way=BVG),
            ]
        )
        for what, (target, name, way) in TARGETS.items():
            fits = rates["name"].str.startswith(name) & rates["way"].str.contains(way, regex=False)
            if fits.any():
                rows.append((device, what, target, rates.loc[fits, "rate"].max()))
    data = pd.DataFrame(rows, columns=["device", "what", "target", "reached"])
    met = ["reached" if r >= t else f"{r / t:.0%}" for r, t in zip(data["reached"], data["target"], strict=True)]
    shown = data.assign(
        target=data["target"].map("{:,}".format), reached=data["reached"].map("{:,.0f}".format), met=met
    )
    names = {"device": "Device", "what": "What", "target": "Target", "reached": "Measured", "met": "Of the target"}
    return Table(shown.rename(columns=names), data)


def memory(measured: pd.DataFrame) -> str:
    """State the memory that the benchmark took on each device; empty if it was not measured.

    Example:
        >>> memory(pd.DataFrame([{"device": "A", "section": "memory", "way": "the process", "value": 1.234}]))
        'The whole benchmark took at most 1.2 GB of memory of the process on A.'
        >>> memory(pd.DataFrame([{"device": "A", "section": "engine", "way": "bvg", "value": 1.0}]))
        ''
    """
    rows = measured[measured["section"] == "memory"]
    parts = [f"{row.value:.1f} GB of memory of {row.way} on {row.device}" for row in rows.itertuples()]
    return f"The whole benchmark took at most {listed(parts)}." if parts else ""


def proofs(found: pd.DataFrame) -> Table:
    """List what was proven on each device: outcome, and what was compared."""
    data = found.reset_index(drop=True)
    shown = data[["device", "name", "outcome", "detail"]].copy()
    shown["detail"] = [detail.splitlines()[-1] if detail else "" for detail in data["detail"]]
    names = {"device": "Device", "name": "Proof", "outcome": "Outcome", "detail": "What was compared"}
    return Table(shown.rename(columns=names), data)


def proven(found: pd.DataFrame) -> str:
    """State how many proofs each device passed.

    Example:
        >>> row = {"device": "NVIDIA H200", "proven": "2026-11-26", "name": "", "seconds": 1.0, "detail": ""}
        >>> proven(pd.DataFrame([row | {"outcome": "passed"}, row | {"outcome": "failed"}]))
        'NVIDIA H200 (2026-11-26): 1 of 2 proofs passed, 1 failed.'
        >>> proven(pd.DataFrame([row | {"outcome": "passed"}, row | {"outcome": "skipped"}]))
        'NVIDIA H200 (2026-11-26): 1 of 2 proofs passed, 1 skipped.'
        >>> proven(pd.DataFrame(columns=list(row)))
        'No device was proven yet: run `make gpu`.'
    """
    parts = []
    for (device, date), of in found.groupby(["device", "proven"], sort=False):
        count = of["outcome"].value_counts()
        rest = [f"{count[kind]} {kind}" for kind in ("failed", "skipped") if kind in count]
        parts.append(
            f"{device} ({date}): " + ", ".join([f"{count.get('passed', 0)} of {len(of)} proofs passed", *rest])
        )
    return f"{'; '.join(parts)}." if parts else "No device was proven yet: run `make gpu`."


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
        'Measuring one ResNet-50 on everything takes about 3.8 days (48 models: about 1 year) on 2 CPU cores (AMD EPYC).'
    """
    about = devices.set_index("device")
    sums = projected.groupby(["device", "way", "models"], sort=False)["total"].sum()
    parts = []
    for device, of in sums.groupby("device", sort=False):
        one, *more = [(n, duration(h)) for n, h in of.groupby("models").min().items()]
        many = f" ({plural(more[0][0], 'model')}: about {more[0][1]})" if more else ""
        where = plural(about.at[device, "cores"], "CPU core") if about.at[device, "kind"] == "cpu" else "a GPU"
        parts.append(f"about {one[1]}{many} on {where} ({device})")
    return f"Measuring one ResNet-50 on everything takes {listed(parts)}."


def ratios(measured: pd.DataFrame) -> str:
    """State how many times faster bvg is than each baseline, for one device."""
    rows = measured[measured["section"] == "kernels"]
    parts = []
    for name, of in rows.groupby("name", sort=False):
        bvg = of.loc[of["way"] == "bvg", "value"].item()
        baselines = of[of["way"] != "bvg"]
        if baselines.empty:
            continue
        parts.append(
            f"{name}: "
            + listed(
                f"{v / bvg:.1f} times ({way})" for way, v in zip(baselines["way"], baselines["value"], strict=True)
            )
        )
    return "; ".join(parts)
