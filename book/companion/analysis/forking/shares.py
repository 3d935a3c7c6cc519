"""In what share of all combinations a claim holds, and which choice decides."""

from __future__ import annotations

import numpy as np
import pandas as pd

from companion.analysis.claims import VERDICTS
from companion.analysis.claims.verdicts import HOLDS, UNKNOWN
from companion.analysis.forking.grid import Grid


def shares(grid: Grid) -> pd.DataFrame:
    """Count the verdicts of each claim over the combinations of the choices that it depends on.

    All combinations count alike. They are neither independent nor equally defensible, so a share is not a probability.

    Returns:
        One row per claim: claim (id), combinations (of the choices that it depends on), checkable (of these), a column for
        each verdict (number of combinations), share (of the checkable ones, in which it holds), here (verdict with the first option of every
        choice), decides (id of the choice whose options change the share most), from and to (lowest and highest share by its
        options), least and most (ids of these options); choices without effect have no decisive one.
    """
    by_option = levels(grid)
    rows = []
    for claim, (_, places) in grid.verdicts.items():
        counts = np.bincount(places.ravel(), minlength=len(VERDICTS))
        checkable = int(counts.sum() - counts[VERDICTS.index(UNKNOWN)])
        own = by_option[by_option["claim"] == claim].dropna(subset="share")
        spread = own.groupby("choice", sort=False)["share"].agg(lambda s: s.max() - s.min())
        decides = spread.idxmax() if len(spread) and spread.max() > 0 else ""
        of = own[own["choice"] == decides].set_index("option")["share"]
        ends = (of.min(), of.max(), of.idxmin(), of.idxmax()) if decides else (np.nan, np.nan, "", "")
        share = counts[VERDICTS.index(HOLDS)] / checkable if checkable else np.nan
        rows.append((claim, places.size, checkable, *counts, share, VERDICTS[places.flat[0]], decides, *ends))
    names = ["claim", "combinations", "checkable", *VERDICTS, "share", "here", "decides", "from", "to", "least", "most"]
    return pd.DataFrame(rows, columns=names)


def levels(grid: Grid) -> pd.DataFrame:
    """Count, for each option of each choice that a claim depends on, in what share of the checkable combinations it holds.

    Returns:
        claim, choice, option (ids), name (of the option), checkable (combinations), share (NaN if none is checkable).
    """
    rows = []
    for claim, (axes, places) in grid.verdicts.items():
        holds, known = places == VERDICTS.index(HOLDS), places != VERDICTS.index(UNKNOWN)
        for axis, id in enumerate(axes):
            others = tuple(k for k in range(places.ndim) if k != axis)
            n, held = known.sum(axis=others), holds.sum(axis=others)
            for option, count, yes in zip(grid.axes[id].options, n, held, strict=True):
                rows.append((claim, id, option.id, option.name, int(count), yes / count if count else np.nan))
    return pd.DataFrame(rows, columns=["claim", "choice", "option", "name", "checkable", "share"])
