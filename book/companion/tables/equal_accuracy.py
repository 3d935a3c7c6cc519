"""Tables and sentences of the page At equal accuracy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import study
from companion.analysis import resampling
from companion.tables.base import Table
from companion.tables.findings import IN_PROSE
from companion.text import format_bold, format_defined, format_number, format_p, format_range, listed, set_sizes

METHODS = {
    "rank": "Ranks",
    "raw": "Accuracy",
    "probit": "Probit",
    "logit": "Logit",
    "line, all": "Residual, line of all",
    "line, standard": "Residual, line of the standard models",
}
"""Methods of `companion.analysis.effective_robustness.sensitivity` -> the heading of their column."""


def cells(table: pd.DataFrame, alpha: float = 0.05, world: study.World = study.STUDY) -> Table:
    """Tabulate every correlation, raw and at equal accuracy; the latter is bold where p < alpha.

    Args:
        table: from `companion.analysis.equal_accuracy.correlate`.
        alpha: level of significance.
        world: the benchmarks whose names to print.
    """
    displayed = pd.DataFrame(
        {
            "Category": table["row"].map(world.name),
            "Bias": table["column"].map(world.short),
            "Models": set_sizes(table["group"], table["n"]),
            "r": table["r"].map(format_defined),
            "At equal accuracy": [format_bold(c.partial, c.p < alpha) for c in table.itertuples()],
            "p": table["p"].map(format_p),
            "Interval by families": [*map(format_range, table["low"], table["high"])],
            "Families": table["families"].astype(str),
        }
    )
    return Table(displayed, table)


def sensitivity(table: pd.DataFrame, world: study.World = study.STUDY, alpha: float = 0.05) -> Table:
    """Tabulate the association at equal accuracy by method; bold where p < alpha.

    Args:
        table: from `companion.analysis.effective_robustness.sensitivity`.
        world: the benchmarks whose names to print.
        alpha: level of significance.
    """
    text = table.assign(text=[format_bold(c.r, c.p < alpha) for c in table.itertuples()])
    wide = text.pivot(index=["row", "column", "group"], columns="method", values="text")
    order = table[["row", "column", "group"]].drop_duplicates()
    wide = wide.loc[list(order.itertuples(index=False, name=None))].reset_index()
    displayed = pd.DataFrame(
        {
            "Category": wide["row"].map(world.name),
            "Bias": wide["column"].map(world.short),
            "Models": [study.MODEL_SETS[g].short for g in wide["group"]],
        }
        | {heading: wide[method] for method, heading in METHODS.items()}
    )
    return Table(displayed, table)


def agreeing(table: pd.DataFrame, world: study.World = study.STUDY) -> str:
    """Name the pairs over all models for which every method gives the same sign, for prose.

    Example:
        >>> row = {"row": "Concepts", "column": "shape", "group": "total"}
        >>> agreeing(pd.DataFrame([row | {"r": 0.2}, row | {"r": 0.4}]))
        'Shape with Concepts (+)'
    """
    own = table[table["group"] == "total"].groupby(["row", "column"], sort=False)["r"]
    low, high = own.min(), own.max()
    return listed(
        f"{world.short(column)} with {world.name(row)} ({'+' if low[row, column] > 0 else '−'})"
        for row, column in low.index
        if low[row, column] * high[row, column] > 0
    )


def lines(table: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate the lines of accuracy against ImageNet top-1.

    Args:
        table: from `companion.analysis.effective_robustness.residuals`, for one or more scales.
        world: the benchmarks whose names to print.
    """
    displayed = pd.DataFrame(
        {
            "Benchmark": table["benchmark"].map(world.name),
            "Scale": table["scale"],
            "Slope": [f"{format_number(c.slope)} ± {format_number(c.error)}" for c in table.itertuples()],
            "Models": table["n"].astype(str),
            "Their ImageNet top-1": [
                f"{format_number(c.low, 1)} to {format_number(c.high, 1)} %" for c in table.itertuples()
            ],
            "r of the residuals with ImageNet top-1": table["leftover"].map(format_defined),
        }
    )
    return Table(displayed, table)


