"""Thresholded correlations as an array, of one table or of many at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Shown:
    """Correlations of rows (categories or benchmarks) with biases in sets of models, of any number of tables.

    Attributes:
        values: float [..., rows, biases, sets]: r where it is significant, 0 where it is not, NaN where it is not defined.
        rows, biases, sets: the names along the last three axes.
    """

    values: np.ndarray
    rows: tuple[str, ...]
    biases: tuple[str, ...]
    sets: tuple[str, ...]

    @classmethod
    def of(cls, cells: pd.DataFrame, column: str = "shown") -> Shown:
        """Arrange one table of correlations (`bvg.results.correlation.correlate`)."""
        names = [tuple(pd.unique(cells[axis])) for axis in ("row", "column", "group")]
        wide = cells.set_index(["row", "column", "group"])[column].reindex(pd.MultiIndex.from_product(names))
        return cls(wide.to_numpy(float).reshape([len(n) for n in names]), *names)

    def pick(self, row: str | None = None, bias: str | None = None, group: str | None = None) -> np.ndarray:
        """Return the values with these names; an axis with a name is dropped."""
        named = zip((self.rows, self.biases, self.sets), (row, bias, group), strict=True)
        return self.values[(..., *(slice(None) if name is None else names.index(name) for names, name in named))]

    @cached_property
    def significant(self) -> np.ndarray:
        """Where a correlation is significant: bool [..., rows, biases, sets]; an undefined one is not."""
        return np.abs(self.values) > 0

    @cached_property
    def consistent(self) -> np.ndarray:
        """Where a bias correlates with every row, significantly and with one sign: bool [..., biases, sets]."""
        sign = np.sign(self.values)
        return np.abs(sign.sum(axis=-3)) == sign.shape[-3]

    def consistent_in(self, group: str) -> list[str]:
        """Return the consistent biases of one table in a set of models."""
        return [b for b, found in zip(self.biases, self.consistent[..., self.sets.index(group)], strict=True) if found]
