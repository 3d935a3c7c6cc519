"""Rows of a benchmark: timing, the file of a device, all files as one table."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import torch

from bvg.files import atomic
from bvg.measure.provenance import session

BENCHMARKS = Path(__file__).resolve().parents[2] / "book" / "benchmarks"
"""Where the figures of devices lie: they are part of the book, not of the package."""

BVG = "bvg"
"""The way that is ours; every other way of the same name is what it is compared with."""

ABOUT = ("device", "kind", "cores", "measured")
COLUMNS = ("section", "name", "way", "value", "unit", "images", "models", "conditions", "difference", "note")


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        section: kernels, network, attack, decode, engine or drift.
        name: what is done.
        way: how: "bvg", or what it is compared with.
        value: the number, in `unit`.
        unit: such as ms/image or images/s.
        images, models, conditions: how much was measured; 0 where that has no meaning.
        difference: largest absolute difference of the results from bvg's, where both give results; else None.
        note: what else the number depends on.
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


@dataclass(frozen=True)
class Bench:
    """What a benchmark runs on, and how long its parts may take.

    Attributes:
        device: where tensors are.
        seconds: a part is repeated for about so long; the fastest repetition counts, since other work only ever slows it.
        say: told each row as it is measured.
    """

    device: torch.device
    seconds: float = 1.0
    say: Callable[[Row], None] = field(default=lambda row: None)

    @property
    def cuda(self) -> bool:
        return self.device.type == "cuda"

    def fastest(self, work: Callable[[], object], least: int = 3) -> float:
        """Seconds that the fastest of at least `least` repetitions takes, after one that does not count."""
        work()
        times: list[float] = []
        while len(times) < least or sum(times) < self.seconds:
            self.wait()
            began = time.perf_counter()
            work()
            self.wait()
            times.append(time.perf_counter() - began)
        return min(times)

    def wait(self) -> None:
        """Wait for what the device has been given to do."""
        if self.cuda:
            torch.cuda.synchronize(self.device)


def write(rows: Iterable[Row], device: torch.device, folder: Path = BENCHMARKS) -> Path:
    """Write a device's file, replacing an older one; its path."""
    cuda = torch.version.cuda if device.type == "cuda" else None
    about = session(device) | {"kind": device.type, "cores": os.cpu_count(), "cuda": cuda}
    name = re.sub(r"[^a-z0-9]+", "-", about["device"].lower()).strip("-")
    content = {"measured": datetime.now(UTC).date().isoformat(), **about, "rows": [asdict(row) for row in rows]}
    with atomic(folder / f"{name}.json") as path:
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return folder / f"{name}.json"


def load(folder: str | Path = BENCHMARKS) -> pd.DataFrame:
    """All devices' rows as one table: device, kind ("cpu" or "cuda"), cores, measured (the date), and the columns of `Row`.

    Raises:
        ValueError: the folder holds no benchmark.
    """
    tables = []
    for path in sorted(Path(folder).glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = pd.DataFrame(content["rows"], columns=list(COLUMNS))
        tables.append(rows.assign(**{name: content[name] for name in ABOUT}))
    if not tables:
        raise ValueError(f"expected benchmarks (*.json) in {folder}, got none: run `make bench`")
    table = pd.concat(tables, ignore_index=True)
    return table[[*ABOUT, *COLUMNS]].astype({"difference": float})
