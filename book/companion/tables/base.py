"""One table of the book: what the page displays and the numbers behind it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Table:
    """A table of the book.

    Attributes:
        displayed: the table as readers see it; text cells are MyST (citations as roles).
        data: the tidy numbers behind it, for the CSV.
    """

    displayed: pd.DataFrame
    data: pd.DataFrame
