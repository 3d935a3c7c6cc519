"""Data sets: their folders, an index with labels, decoding, the cache, and the copy to a device. Importing it loads no torch."""

from bvg.datasets.index import Dataset, check, open_dataset

__all__ = ["Dataset", "check", "open_dataset"]
