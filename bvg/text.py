"""Numbers and tables as text, for prose and pages."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd


def shown(value: float) -> str:
    """A correlation as this book shows it: n.s. where it is not significant (that is, 0).

    Example:
        >>> shown(-0.756), shown(0.0)
        ('−0.76', 'n.s.')
    """
    return "n.s." if value == 0 else signed(value)


def listed(names: Iterable[str]) -> str:
    """Names for prose: none; A; A and B; A, B and C.

    Example:
        >>> listed([]), listed(["A"]), listed(["A", "B", "C"])
        ('none', 'A', 'A, B and C')
    """
    *most, last = list(names) or ["none"]
    return f"{', '.join(most)} and {last}" if most else last


def pipe_table(table: pd.DataFrame) -> str:
    """A table of strings as a Markdown pipe table."""
    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|" + " --- |" * table.shape[1]]
    lines += ["| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines)


def signed(value: float, digits: int = 2) -> str:
    """A number for prose, with a true minus sign: −0.76. Undefined numbers say so.

    Example:
        >>> signed(-0.756), signed(0.0), signed(float("nan"))
        ('−0.76', '0.00', 'not defined')
    """
    if not np.isfinite(value):
        return "not defined"
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def took(seconds: float, models: int) -> str:
    """How long a measurement took, for a page.

    Example:
        >>> took(28.2, 21), took(0.4, 1)
        ('This took 28 s for 21 models.', 'This took less than a second for 1 model.')
    """
    time = f"{seconds:.0f} s" if seconds >= 1 else "less than a second"
    return f"This took {time} for {models} model{'s' * (models != 1)}."
