"""Tables and phrases of the robustness page."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bvg import study
from bvg.results import correlation
from companion.analysis import checked_cells
from companion.tables.base import Table, model_names
from companion.text import (
    format_bold,
    format_defined,
    format_number,
    format_p,
    format_r,
    format_range,
    listed,
    plural,
    set_sizes,
)


def cells(checked: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate every cell with its checks; r is bold where it is significant.

    Args:
        checked: from `companion.analysis.robustness.check_cells`.
        world: the benchmarks whose names to print.
    """
    ids = pd.unique(checked["without_model"].dropna())
    names = dict(zip(ids, model_names(ids), strict=True))
    significant = correlation.significant(checked)
    displayed = pd.DataFrame(
        {
            "Category": checked["row"].map(world.name),
            "Bias": checked["column"].map(world.short),
            "Models": set_sizes(checked["group"], checked["n"]),
            "r": [format_bold(r, s) for r, s in zip(checked["r"], significant, strict=True)],
            "Interval": [*map(format_range, checked["low"], checked["high"])],
            "By families": [*map(format_range, checked["family_low"], checked["family_high"])],
            "Jackknife": [*map(format_range, checked["jackknife_low"], checked["jackknife_high"])],
            "Families": checked["families"].astype(str),
            "Holm p": checked["p_holm"].map(format_p),
            "Kendall": checked["tau"].map(format_defined),
            "Distance": checked["dcor"].map(format_defined),
            "Without one model": [*map(format_range, checked["without_low"], checked["without_high"])],
            "Matters most": checked["without_model"].map(names),
            "Verdict": checked["verdict"] + checked["failed"].map(lambda f: f": fails {listed(f.split('; '))}" if f else ""),
        }
    )  # fmt: skip
    return Table(displayed, checked)


def name_cells(
    cells: pd.DataFrame, values: Sequence[str] = ("r",), world: study.World = study.STUDY, between: str = ", "
) -> str:
    """Name cells for prose, such as `ID with Shape (AT, −0.98)`.

    Args:
        cells: rows of a table of checked correlations.
        values: the columns whose numbers to print.
        world: the benchmarks whose names to print.
        between: text between the numbers.
    """
    return listed(
        f"{cell['row']} with {world.short(cell['column'])} "
        f"({study.MODEL_SETS[cell['group']].short}, {between.join(format_number(cell[v]) for v in values)})"
        for _, cell in cells.iterrows()
    )


def most_influential(checked: pd.DataFrame, most: int = 3) -> str:
    """Name the most influential models with their number of cells, for prose."""
    first = checked_cells.influential(checked).head(most)
    return listed(f"{m.name} ({plural(m.cells, 'cell')})" for m in first.itertuples(index=False))


def windows(summary: pd.DataFrame, world: study.World = study.STUDY, group: str = "total") -> Table:
    """Tabulate the range of r over all windows, for one set of models.

    Args:
        summary: from `companion.analysis.definitions.summarize_windows`.
        world: the benchmarks whose names to print.
        group: the set of models.

    Returns:
        `data` is the summary of all sets.
    """
    own = summary[summary["group"] == group]
    displayed = pd.DataFrame(
        {
            "Bias": own["bias"].map(world.name),
            "Category": own["category"].map(world.name),
            "r over all windows": [*map(format_range, own["lowest"], own["highest"])],
            "Windows": own["windows"].astype(str),
            "Positive": own["positive"].astype(str),
            "Negative": own["negative"].astype(str),
            "Window in use": [format_r(v, "") for v in own["chosen"]],
        }
    )
    return Table(displayed, summary)


def name_exceptions(pairs: pd.DataFrame, world: study.World = study.STUDY) -> str:
    """Name the pairs from `definitions.exceptional_windows` for prose."""
    return listed(
        f"{world.name(p.bias)} with {p.category} "
        f"({format_r(p.chosen, 'n.d.')} with the window in use, different with {p.other} of {p.windows})"
        for p in pairs.itertuples()
    )


def without_benchmark(table: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate, for each benchmark left out, which of the category's cells change.

    Args:
        table: from `companion.analysis.definitions.without_each_benchmark`.
        world: the benchmarks whose names to print.
    """
    lines = []
    for (category, left), cells in table.groupby(["category", "without"], sort=False):
        changed = cells[cells["change"] != ""]
        which = [
            f"{world.short(c.bias)}, {study.MODEL_SETS[c.group].short} "
            f"({format_r(c.full, 'n.d.')} → {format_r(c.shown, 'n.d.')})"
            for c in changed.itertuples()
        ]
        lines.append(
            {
                "Category": world.name(category),
                "Left out": world.name(left),
                "Cells that change": f"{len(changed)} of {len(cells)}",
                "Which": "; ".join(which) or "none",
            }
        )
    return Table(pd.DataFrame(lines, columns=["Category", "Left out", "Cells that change", "Which"]), table)


def by_change(table: pd.DataFrame) -> str:
    """State how often each kind of change occurs, for prose.

    Example:
        >>> by_change(pd.DataFrame({"change": ["", "lost", "lost", "sign"]}))
        '2 lose their significance and 1 changes its sign'
    """
    words = {
        "lost": ("loses its significance", "lose their significance"),
        "gained": ("becomes significant", "become significant"),
        "sign": ("changes its sign", "change their sign"),
    }
    counts = table["change"].value_counts()
    return listed(f"{counts[kind]} {w[int(counts[kind] != 1)]}" for kind, w in words.items() if kind in counts)
