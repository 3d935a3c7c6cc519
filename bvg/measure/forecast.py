"""Forecast of a measurement: images to decode and evaluate, time, memory and disk space."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bvg.datasets.loading import SERIAL
from bvg.datasets.preprocessing import SHAPE
from bvg.measure import ranges
from bvg.measure.engine import where_of
from bvg.measure.plan import Plan
from bvg.measure.ranges import Range
from bvg.measure.run_folder import Run
from bvg.measure.timing import Pace, Probe, steps_of
from bvg.models.inference import arithmetic

logger = logging.getLogger(__name__)

FEW = 1000
"""Number of network passes below which no timing is made."""

LEAST_SPREAD = 1.2
"""The longest expected time is at least this multiple of the shortest."""

LONG = 60
"""Seconds above which a run prints a forecast at its start."""

Finished = Mapping[tuple[str, str, str, str], list[Range]]
"""Ranges of images that a run folder has, by model and measurement (see `bvg.measure.run_folder.Run.finished`)."""


@dataclass(frozen=True)
class Forecast:
    """What a measurement will do; `str` gives the text that a run prints.

    Attributes:
        table: one row per instrument, in the order of work. Columns: instrument; dataset; images (of all conditions of the
            data set); decoded (images to decode that are not in the cache by then); conditions (per model); made (images
            filtered or made noisy, once for all models); evaluated (images times models); done (those that the run folder
            has already); passes (through a network; a step of an attack is one forward and one backward pass); seconds
            (NaN if nothing was timed).
        models: number of models.
        device: where they run.
        pace: the timing behind the seconds; None if nothing was timed.
        room, free: bytes that decoded images will take on disk, and that are free there.
    """

    table: pd.DataFrame
    models: int
    device: str
    pace: Pace | None
    room: int
    free: int

    @property
    def seconds(self) -> float:
        """Total over all instruments; NaN if nothing was timed."""
        return float(self.table["seconds"].sum(skipna=False))

    def _range(self, seconds: float) -> str:
        """Format a time as a range: from that of the fastest timed batches to that times the spread of the timing."""
        spread = self.pace.spread if self.pace else 1.0
        low, high = duration(seconds), duration(seconds * max(spread, LEAST_SPREAD))
        return low if low == high else f"{low} to {high}"

    def __str__(self) -> str:
        numbers = ["images", "decoded", "conditions", "evaluated", "done", "passes"]
        total = self.table[["decoded", "evaluated", "done", "passes", "seconds"]].sum(skipna=False).to_dict()
        rows = [("", *numbers, "expected")]
        for row in [*self.table.to_dict("records"), {"instrument": "in all", **total}]:
            cells = [f"{int(row[name]):,}" if name in row else "" for name in numbers]
            rows.append((row["instrument"], *cells, self._range(row["seconds"])))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"To be measured: {self.models} model{'s' * (self.models > 1)} on {self.device}"]
        for first, *others in rows:
            cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
            lines.append("  ".join(["", first.ljust(widths[0]), *cells]))
        if self.pace is not None:
            memory = ", ".join(f"{size(taken)} for {what}" for what, taken in self.pace.memory.items())
            lines.append(
                f"The times extrapolate {self.pace.spent:.1f} s of timing with the first model. Memory: {memory}."
            )
        if self.room:
            lines.append(f"The cache of decoded images will take {size(self.room)}; {size(self.free)} are free.")
        return "\n".join(lines)


def count(plan: Plan, finished: Finished, answer: Callable[[Tensor], Tensor] | None = None) -> Forecast:
    """Count what there is to do, without times.

    The work is linear in models, images and conditions; images are decoded once for all models.

    Args:
        plan: what to measure.
        finished: what the run folder has.
        answer: the first model, which tells an instrument that alters models how many passes it takes; without it, one.
    """
    cached: frozenset[int] = frozenset()  # rows that an earlier instrument decodes into the cache
    rows = []
    for instrument in plan.instruments:
        row = dict.fromkeys(("images", "decoded", "conditions", "made", "evaluated", "done"), 0)
        for condition, n in plan.counts.items():
            if condition[0] != instrument.dataset:
                continue
            kinds = len(instrument.conditions(*condition[1:]))
            where = where_of(instrument, *condition[1:])
            units = ranges.pending(n, instrument.unit, {m: finished.get((m, *where), []) for m in plan.models})
            evaluated, read = ranges.count(units), sum(stop - start for start, stop in units)
            row["images"] += n
            if read:
                decoded, cached = plan.source.to_decode(condition, read, plan.settings.limit, cached)
                row["decoded"] += decoded
            row["conditions"] += kinds
            row["made"] += read * kinds
            row["evaluated"] += evaluated * kinds
            row["done"] += (n * len(plan.models) - evaluated) * kinds
        once = instrument.passes(answer) if answer else 1
        passes = row["evaluated"] * (once + steps_of(instrument))
        rows.append({"instrument": instrument.name, "dataset": instrument.dataset, **row, "passes": passes})
    room, folder = len(cached) * int(np.prod(SHAPE)), plan.source.cache
    free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free if room else 0
    return Forecast(pd.DataFrame(rows).assign(seconds=np.nan), len(plan.models), str(plan.device), None, room, free)


def timed(counted: Forecast, plan: Plan, pace: Pace) -> Forecast:
    """Add times to a forecast."""
    cores, seconds = joblib.cpu_count(), []
    for row in counted.table.itertuples():
        decoding = row.decoded * pace.decode / (cores if row.decoded > SERIAL else 1)
        evaluating = row.made * pace.make[row.instrument] + row.evaluated * pace.evaluate[row.instrument]
        # While a GPU works, the cores decode ahead, unless everything is decoded into the cache first.
        ahead = plan.device.type == "cuda" and row.dataset not in plan.source.kept
        seconds.append(max(decoding, evaluating) if ahead else decoding + evaluating)
    table = counted.table.assign(seconds=seconds)
    return Forecast(table, counted.models, counted.device, pace, counted.room, counted.free)


def forecast(plan: Plan, out: str | Path) -> Forecast:
    """Forecast a run of a plan into a folder, with times and memory. Nothing is measured or written.

    Raises:
        ValueError: a model cannot be loaded.
        RunError: the run folder is in use, or has other settings.
        MeasureError: the models do not fit into memory.
    """
    finished: Finished = {}
    if (Path(out) / "units.sqlite").exists():
        with Run(out, plan.shared) as folder:
            finished = folder.finished(plan.settings.keep_predictions)
    with (
        TemporaryDirectory() as scratch,
        Run(Path(scratch) / "plan", plan.shared) as folder,  # loading a model enters it into a folder
        arithmetic(plan.settings.precision),
        closing(plan.source),
    ):
        models = dict(plan.load(folder, plan.device))
        first = next(iter(models.values()))
        counted = count(plan, finished, first)
        pace = calibrate(plan, first, lambda forward: True)
    return counted if pace is None else timed(counted, plan, pace)


def announce(plan: Plan, folder: Run, models: Mapping[str, Callable[[Tensor], Tensor]]) -> Forecast | None:
    """Print the forecast of a run that takes more than a minute, and return it.

    Short runs are not delayed: few passes are not timed at all, and otherwise one batch is timed first.
    """
    first = next(iter(models.values()))
    counted = count(plan, folder.finished(plan.settings.keep_predictions), first)
    passes = counted.table["passes"].sum()
    if passes < FEW:
        return None
    pace = calibrate(plan, first, lambda forward: passes * forward >= LONG)
    if pace is None:
        return None
    expected = timed(counted, plan, pace)
    print(expected, flush=True)
    return expected


def calibrate(plan: Plan, answer: Callable[[Tensor], Tensor], go_on: Callable[[float], bool]) -> Pace | None:
    """Time a model; None if `go_on`, given the seconds per image and pass, returns False, or if timing fails."""
    try:
        probe = Probe(plan, answer)
        forward = probe.forward()
        return probe.pace(forward) if go_on(forward) else None
    except Exception as error:  # the run itself will report unreadable images, wrong logits or full memory
        logger.info("no times in the forecast: %s: %s", type(error).__name__, error)
        return None
    finally:
        if plan.device.type == "cuda":
            torch.cuda.empty_cache()


def duration(seconds: float) -> str:
    """Format a duration.

    >>> [duration(s) for s in (0.2, 42, 300, 11_400, float("nan"))]
    ['1 s', '42 s', '5 min', '3 h 10 min', '']
    """
    if np.isnan(seconds):
        return ""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"


def size(count: int) -> str:
    """Format a number of bytes.

    >>> size(7_526_400_000), size(150_528)
    ('7.5 GB', '0.2 MB')
    """
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
