"""The benchmark, `make bench`: how fast each part is, beside the plain way to do it, and how far fast arithmetic drifts.

One run on one device writes one file, `book/benchmarks/<device>.json`, which the book's page "Performance" draws. Each row is one
measurement: section, name (what is done), way (how), value, unit, and what the value depends on.
"""

from bvg.bench.record import BENCHMARKS, load

__all__ = ["BENCHMARKS", "load"]
