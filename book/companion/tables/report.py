"""Tables and sentences of the report on models; with several models, these stand side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import known_models, study
from companion.tables.base import Table, model_names
from companion.tables.findings import IN_PROSE
from companion.text import format_number, format_range, format_value, listed


def who(data: pd.DataFrame) -> Table:
    """Tabulate who the models are, one column each.

    Args:
        data: from `companion.analysis.report_models.who`.
    """
    columns = {}
    for row in data.itertuples():
        size = "" if np.isnan(row.parameters) else f", {row.parameters / 1e6:.1f} million parameters"
        other = ": another architecture than the 48" if row.other_architecture else ""
        stated = f"mean {row.mean}, SD {row.std}" if row.mean else "inside the model" if row.weights else "not stated"
        fewest, most = f"{row.fewest:,.0f}", f"{row.most:,.0f}"
        images = fewest if fewest == most else f"{fewest} to {most}"
        if np.isnan(row.most):
            images = "the complete sets" if row.source == "published numbers" else "not stated"
        columns[row.name] = [
            row.source or "not stated",
            row.method or "not stated",
            f"{row.architecture or 'not stated'}{size}{other}",
            f"`{row.weights[:12]}…`" if row.weights else "not stated",
            stated,
            row.precision or "not stated",
            images,
        ]
    fields = [
        "Source",
        "Training",
        "Architecture",
        "SHA-256 of the weights",
        "Normalization",
        "Precision",
        "Images behind an accuracy",
    ]
    return Table(pd.DataFrame({"Model": fields} | columns), data)


def marked(data: pd.DataFrame) -> str:
    """Name models for prose; those of another architecture are marked as such.

    Args:
        data: from `companion.analysis.report_models.who`.

    Example:
        >>> marked(pd.DataFrame([{"name": "mine", "architecture": "ConvNeXt", "other_architecture": True}]))
        'mine (ConvNeXt, another architecture than the 48)'
    """
    return listed(
        f"{row.name} ({row.architecture}, another architecture than the 48)" if row.other_architecture else row.name
        for row in data.itertuples(index=False)
    )


def numbers(data: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate the models' numbers with intervals, ranks and, for a single model, neighbours.

    Args:
        data: from `companion.analysis.report.numbers`, with the column model.
        world: the benchmarks whose names to print.
    """
    groups = {name: own.reset_index(drop=True) for name, own in _by_name(data)}
    first = next(iter(groups.values()))
    columns = {"Measure": first["measure"].map(world.name)}
    for name, own in groups.items():
        value = [format_value(m, v, "not measured") for m, v in zip(own["measure"], own["value"], strict=True)]
        interval = [
            "" if np.isnan(low) else f"{format_value(m, low)} to {format_value(m, high)}"
            for m, low, high in zip(own["measure"], own["low"], own["high"], strict=True)
        ]
        rank = ["" if np.isnan(r) else f"{r:.0f} of {of}" for r, of in zip(own["rank"], own["of"], strict=True)]
        if len(groups) == 1:
            near = [listed(model_names(ids.split("; "))) if ids else "" for ids in own["neighbours"]]
            columns |= {"Value": value, "95 % interval": interval, "Rank": rank, "Nearest": near}
        else:
            both = [f"{v} ({i})" if i else v for v, i in zip(value, interval, strict=True)]
            columns |= {name: both, f"Rank of {name}": rank}
    return Table(pd.DataFrame(columns), data)


def expected(data: pd.DataFrame) -> Table:
    """Tabulate predicted and measured categories; bold where the measured value lies outside the interval.

    Args:
        data: from `companion.analysis.report.expected`, with the column model.
    """
    measured = [format_number(v, 1, "not measured") for v in data["measured"]]
    displayed = pd.DataFrame(
        {
            "Model": model_names(data["model"]),
            "Category": [study.CATEGORY_NAMES[c] for c in data["category"]],
            "From": [f[0].upper() + f[1:] for f in data["features"]],
            "Predicted [%]": [format_number(v, 1, "not defined") for v in data["predicted"]],
            "90 % interval": [*map(format_range, data["low"], data["high"])],
            "Measured [%]": [f"**{m}**" if abs(s) > 1 else m for m, s in zip(measured, data["surprise"], strict=True)],
            "Distance [half-widths]": [format_number(s, 1, "") for s in data["surprise"]],
        }
    )
    if data["model"].nunique() == 1:
        displayed = displayed.drop(columns="Model")
    return Table(displayed, data)


