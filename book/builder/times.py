"""Measure how long building the book takes, into book/build-times.json: on an otherwise idle machine, `make bench-book`.

A clone of the last commit is built from clean, again with nothing changed, after a sentence was added to one page, and after one
function of one figure was changed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from builder import ROOT
from bvg.files import atomic

FILE = ROOT / "book" / "build-times.json"
SENTENCE = "notebooks/shape-bias.md"
FIGURE, BEFORE, AFTER = "book/companion/figures/heatmaps.py", "shrink=0.6", "shrink=0.{}"


def measure(clone: Path, repeats: int) -> dict[str, list[float]]:
    """Build the book in a fresh clone and return the seconds of each kind of build."""
    seconds: dict[str, list[float]] = {"clean": [build(clone)], "unchanged": [], "sentence": [], "figure": []}
    for turn in range(repeats):
        seconds["unchanged"].append(build(clone))
        page, drawing = clone / SENTENCE, clone / FIGURE
        page.write_text(page.read_text(encoding="utf-8") + f"\nSentence number {turn}.\n", encoding="utf-8")
        seconds["sentence"].append(build(clone))
        text = drawing.read_text(encoding="utf-8")
        if BEFORE not in text:
            raise SystemExit(f"expected {BEFORE!r} in {FIGURE}, which this script changes: choose another line")
        drawing.write_text(text.replace(BEFORE, AFTER.format(61 + turn)), encoding="utf-8")
        seconds["figure"].append(build(clone))
        drawing.write_text(text, encoding="utf-8")
        build(clone)  # the figure as it was
    return seconds


def build(clone: Path) -> float:
    """Build the book and return the seconds it took."""
    began = time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(clone)}
    command = [sys.executable, "-m", "builder"]
    subprocess.run(command, cwd=clone / "book", env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure how long building the book takes.")
    parser.add_argument("--repeats", type=int, default=3, help="builds of each kind but the first; default: 3")
    parser.add_argument("--out", type=Path, default=FILE, help="file to write")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "clone")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        seconds = measure(clone, args.repeats)
    found = {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "seconds": {kind: round(statistics.median(times), 1) for kind, times in seconds.items()},
        "all": {kind: [round(t, 1) for t in times] for kind, times in seconds.items()},
    }
    with atomic(args.out) as path:
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("\n".join(f"{kind:10} {value:7.1f} s" for kind, value in found["seconds"].items()))


if __name__ == "__main__":
    main()
