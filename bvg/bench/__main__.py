"""The command: `python -m bvg.bench` measures this device and writes its file."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from bvg.bench import data, kernels, network, precision
from bvg.bench.record import BENCHMARKS, Bench, Row, write

SECTIONS = {"kernels": kernels, "network": network, "data": data, "drift": precision}


def main(argv: list[str] | None = None) -> Path:
    """Measure, print each row as it comes, write the file; its path."""
    parser = argparse.ArgumentParser(
        prog="python -m bvg.bench",
        description="Measure how fast each part of a measurement is on this device, beside the plain way. Nothing else should run.",
    )
    add = parser.add_argument
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="default: %(default)s")
    add("--out", type=Path, default=BENCHMARKS, help="folder of the file; default: the book's")
    add("--seconds", type=float, default=2.0, help="for about so long each part is repeated; default: %(default)s")
    options = parser.parse_args(argv)
    bench = Bench(torch.device(options.device), options.seconds)
    rows = []
    for section in SECTIONS.values():
        for row in section.rows(bench):
            print(said(row), flush=True)
            rows.append(row)
    path = write(rows, bench.device, options.out)
    print(f"wrote {path}")
    return path


def said(row: Row) -> str:
    """A row as a line.

    >>> said(Row("decode", "decoding", "one process", 123.456, "images/s", images=8))
    'decoding, one process: 123 images/s (8 images)'
    """
    sizes = ((row.images, "images"), (row.models, "models"), (row.conditions, "conditions"))
    of = ", ".join(f"{n} {what}" for n, what in sizes if n)
    return f"{row.name}, {row.way}: {row.value:.3g} {row.unit}" + (f" ({of})" if of else "")


if __name__ == "__main__":
    main()
