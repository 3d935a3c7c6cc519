"""Tables and sentences of the page Layer criticality."""

from __future__ import annotations

import pandas as pd

from bvg import known_models, study
from bvg.results import correlation
from companion.analysis.layer_criticality import PARTS
from companion.analysis.resampling import excludes_zero
from companion.analysis.robustness import FRAGILE, ROBUST
from companion.tables import equal_accuracy
from companion.tables.base import Table
from companion.tables.findings import IN_PROSE
from companion.text import format_defined, format_number, format_range, listed, plural, set_name, set_sizes


def cells(table: pd.DataFrame, alpha: float = 0.05, world: study.World = study.STUDY) -> Table:
    """Tabulate every correlation of criticality with categories and biases, raw and at equal accuracy.

    Args:
        table: from `companion.analysis.equal_accuracy.correlate`.
        alpha: level of significance.
        world: the benchmarks whose names to print.
    """
    made = equal_accuracy.cells(table, alpha, world)
    return Table(made.displayed.rename(columns={"Category": "Category or part", "Bias": "Part or bias"}), made.data)


def reliability(table: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate the error of the trials next to the spread between models.

    Args:
        table: from `companion.analysis.layer_criticality.reliability`.
        world: the biases whose names to print.
    """
    displayed = pd.DataFrame(
        {
            "Mean over": table["part"].map(world.name),
            "Models": set_sizes(table["group"], table["models"]),
            "Error of the trials": table["error"].map(lambda v: format_number(v, 4, "")),
            "Spread of the models": table["spread"].map(lambda v: format_number(v, 3, "")),
            "Reliability": table["reliability"].map(lambda v: format_number(v, 3, "")),
        }
    )
    return Table(displayed, table)


def measured(wide: pd.DataFrame) -> Table:
    """Tabulate the criticality of each layer of networks: one row per layer.

    Args:
        wide: from `companion.analysis.measured_criticality.measured`.
    """
    names = known_models.describe(wide.index)["name"]
    displayed = wide.T.map(format_defined).rename(columns=names).rename_axis("Layer").rename_axis(columns=None)
    data = wide.rename_axis(columns="layer").stack().rename("criticality").reset_index()
    return Table(displayed.reset_index(), data)


def groups(table: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate the mean criticality over all, early and late layers of each group of models, lowest first.

    Args:
        table: from `companion.analysis.layer_criticality.joined`.
        world: the groups and biases whose names to print.

    Example:
        >>> row = {"criticality": 0.7, "early_criticality": 0.6, "late_criticality": 0.8}
        >>> groups(pd.DataFrame([row | {"group": "baseline"}])).displayed.values.tolist()
        [['Baseline', '1', '0.70', '0.60', '0.80']]
    """
    of = table.groupby("group", sort=False)
    data = of[list(PARTS)].mean().assign(models=of.size()).sort_values(PARTS[0], kind="stable").reset_index()
    displayed = pd.DataFrame(
        {"Models": data["group"].map(lambda g: world.groups.get(g, g)), "n": data["models"].astype(str)}
        | {world.name(part): data[part].map(format_number) for part in PARTS}
    )
    return Table(displayed, data)


def group_contrast(table: pd.DataFrame, world: study.World = study.STUDY) -> str:
    """Name the groups with the lowest and the highest mean criticality of early and of late layers, for prose.

    Example:
        >>> rows = [("baseline", 0.6, 0.8), ("contrastive", 0.7, 0.5)]
        >>> group_contrast(pd.DataFrame(rows, columns=["group", "early_criticality", "late_criticality"]))
        'early criticality is lowest for Baseline (0.60) and highest for Contrastive learning (0.70), late criticality is lowest for Contrastive learning (0.50) and highest for Baseline (0.80)'
    """
    means = table.groupby("group", sort=False)[list(PARTS[1:])].mean()
    said = []
    for part in means:
        ends = (("lowest", means[part].idxmin()), ("highest", means[part].idxmax()))
        named = [f"{word} for {world.groups.get(g, g)} ({format_number(means.at[g, part])})" for word, g in ends]
        said.append(f"{world.name(part).lower()} is {' and '.join(named)}")
    return ", ".join(said)


def answer(table: pd.DataFrame, alpha: float = 0.05) -> str:
    """State the correlations of mean criticality at equal accuracy over all models with their intervals, for prose.

    Args:
        table: from `companion.analysis.equal_accuracy.correlate`.
        alpha: level of significance.

    Example:
        >>> row = {"column": "criticality", "group": "total", "n": 48, "low": -0.4, "high": 0.6}
        >>> answer(pd.DataFrame([row | {"row": "Robustness", "partial": 0.05, "p": 0.7}]))
        'Over all 48 models, given ImageNet top-1, mean criticality over all layers does not correlate significantly with robustness (r = 0.05, interval −0.40 to 0.60).'
    """
    own = table[(table["group"] == "total") & (table["column"] == PARTS[0])].dropna(subset="partial")
    if own.empty:
        return "The correlations of criticality at equal accuracy are not defined for these models."
    parts = []
    for words, chosen in (("correlates", own["p"] < alpha), ("does not correlate significantly", ~(own["p"] < alpha))):
        if chosen.any():
            parts.append(f"{words} with {listed(_stated(c) for c in own[chosen].itertuples())}")
    models = study.MODEL_SETS["total"].phrase(int(own["n"].max()))
    return f"Over {models}, given ImageNet top-1, mean criticality over all layers {'; it '.join(parts)}."


def parts_answer(table: pd.DataFrame, alpha: float = 0.05, world: study.World = study.STUDY) -> str:
    """State which correlations of early and late criticality with categories are significant at equal accuracy, for prose.

    Args:
        table: from `companion.analysis.equal_accuracy.correlate`.
        alpha: level of significance.
        world: the biases whose names to print.

    Example:
        >>> row = {"row": "Adversarial", "group": "total", "n": 48, "low": -0.1, "high": 0.6}
        >>> parts_answer(pd.DataFrame([row | {"column": "early_criticality", "partial": 0.41, "p": 0.004}]))
        'Of the means over early and late layers, 1 of 1 correlation has p < 0.05: early criticality with adversarial accuracy (r = 0.41, interval −0.10 to 0.60).'
    """
    own = table[(table["group"] == "total") & table["column"].isin(PARTS[1:])].dropna(subset="partial")
    found = own[own["p"] < alpha]
    named = [f"{world.name(c.column).lower()} with {_stated(c)}" for c in found.itertuples()]
    have = "has" if len(found) == 1 else "have"
    return (
        f"Of the means over early and late layers, {len(found) or 'none'} of {plural(len(own), 'correlation')} "
        f"{have if len(found) else 'has'} p < {alpha:g}{': ' if named else ''}{listed(named) if named else ''}."
    )


def _stated(cell) -> str:
    """Return `robustness (r = 0.05, interval −0.41 to 0.61)`."""
    interval = f", interval {format_range(cell.low, cell.high)}" if pd.notna(cell.low) else ""
    return f"{IN_PROSE[cell.row]} (r = {format_number(cell.partial)}{interval})"


def robust_where(checked: pd.DataFrame, alpha: float = 0.05) -> str:
    """State in which sets of models the robust and the fragile correlations are, and how many chance would give, for prose.

    Args:
        checked: from `companion.analysis.robustness.check_cells`.
        alpha: level of significance.

    Example:
        >>> cells = pd.DataFrame({"group": ["total", "at"], "n": [48, 15], "verdict": ["fragile", "robust"]})
        >>> robust_where(cells)
        'Robust are 0 over all 48 models and 1 among 15 adversarially trained; fragile are 1 over all 48 models and 0 among 15 adversarially trained. Of 2 correlations, about 0 would have p < 0.05 by chance.'
    """
    said = []
    for verdict in (ROBUST, FRAGILE):
        counts = [
            f"{(own['verdict'] == verdict).sum()} {'over' if group == 'total' else 'among'} {set_name(group, own)}"
            for group, own in checked.groupby("group", sort=False)
        ]
        said.append(f"{verdict} are {listed(counts)}")
    text = "; ".join(said)
    chance = f"{alpha * len(checked):.0f}"
    return f"{text[0].upper()}{text[1:]}. Of {plural(len(checked), 'correlation')}, about {chance} would have p < {alpha:g} by chance."


def holistic(checked: pd.DataFrame, group: str = "total", world: study.World = study.STUDY) -> str:
    """State whether a mean criticality correlates significantly, with one sign, with every category, for prose.

    Args:
        checked: from `bvg.results.correlation.correlate` or `companion.analysis.robustness.check_cells`.
        group: the set of models.
        world: the biases whose names to print.

    Example:
        >>> row = {"group": "total", "row": "ID", "column": "criticality", "n": 48}
        >>> holistic(pd.DataFrame([row | {"shown": 0.4}]))
        'Over all 48 models, layer criticality correlates significantly, and with one sign, with every category'
        >>> holistic(pd.DataFrame([row | {"shown": 0.0}]))
        'Over all 48 models, neither layer criticality nor its mean over early or late layers correlates significantly, and with one sign, with every category'
    """
    own = checked[checked["group"] == group]
    if own["n"].max() < correlation.FEWEST:
        return "Layer criticality was not measured for enough of these models"
    where, found = (
        f"Over {set_name(group, own)}",
        [world.plain(c).lower() for c in correlation.same_sign(own)["column"]],
    )
    what = "correlates significantly, and with one sign, with every category"
    if not found:
        return f"{where}, neither layer criticality nor its mean over early or late layers {what}"
    return f"{where}, {listed(found)} {what if len(found) == 1 else what.replace('correlates', 'correlate')}"


def outside_zero(table: pd.DataFrame, world: study.World = study.STUDY) -> str:
    """Name the cells whose interval by families excludes 0, with their partial correlation, for prose.

    Args:
        table: from `companion.analysis.equal_accuracy.correlate`.
        world: the benchmarks whose names to print.
    """
    own = table[excludes_zero(table["low"], table["high"])]
    return listed(
        f"{world.short(c.column)} with {world.short(c.row)} ({study.MODEL_SETS[c.group].short}, {format_number(c.partial)})"
        for c in own.itertuples()
    )
