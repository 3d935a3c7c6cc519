"""The results table, the published numbers, scores, rank correlation and the channel fit."""

from bvg.results.correlation import correlate
from bvg.results.schema import COLUMNS, KEY, ResultsError, validate
from bvg.results.scores import benchmarks, per_model
from bvg.results.table import load, manifests, world_of, write

__all__ = [
    "COLUMNS",
    "KEY",
    "ResultsError",
    "benchmarks",
    "correlate",
    "load",
    "manifests",
    "per_model",
    "validate",
    "world_of",
    "write",
]
