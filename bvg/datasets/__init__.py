"""Fetch, index, decode and cache the data sets. Importing it loads no torch."""

from bvg.datasets.fetch import prepare
from bvg.datasets.index import Dataset, check, open_dataset

__all__ = ["Dataset", "check", "open_dataset", "prepare"]
