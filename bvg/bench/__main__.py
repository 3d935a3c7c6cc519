"""The command `python -m bvg.bench`, which measures this device, proves it on request, and writes its files."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from bvg.bench import data, kernels, network, precision, profile, prove, record
from bvg.bench.record import BENCHMARKS, Bench, Row
from bvg.files import atomic
from bvg.measure import named

SECTIONS = {"kernels": kernels, "network": network, "profile": profile, "drift": precision, "data": data}
ROWS = {"network": ("network", "attack"), "data": ("decode", "engine", "memory")}
"""The sections of the rows that a part of the benchmark measures, where they are not its own name."""


def main(argv: list[str] | None = None) -> int:
    """Prove on request, measure, print each result and write the files; return 1 if a part failed."""
    parser = argparse.ArgumentParser(
        prog="python -m bvg.bench",
        description="Measure how fast each part of a measurement is on this device, compared with a naive baseline. "
        "Nothing else should run at the same time. A part that fails does not stop the others.",
    )
    add = parser.add_argument
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="default: %(default)s")
    add("--out", type=Path, default=BENCHMARKS, help="folder of the files; default: that of the book")
    add("--prove", action="store_true", help="first prove that the device measures as the CPU does")
    add("--only", choices=("proofs", "measures"), help="one of the two parts")
    add(
        "--sections",
        nargs="+",
        choices=SECTIONS,
        default=list(SECTIONS),
        help="what to measure; the file keeps the rest",
    )
    add("--seconds", type=float, default=2.0, help="time for which each part is repeated; default: %(default)s")
    add("--networks", nargs="*", default=[], metavar="NAME=MODEL", help="networks whose drift is measured too, as for "
        "`python -m bvg.measure --models`")  # fmt: skip
    options = parser.parse_args(argv)
    networks = dict(named(options.networks)) if options.networks else {}
    bench = Bench(torch.device(options.device), options.seconds, networks=networks)
    report = Report(bench.device, options.out)
    if options.only == "proofs" or (options.prove and not options.only):
        report.prove(prove.outcomes(bench.device))
    if options.only != "proofs":
        report.measure(bench, options.sections)
    return report.finish()


@dataclass
class Report:
    """Prints results and writes them to the files of a device, after each so that none is lost if the process is killed.

    Attributes:
        device: the device.
        folder: where the files lie.
        lines: the text so far.
        failed: names of the parts that failed.
    """

    device: torch.device
    folder: Path
    lines: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path = record.file(self.device, self.folder)
        for name, value in record.about(self.device).items():
            self.add(f"{name}: {value}")

    def add(self, text: str) -> None:
        """Print a text and write it to the report."""
        print(text, flush=True)
        self.lines.append(text)
        with atomic(self.path.with_suffix(".txt")) as path:
            path.write_text("\n".join(self.lines) + "\n", encoding="utf-8")

    def prove(self, outcomes: Iterable[prove.Outcome]) -> None:
        """Run the proofs."""
        self.add("\nproofs")
        found: list[prove.Outcome] = []
        for outcome in outcomes:
            found.append(outcome)
            self.add(prove.as_line(outcome))
            if outcome.outcome == prove.FAILED:
                self.failed.append(outcome.name)
            record.write(None, self.device, self.folder, found)

    def measure(self, bench: Bench, sections: Iterable[str]) -> None:
        """Run some sections; the rows of the others stay in the file."""
        self.add("\nmeasures")
        measured = {of for name in sections for of in ROWS.get(name, (name,))}
        rows = [row for row in record.read(self.path) if row.section not in measured]
        for name in sections:
            try:
                for row in SECTIONS[name].rows(bench):
                    self.add(as_line(row))
                    rows.append(row)
                    record.write(rows, self.device, self.folder)
            except Exception:
                self.add(f"failed   section {name}: {traceback.format_exc()}")
                self.failed.append(f"section {name}")

    def finish(self) -> int:
        """State what failed; return the exit status."""
        self.add(f"\nfailed: {', '.join(self.failed)}" if self.failed else "\nnothing failed")
        print(f"wrote {self.path} and {self.path.with_suffix('.txt').name}")
        return int(bool(self.failed))


def as_line(row: Row) -> str:
    """Write a row as one line.

    >>> as_line(Row("decode", "decoding", "one process", 123.456, "images/s", images=8))
    'decoding, one process: 123 images/s (8 images)'
    """
    sizes = ((row.images, "images"), (row.models, "models"), (row.conditions, "conditions"))
    of = ", ".join(f"{n} {what}" for n, what in sizes if n)
    return f"{row.name}, {row.way}: {row.value:.3g} {row.unit}" + (f" ({of})" if of else "")


if __name__ == "__main__":
    sys.exit(main())
