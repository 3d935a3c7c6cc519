"""Rows of the benchmark: how they are timed, written to the file of a device, and read as one table."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import torch

from bvg.files import atomic
from bvg.measure.provenance import session

if TYPE_CHECKING:
    from bvg.bench.prove import Outcome

BENCHMARKS = Path(__file__).resolve().parents[2] / "book" / "benchmarks"
"""Folder of the results, which belong to the book, not to the package."""

BVG = "bvg"
"""The name of our way; other ways with the same row name are what it is compared with."""

ABOUT = ("device", "kind", "cores", "measured")
COLUMNS = ("section", "name", "way", "value", "unit", "images", "models", "conditions", "difference", "note", "spread")


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        section: kernels, network, attack, profile, decode, engine, memory or drift.
        name: what is done.
        way: how it is done: "bvg", or what that is compared with.
        value: the number, in `unit`.
        unit: such as ms/image or images/s.
        images, models, conditions: how much was measured; 0 where it does not apply.
        difference: largest absolute difference from the results of bvg; None where there is nothing to compare.
        note: what else the number depends on.
        spread: time of the median repetition relative to the fastest, whose time counts; None where nothing was repeated.
    """

    section: str
    name: str
    way: str
    value: float
    unit: str
    images: int = 0
    models: int = 0
    conditions: int = 0
    difference: float | None = None
    note: str = ""
    spread: float | None = None


class Timing(NamedTuple):
    """Seconds of the fastest repetition, and the spread as in `Row`."""

    seconds: float
    spread: float


@dataclass(frozen=True)
class Bench:
    """What a benchmark runs on, and for how long.

    Attributes:
        device: the device of all tensors.
        seconds: each part is repeated for about this time; the fastest repetition counts, since other work only slows it down.
        networks: further networks whose drift is measured: name -> model, as for `bvg.models.load`.
    """

    device: torch.device
    seconds: float = 1.0
    networks: Mapping[str, str | Path] = field(default_factory=dict)

    @property
    def cuda(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.type == "cuda"

    def time(self, work: Callable[[], object], least: int = 3) -> Timing:
        """Time work repeatedly, at least `least` times, waiting for the device each time.

        One more repetition comes first and does not count.
        """
        work()
        times: list[float] = []
        while len(times) < least or sum(times) < self.seconds:
            self.wait()
            began = time.perf_counter()
            work()
            self.wait()
            times.append(time.perf_counter() - began)
        return Timing(min(times), median(times) / max(min(times), 1e-9))

    def wait(self) -> None:
        """Wait until the device has finished all queued work."""
        if self.cuda:
            torch.cuda.synchronize(self.device)


def about(device: torch.device) -> dict:
    """Describe a device and what this process computes with."""
    cuda = torch.version.cuda if device.type == "cuda" else None
    return session(device) | {"kind": device.type, "cores": os.cpu_count(), "cuda": cuda}


def file(device: torch.device, folder: Path = BENCHMARKS) -> Path:
    """Return the path of the file of a device."""
    name = re.sub(r"[^a-z0-9]+", "-", session(device)["device"].lower()).strip("-")
    return folder / f"{name}.json"


def read(path: Path) -> list[Row]:
    """Return the rows of a file; none if there is no file."""
    return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))["rows"]] if path.exists() else []


def write(
    rows: Iterable[Row] | None,
    device: torch.device,
    folder: Path = BENCHMARKS,
    proofs: Iterable[Outcome] | None = None,
) -> Path:
    """Write the file of a device; return its path.

    Args:
        rows: what was measured; None keeps the rows of the file.
        device: the device.
        folder: where the file lies.
        proofs: what the proofs found; None keeps those of the file. `proven` tells when, and with which libraries.
    """
    path, now = file(device, folder), {"measured": datetime.now(UTC).date().isoformat(), **about(device)}
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": []}
    content = now | before if rows is None else before | now | {"rows": [asdict(row) for row in rows]}
    if proofs is not None:
        content |= {"proven": now, "proofs": [asdict(outcome) for outcome in proofs]}
    with atomic(path) as new:
        new.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def load_proofs(folder: str | Path = BENCHMARKS) -> pd.DataFrame:
    """Read what the proofs found on all devices, as one table.

    Returns:
        Columns device, proven (the date), name, outcome, seconds, detail (see `bvg.bench.prove.Outcome`).
    """
    found = []
    for path in sorted(Path(folder).glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        about = {"device": content["device"], "proven": content.get("proven", {}).get("measured")}
        found += [about | proof for proof in content.get("proofs", [])]
    return pd.DataFrame(found, columns=["device", "proven", "name", "outcome", "seconds", "detail"])


def load(folder: str | Path = BENCHMARKS) -> pd.DataFrame:
    """Read the rows of all devices as one table.

    Returns:
        Columns device, kind ("cpu" or "cuda"), cores, measured (the date), and those of `Row`.

    Raises:
        ValueError: the folder holds no benchmark.
    """
    tables = []
    for path in sorted(Path(folder).glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        if not content["rows"]:  # proven, but not measured
            continue
        rows = pd.DataFrame(content["rows"], columns=list(COLUMNS))
        tables.append(rows.assign(**{name: content[name] for name in ABOUT}))
    if not tables:
        raise ValueError(f"expected benchmarks (*.json) in {folder}, got none: run `make bench`")
    table = pd.concat(tables, ignore_index=True)
    return table[[*ABOUT, *COLUMNS]].astype({"difference": float, "spread": float})
