"""Tables of models, benchmarks, measured results, scores and correlations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

import bvg.results.scores
from bvg import known_models, study
from companion.tables.base import Table, model_names
from companion.text import format_number, format_r, format_value

PAPER_ALPHA = 0.05
"""The paper's level of significance."""


def models(accuracy: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Tabulate the models with training, group, citation and ImageNet top-1.

    Args:
        accuracy: one row per model with the columns model and imagenet (see `bvg.results.scores.benchmarks`).
        world: the images that the models were measured on.
    """
    accuracy = accuracy.set_index("model").loc[_in_order(accuracy["model"])].reset_index()
    about = known_models.describe(accuracy["model"]).reset_index()
    data = about[["model", "name", "group", "method", "citation", "norm", "epsilon"]].assign(
        imagenet=accuracy["imagenet"].to_numpy()
    )
    shown = pd.DataFrame(
        {
            "Model": model_names(about["model"]),
            "Training": about["method"],
            "Group": about["group"].map(lambda g: world.groups.get(g, "New")),
            "Source": about["citation"].map(lambda key: f"{{cite:t}}`{key}`" if key else ""),
            f"{world.name('imagenet')} top-1 [%]": accuracy["imagenet"].map(lambda v: format_number(v, 2)).to_numpy(),
            "Id": "`" + about["model"] + "`",
        }
    )
    return Table(shown if about["citation"].any() else shown.drop(columns="Source"), data)


def benchmarks(world: study.World = study.STUDY) -> Table:
    """Tabulate the benchmarks of a world.

    Images are omitted if `world` does not state them.
    """
    data = pd.DataFrame([vars(b) for b in world.benchmarks]).drop(columns=["short", "paper"]).dropna(axis=1, how="all")
    shown = {
        "Category": data["category"].map(study.CATEGORY_NAMES),
        "Data set": [b.name + (f" {{cite:p}}`{b.citation}`" if b.citation else "") for b in world.benchmarks],
    }
    for column in ("images", "classes"):
        if column in data:
            shown[column.capitalize()] = data[column].map("{:,}".format)
    return Table(pd.DataFrame(shown | {"Measured": data["measured"]}), data)


def printed_and_recomputed(cells: pd.DataFrame, printed: pd.DataFrame) -> Table:
    """Compare every printed cell of Figure 2 with the recomputed value.

    Args:
        cells: generalization, bias, group, r, p, n, shown.
        printed: generalization, bias, group, printed.

    Returns:
        `data` adds the columns difference (r - printed, with r as 0 where p is not below the paper's alpha) and agrees (equal
        after rounding to the two printed digits). Both use the paper's alpha, whatever that of `cells`. In the displayed
        table, an r that is not significant at the paper's alpha is in italics.
    """
    data = cells.merge(printed, on=["generalization", "bias", "group"], validate="one_to_one")
    as_paper = data["r"].where((data["p"] < PAPER_ALPHA) | data["r"].isna(), 0.0)
    data["difference"] = as_paper - data["printed"]
    data["agrees"] = (as_paper.round(2) - data["printed"]).abs() < 1e-9
    numbers = [format_number(r, 4) for r in data["r"]]
    data["here"] = [n if p < PAPER_ALPHA else f"*{n}*" for n, p in zip(numbers, data["p"], strict=True)]
    wide = data.pivot(index=["generalization", "bias"], columns="group", values=["printed", "here", "agrees"])
    wide = wide.reindex(pd.MultiIndex.from_frame(data[["generalization", "bias"]].drop_duplicates()))
    shown = pd.DataFrame(
        {
            "Category": wide.index.get_level_values("generalization"),
            "Bias": [study.bias(b).short for b in wide.index.get_level_values("bias")],
        }
    )
    for group, models_of in study.MODEL_SETS.items():
        title = models_of.name
        shown[f"{title}, printed"] = [format_number(v) for v in wide["printed", group]]
        shown[f"{title}, here"] = list(wide["here", group])
    shown["Agrees"] = ["yes" if all(row) else "**no**" for row in wide["agrees"].to_numpy()]
    return Table(shown, data.drop(columns="here"))


def corruptions(by_corruption: pd.DataFrame) -> Table:
    """Tabulate top-1 per model and corruption, with column means last.

    Args:
        by_corruption: models (index) x corruptions, in percent (see `bvg.results.scores.corruptions`).
    """
    by_corruption = by_corruption.dropna(axis=1, how="all")
    data = by_corruption.rename_axis("model").reset_index().melt("model", var_name="corruption", value_name="top1")
    shown = by_corruption.map(lambda v: format_number(v, 1)).reset_index(drop=True)
    shown.insert(0, "Model", model_names(by_corruption.index))
    mean = {"Model": "**mean**"} | {c: f"**{format_number(v, 1)}**" for c, v in by_corruption.mean().items()}
    shown = pd.concat([shown, pd.DataFrame([mean])], ignore_index=True)
    return Table(shown.rename(columns=lambda c: c.replace("_", " ")), data)


def extremes(by_corruption: pd.DataFrame) -> str:
    """State the hardest and the easiest corruption by mean top-1, for prose."""
    means = by_corruption.mean().dropna()
    if means.empty:
        return "not measured"
    low, high = means.idxmin(), means.idxmax()
    return (
        f"the hardest is {low.replace('_', ' ')} ({format_number(means[low], 1)} %), "
        f"the easiest {high.replace('_', ' ')} ({format_number(means[high], 1)} %)"
    )


def pair(cell: pd.Series | None) -> str:
    """Name two correlated biases for prose; `none` without a cell.

    Args:
        cell: from `bvg.results.correlation.strongest`.
    """
    if cell is None:
        return "none"
    return f"{study.bias(cell['row']).plain} and {study.bias(cell['column']).plain} ({format_number(cell['shown'])})"


def measured(results: pd.DataFrame, benchmarks: Sequence[str]) -> Table:
    """Return the rows of a results table for these benchmarks."""
    data = results[results["benchmark"].isin(list(benchmarks))].drop(columns="source")
    shown = data.assign(level=data["level"].map(lambda v: "" if pd.isna(v) else f"{v:.4g}"), n=data["n"].astype(str))
    return Table(shown, data)


def _in_order(models: Sequence[str]) -> list[str]:
    """Sort models in the order of `bvg.study`, new ones last: runs list them alphabetically."""
    known = {m: k for k, m in enumerate((*known_models.models().index, *known_models.miniature().index))}
    return sorted(models, key=lambda m: known.get(m, len(known)))


_BEHIND = {"shape": "cue-conflict", "low_frequency": "low-pass", "high_frequency": "high-pass"}


def summary(
    results: pd.DataFrame,
    columns: Sequence[str],
    eps: float = study.PGD_EPSILON,
    world: study.World = study.STUDY,
) -> Table:
    """Tabulate benchmarks and biases per model, with the images last.

    Models are in the order of `known_models.models()` and `known_models.miniature()`, new ones last. Accuracies are top-1 [%]: for ImageNet-C
    and ImageNet-C-bar the mean over all corruptions and severities, for PGD at `eps`. Missing numbers are left empty. The number
    of images is that of one condition, but for a mean over corruptions it is the total.

    Args:
        results: a results table.
        columns: ids of benchmarks and biases.
        eps: strength of the attack, in (0, 1).
        world: the images that the models were measured on.

    Returns:
        `data` has the rows of the results table behind these columns, without `source`.

    Raises:
        ValueError: `columns` is empty or has another name.
        ResultsError: as in `bvg.results.scores.per_model`.
    """
    biases = [c for c in columns if c in bvg.results.scores.BIAS_COLUMNS]
    ids = [b.id for b in (*world.benchmarks, *study.BIASES)]
    if not len(columns) or not set(columns) <= set(ids):
        raise ValueError(
            f"expected `columns` to name benchmarks and biases among {', '.join(ids)}, got {list(columns)}"
        )
    all_of = {"allow_missing": True, "outside": True}
    numbers = bvg.results.scores.benchmarks(results, **all_of, eps=eps, world=world).set_index("model")
    numbers = numbers.join(bvg.results.scores.per_model(results, **all_of, needs=biases).set_index("model")[biases])
    numbers = numbers.loc[_in_order(numbers.index)]
    shown = pd.DataFrame({"Model": model_names(numbers.index)})
    images = {"Model": "*images*"}
    for column in columns:
        accuracy = column not in biases
        title = world.name(column) + (f", ε = {255 * eps:.4g}/255" if column == "pgd" else "")
        title += " [%]" if accuracy else ""
        shown[title] = [format_value(column, v) for v in numbers[column]]
        images[title] = _images(results, column, eps)
    if any(list(images.values())[1:]):
        shown = pd.concat([shown, pd.DataFrame([images])], ignore_index=True)
    behind = {_BEHIND.get(c, "critical-band") if c in biases else c for c in columns}
    behind |= {"imagenet"} if behind & {"low-pass", "high-pass"} else set()
    return Table(shown, measured(results, sorted(behind)).data.reset_index(drop=True))


def _images(results: pd.DataFrame, column: str, eps: float) -> str:
    """State the images behind a column: one number, or the fewest and the most; empty if no row states it."""
    if column in ("low_frequency", "high_frequency"):
        rows = results[results["benchmark"] == _BEHIND[column]]
    elif column == "shape":
        rows = results[results["metric"] == "shape_bias"]
    elif column in bvg.results.scores.BIAS_COLUMNS:
        rows = results[(results["metric"] == column) & (results["variant"] == "relative")]
    elif column == "pgd":
        rows = bvg.results.scores.attacks(results, eps)
    else:
        rows = results[(results["benchmark"] == column) & (results["metric"] == "top1")]
        given = rows[rows["variant"] == ""]
        single = rows[~rows["model"].isin(given["model"])]
        rows = pd.concat([given, single.groupby("model", as_index=False)["n"].sum(min_count=1)])
    n = rows["n"].dropna()
    return "" if n.empty else f"{n.min():,}" if n.min() == n.max() else f"{n.min():,}–{n.max():,}"


def compare_correlations(published: pd.DataFrame, miniature: pd.DataFrame) -> Table:
    """Compare the correlations of the study with those of the miniature, cell by cell.

    Verdicts: `same` (significant in both, with one sign), `opposite` (significant in both, with opposite signs), `only
    published` and `only miniature` (significant in one), `neither`, and `not defined` (undefined in at least one).

    Args:
        published, miniature: from `bvg.results.correlation.correlate`, with the same cells.

    Returns:
        `data` has the columns row, column, group, then r, p, n, shown with the suffixes _published and _miniature, verdict.
        `displayed` has one row per pair of names with both correlations and the verdict for each group; the n in its header
        is the largest in the group.

    Raises:
        ValueError: a cell is in only one of the tables.
    """
    names = ["row", "column", "group"]
    suffixes = ("_published", "_miniature")
    data = published.merge(miniature, "outer", names, suffixes=suffixes, indicator=True, validate="one_to_one")
    alone = data[data["_merge"] != "both"]
    if len(alone):
        raise ValueError(
            f"expected the same cells in both tables, got {alone[names].iloc[0].tolist()} in only one of them"
        )
    data = published[names].merge(data.drop(columns="_merge"), on=names)
    data["verdict"] = [_verdict(a, b) for a, b in zip(data["shown_published"], data["shown_miniature"], strict=True)]
    largest = data.groupby("group")[["n_published", "n_miniature"]].max()
    lines = []
    for (row, column), cells in data.groupby(names[:2], sort=False):
        line = {"Correlation of": _both_names(row), "with": _both_names(column)}
        for cell in cells.itertuples():
            title = study.MODEL_SETS[cell.group].name
            n = ", ".join(map(str, largest.loc[cell.group]))
            both = f"{format_r(cell.shown_published)}, {format_r(cell.shown_miniature)}"
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
    """Compare two correlations that are 0 where not significant.

    Example:
        >>> _verdict(-0.5, -0.9), _verdict(-0.5, 0.0), _verdict(0.0, float("nan"))
        ('same', 'only published', 'not defined')
    """
    if np.isnan(published) or np.isnan(miniature):
        return "not defined"
    if published and miniature:
        return "same" if published * miniature > 0 else "opposite"
    return "only published" if published else "only miniature" if miniature else "neither"


def _both_names(column: str) -> str:
    """Return the study's name without its unit and, if it differs, the miniature's."""
    names = (world.plain(column) for world in (study.STUDY, study.MINIATURE))
    return " / ".join(dict.fromkeys(names))


def scores(table: pd.DataFrame) -> Table:
    """Tabulate categories and biases per model.

    Args:
        table: a scores table (see `bvg.results.scores.per_model`).
    """
    names = {b.id: b.name for b in study.BIASES} | study.CATEGORY_NAMES
    shown = pd.DataFrame({"Model": model_names(table["model"])})
    for column in table.columns.drop(["model", "group"]):
        shown[names.get(column, column)] = [format_value(column, v) for v in table[column]]
    return Table(shown, table)