def _by_name(data: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the rows of each model by its printed name, in order."""
    return [(names_of([model])[0], own) for model, own in data.groupby("model", sort=False)]


def names_of(ids: list[str]) -> list[str]:
    """Return the printed names of models."""
    return list(known_models.describe(ids)["name"])


def summary(data: pd.DataFrame) -> str:
    """State for each model which categories lie outside their interval, given ImageNet top-1 alone.

    Args:
        data: from `companion.analysis.report.expected`, with the column model.

    Example:
        >>> row = {"model": "mine", "features": "ImageNet top-1", "measured": 40.0, "predicted": 30.0}
        >>> summary(pd.DataFrame([row | {"category": "Robustness", "surprise": 1.5}, row | {"category": "Concepts", "surprise": 0.2}]))
        'Given its ImageNet top-1, mine has more robustness than 90 % of such models would have; accuracy on concepts as expected.'
    """
    return " ".join(_summary(own, name) for name, own in _by_name(data))


def _summary(data: pd.DataFrame, name: str) -> str:
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


def position(data: pd.DataFrame, measure: str, world: study.World = study.STUDY) -> str:
    """State the value and the rank of each model on one measure.

    Args:
        data: from `companion.analysis.report.numbers`, with the column model.
        measure: id of a bias, category or benchmark.
        world: the benchmarks whose names to print.

    Example:
        >>> row = {"model": "mine", "measure": "shape", "value": 0.231, "rank": 24, "of": 49}
        >>> position(pd.DataFrame([row]), "shape"), position(pd.DataFrame([row | {"value": float("nan")}]), "shape")
        ('mine has a shape bias of 0.23, rank 24 of 49.', 'mine has no shape bias yet.')
    """
    name = world.plain(measure)
    name = name[0].lower() + name[1:]
    own = data[data["measure"] == measure]
    return " ".join(
        f"{names_of([row.model])[0]} has no {name} yet."
        if np.isnan(row.value)
        else f"{names_of([row.model])[0]} has a {name} of {format_value(measure, row.value)}, rank {row.rank:.0f} of {row.of}."
        for row in own.itertuples()
    )


def missing(data: pd.DataFrame, world: study.World = study.STUDY) -> str:
    """State which measures the models lack, for prose; empty if none."""
    gaps = data[data["value"].isna() & (data["kind"] != "category")]
    several = data["model"].nunique() > 1
    parts = [
        f"{f'{name} lacks ' if several else 'Not measured: '}{listed(world.name(m) for m in own['measure'])}."
        for name, own in _by_name(gaps)
    ]
    return " ".join(parts)


def to_add(commands: list[str], lacks: str) -> str:
    """Return a paragraph of Markdown: what is missing, and the commands that add it.

    Args:
        commands: from `companion.analysis.report_models.commands`.
        lacks: from `missing`.
    """
    if not lacks:
        return "Nothing is missing."
    if not commands:
        return lacks
    shell = "\n".join(commands)
    return (
        f"{lacks} In the folder that holds the run, with the folder of the data sets for DATA, this adds what is missing:\n\n"
        f"```bash\n{shell}\n```"
    )


def nearest(found: dict[str, list[str]]) -> str:
    """State the model with the most similar biases of each model.

    Args:
        found: model -> ids of the nearest models.

    Example:
        >>> nearest({"tv_resnet50": ["robust_resnet50_l2_eps0"]})
        'AT L2 ε=0'
    """
    if len(found) == 1:
        (near,) = found.values()
        return names_of(near[:1])[0]
    return listed(f"{names_of(near[:1])[0]} ({names_of([model])[0]})" for model, near in found.items())


def effective(data: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate the models' effective robustness on each benchmark.

    Args:
        data: the models' rows from `companion.analysis.effective_robustness.residuals`.
        world: the benchmarks whose names to print.
    """
    groups = {name: own.reset_index(drop=True) for name, own in _by_name(data)}
    columns = {"Benchmark": next(iter(groups.values()))["benchmark"].map(world.name)} if groups else {"Benchmark": []}
    for name, own in groups.items():
        accuracy = [format_number(v, 1, "not measured") for v in own["accuracy"]]
        line = [format_number(v, 1, "not defined") for v in own["expected"]]
        beyond = [format_number(v, 1, "") for v in own["effective"]]
        if len(groups) == 1:
            columns |= {"Accuracy [%]": accuracy, "On the line [%]": line, "Difference [points]": beyond}
        else:
            both = [f"{a} ({e})" if e else a for a, e in zip(accuracy, line, strict=True)]
            columns |= {f"{name} [%] (line)": both, f"Difference, {name} [points]": beyond}
    return Table(pd.DataFrame(columns), data.reset_index(drop=True))
