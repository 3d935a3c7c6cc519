"""Specification curves: in what share of all combinations of choices each claim holds, and how each choice changes it."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from companion.analysis.claims import FAILS, VERDICTS
from companion.analysis.forking.shares import NAMES
from companion.figures.base import TURNED, Figure, canvas, styled
from companion.text import format_share, listed, plural

COLORS = dict(zip(VERDICTS, ("#1a7f37", "#c9870e", "#b42318", "0.75"), strict=True))
_BAR, _GAP, _PERCENT = 2.4, 0.3, 1.2


@styled
def specification_curves(
    shares: pd.DataFrame, levels: pd.DataFrame, words: Mapping[str, str], narrow: bool = False
) -> Figure:
    """Draw one row per claim: the verdicts over all combinations, and the share that holds by option of each choice.

    Args:
        shares: from `companion.analysis.forking.shares.shares`.
        levels: from `companion.analysis.forking.shares.levels`.
        words: claim -> the claim in words.
        narrow: draw the variant for phones, with the claims above their rows and only the choice that decides.

    Returns:
        `data` holds the rows of `levels`, and `decides`, whether it is the choice that decides.
    """
    decisive = shares.set_index("claim")["decides"]
    data = levels.assign(decides=levels["choice"] == levels["claim"].map(decisive))
    figure = canvas((0.82 if narrow else 0.39) * len(shares) + (0.9 if narrow else 1.5), narrow)
    axes = figure.subplots()
    columns = [] if narrow else [c for c in NAMES if c in set(levels["choice"])]
    for y, row in enumerate(shares.itertuples()):
        left = 0.0
        for verdict in VERDICTS:
            part = _BAR * shares.at[row.Index, verdict] / row.combinations
            axes.barh(y, part, 0.34 if narrow else 0.62, left, **_look(verdict))
            left += part
        own = data[data["claim"] == row.claim].dropna(subset="share")
        if narrow:
            axes.text(-_PERCENT, y - 0.28, fill(words[row.claim], 54), fontsize=8.2, va="bottom")
            own = own[own["decides"]].assign(choice="")
            axes.text(_BAR + _GAP, y + 0.25, NAMES.get(row.decides, "no choice matters"), fontsize=8.2, va="center")
        axes.text(-0.1, y, format_share(row.share), ha="right", va="center", fontsize=8.5)
        for k, choice in enumerate(columns or [""]):
            of = own[own["choice"] == choice]
            if len(of):
                _dots(axes, y, _BAR + _GAP + k * (1 + _GAP), of, row.share, 2.0 if narrow else 1.0)
    _frame(axes, len(shares), columns, [] if narrow else [fill(words[c], 37) for c in shares["claim"]])
    handles = [Patch(**_look(v)) for v in VERDICTS]
    figure.legend(handles, VERDICTS, loc="outside lower center", ncols=2 if narrow else 4, handlelength=1.2)
    return Figure(figure, data, _alt(shares, words))


def _look(verdict: str) -> dict[str, Any]:
    """Return colour and hatch of a verdict; the hatch tells it from another one without colours."""
    hatch = "////" if verdict == FAILS else ""
    return {"facecolor": COLORS[verdict], "hatch": hatch, "edgecolor": "white", "linewidth": 0}


def _dots(axes: Axes, y: float, start: float, of: pd.DataFrame, share: float, width: float) -> None:
    """Draw the share that holds by option of a choice, between 0 and 1 on a small scale, and over all as a line."""
    axes.plot([start, start + width], [y, y], color="0.85", linewidth=0.8, zorder=1)
    axes.plot([start + width * share] * 2, [y - 0.22 / width, y + 0.22 / width], color="0.5", linewidth=1, zorder=2)
    color = np.where(of["decides"], "tab:blue", "0.6")
    axes.scatter(
        start + width * of["share"], np.full(len(of), y), s=13, c=color.tolist(), alpha=0.75, linewidths=0, zorder=3
    )


def _frame(axes: Axes, rows: int, columns: list[str], labels: list[str]) -> None:
    """Set limits and labels: claims on the left, choices on top."""
    right = _BAR + _GAP + (len(columns) * (1 + _GAP) if columns else 2.1)
    axes.set(xlim=(-_PERCENT, right), ylim=(rows - 0.5, -0.9 if not labels else -0.6))
    axes.set_yticks(range(rows) if labels else [], labels, fontsize=7.8)
    axes.xaxis.tick_top()
    places = [_BAR / 2, *(_BAR + _GAP + k * (1 + _GAP) + 0.5 for k in range(len(columns)))]
    names = ["All combinations", *(NAMES[c] for c in columns)]
    axes.set_xticks(places if labels else [], names if labels else [], fontsize=8.5, **TURNED | {"ha": "left"})
    axes.tick_params(length=0)
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _alt(shares: pd.DataFrame, words: Mapping[str, str]) -> str:
    known = shares.dropna(subset="share")
    kinds = [
        f"{NAMES[choice].lower()} ({n})"
        for choice, n in known.loc[known["decides"] != "", "decides"].value_counts().items()
    ]
    ends = [
        f"{format_share(row['share'])} (“{words[row['claim']]}”)"
        for _, row in known.sort_values("share").iloc[[0, -1]].iterrows()
    ]
    return (
        f"One row for each of {plural(len(shares), 'claim')}, with the share of combinations of choices in which it holds, from "
        f"{' to '.join(ends)}. Claims by the choice that explains most: {listed(kinds)}."
    )
