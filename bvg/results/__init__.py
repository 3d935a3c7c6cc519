"""The results table, the published numbers, scores, rank correlation and the channel fit."""

from bvg.results.correlation import correlate
from bvg.results.scores import per_model
from bvg.results.table import COLUMNS, KEY, ResultsError, load, validate, write

__all__ = ["COLUMNS", "KEY", "ResultsError", "correlate", "load", "per_model", "validate", "write"]
