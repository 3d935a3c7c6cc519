"""Scores of each model: the four categories of generalization, the six biases, and accuracy per benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bvg import known_models, study
from bvg.results.schema import SAME_LEVEL, ResultsError

CATEGORY_COLUMNS = tuple(study.CATEGORIES)
BIAS_COLUMNS = tuple(b.id for b in study.BIASES)
COLUMNS = ("model", "group", *CATEGORY_COLUMNS, *BIAS_COLUMNS)


def per_model(
    results: pd.DataFrame,
    categories: Mapping[str, Sequence[str]] | None = None,
    low_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    high_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    allow_missing: bool = False,
    outside: bool = False,
    needs: Sequence[str] | None = None,
    eps: float = study.PGD_EPSILON,
    world: study.World = study.STUDY,
) -> pd.DataFrame:
    """Compute the categories and the six biases: one row per model.

    A category is the mean of its benchmarks' top-1 accuracy, in percent. The two spectral biases are the mean, over the
    cut-offs, of filtered accuracy divided by clean ImageNet accuracy (fractions; slightly above 1 is possible). Shape bias
    is a fraction. The critical band's values are the *relative* ones: thresholds relative to the accuracy without noise.
    (Definitions: the paper and its authors' analysis notebook.)

    Args:
        results: a results table (see `bvg.results.table`).
        categories: category -> benchmark ids; None for those of `world`.
        low_cutoffs, high_cutoffs: cut-offs in [0, 1] over which the low- and the high-frequency bias average.
        allow_missing: give NaN where a model lacks a number, instead of rejecting the table.
        outside: keep the models that the published file holds and the study does not use.
        needs: the categories and biases that must be complete; None for all of them. In the other columns, a missing
            number gives NaN.
        eps: strength of the attack behind the Adversarial score, in (0, 1).
        world: the images that the models were measured on (see `bvg.results.world_of`).

    Returns:
        One row per model with the columns model, group, the categories and the biases.

    Raises:
        ResultsError: a model lacks a number that a score needs; the message names model and number. Or a model whose
            filtered accuracies are to be divided by its ImageNet accuracy has 0 % there. Or the table has attacks, but
            none of strength `eps`.
        ValueError: unknown benchmarks or columns, or cut-offs or `eps` out of their range.

    Example:
        >>> from bvg import results
        >>> scores = per_model(results.load("published"))
        >>> len(scores), scores.set_index("model").loc["tv_resnet50", "ID"].round(2).item()
        (48, 75.26)
    """
    categories = world.categories if categories is None else categories
    needs = _checked_needs(categories, needs)
    if {"low_frequency", "high_frequency"}.intersection(needs):
        _reject_zero(results)
    accuracy = _accuracies(results, outside, eps)
    table = accuracy[["group"]].copy()
    for name, members in categories.items():
        table[name] = accuracy[list(members)].mean(axis=1, skipna=False)
    biases = _biases(results, low_cutoffs, high_cutoffs).reindex(table.index)
    table = table.join(biases)
    if not allow_missing:
        _reject_missing(results, table[needs], accuracy, categories, low_cutoffs, high_cutoffs, eps, world)
    return table.reset_index()


def _checked_needs(categories: Mapping[str, Sequence[str]], needs: Sequence[str] | None) -> list[str]:
    """Return the scores that must be complete, after checking that benchmarks and scores exist."""
    known = [b.id for b in study.BENCHMARKS]
    for name, members in categories.items():
        unknown = [m for m in members if m not in known]
        if unknown or not members:
            raise ValueError(
                f"expected `categories[{name!r}]` to list benchmarks among {', '.join(known)}, got {list(members)}"
            )
    needs = [*categories, *BIAS_COLUMNS] if needs is None else list(needs)
    if unknown := [n for n in needs if n not in (*categories, *BIAS_COLUMNS)]:
        raise ValueError(
            f"expected `needs` to name scores among {', '.join([*categories, *BIAS_COLUMNS])}, got {unknown}"
        )
    return needs


def benchmarks(
    results: pd.DataFrame,
    allow_missing: bool = False,
    outside: bool = False,
    eps: float = study.PGD_EPSILON,
    world: study.World = study.STUDY,
) -> pd.DataFrame:
    """Collect top-1 accuracy [%] on each benchmark of `world`: one row per model.

    ImageNet-C and ImageNet-C-bar are the mean over all corruptions and severities: the given mean where the table has one,
    else the mean of the study's full set of conditions. PGD is the row of the attack (Linf) of strength `eps`, in (0, 1).
    The other arguments, and what is raised, as in `per_model`.

    Returns:
        Columns model, group and the ids of the benchmarks. Benchmarks outside the paper's categories follow if the table
        has any number for them; a model without one has NaN there.
    """
    table = _accuracies(results, outside, eps)
    ids = [b.id for b in world.benchmarks]
    if not allow_missing:
        lacks = table[ids].isna().stack()
        if lacks.any():
            model, benchmark = lacks[lacks].index[0]
            raise ResultsError(_lack(model, _need(results, model, benchmark, eps, world), int(lacks.sum()) - 1))
    further = [b.id for b in world.further if table[b.id].notna().any()]
    return table[["group", *ids, *further]].reset_index()


def _accuracies(results: pd.DataFrame, outside: bool, eps: float) -> pd.DataFrame:
    """Collect group and top-1 [%] on every benchmark, one row per model (index), NaN where a number is missing."""
    top1 = results[results["metric"] == "top1"]
    plain = top1[(top1["variant"] == "") & top1["level"].isna()]
    order = pd.unique(results["model"])
    table = plain.pivot(index="model", columns="benchmark", values="value").reindex(order)
    table["pgd"] = attacks(results, eps).set_index("model")["value"]
    for benchmark in study.CORRUPTIONS:
        means = corruptions(results, benchmark)
        given = table[benchmark] if benchmark in table else pd.Series(dtype=float)
        table[benchmark] = given.reindex(order).fillna(means.mean(axis=1, skipna=False))
    table = table.reindex(columns=[b.id for b in study.BENCHMARKS]).rename_axis(index="model", columns=None)
    table.insert(0, "group", known_models.describe(table.index)["group"])
    return table if outside else table[table["group"] != "outside"]


def attacks(results: pd.DataFrame, eps: float) -> pd.DataFrame:
    """Select top-1 under the Linf attack of strength `eps`, in (0, 1): one row per model that has it."""
    if not 0 < eps < 1:
        raise ValueError(f"expected `eps` in (0, 1), got {eps} (is it in 1/255?)")
    attacks = results[
        (results["benchmark"] == "pgd") & (results["variant"] == "linf") & (results["metric"] == "top1")
    ].dropna(subset="level")
    chosen = attacks[np.isclose(attacks["level"].astype(float), eps, rtol=0, atol=SAME_LEVEL / 2)]
    if chosen.empty and len(attacks) and eps != study.PGD_EPSILON:
        raise ResultsError(
            f"expected `eps` to be that of an attack in the table ({_in_255(attacks['level'])}), got {_in_255([eps])}"
        )
    return chosen


def _in_255(levels: Sequence[float]) -> str:
    """Format attack strengths in units of 1/255.

    >>> _in_255([4 / 255, 0.5 / 255, 4 / 255])
    '0.5/255, 4/255'
    """
    return ", ".join(dict.fromkeys(f"{255 * level:.4g}/255" for level in sorted(levels)))


def corruptions(results: pd.DataFrame, benchmark: str) -> pd.DataFrame:
    """Average top-1 [%] over the five severities: one row per model (index), one column per corruption.

    NaN where a model lacks a corruption or one of its severities.
    """
    rows = results[(results["benchmark"] == benchmark) & (results["metric"] == "top1") & (results["variant"] != "")]
    means = rows[rows["level"].isna()].pivot(index="model", columns="variant", values="value")
    single = rows[rows["level"].isin(study.SEVERITIES)].groupby(["model", "variant"])["value"].agg(["mean", "count"])
    full = single.loc[single["count"] == len(study.SEVERITIES), "mean"].unstack()
    return means.combine_first(full).reindex(columns=list(study.CORRUPTIONS[benchmark])).rename_axis(columns=None)


def bandpass(results: pd.DataFrame) -> pd.DataFrame:
    """Collect accuracy on filtered images relative to clean accuracy, as tidy curves.

    Ratios in the table are taken as they are; where it has only accuracies, they are divided by the model's ImageNet top-1.

    Returns:
        Columns model, kind (`low-pass` or `high-pass`), cutoff in [0, 1], relative_top1 (fraction of clean accuracy); no
        row where the table has neither.

    Raises:
        ResultsError: a model's ImageNet top-1 is 0 %; the message names the model.
    """
    _reject_zero(results)
    return _curves(results)


def _curves(results: pd.DataFrame) -> pd.DataFrame:
    """Do the work of `bandpass`; accuracies of a model with 0 % on ImageNet are left out."""
    rows = results[results["benchmark"].isin(["low-pass", "high-pass"])]
    clean = _clean(results)
    # `map` turns an empty column into text.
    derived = rows["value"] / rows["model"].map(clean[clean > 0]).astype(float)
    rows = rows.assign(relative_top1=rows["value"].where(rows["metric"] == "relative_top1", derived))
    curves = rows.rename(columns={"benchmark": "kind", "level": "cutoff"}).sort_values("metric", kind="stable")
    # "relative_top1" sorts before "top1", so a ratio in the table wins over a derived one.
    curves = curves.drop_duplicates(["model", "kind", "cutoff"]).dropna(subset="relative_top1").sort_index()
    return curves[["model", "kind", "cutoff", "relative_top1"]].reset_index(drop=True)


def _clean(results: pd.DataFrame) -> pd.Series:
    """Return ImageNet top-1 [%] by model."""
    return results[(results["benchmark"] == "imagenet") & (results["metric"] == "top1")].set_index("model")["value"]


def _reject_zero(results: pd.DataFrame) -> None:
    filtered = results[results["benchmark"].isin(["low-pass", "high-pass"]) & (results["metric"] == "top1")]
    clean = _clean(results)
    wrong = filtered.loc[filtered["model"].isin(clean.index[clean == 0]), "model"]
    if len(wrong):
        raise ResultsError(
            f"model {wrong.iloc[0]!r}: expected ImageNet top-1 above 0 %, since its low- and high-pass accuracies are divided by it, "
            "got 0 %: leave out the model, or its low- and high-pass rows"
        )


def _biases(results: pd.DataFrame, low_cutoffs: Sequence[float], high_cutoffs: Sequence[float]) -> pd.DataFrame:
    """Compute the six biases: one row per model, NaN where a number is missing."""
    curves = _curves(results)
    table = pd.DataFrame(index=pd.unique(results["model"]))
    shape = results[(results["metric"] == "shape_bias") & (results["variant"] == "")]
    table["shape"] = shape.set_index("model")["value"]
    for column, kind, cutoffs in (
        ("low_frequency", "low-pass", low_cutoffs),
        ("high_frequency", "high-pass", high_cutoffs),
    ):
        if len(cutoffs) == 0 or not all(0 <= c <= 1 for c in cutoffs):
            raise ValueError(f"expected cut-offs in [0, 1], at least one, got {list(cutoffs)} (are they in percent?)")
        of = curves[curves["kind"] == kind].assign(cutoff=lambda t: t["cutoff"].round(6))
        wide = of.pivot(index="model", columns="cutoff", values="relative_top1").reindex(columns=np.round(cutoffs, 6))
        table[column] = wide.mean(axis=1, skipna=False)
    relative = results[(results["benchmark"] == "critical-band") & (results["variant"] == "relative")]
    for column in ("bandwidth", "center_frequency", "peak_noise_sensitivity"):
        table[column] = relative[relative["metric"] == column].set_index("model")["value"]
    return table


def _reject_missing(results, table, accuracy, categories, low_cutoffs, high_cutoffs, eps, world) -> None:
    """Raise if a score in `table` is missing."""
    needs = {
        "shape": "shape_bias on cue-conflict",
        "low_frequency": f"low-pass accuracy at each of {list(low_cutoffs)}",
        "high_frequency": f"high-pass accuracy at each of {list(high_cutoffs)}",
    }
    for column in table.columns:
        lacking = table.index[table[column].isna()]
        if len(lacking):
            model = lacking[0]
            if column in categories:
                absent = [b for b in categories[column] if np.isnan(accuracy.at[model, b])]
                need = ", ".join(_need(results, model, b, eps, world) for b in absent)
            else:
                need = needs.get(column, f"{column} of the critical band (variant `relative`)")
            raise ResultsError(_lack(model, need, len(lacking) - 1, f" for the score `{column}`"))


def _need(results: pd.DataFrame, model: str, benchmark: str, eps: float, world: study.World) -> str:
    """Name what a model lacks, and what it has instead."""
    if benchmark == "pgd":
        own = results[(results["model"] == model) & (results["benchmark"] == "pgd") & (results["variant"] == "linf")]
        others = f" (it has that at {_in_255(own['level'].dropna())})" if own["level"].notna().any() else ""
        return f"top-1 on pgd at eps {_in_255([eps])}{others}"
    nowhere = benchmark not in [b.id for b in (*world.benchmarks, *world.further)]
    return f"top-1 on {benchmark}{' (the miniature has none: leave it out of `categories`)' if nowhere else ''}"


def _lack(model: str, need: str, more: int, why: str = "") -> str:
    others = f" (and {more} more)" if more else ""
    return (
        f"model {model!r} lacks {need}{why}{others}: measure it, leave the model out, "
        "or set `allow_missing=True` to draw each figure over the models that have what it needs"
    )
