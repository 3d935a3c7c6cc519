"""Data sets: where they lie, indexing, loading, caching and transfer to the device."""

from bvg.datasets.index import Dataset, check, open_dataset

__all__ = ["Dataset", "check", "open_dataset"]
