"""The book's tables: functions of tidy tables that return what is shown (MyST text) beside what is saved (numbers)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import bvg.results.scores
from bvg import study
from companion import text
from companion.text import signed

SETS = {"total": "All", "at": "AT", "other": "Others"}
"""Headings of the three sets of models of Figure 2."""


@dataclass(frozen=True)
class Table:
    """One table of the book.

    Attributes:
        shown: as read; text cells are MyST (citations as roles).
        data: the tidy numbers behind it, for the CSV.
    """

    shown: pd.DataFrame
    data: pd.DataFrame


def models(accuracy: pd.DataFrame) -> Table:
    """All models with group, training method, citation (where any has one) and ImageNet top-1.

    Args:
        accuracy: one row per model with the columns model and imagenet (see `bvg.results.scores.benchmarks`).
    """
    accuracy = accuracy.set_index("model").loc[_in_order(accuracy["model"])].reset_index()
    about = study.describe(accuracy["model"]).reset_index()
    data = about[["model", "name", "group", "method", "citation", "norm", "epsilon"]].assign(
        imagenet=accuracy["imagenet"].to_numpy()
    )
    world = study.world(about["model"])
    shown = pd.DataFrame(
        {
            "Model": about["name"],
            "Training": about["method"],
            "Group": about["group"].map(lambda g: world.groups.get(g, "New")),
            "Source": about["citation"].map(lambda key: f"{{cite:t}}`{key}`" if key else ""),
            f"{world.name('imagenet')} top-1 [%]": accuracy["imagenet"].map(lambda v: signed(v, 2)).to_numpy(),
            "Id": "`" + about["model"] + "`",
        }
    )
    return Table(shown if about["citation"].any() else shown.drop(columns="Source"), data)


def benchmarks(world: study.World = study.STUDY) -> Table:
    """The benchmarks: category, data set, images, classes, what is measured. Images are left out where `world` states none."""
    data = pd.DataFrame([vars(b) for b in world.benchmarks]).drop(columns="short").dropna(axis=1, how="all")
    shown = {
        "Category": data["category"].map(study.CATEGORY_NAMES),
        "Data set": [b.name + (f" {{cite:p}}`{b.citation}`" if b.citation else "") for b in world.benchmarks],
    }
    for column in ("images", "classes"):
        if column in data:
            shown[column.capitalize()] = data[column].map("{:,}".format)
    return Table(pd.DataFrame(shown | {"Measured": data["measured"]}), data)


def printed_and_recomputed(cells: pd.DataFrame, printed: pd.DataFrame) -> Table:
    """Every cell of Figure 2 as the paper prints it, beside the value recomputed from the results table.

    Args:
        cells: generalization, bias, group, r, p, n, shown.
        printed: generalization, bias, group, printed.

    Returns:
        Data has the further columns difference (shown - printed) and agrees (equal when rounded to the printed two digits).
    """
    data = cells.merge(printed, on=["generalization", "bias", "group"], validate="one_to_one")
    data["difference"] = data["shown"] - data["printed"]
    data["agrees"] = (data["shown"].round(2) - data["printed"]).abs() < 1e-9
    wide = data.pivot(index=["generalization", "bias"], columns="group", values=["printed", "shown", "agrees"])
    wide = wide.reindex(pd.MultiIndex.from_frame(data[["generalization", "bias"]].drop_duplicates()))
    shown = pd.DataFrame(
        {
            "Category": wide.index.get_level_values("generalization"),
            "Bias": [study.bias(b).short for b in wide.index.get_level_values("bias")],
        }
    )
    for group, title in SETS.items():
        shown[f"{title}, printed"] = [signed(v) for v in wide["printed", group]]
        shown[f"{title}, here"] = [signed(v, 4) for v in wide["shown", group]]
    shown["Agrees"] = ["yes" if all(row) else "**no**" for row in wide["agrees"].to_numpy()]
    return Table(shown, data)


def corruptions(by_corruption: pd.DataFrame) -> Table:
    """Top-1 per corruption, one row per model, one column per corruption that any model has, means of the columns last.

    Args:
        by_corruption: models (index) x corruptions, in percent (see `bvg.results.scores.corruptions`).
    """
    by_corruption = by_corruption.dropna(axis=1, how="all")
    data = by_corruption.rename_axis("model").reset_index().melt("model", var_name="corruption", value_name="top1")
    shown = by_corruption.map(lambda v: signed(v, 1)).reset_index(drop=True)
    shown.insert(0, "Model", study.describe(by_corruption.index)["name"].to_numpy())
    mean = {"Model": "**mean**"} | {c: f"**{signed(v, 1)}**" for c, v in by_corruption.mean().items()}
    shown = pd.concat([shown, pd.DataFrame([mean])], ignore_index=True)
    return Table(shown.rename(columns=lambda c: c.replace("_", " ")), data)


def extremes(by_corruption: pd.DataFrame) -> str:
    """The hardest and the easiest corruption by mean top-1, for prose."""
    means = by_corruption.mean().dropna()
    if means.empty:
        return "not measured"
    low, high = means.idxmin(), means.idxmax()
    return (
        f"the hardest is {low.replace('_', ' ')} ({signed(means[low], 1)} %), "
        f"the easiest {high.replace('_', ' ')} ({signed(means[high], 1)} %)"
    )


def pair(cell: pd.Series | None) -> str:
    """Two correlated biases, for prose; `none` where there is no such cell (see `bvg.results.correlation.strongest`)."""
    if cell is None:
        return "none"
    return f"{study.bias(cell['row']).plain} and {study.bias(cell['column']).plain} ({signed(cell['shown'])})"


def shared_fits(scores: pd.DataFrame) -> pd.Series:
    """How many models share each distinct fit of the critical band (six decimals), most shared first."""
    columns = [b.id for b in study.BIASES if b.test == "critical band"]
    return scores[columns].dropna().round(6).value_counts()


def measured(results: pd.DataFrame, benchmarks: Sequence[str]) -> Table:
    """Rows of a results table for these benchmarks, as they are."""
    data = results[results["benchmark"].isin(list(benchmarks))].drop(columns="source")
    shown = data.assign(level=data["level"].map(lambda v: "" if pd.isna(v) else f"{v:.4g}"), n=data["n"].astype(str))
    return Table(shown, data)


def _in_order(models: Sequence[str]) -> list[str]:
    """These models, those that `bvg.study` knows first and in its order: runs list them by the alphabet."""
    known = {m: k for k, m in enumerate((*study.models().index, *study.miniature().index))}
    return sorted(models, key=lambda m: known.get(m, len(known)))


_BEHIND = {"shape": "cue-conflict", "low_frequency": "low-pass", "high_frequency": "high-pass"}


def summary(
    results: pd.DataFrame,
    columns: Sequence[str],
    epsilon: float = study.PGD_EPSILON,
    world: study.World | None = None,
) -> Table:
    """One row per model, one column per benchmark or bias, and the images behind the numbers last.

    Models stand in the order of `study.models()` and `study.miniature()`, new ones below them.
    Accuracies are top-1 [%]: the mean over all corruptions and severities of ImageNet-C and ImageNet-C-bar, PGD at `epsilon`.
    What a model lacks is left empty. Images are those of one condition; of a mean over corruptions, those of all of them.

    Args:
        results: a results table.
        columns: ids of benchmarks and biases.
        epsilon: of the attack, in (0, 1).
        world: whose names to print; None is that of the models (see `study.world`). A table of nothing but new models
            does not say where they were measured.

    Returns:
        `data` is the results table's rows behind these columns, without `source`.

    Raises:
        ValueError: `columns` names something else, or nothing. ResultsError: as in `bvg.results.scores.per_model`.
    """
    world = world or study.world(results["model"])
    biases = [c for c in columns if c in bvg.results.scores.BIAS_COLUMNS]
    ids = [b.id for b in (*world.benchmarks, *study.BIASES)]
    if not len(columns) or not set(columns) <= set(ids):
        raise ValueError(
            f"expected `columns` to name benchmarks and biases among {', '.join(ids)}, got {list(columns)}"
        )
    all_of = {"allow_missing": True, "outside": True}
    numbers = bvg.results.scores.benchmarks(results, **all_of, epsilon=epsilon).set_index("model")
    numbers = numbers.join(bvg.results.scores.per_model(results, **all_of, needs=biases).set_index("model")[biases])
    numbers = numbers.loc[_in_order(numbers.index)]
    shown = pd.DataFrame({"Model": study.describe(numbers.index)["name"].to_numpy()})
    images = {"Model": "*images*"}
    for column in columns:
        accuracy = column not in biases
        title = world.name(column) + (f", ε = {255 * epsilon:.4g}/255" if column == "pgd" else "")
        title += " [%]" if accuracy else ""
        shown[title] = ["" if np.isnan(v) else signed(v, 1 if accuracy else 2) for v in numbers[column]]
        images[title] = _images(results, column, epsilon)
    if any(list(images.values())[1:]):
        shown = pd.concat([shown, pd.DataFrame([images])], ignore_index=True)
    behind = {_BEHIND.get(c, "critical-band") if c in biases else c for c in columns}
    behind |= {"imagenet"} if behind & {"low-pass", "high-pass"} else set()
    return Table(shown, measured(results, sorted(behind)).data.reset_index(drop=True))


def _images(results: pd.DataFrame, column: str, epsilon: float) -> str:
    """The images behind a column's numbers, as text: of all models, or the fewest and the most; empty where none states it."""
    if column in ("low_frequency", "high_frequency"):
        rows = results[results["benchmark"] == _BEHIND[column]]
    elif column == "shape":
        rows = results[results["metric"] == "shape_bias"]
    elif column in bvg.results.scores.BIAS_COLUMNS:
        rows = results[(results["metric"] == column) & (results["variant"] == "relative")]
    elif column == "pgd":
        rows = bvg.results.scores.attacks(results, epsilon)
    else:
        rows = results[(results["benchmark"] == column) & (results["metric"] == "top1")]
        given = rows[rows["variant"] == ""]
        single = rows[~rows["model"].isin(given["model"])]
        rows = pd.concat([given, single.groupby("model", as_index=False)["n"].sum(min_count=1)])
    n = rows["n"].dropna()
    return "" if n.empty else f"{n.min():,}" if n.min() == n.max() else f"{n.min():,}–{n.max():,}"


