"""From the results table to one row per model: the four categories of generalization and the six biases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bvg import study
from bvg.results.table import SAME_LEVEL, ResultsError

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
    epsilon: float = study.PGD_EPSILON,
) -> pd.DataFrame:
    """One row per model: model, group, the categories and the six biases.

    A category is the mean of its benchmarks' top-1 accuracy, in percent. The two spectral biases are the mean, over the
    cut-offs, of filtered accuracy divided by clean ImageNet accuracy (fractions; slightly above 1 is possible). Shape bias
    is a fraction. The critical band's values are the *relative* ones: thresholds against the accuracy without noise.
    (Definitions: the paper and its authors' analysis notebook.)

    Args:
        results: a results table (see `bvg.results`).
        categories: category -> benchmark ids; None is those of `study.world`.
        low_cutoffs, high_cutoffs: cut-offs in [0, 1] over which the low- and the high-frequency bias average.
        allow_missing: give NaN where a model lacks a number, instead of refusing the table.
        outside: keep the models that the published file holds and the study does not use.
        needs: the categories and biases that must be complete; None is all of them. In the other columns a missing
            number gives NaN.
        epsilon: of the attack that is the Adversarial score, in (0, 1).

    Raises:
        ResultsError: a model lacks a number that a score needs; the message names model and number. Or a model whose
            filtered accuracies are to be divided by its ImageNet accuracy has 0 % there. Or `epsilon` is not the study's,
            and of attacks there are others only.
        ValueError: unknown benchmarks or columns, or cut-offs or `epsilon` out of their range.

    Example:
        >>> from bvg import results
        >>> scores = per_model(results.load("published"))
        >>> len(scores), scores.set_index("model").loc["tv_resnet50", "ID"].round(2).item()
        (48, 75.26)
    """
    if categories is None:
        categories = study.world(results["model"]).categories
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
    if {"low_frequency", "high_frequency"}.intersection(needs):
        _refuse_zero(results)
    accuracy = _accuracies(results, outside, epsilon)
    table = accuracy[["group"]].copy()
    for name, members in categories.items():
        table[name] = accuracy[list(members)].mean(axis=1, skipna=False)
    biases = _biases(results, low_cutoffs, high_cutoffs).reindex(table.index)
    table = table.join(biases)
    if not allow_missing:
        _refuse_missing(results, table[needs], accuracy, categories, low_cutoffs, high_cutoffs, epsilon)
    return table.reset_index()


def benchmarks(
    results: pd.DataFrame, allow_missing: bool = False, outside: bool = False, epsilon: float = study.PGD_EPSILON
) -> pd.DataFrame:
    """One row per model: model, group and top-1 [%] on each benchmark of `study.world`, under their ids.

    Those are the study's ten, or the nine of the miniature. ImageNet-C and ImageNet-C-bar are the mean over all corruptions
    and severities: the given mean where the table has one, else the mean of the study's full set of conditions. PGD is the
    row of the attack (Linf) with `epsilon`, in (0, 1). The other arguments, and what is raised, as in `per_model`.
    """
    table = _accuracies(results, outside, epsilon)
    ids = [b.id for b in study.world(table.index).benchmarks]
    if not allow_missing:
        lacks = table[ids].isna().stack()
        if lacks.any():
            model, benchmark = lacks[lacks].index[0]
            raise ResultsError(_lack(model, _need(results, model, benchmark, epsilon), int(lacks.sum()) - 1))
    return table[["group", *ids]].reset_index()


def _accuracies(results: pd.DataFrame, outside: bool, epsilon: float) -> pd.DataFrame:
    """Group and top-1 [%] on each of the ten benchmarks, one row per model (index), NaN where a number is missing."""
    top1 = results[results["metric"] == "top1"]
    plain = top1[(top1["variant"] == "") & top1["level"].isna()]
    order = pd.unique(results["model"])
    table = plain.pivot(index="model", columns="benchmark", values="value").reindex(order)
    table["pgd"] = attacks(results, epsilon).set_index("model")["value"]
    for benchmark in study.CORRUPTIONS:
        means = corruptions(results, benchmark)
        given = table[benchmark] if benchmark in table else pd.Series(dtype=float)
        table[benchmark] = given.reindex(order).fillna(means.mean(axis=1, skipna=False))
    table = table.reindex(columns=[b.id for b in study.BENCHMARKS]).rename_axis(index="model", columns=None)
    table.insert(0, "group", study.describe(table.index)["group"])
    return table if outside else table[table["group"] != "outside"]


def attacks(results: pd.DataFrame, epsilon: float) -> pd.DataFrame:
    """The rows of top-1 under the Linf attack of that epsilon, in (0, 1): one per model that has it."""
    if not 0 < epsilon < 1:
        raise ValueError(f"expected `epsilon` in (0, 1), got {epsilon} (is it in 1/255?)")
    attacks = results[
        (results["benchmark"] == "pgd") & (results["variant"] == "linf") & (results["metric"] == "top1")
    ].dropna(subset="level")
    chosen = attacks[np.isclose(attacks["level"].astype(float), epsilon, rtol=0, atol=SAME_LEVEL / 2)]
    if chosen.empty and len(attacks) and epsilon != study.PGD_EPSILON:
        raise ResultsError(
            f"expected `epsilon` to be that of an attack in the table ({_in_255(attacks['level'])}), "
            f"got {_in_255([epsilon])}"
        )
    return chosen


def _in_255(levels: Sequence[float]) -> str:
    """Epsilons in the field's unit.

    >>> _in_255([4 / 255, 0.5 / 255, 4 / 255])
    '0.5/255, 4/255'
    """
    return ", ".join(dict.fromkeys(f"{255 * level:.4g}/255" for level in sorted(levels)))


def corruptions(results: pd.DataFrame, benchmark: str) -> pd.DataFrame:
    """Top-1 [%] per corruption: one row per model (index), one column per corruption, the mean over the five severities.

    NaN where a model lacks a corruption or one of its severities.
    """
    rows = results[(results["benchmark"] == benchmark) & (results["metric"] == "top1") & (results["variant"] != "")]
    means = rows[rows["level"].isna()].pivot(index="model", columns="variant", values="value")
    single = rows[rows["level"].isin(study.SEVERITIES)].groupby(["model", "variant"])["value"].agg(["mean", "count"])
    full = single.loc[single["count"] == len(study.SEVERITIES), "mean"].unstack()
    return means.combine_first(full).reindex(columns=list(study.CORRUPTIONS[benchmark])).rename_axis(columns=None)


def bandpass(results: pd.DataFrame) -> pd.DataFrame:
    """Tidy curves: model, kind (`low-pass` or `high-pass`), cutoff in [0, 1], relative_top1 (fraction of clean accuracy).

    Ratios that the table states are taken as they are; where it has only accuracies, they are divided by the model's
    ImageNet top-1. Empty where the table has neither.

    Raises:
        ResultsError: that ImageNet top-1 is 0 %; the message names the model.
    """
    _refuse_zero(results)
    return _curves(results)


def _curves(results: pd.DataFrame) -> pd.DataFrame:
    """`bandpass`, without those accuracies that 0 % would divide."""
    rows = results[results["benchmark"].isin(["low-pass", "high-pass"])]
    clean = _clean(results)
    # Of no rows `map` makes text.
    derived = rows["value"] / rows["model"].map(clean[clean > 0]).astype(float)
    rows = rows.assign(relative_top1=rows["value"].where(rows["metric"] == "relative_top1", derived))
    curves = rows.rename(columns={"benchmark": "kind", "level": "cutoff"}).sort_values("metric", kind="stable")
    # "relative_top1" sorts before "top1": a ratio that the table states wins over one that is derived.
    curves = curves.drop_duplicates(["model", "kind", "cutoff"]).dropna(subset="relative_top1").sort_index()
    return curves[["model", "kind", "cutoff", "relative_top1"]].reset_index(drop=True)


def _clean(results: pd.DataFrame) -> pd.Series:
    """ImageNet top-1 [%] by model."""
    return results[(results["benchmark"] == "imagenet") & (results["metric"] == "top1")].set_index("model")["value"]


def _refuse_zero(results: pd.DataFrame) -> None:
    filtered = results[results["benchmark"].isin(["low-pass", "high-pass"]) & (results["metric"] == "top1")]
    clean = _clean(results)
    wrong = filtered.loc[filtered["model"].isin(clean.index[clean == 0]), "model"]
    if len(wrong):
        raise ResultsError(
            f"model {wrong.iloc[0]!r}: expected top-1 on imagenet above 0 % to divide its low- and high-pass accuracies by, "
            "got 0 %: leave the model out, or its low- and high-pass rows"
        )


def _biases(results: pd.DataFrame, low_cutoffs: Sequence[float], high_cutoffs: Sequence[float]) -> pd.DataFrame:
    """The six biases, one row per model, NaN where a number is missing."""
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


def _refuse_missing(results, table, accuracy, categories, low_cutoffs, high_cutoffs, epsilon) -> None:
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
                need = ", ".join(_need(results, model, b, epsilon) for b in absent)
            else:
                need = needs.get(column, f"{column} of the critical band (variant `relative`)")
            raise ResultsError(_lack(model, need, len(lacking) - 1, f" for the score `{column}`"))


def _need(results: pd.DataFrame, model: str, benchmark: str, epsilon: float) -> str:
    """What a model lacks, with what it has instead."""
    if benchmark == "pgd":
        own = results[(results["model"] == model) & (results["benchmark"] == "pgd") & (results["variant"] == "linf")]
        others = f" (it has that at {_in_255(own['level'].dropna())})" if own["level"].notna().any() else ""
        return f"top-1 on pgd at epsilon {_in_255([epsilon])}{others}"
    nowhere = benchmark not in [b.id for b in study.world([model]).benchmarks]
    return f"top-1 on {benchmark}{' (the miniature has none: leave it out of `categories`)' if nowhere else ''}"


def _lack(model: str, need: str, more: int, why: str = "") -> str:
    others = f" (and {more} more)" if more else ""
    return (
        f"model {model!r} lacks {need}{why}{others}: measure it, leave the model out, "
        "or set `allow_missing=True` to draw each figure over the models that have what it needs"
    )