def effective(models: pd.DataFrame, names: pd.Series, world: study.World = study.STUDY) -> Table:
    """Tabulate effective robustness: one row per model, one column per benchmark, in percentage points.

    Args:
        models: from `companion.analysis.effective_robustness.residuals`.
        names: printed name of each model, by id.
        world: the benchmarks whose names to print.
    """
    wide = models.pivot(index="model", columns="benchmark", values="effective")
    wide = wide.loc[pd.unique(models["model"]), pd.unique(models["benchmark"])]
    displayed = pd.DataFrame({"Model": wide.index.map(names)} | {world.short(b): [format_number(v, 1, "") for v in wide[b]] for b in wide})  # fmt: skip
    return Table(displayed, models)


def change(table: pd.DataFrame, row: str, column: str, group: str = "total") -> str:
    """State how a correlation changes, for prose: `−0.53 → 0.45`.

    Args:
        table: from `companion.analysis.equal_accuracy.correlate`.
        row, column, group: the cell.
    """
    found = table[(table["row"] == row) & (table["column"] == column) & (table["group"] == group)]
    if len(found) != 1:
        raise KeyError(f"expected one cell for row={row!r}, column={column!r}, group={group!r}, got {len(found)}")
    cell = found.iloc[0]
    return f"{format_number(cell['r'])} → {format_number(cell['partial'])}"


def name_changes(table: pd.DataFrame, world: study.World = study.STUDY) -> str:
    """Name cells with both correlations, for prose: `Shape with Robustness (all, −0.53 → 0.45)`.

    Example:
        >>> name_changes(pd.DataFrame({"row": [], "column": [], "group": [], "r": [], "partial": []}))
        'none'
    """
    return listed(
        f"{world.short(c.column)} with {world.name(c.row)} ({study.MODEL_SETS[c.group].short}, {format_number(c.r)} → {format_number(c.partial)})"
        for c in table.itertuples()
    )


def answer(table: pd.DataFrame, alpha: float = 0.05, column: str = "shape", world: study.World = study.STUDY) -> str:
    """State in one sentence with which categories a bias correlates at equal accuracy, over all models.

    Args:
        table: from `companion.analysis.equal_accuracy.correlate`.
        alpha: level of significance.
        column: the bias.
        world: the benchmarks whose names to print.

    Example:
        >>> row = {"column": "shape", "group": "total", "n": 48}
        >>> answer(pd.DataFrame([row | {"row": "Concepts", "partial": 0.7, "p": 0.01}, row | {"row": "Robustness", "partial": 0.1, "p": 0.5}]))
        'Over all 48 models, given ImageNet top-1, a higher shape bias goes with higher accuracy on concepts (r = 0.70); no significant relation was found with robustness (0.10).'
    """
    own = table[(table["group"] == "total") & (table["column"] == column)].dropna(subset="partial")
    if own.empty:
        return "The correlations at equal accuracy are not defined for these models."
    parts = []
    for sign, word in ((1, "higher"), (-1, "lower")):
        found = own[(own["p"] < alpha) & (np.sign(own["partial"]) == sign)]
        if len(found):
            names = listed(f"{IN_PROSE[c.row]} (r = {format_number(c.partial)})" for c in found.itertuples())
            parts.append(f"a higher {world.plain(column).lower()} goes with {word} {names}")
    rest = own[~(own["p"] < alpha)]
    if len(rest):
        names = listed(f"{IN_PROSE[c.row]} ({format_number(c.partial)})" for c in rest.itertuples())
        of = "" if parts else f" of {world.plain(column).lower()}"
        parts.append(f"no significant relation{of} was found with {names}")
    return f"Over {study.MODEL_SETS['total'].phrase(int(own['n'].max()))}, given ImageNet top-1, {'; '.join(parts)}."


def counts(table: pd.DataFrame, alpha: float = 0.05) -> dict[str, str]:
    """Count significant cells, raw and at equal accuracy, for prose."""
    raw = resampling.p_value(table["r"].to_numpy(float), table["n"].to_numpy(float)) < alpha
    return {
        "n_raw": str(raw.sum()),
        "n_partial": str((table["p"] < alpha).sum()),
        "n_by_families": str(resampling.excludes_zero(table["low"], table["high"]).sum()),
        "n_with_interval": str(table["low"].notna().sum()),
    }
