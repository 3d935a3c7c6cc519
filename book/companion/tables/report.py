"""Tables and sentences of the report on one model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import known_models, study
from companion.tables.base import Table
from companion.tables.findings import IN_PROSE
from companion.text import format_number, format_range, format_value, listed


def numbers(data: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate a model's numbers with intervals, ranks and neighbours.

    Args:
        data: from `companion.analysis.report.numbers`.
        world: the benchmarks whose names to print.
    """
    displayed = pd.DataFrame(
        {
            "Measure": data["measure"].map(world.name),
            "Value": [format_value(m, v, "not measured") for m, v in zip(data["measure"], data["value"], strict=True)],
            "95 % interval": [
                "" if np.isnan(low) else f"{format_number(low, 1)} to {format_number(high, 1)}"
                for low, high in zip(data["low"], data["high"], strict=True)
            ],
            "Rank": ["" if np.isnan(r) else f"{r:.0f} of {of}" for r, of in zip(data["rank"], data["of"], strict=True)],
            "Nearest": [listed(names_of(ids.split("; "))) if ids else "" for ids in data["neighbours"]],
        }
    )
    return Table(displayed, data)


def expected(data: pd.DataFrame) -> Table:
    """Tabulate predicted and measured categories; bold where the measured value lies outside the interval.

    Args:
        data: from `companion.analysis.report.expected`.
    """
    measured = [format_number(v, 1, "not measured") for v in data["measured"]]
    displayed = pd.DataFrame(
        {
            "Category": [study.CATEGORY_NAMES[c] for c in data["category"]],
            "From": [f[0].upper() + f[1:] for f in data["features"]],
            "Predicted [%]": [format_number(v, 1, "not defined") for v in data["predicted"]],
            "90 % interval": [*map(format_range, data["low"], data["high"])],
            "Measured [%]": [f"**{m}**" if abs(s) > 1 else m for m, s in zip(measured, data["surprise"], strict=True)],
        }
    )
    return Table(displayed, data)


def names_of(ids: list[str]) -> list[str]:
    """Return the printed names of models."""
    return list(known_models.describe(ids)["name"])


def summary(data: pd.DataFrame, name: str) -> str:
    """State which categories lie outside their interval, given ImageNet top-1 alone.

    Args:
        data: from `companion.analysis.report.expected`.
        name: printed name of the model.

    Example:
        >>> row = {"features": "ImageNet top-1", "measured": 40.0, "predicted": 30.0}
        >>> summary(pd.DataFrame([row | {"category": "Robustness", "surprise": 1.5}, row | {"category": "Concepts", "surprise": 0.2}]), "Mine")
        'Given its ImageNet top-1, Mine has more robustness than 90 % of such models would have; accuracy on concepts as expected.'
    """
    own = data[data["features"] == "ImageNet top-1"].dropna(subset="surprise")
    if own.empty:
        return f"{name} lacks the accuracies to compare it by."
    parts = []
    for word, chosen in (("more", own["surprise"] > 1), ("less", own["surprise"] < -1)):
        if chosen.any():
            parts.append(
                f"{word} {listed(IN_PROSE[c] for c in own.loc[chosen, 'category'])} than 90 % of such models would have"
            )
    rest = own.loc[own["surprise"].abs() <= 1, "category"]
    usual = f"{listed(IN_PROSE[c] for c in rest)} as expected" if len(rest) else ""
    start = f"Given its ImageNet top-1, {name} has "
    return start + "; ".join([" and ".join(parts), usual] if parts and usual else parts or [usual]) + "."


def missing(data: pd.DataFrame, world: study.World = study.STUDY) -> str:
    """Name the measures that the model lacks, for prose."""
    return listed(world.name(m) for m in data.loc[data["value"].isna() & (data["kind"] != "category"), "measure"])


def effective(data: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate a model's effective robustness on each benchmark.

    Args:
        data: the model's rows from `companion.analysis.effective_robustness.residuals`.
        world: the benchmarks whose names to print.
    """
    displayed = pd.DataFrame(
        {
            "Benchmark": data["benchmark"].map(world.name),
            "Accuracy [%]": [format_number(v, 1, "not measured") for v in data["accuracy"]],
            "On the line [%]": [format_number(v, 1, "not defined") for v in data["expected"]],
            "Difference [points]": [format_number(v, 1, "") for v in data["effective"]],
        }
    )
    return Table(displayed, data.reset_index(drop=True))
