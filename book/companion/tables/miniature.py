"""Tables of the miniature: its definitions, its seeds, its interventions."""

from __future__ import annotations

import pandas as pd

from bvg import study
from companion.analysis import interventions
from companion.tables.base import Table
from companion.text import format_number, format_range, format_value, listed, plural


def definitions(high_cutoffs: list[float]) -> Table:
    """Tabulate every definition in which the miniature differs from the study, from both sets of instruments.

    Args:
        high_cutoffs: cut-offs of the miniature's high-frequency bias.
    """
    from bvg.instruments import INSTRUMENTS
    from bvg.miniature.instruments import INSTRUMENTS as ADAPTED

    band, small = INSTRUMENTS["critical-band"], ADAPTED["critical-band"]
    cutoffs = (listed(f"{c:g}" for c in study.BIAS_CUTOFFS), listed(f"{c:g}" for c in high_cutoffs))
    conditions = [
        listed(f"{world.name(b)} {len(study.CORRUPTIONS[b]) if world is study.STUDY else _kinds(b)}" for b in study.CORRUPTIONS)
        for world in (study.STUDY, study.MINIATURE)
    ]  # fmt: skip
    rows = [
        ("Size of the images [pixels]", band.size, small.size),
        ("Classes", 1000, ADAPTED["imagenet"].classes),
        ("ID category", _names(study.STUDY), _names(study.MINIATURE)),
        ("Cut-offs of the high-frequency bias", *cutoffs),
        ("Critical band: bands", band.bands, small.bands),
        ("Critical band: contrast", f"{band.contrast:g}", f"{small.contrast:g}"),
        ("Critical band: strongest noise (SD)", f"{max(band.noise_sds):g}", f"{max(small.noise_sds):g}"),
        ("Attack: steps", INSTRUMENTS["pgd"].steps, ADAPTED["pgd"].steps),
        ("Corruptions", *conditions),
    ]
    table = pd.DataFrame([tuple(map(str, row)) for row in rows], columns=["Definition", "Study", "Miniature"])
    return Table(table, table)


def _names(world: study.World) -> str:
    return listed(world.name(b) for b in world.categories["ID"])


def _kinds(benchmark: str) -> int:
    from bvg.miniature.corruptions import CORRUPTIONS

    return sum(c.benchmark == benchmark for c in CORRUPTIONS.values())


def effects(table: pd.DataFrame, world: study.World = study.MINIATURE) -> Table:
    """Tabulate the effects of the interventions; bold where the interval excludes 0.

    Args:
        table: from `companion.analysis.interventions.effects`.
        world: the benchmarks whose names to print.
    """
    excluded = (table["low"] > 0) | (table["high"] < 0)
    values = {
        name: [format_value(c, v) for c, v in zip(table["column"], table[name], strict=True)]
        for name in ("baseline", "changed", "difference", "low", "high", "spread")
    }
    displayed = pd.DataFrame(
        {
            "Change": [interventions.CHANGES[c] for c in table["change"]],
            "Of": table["column"].map(world.plain),
            "Baseline": values["baseline"],
            "With the change": values["changed"],
            "Difference": [f"**{d}**" if e else d for d, e in zip(values["difference"], excluded, strict=True)],
            "Interval": [low and f"{low} to {high}" for low, high in zip(values["low"], values["high"], strict=True)],
            "All seeds alike": ["yes" if s else "no" for s in table["same_sign"]],
            "Range of the baseline's seeds": values["spread"],
        }
    )
    return Table(displayed, table)


def name_effects(table: pd.DataFrame, column: str, world: study.World = study.MINIATURE) -> str:
    """State the effect of every change on a quantity, for prose: `random textures +0.30 (0.20 to 0.40)`.

    Args:
        table: from `companion.analysis.interventions.effects`.
        column: a bias or category.
        world: the benchmarks whose names to print.
    """
    return listed(
        f"{interventions.CHANGES[e.change]} {'+' if e.difference > 0 else ''}{format_number(e.difference)} ({format_range(e.low, e.high)})"
        for e in table[table["column"] == column].itertuples()
    )


def seeds(table: pd.DataFrame) -> str:
    """State over how many seeds the effects were measured, for prose."""
    return plural(int(table["seeds"].max()) if len(table) else 0, "seed")


def answer(table: pd.DataFrame, world: study.World = study.MINIATURE) -> str:
    """State in one sentence which changes move shape bias and robustness in all seeds.

    Args:
        table: from `companion.analysis.interventions.effects`.
        world: the benchmarks whose names to print.

    Example:
        >>> row = {"change": "stylized", "difference": 0.1, "same_sign": True, "seeds": 3}
        >>> answer(pd.DataFrame([row | {"column": "shape"}, row | {"column": "Robustness", "difference": -2.0}]))
        'Over 3 seeds: with random textures, shape bias is higher and robustness is lower. Unless stated otherwise, in each seed.'
    """
    if table.empty:
        return "No network with a change was measured."
    parts = []
    for change in pd.unique(table["change"]):
        own = table[table["change"] == change].set_index("column")
        words = [
            f"{world.plain(c).lower()} is {'higher' if own.at[c, 'difference'] > 0 else 'lower'}{'' if own.at[c, 'same_sign'] else ' on average only'}"
            for c in ("shape", "Robustness")
            if c in own.index
        ]
        parts.append(f"with {interventions.CHANGES[change]}, {listed(words)}")
    return f"Over {seeds(table)}: {'; '.join(parts)}. Unless stated otherwise, in each seed."


def name_values(pairs: pd.DataFrame, change: str, column: str) -> str:
    """State the accuracies [%] that the networks with a change reach, seed by seed, for prose.

    Example:
        >>> name_values(pd.DataFrame({"change": ["noise"] * 2, "column": ["ID"] * 2, "changed": [88.33, 56.35]}), "noise", "ID")
        '88.3 % and 56.4 %'
    """
    own = pairs[(pairs["change"] == change) & (pairs["column"] == column)]
    return listed(f"{format_number(v, 1)} %" for v in own["changed"])
