"""Table and sentences of the page on other choices."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import study
from bvg.results import correlation
from companion.analysis.claims import CLAIMS, FAILS, VERDICTS
from companion.analysis.forking import lookup
from companion.analysis.forking.grid import NOT_ON_GRID, Grid
from companion.analysis.forking.options import first
from companion.analysis.forking.shares import NAMES, sample_names
from companion.tables.base import Table
from companion.text import format_r, format_share, listed, plural

WORDS = {claim.id: claim.claim for claim in CLAIMS}
"""The claims in words."""


def shares(data: pd.DataFrame, grid: Grid) -> Table:
    """Tabulate in what share of the combinations each claim holds, and which choice explains most of it.

    Args:
        data: from `companion.analysis.forking.shares.shares`.
        grid: the grid.
    """
    names = {id: {o.id: o.name for o in choice.options} for id, choice in grid.axes.items()}
    names |= sample_names(grid.axes["sample"])
    displayed = pd.DataFrame(
        {
            "Statement": data["claim"].map(WORDS),
            "Holds": data["share"].map(format_share),
            "In part": (data["holds in part"] / data["checkable"]).map(format_share),
            "Fails": (data["fails"] / data["checkable"]).map(format_share),
            "Combinations": [f"{n:,}" for n in data["checkable"]],
            f"With {first(grid.axes)}": data["here"].map("{{verdict}}`{}`".format),
            "Explains most": [
                f"{NAMES[row.decides]} ({format_share(row.explains)})" if row.decides else "*none*"
                for row in data.itertuples()
            ],
            "Holds by its options": [
                f"{format_share(row.from_)} ({names[row.decides][row.least]}) to {format_share(row.to)} ({names[row.decides][row.most]})"
                if row.decides
                else ""
                for row in data.rename(columns={"from": "from_"}).itertuples()
            ],
        }
    )
    return Table(displayed, data)


def finding(grid: Grid) -> str:
    """State in how many combinations no single bias correlates with every category, and whether with the first options."""
    _, places = grid.verdicts["no-single-bias"]
    without = int((places != VERDICTS.index(FAILS)).sum())
    sizes = [int(option.value.sum()) for option in grid.axes["sample"].options]
    count = "all" if without == places.size else f"{without:,}" if without else "none"
    kept = (
        plural(sizes[0], "model")
        if min(sizes) == sizes[0]
        else f"{min(sizes)} to {sizes[0]} of {plural(sizes[0], 'model')}"
    )
    here = lookup.verdicts(grid, lookup.places(grid))["no-single-bias"]
    return (
        f"In {count} of {places.size:,} combinations of choices ({format_share(without / places.size)}), no single bias correlates "
        f"significantly, and with one sign, with every category of generalization, over all models that the combination keeps ({kept}). "
        f"With {first(grid.axes)}, {'one' if here == FAILS else 'none'} does."
    )


def survives(grid: Grid, correction: str = "holm") -> str:
    """Answer whether `no single bias` survives a correction, with everything else as in the first options."""
    before, after = (lookup.places(grid, **chosen) for chosen in ({}, {"correction": correction}))
    cells = lookup.figure2(grid, after)
    verdicts = [lookup.verdicts(grid, at)["no-single-bias"] for at in (before, after)]
    found = correlation.same_sign(cells)
    tests, n = int(cells["r"].notna().sum()), cells.groupby("group", sort=False)["n"].max()
    sets = {g: s.phrase(n[g]) for g, s in study.MODEL_SETS.items() if n[g]}
    kept = {g: [study.bias(b).plain.lower() for b in found.loc[found["group"] == g, "column"]] for g in sets}
    parts = [f"{listed(biases)} ({sets[g]})" for g, biases in kept.items() if biases]
    name = next(o.name for o in grid.axes["correction"].options if o.id == correction)
    return (
        f"{'No' if verdicts[1] == FAILS else 'Yes'}: with the correction of {name} over {plural(tests, 'correlation')}, the verdict is "
        f"“{verdicts[1]}”; without it, “{verdicts[0]}”. "
        + (
            f"Biases that then correlate with every category: {listed(parts)}."
            if parts
            else f"No bias then correlates with every category, in any of these sets: {listed(sets.values())}."
        )
    )


def without(grid: Grid, benchmark: str = "imagenet-c", world: study.World = study.STUDY, most: int = 6) -> str:
    """State what changes when a benchmark is left out of its category, with everything else as in the first options.

    Args:
        grid: the grid.
        benchmark: id of the benchmark.
        world: the benchmarks whose names to print.
        most: how many changed correlations to name.
    """
    if benchmark not in [option.id for option in grid.axes["benchmark"].options]:
        return f"{world.name(benchmark)} cannot be left out: it is in no category, or alone in one."
    before, after = (lookup.places(grid, **chosen) for chosen in ({}, {"benchmark": benchmark}))
    cells = lookup.figure2(grid, before).merge(lookup.figure2(grid, after), on=["row", "column", "group"])
    moved = cells[np.nan_to_num(np.sign(cells["shown_x"])) != np.nan_to_num(np.sign(cells["shown_y"]))]
    named = [
        f"{world.name(c.row).lower()} with {study.bias(c.column).plain.lower()} ({study.MODEL_SETS[c.group].short}: "
        f"{format_r(c.shown_x)} → {format_r(c.shown_y)})"
        for c in moved.head(most).itertuples()
    ]
    then, now = (lookup.verdicts(grid, at) for at in (before, after))
    other = [f"“{WORDS[id]}” {then[id]} → {now[id]}" for id in now if then[id] != now[id]]
    significance = (
        f": {listed(named)}" + (f", and {len(moved) - most} more" if len(moved) > most else "") if named else ""
    )
    return (
        f"Without {world.name(benchmark)}, {len(moved) or 'none'} of {plural(len(cells), 'correlation')} {'has' if len(moved) < 2 else 'have'} "
        f"another significance or sign{significance}. Of {plural(len(now), 'verdict')}, {len(other) or 'none'} "
        f"{'changes' if len(other) < 2 else 'change'}{': ' + '; '.join(other) if other else ''}."
    )


def not_on_grid() -> str:
    """List the claims without a grid and the reason, as MyST text."""
    return "\n".join(f"- {WORDS[id]} *({reason})*" for id, reason in NOT_ON_GRID.items())


def choices(grid: Grid) -> Table:
    """Tabulate the choices with their options."""
    data = pd.DataFrame(
        [
            (id, option.id, option.name, int(option.value.sum()) if id == "sample" else np.nan)
            for id, choice in grid.axes.items()
            for option in choice.options
        ],
        columns=["choice", "option", "name", "n"],
    )
    rows = []
    for id, choice in grid.axes.items():
        named = sample_names(choice) if id == "sample" else {id: {o.id: o.name for o in choice.options}}
        rows += [(NAMES[part], str(len(of)), "; ".join(of.values())) for part, of in named.items()]
    displayed = pd.DataFrame(rows, columns=["Choice", "Number", "Options"])
    return Table(displayed, data)


def decided(data: pd.DataFrame) -> str:
    """Count for how many claims each choice explains most, for prose."""
    counts = data.loc[data["decides"] != "", "decides"].value_counts()
    return listed(f"{NAMES[choice].lower()} ({plural(n, 'claim')})" for choice, n in counts.items())
