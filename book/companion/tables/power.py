"""Tables and sentences of the page Power and error."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bvg import study
from companion.analysis import power
from companion.analysis.measurement_error import attenuated
from companion.tables.base import Table
from companion.text import format_bold, format_defined, format_number, format_p, listed, set_name, set_sizes


def detectable(sets: dict[str, int], alpha: float = 0.05, probabilities: Sequence[float] = (0.5, 0.8, 0.95)) -> Table:
    """Tabulate the correlation that each set of models detects.

    Args:
        sets: name of a set -> its number of models; sets with fewer than 4 are left out.
        alpha: level of significance.
        probabilities: powers to tabulate.
    """
    rows = [
        {"group": group, "n": n} | {f"power_{p:g}": power.detectable(n, alpha, p) for p in probabilities}
        for group, n in sets.items()
        if n >= 4
    ]
    data = pd.DataFrame(rows)
    displayed = pd.DataFrame({"Models": [study.MODEL_SETS[r["group"]].phrase(r["n"]) for r in rows]})
    for p in probabilities:
        displayed[f"Size of ρ found with probability {100 * p:.0f} %"] = [
            format_number(r[f"power_{p:g}"]) for r in rows
        ]
    return Table(displayed, data)


def planner(rhos: Sequence[float], alpha: float = 0.05, probabilities: Sequence[float] = (0.5, 0.8, 0.95)) -> Table:
    """Tabulate the number of models that a correlation needs.

    Args:
        rhos: correlations.
        alpha: level of significance.
        probabilities: powers to tabulate.
    """
    rows = [{"rho": rho} | {f"power_{p:g}": power.needed(rho, alpha, p) for p in probabilities} for rho in rhos]
    displayed = pd.DataFrame({"Size of ρ": [f"{rho:g}" for rho in rhos]})
    for p in probabilities:
        displayed[f"Models for probability {100 * p:.0f} %"] = [str(r[f"power_{p:g}"]) for r in rows]
    return Table(displayed, pd.DataFrame(rows))


def state(cells: pd.DataFrame, alpha: float = 0.05) -> str:
    """State what the sets of a table of correlations detect, for prose wherever "not significant" is read.

    Args:
        cells: from `bvg.results.correlation.correlate`.
        alpha: level of significance.

    Example:
        >>> state(pd.DataFrame({"group": ["total", "at"], "n": [48, 15]}))
        'all 48 models |ρ| ≥ 0.41, 15 adversarially trained |ρ| ≥ 0.68'
    """
    sizes = cells.groupby("group", sort=False)["n"].max()
    parts = [f"{set_name(g, cells[cells['group'] == g])} |ρ| ≥ {format_number(power.detectable(int(n), alpha))}" for g, n in sizes.items() if n >= 4]  # fmt: skip
    return ", ".join(parts) or "no set of models is large enough"


def differences(table: pd.DataFrame, alpha: float = 0.05, world: study.World = study.STUDY) -> Table:
    """Tabulate the difference between two sets of models in every cell, bold where p by Holm is below alpha.

    Args:
        table: from `companion.analysis.differences.differences`.
        alpha: level of significance.
        world: the benchmarks whose names to print.
    """
    displayed = pd.DataFrame(
        {
            "Category": table["row"].map(world.name),
            "Bias": table["column"].map(world.short),
            "r, AT": table["r_first"].map(format_defined),
            "r, others": table["r_second"].map(format_defined),
            "z": [format_bold(c.z, c.p_holm < alpha) for c in table.itertuples()],
            "p": table["p"].map(format_p),
            "p by Holm": table["p_holm"].map(format_p),
        }
    )
    return Table(displayed, table)


def name_differences(table: pd.DataFrame, alpha: float = 0.05, world: study.World = study.STUDY) -> str:
    """Name the cells in which two sets differ by Holm, for prose."""
    return listed(
        f"{world.name(c.row)} with {world.short(c.column)} ({format_number(c.r_first)} and {format_number(c.r_second)})"
        for c in table[table["p_holm"] < alpha].itertuples()
    )


def reliability(table: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate the reliability of each benchmark by set of models.

    Args:
        table: from `companion.analysis.measurement_error.reliability`.
        world: the benchmarks whose names to print.
    """
    groups = [g for g in study.MODEL_SETS if g in set(table["group"])]
    wide = table.pivot(index="benchmark", columns="group")
    names = list(pd.unique(table["benchmark"]))
    displayed = pd.DataFrame(
        {"Benchmark": [world.name(b) for b in names], "Images": [f"{wide.at[b, ('images', groups[0])]:,}" for b in names]}
        | {f"Error, {study.MODEL_SETS[g].short}": [f"± {format_number(wide.at[b, ('error', g)])}" for b in names] for g in groups[:1]}
        | {f"Reliability, {study.MODEL_SETS[g].short}": [format_defined(wide.at[b, ("reliability", g)]) for b in names] for g in groups}
        | {f"Largest r, {study.MODEL_SETS[g].short}": [format_defined(attenuated(1.0, wide.at[b, ("reliability", g)])) for b in names] for g in groups}
    )  # fmt: skip
    return Table(displayed, table)


