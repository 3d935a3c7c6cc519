"""Tables and sentences of the page Layer criticality."""

from __future__ import annotations

import pandas as pd

from bvg import known_models, study
from bvg.results import correlation
from companion.tables import equal_accuracy
from companion.tables.base import Table
from companion.text import format_defined, format_number, listed, set_name, set_sizes


def cells(table: pd.DataFrame, alpha: float = 0.05, world: study.World = study.STUDY) -> Table:
    """Tabulate every correlation of criticality with categories and biases, raw and at equal accuracy.

    Args:
        table: from `companion.analysis.equal_accuracy.correlate`.
        alpha: level of significance.
        world: the benchmarks whose names to print.
    """
    made = equal_accuracy.cells(table, alpha, world)
    return Table(made.displayed.rename(columns={"Category": "One", "Bias": "Other"}), made.data)


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


def groups(table: pd.DataFrame, column: str, world: study.World = study.STUDY) -> str:
    """Name the mean of a column in each group of models, lowest first, for prose.

    Example:
        >>> groups(pd.DataFrame({"group": ["baseline", "contrastive"], "criticality": [0.7, 0.5]}), "criticality")
        'Contrastive learning (0.50) and Baseline (0.70)'
    """
    means = table.groupby("group", sort=False)[column].mean().sort_values(kind="stable")
    return listed(f"{world.groups.get(group, group)} ({format_number(mean)})" for group, mean in means.items())


def holistic(checked: pd.DataFrame, group: str = "total", world: study.World = study.STUDY) -> str:
    """State whether a mean criticality correlates significantly, with one sign, with every category, for prose.

    Args:
        checked: from `bvg.results.correlation.correlate` or `companion.analysis.robustness.check_cells`.
        group: the set of models.
        world: the biases whose names to print.

    Example:
        >>> row = {"group": "total", "row": "ID", "column": "criticality", "n": 48}
        >>> holistic(pd.DataFrame([row | {"shown": 0.4}]))
        'over all 48 models, layer criticality correlates significantly, and with one sign, with every category'
        >>> holistic(pd.DataFrame([row | {"shown": 0.0}]))
        'over all 48 models, neither layer criticality nor its mean over early or late layers correlates significantly, and with one sign, with every category'
    """
    own = checked[checked["group"] == group]
    if own["n"].max() < correlation.FEWEST:
        return "layer criticality was not measured for enough of these models"
    where, found = (
        f"over {set_name(group, own)}",
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
    own = table[(table["low"] > 0) | (table["high"] < 0)]
    return listed(
        f"{world.short(c.column)} with {world.short(c.row)} ({study.MODEL_SETS[c.group].short}, {format_number(c.partial)})"
        for c in own.itertuples()
    )