def beside(published: pd.DataFrame, miniature: pd.DataFrame) -> Table:
    """Two worlds' correlations cell by cell, and whether they agree.

    The verdict: `same`, significant in both with one sign; `opposite`, significant in both with opposite signs; `only
    published` and `only miniature`, significant in one of them; `neither`; `not defined`, where a correlation is undefined
    in either and nothing can be said.

    Args:
        published, miniature: cells of `stats.correlate` (row, column, group, r, p, n, shown), the same ones.

    Returns:
        `data` has the columns row, column, group, then r, p, n, shown with the endings _published and _miniature, verdict.
        Shown are one row per pair of names and, of each group, both correlations and the verdict; n is the largest of
        the group's cells.

    Raises:
        ValueError: a cell is in one of the tables only.
    """
    names = ["row", "column", "group"]
    endings = ("_published", "_miniature")
    data = published.merge(miniature, "outer", names, suffixes=endings, indicator=True, validate="one_to_one")
    alone = data[data["_merge"] != "both"]
    if len(alone):
        raise ValueError(
            f"expected the same cells in both tables, got {alone[names].iloc[0].tolist()} in one of them only"
        )
    data = published[names].merge(data.drop(columns="_merge"), on=names)
    data["verdict"] = [_verdict(a, b) for a, b in zip(data["shown_published"], data["shown_miniature"], strict=True)]
    largest = data.groupby("group")[["n_published", "n_miniature"]].max()
    lines = []
    for (row, column), cells in data.groupby(names[:2], sort=False):
        line = {"Correlation of": _both_names(row), "with": _both_names(column)}
        for cell in cells.itertuples():
            title = SETS.get(cell.group, cell.group)
            n = ", ".join(map(str, largest.loc[cell.group]))
            both = f"{text.shown(cell.shown_published)}, {text.shown(cell.shown_miniature)}"
            line[f"{title} (n = {n})"] = f"{both}: {_VERDICTS[cell.verdict]}"
        lines.append(line)
    return Table(pd.DataFrame(lines), data)


