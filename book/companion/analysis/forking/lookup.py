"""One combination of choices: its correlations, its verdicts, and all combinations as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bvg.results import scores
from companion.analysis.claims import VERDICTS
from companion.analysis.forking.grid import Grid
from companion.analysis.forking.tables import SETS


def places(grid: Grid, **chosen: str) -> dict[str, int]:
    """Return the place of the option of each choice; what is not chosen has its first option.

    Args:
        grid: the grid.
        chosen: id of a choice -> id of an option.

    Raises:
        KeyError: there is no such choice or option.
    """
    found = dict.fromkeys(grid.axes, 0)
    for id, option in chosen.items():
        ids = [o.id for o in grid.axes[id].options] if id in grid.axes else []
        if option not in ids:
            raise KeyError(f"expected an option of `{id}` among {', '.join(ids)}, got {option!r}")
        found[id] = ids.index(option)
    return found


def parameters(grid: Grid, at: Mapping[str, int]) -> dict[str, Any]:
    """Return the parameters of the page `claims` under a combination, without those that have their default."""
    return {k: v for id, place in at.items() for k, v in grid.axes[id].options[place].parameters.items()}


def verdicts(grid: Grid, at: Mapping[str, int]) -> dict[str, str]:
    """Return the verdict of each claim under a combination."""
    return {id: VERDICTS[found[tuple(at[axis] for axis in axes)]] for id, (axes, found) in grid.verdicts.items()}


def figure2(grid: Grid, at: Mapping[str, int]) -> pd.DataFrame:
    """Return Figure 2 under a combination: row, column, group, r, n, shown (0 where r is not significant)."""
    v, cells = grid.variants, grid.cells[grid.axes["control"].options[at["control"]].id]
    use = np.ix_(range(len(SETS)), v.category[at["benchmark"]], v.bias[at["low"], at["high"]])
    r, n = (np.moveaxis(part[at["sample"]][use], 0, -1) for part in (cells.r, cells.n))
    found = grid.levels[tuple(at[a] for a in ("control", "correction", "sample", "benchmark", "low", "high"))]
    alphas = grid.axes["alpha"].values
    significant = found > sum(other > alphas[at["alpha"]] for other in alphas)
    if grid.axes["control"].options[at["control"]].id != "none":
        r = np.where(np.array([c == "ID" for c in categories(grid)])[:, None, None], np.nan, r)
    index = pd.MultiIndex.from_product([categories(grid), scores.BIAS_COLUMNS, SETS], names=["row", "column", "group"])
    shown = np.where(np.isnan(r), np.nan, np.where(significant, r, 0.0))
    return index.to_frame(index=False).assign(r=r.ravel(), n=n.ravel().astype(int), shown=shown.ravel())


def categories(grid: Grid) -> list[str]:
    """Return the names of the categories, in order."""
    return [grid.variants.members[k][0] for k in grid.variants.category[0]]


def combinations(grid: Grid) -> pd.DataFrame:
    """Return all combinations: a column for each choice (id of its option) and one for each claim (its verdict)."""
    axes = list(grid.axes)
    shape = tuple(len(grid.axes[id].options) for id in axes)
    columns = {}
    for k, id in enumerate(axes):
        codes = np.arange(shape[k], dtype=np.int8).reshape([-1 if k == i else 1 for i in range(len(axes))])
        ids = [option.id for option in grid.axes[id].options]
        columns[id] = pd.Categorical.from_codes(np.broadcast_to(codes, shape).ravel(), ids)
    for claim, (own, found) in grid.verdicts.items():
        order = sorted(range(len(own)), key=lambda k: axes.index(own[k]))
        spread = found.transpose(order).reshape([shape[k] if id in own else 1 for k, id in enumerate(axes)])
        columns[claim] = pd.Categorical.from_codes(np.broadcast_to(spread, shape).ravel(), list(VERDICTS))
    return pd.DataFrame(columns)
