"""The benchmark, `make bench`: the speed of each part compared with a naive baseline, and the drift of lower precisions.

A run on one device writes one file, `book/benchmarks/<device>.json`, which the page "Performance" of the book draws. Each row is
one measurement: section, name (what is done), way (how), value, unit, and what the value depends on.

`make gpu` first proves that the device measures as the CPU does (`bvg.bench.proofs`); what it found is in the same file.
"""

from bvg.bench.record import BENCHMARKS, load, load_proofs

__all__ = ["BENCHMARKS", "load", "load_proofs"]
