"""Tables with planted numbers for the data audit."""

from __future__ import annotations

import pandas as pd
from companion.analysis.data_audit import audit, check
from companion.analysis.data_audit.check import Case

from bvg import known_models

STUDIED = list(known_models.models().query("in_study").index)


def check_table(id: str, table: pd.DataFrame, **choices) -> check.Finding:
    """Run one check on a table."""
    return check.report(next(c for c in audit.CHECKS if c.id == id), Case(table, **choices))


def with_values(table: pd.DataFrame, values: pd.Series, **where) -> pd.DataFrame:
    """Replace the values, by model, in the rows that `where` names."""
    rows = (table[list(where)] == pd.Series(where)).all(axis=1)
    return table.assign(value=table["value"].mask(rows, table["model"].map(values)))


def rounded(top1: pd.Series, images: int) -> pd.Series:
    """Round accuracies [%] to whole images."""
    return (top1 / 100 * images).round() / images * 100