_VERDICTS = {
    "same": "**same**",
    "opposite": "**opposite**",
    "only published": "published",
    "only miniature": "miniature",
    "neither": "neither",
    "not defined": "not defined",
}


def _verdict(published: float, miniature: float) -> str:
    """What two correlations, 0 where not significant, say together.

    >>> _verdict(-0.5, -0.9), _verdict(-0.5, 0.0), _verdict(0.0, float("nan"))
    ('same', 'only published', 'not defined')
    """
    if np.isnan(published) or np.isnan(miniature):
        return "not defined"
    if published and miniature:
        return "same" if published * miniature > 0 else "opposite"
    return "only published" if published else "only miniature" if miniature else "neither"


def _both_names(column: str) -> str:
    """The study's name without its unit and, where it is another, the miniature's."""
    names = (world.plain(column) for world in (study.STUDY, study.MINIATURE))
    return " / ".join(dict.fromkeys(names))


def scores(table: pd.DataFrame) -> Table:
    """Categories and biases per model, with readable names.

    Args:
        table: a scores table (see `bvg.results.scores.per_model`).
    """
    shown = table.drop(columns=["model", "group"]).rename(
        columns={b.id: b.name for b in study.BIASES} | study.CATEGORY_NAMES
    )
    shown.insert(0, "Model", study.describe(table["model"])["name"].to_numpy())
    return Table(shown, table)
