"""The book's tables: functions of tidy tables that return what is shown (MyST text) beside what is saved (numbers)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bvg import study
from bvg.text import signed


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
    """All models with group, training method, citation and ImageNet top-1.

    Args:
        accuracy: one row per model with the columns model and imagenet (see `bvg.scores.benchmarks`).
    """
    about = study.describe(accuracy["model"]).reset_index()
    data = about[["model", "name", "group", "method", "citation", "norm", "epsilon"]].assign(
        imagenet=accuracy["imagenet"].to_numpy()
    )
    shown = pd.DataFrame(
        {
            "Model": about["name"],
            "Training": about["method"],
            "Group": about["group"].map(lambda g: study.GROUPS.get(g, "New")),
            "Source": about["citation"].map(lambda key: f"{{cite:t}}`{key}`" if key else ""),
            "ImageNet top-1 [%]": accuracy["imagenet"].map(lambda v: signed(v, 2)).to_numpy(),
            "Id": "`" + about["model"] + "`",
        }
    )
    return Table(shown, data)


def benchmarks() -> Table:
    """The ten benchmarks: category, data set, images, classes, what is measured."""
    data = pd.DataFrame([vars(b) for b in study.BENCHMARKS]).drop(columns="short")
    shown = pd.DataFrame(
        {
            "Category": data["category"].map(study.CATEGORY_NAMES),
            "Data set": data["name"] + " {cite:p}`" + data["citation"] + "`",
            "Images": data["images"].map("{:,}".format),
            "Classes": data["classes"].map("{:,}".format),
            "Measured": data["measured"],
        }
    )
    return Table(shown, data)


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
    for group, title in {"total": "All", "at": "AT", "other": "Others"}.items():
        shown[f"{title}, printed"] = [signed(v) for v in wide["printed", group]]
        shown[f"{title}, here"] = [signed(v, 4) for v in wide["shown", group]]
    shown["Agrees"] = ["yes" if all(row) else "**no**" for row in wide["agrees"].to_numpy()]
    return Table(shown, data)


def corruptions(by_corruption: pd.DataFrame) -> Table:
    """Top-1 per corruption, one row per model, one column per corruption, means of the columns last.

    Args:
        by_corruption: models (index) x corruptions, in percent (see `bvg.scores.corruptions`).
    """
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
    """Two correlated biases, for prose; `none` where there is no such cell (see `bvg.stats.strongest`)."""
    if cell is None:
        return "none"
    names = (study.bias(b).name.partition(" [")[0] for b in (cell["row"], cell["column"]))
    return f"{' and '.join(names)} ({signed(cell['shown'])})"


def shared_fits(scores: pd.DataFrame) -> pd.Series:
    """How many models share each distinct fit of the critical band (six decimals), most shared first."""
    columns = [b.id for b in study.BIASES if b.test == "critical band"]
    return scores[columns].dropna().round(6).value_counts()


def measured(results: pd.DataFrame, benchmarks: Sequence[str]) -> Table:
    """Rows of a results table for these benchmarks, as they are."""
    data = results[results["benchmark"].isin(list(benchmarks))].drop(columns="source")
    shown = data.assign(level=data["level"].map(lambda v: "" if pd.isna(v) else f"{v:.4g}"), n=data["n"].astype(str))
    return Table(shown, data)


def scores(table: pd.DataFrame) -> Table:
    """Categories and biases per model, with readable names.

    Args:
        table: a scores table (see `bvg.scores.per_model`).
    """
    shown = table.drop(columns=["model", "group"]).rename(
        columns={b.id: b.name for b in study.BIASES} | study.CATEGORY_NAMES
    )
    shown.insert(0, "Model", study.describe(table["model"])["name"].to_numpy())
    return Table(shown, table)