def without_division(table: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate the correlations of the spectral biases with and without division by clean accuracy.

    Args:
        table: from `companion.analysis.variants.without_division`.
        world: the benchmarks whose names to print.
    """
    displayed = pd.DataFrame(
        {
            "Category": table["row"].map(world.name),
            "Bias": table["column"].map(world.short),
            "Models": [study.MODEL_SETS[g].short for g in table["group"]],
            "r, divided": table["ratio"].map(format_defined),
            "r, not divided": table["accuracy"].map(format_defined),
            "Changes": ["yes" if d else "" for d in table["differs"]],
        }
    )
    return Table(displayed, table)


def by_attack(table: pd.DataFrame, alpha: float = 0.05, world: study.World = study.STUDY) -> Table:
    """Tabulate the correlation of each bias with accuracy under every attack.

    Args:
        table: from `companion.analysis.variants.by_attack`.
        alpha: level of significance.
        world: the benchmarks whose names to print.
    """
    text = table.assign(text=[format_bold(c.r, c.p < alpha) for c in table.itertuples()])
    wide = text.pivot(index=["column", "group"], columns="attack", values="text")
    order = list(text[["column", "group"]].drop_duplicates().itertuples(index=False, name=None))
    sizes = table.groupby("group")["n"].max()
    displayed = pd.DataFrame(
        {
            "Bias": [world.short(c) for c, _ in order],
            "Models": set_sizes([g for _, g in order], [sizes[g] for _, g in order]),
        }
        | {name_attack(a): [wide.at[k, a] for k in order] for a in pd.unique(table["attack"])}
    )
    return Table(displayed, table)


def name_attack(attack: str) -> str:
    """Return the printed name of an attack.

    Example:
        >>> name_attack("linf 0.5/255"), name_attack("linf-high")
        ('PGD, L∞ 0.5/255', 'PGD, stronger')
    """
    kind, _, level = attack.partition(" ")
    return (
        "PGD, stronger"
        if kind == "linf-high"
        else f"PGD, {kind.replace('linf', 'L∞').replace('l2', 'L2')} {level}".strip()
    )


def few_images(data: pd.DataFrame) -> Table:
    """Tabulate the errors that come from measuring on few images.

    Args:
        data: from `bvg.results.sampling_error.errors`.
    """
    displayed = pd.DataFrame(
        {
            "Images": data["images"].map("{:,}".format),
            "Error of an accuracy [points]": data["standard_error"].map(lambda v: f"± {format_number(v)}"),
            "Error of a rank": data["rank_error"].map(lambda v: format_number(v, 1)),
            "Error of Spearman's r": data["r_error"].map(lambda v: format_number(v, 3)),
            "Mean change of its strength": data["r_shift"].map(lambda v: format_number(v, 3)),
        }
    )
    return Table(displayed, data)


def cost(data: pd.DataFrame) -> str:
    """State the errors with the fewest and with the most images, for prose.

    Args:
        data: from `bvg.results.sampling_error.errors`.

    Example:
        >>> row = {"images": 500, "standard_error": 2.0, "rank_error": 4.6, "r_error": 0.108}
        >>> cost(pd.DataFrame([row]))
        'With 500 images an accuracy has a standard error of 2.0 points, and a model is 4.6 ranks from its place on average.'
    """
    parts = [
        f"with {row.images:,} images an accuracy has a standard error of {format_number(row.standard_error, 1)} points, and a model is "
        f"{format_number(row.rank_error, 1)} ranks from its place on average"
        for row in data.sort_values("images").iloc[sorted({0, len(data) - 1})].itertuples()
    ]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."
