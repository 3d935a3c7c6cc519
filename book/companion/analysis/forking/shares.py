"""In what share of all combinations a claim holds, and which choice decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from companion.analysis.claims import VERDICTS
from companion.analysis.claims.verdicts import HOLDS, UNKNOWN
from companion.analysis.forking.grid import Grid
from companion.analysis.forking.options import Choice

MODELS, FAMILY = "models", "family"
"""The two choices that a sample of models makes: the set, and the family left out of it."""

NAMES = {
    "control": "Equal accuracy",
    "correction": "Correction",
    "alpha": "Level",
    MODELS: "Models",
    FAMILY: "Family left out",
    "benchmark": "Benchmark left out",
    "low": "Low cut-offs",
    "high": "High cut-offs",
}
"""Short names of the choices."""


def shares(grid: Grid) -> pd.DataFrame:
    """Count the verdicts of each claim over the combinations of the choices that it depends on.

    All combinations count alike. They are neither independent nor equally defensible, so a share is not a probability.

    Returns:
        One row per claim: claim (id), combinations (of the choices that it depends on), checkable (of these), a column for
        each verdict (number of combinations), share (of the checkable ones, in which it holds), here (verdict with the first
        option of every choice), decides (id of the choice that explains most of the variance of whether it holds; empty if
        none does), explains (its part of that variance), least and from, most and to (its options with the lowest and the
        highest share, and these shares).
    """
    by_option, rows = levels(grid), []
    for claim, (_, places) in grid.verdicts.items():
        counts = np.bincount(places.ravel(), minlength=len(VERDICTS))
        checkable = int(counts.sum() - counts[VERDICTS.index(UNKNOWN)])
        share = counts[VERDICTS.index(HOLDS)] / checkable if checkable else np.nan
        own = by_option[by_option["claim"] == claim].dropna(subset="share")
        between = (own["checkable"] * (own["share"] - share) ** 2).groupby(own["choice"], sort=False).sum()
        decides = between.idxmax() if 0 < share < 1 else ""
        of = own[own["choice"] == decides].set_index("option")["share"]
        ends = (of.idxmin(), of.min(), of.idxmax(), of.max()) if decides else ("", np.nan, "", np.nan)
        explains = between.max() / (checkable * share * (1 - share)) if decides else np.nan
        rows.append((claim, places.size, checkable, *counts, share, VERDICTS[places.flat[0]], decides, explains, *ends))
    names = ["share", "here", "decides", "explains", "least", "from", "most", "to"]
    return pd.DataFrame(rows, columns=["claim", "combinations", "checkable", *VERDICTS, *names])


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
            for choice, option, name, use in _options(grid.axes[id]):
                count = int(n[use].sum())
                rows.append((claim, choice, option, name, count, held[use].sum() / count if count else np.nan))
    return pd.DataFrame(rows, columns=["claim", "choice", "option", "name", "checkable", "share"])


def _options(choice: Choice) -> Iterator[tuple[str, str, str, list[int]]]:
    """Yield choice, option, its name and its places; those of a sample are of two choices."""
    if choice.id != "sample":
        yield from ((choice.id, option.id, option.name, [k]) for k, option in enumerate(choice.options))
        return
    for part, id in enumerate((MODELS, FAMILY)):
        places: dict[str, list[int]] = {}
        for k, option in enumerate(choice.options):
            places.setdefault(option.parts[part], []).append(k)
        for name, use in places.items():
            yield id, name, sample_names(choice)[id][name], use


def sample_names(sample: Choice) -> Mapping[str, Mapping[str, str]]:
    """Return the names of the sets of models and of the families left out, by id, in order."""
    found: dict[str, dict[str, str]] = {MODELS: {}, FAMILY: {}}
    for option in sample.options:
        for id, part, name in zip((MODELS, FAMILY), option.parts, option.names, strict=True):
            found[id].setdefault(part, name)
    return found
