"""Names and numbers as the figures and their alt texts print them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import study
from bvg.text import signed

SETS = {"total": "all {} models", "at": "{} adversarially trained", "other": "{} others"}
SHORT_SETS = {"total": "all", "at": "AT", "other": "others"}


def label(column: str) -> str:
    """The printed name of a column of the scores or benchmarks table; a column that the study does not know names itself."""
    named = {b.id: b.name for b in (*study.BIASES, *study.BENCHMARKS)} | study.CATEGORY_NAMES
    return named.get(column, column)


def strongest(cells: pd.DataFrame) -> str:
    """A sentence on the strongest significant correlation within each set of models."""
    parts = []
    for group, own in cells.groupby("group", sort=False):
        name, undefined = set_name(group, own), int(own["r"].isna().sum())
        significant = own[own["shown"].abs() > 0]
        if undefined == len(own):
            parts.append(f"among {name}: not defined")
        elif significant.empty:
            parts.append(f"among {name}: none significant")
        else:
            best = significant.loc[significant["shown"].abs().idxmax()]
            parts.append(
                f"among {name}: {plain(best['row'])} against {plain(best['column'])}, r = {number(best['shown'])} "
                f"({len(significant)} of {len(own)} significant)"
            )
    return f"Strongest Spearman correlation {'; '.join(parts)}."


def set_name(group: str, cells: pd.DataFrame) -> str:
    return SETS.get(group, group).format(int(cells["n"].max()))


def number(value: float) -> str:
    """Two decimals and a true minus sign; `0` for a correlation shown as zero, `n.d.` where it is not defined."""
    if np.isnan(value):
        return "n.d."
    return "0" if value == 0 else signed(value)


def plain(column: str) -> str:
    """The printed name without its unit."""
    return label(column).partition(" [")[0]


def plural(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
