"""The command `python -m bvg.bench`, which measures this device and writes its file."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from bvg.bench import data, kernels, network, precision
from bvg.bench.record import BENCHMARKS, Bench, Row, write
from bvg.measure import named

SECTIONS = {"kernels": kernels, "network": network, "data": data, "drift": precision}


def main(argv: list[str] | None = None) -> Path:
    """Measure, print each row, write the file; return its path."""
    parser = argparse.ArgumentParser(
        prog="python -m bvg.bench",
        description="Measure how fast each part of a measurement is on this device, compared with a naive baseline. "
        "Nothing else should run at the same time.",
    )
    add = parser.add_argument
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="default: %(default)s")
    add("--out", type=Path, default=BENCHMARKS, help="folder of the file; default: that of the book")
    add("--seconds", type=float, default=2.0, help="time for which each part is repeated; default: %(default)s")
    add("--networks", nargs="*", default=[], metavar="NAME=MODEL", help="networks whose drift is measured too, as for "
        "`python -m bvg.measure --models`")  # fmt: skip
    options = parser.parse_args(argv)
    networks = dict(named(options.networks)) if options.networks else {}
    bench = Bench(torch.device(options.device), options.seconds, networks=networks)
    rows = []
    for section in SECTIONS.values():
        for row in section.rows(bench):
            print(as_line(row), flush=True)
            rows.append(row)
    path = write(rows, bench.device, options.out)
    print(f"wrote {path}")
    return path


def as_line(row: Row) -> str:
    """Write a row as one line.

    >>> as_line(Row("decode", "decoding", "one process", 123.456, "images/s", images=8))
    'decoding, one process: 123 images/s (8 images)'
    """
    sizes = ((row.images, "images"), (row.models, "models"), (row.conditions, "conditions"))
    of = ", ".join(f"{n} {what}" for n, what in sizes if n)
    return f"{row.name}, {row.way}: {row.value:.3g} {row.unit}" + (f" ({of})" if of else "")


if __name__ == "__main__":
    main()
