"""Models among the others: who they are, their numbers with intervals and ranks, what the others lead one to expect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bvg import known_models, results, study
from bvg.messages import suggest
from bvg.results import cue_counts
from bvg.results import scores as scored
from bvg.results.scores import BIAS_COLUMNS
from companion.analysis import (
    bias_error,
    choices,
    effective_robustness,
    layer_criticality,
    measurement_error,
)
from companion.analysis.expectation import COVERAGE, lines
from companion.analysis.report_models import commands, who
from companion.analysis.transfer import FEATURES


@dataclass(frozen=True)
class Report:
    """What a report on models shows; every table has the column model.

    Attributes:
        models: ids of the models.
        world: the images that they were measured on.
        per_model: scores of all models.
        who: from `companion.analysis.report_models.who`.
        numbers: from `numbers`.
        expected: from `expected`.
        effective: as from `companion.analysis.effective_robustness.residuals`, of the models only.
        nearest: ids of the models with the most similar biases, by model.
        commands: from `companion.analysis.report_models.commands`.
    """

    models: tuple[str, ...]
    world: study.World
    per_model: pd.DataFrame
    who: pd.DataFrame
    numbers: pd.DataFrame
    expected: pd.DataFrame
    effective: pd.DataFrame
    nearest: dict[str, list[str]]
    commands: list[str]


def collect(
    source: str | Sequence[str],
    models: Sequence[str],
    low_cutoffs: Sequence[float],
    high_cutoffs: Sequence[float],
    standard: Sequence[str],
) -> Report:
    """Collect everything that a report on models shows.

    Args:
        source: results tables, as for `bvg.results.load`; those of the study or of the miniature's networks among them.
        models: ids of the models to report on.
        low_cutoffs, high_cutoffs: cut-offs of the spectral biases.
        standard: groups of models that the line of effective robustness is fitted to; the models themselves are left out.

    Raises:
        ValueError: a model is not among the results.
    """
    world, table = results.world_of(source), results.load(source)
    known = list(dict.fromkeys(table["model"]))
    for model in models:
        if model not in known:
            raise ValueError(
                f"expected models of the results to report on, got {model!r}{suggest(model, known)}: is its run among `results`?"
            )
    per_model = scored.per_model(table, None, low_cutoffs, high_cutoffs, allow_missing=True, world=world)
    accuracies = scored.benchmarks(table, allow_missing=True, world=world)
    imagenet = accuracies.set_index("model")["imagenet"].reindex(per_model["model"])
    own = table[table["n"].notna() & (table["metric"] == "top1")]
    images = {m: own[own["model"] == m].groupby("benchmark")["n"].max().astype(int).to_dict() or None for m in models}
    complete = accuracies.dropna(subset=["imagenet"]).reset_index(drop=True)
    fitted = complete["group"].isin(list(standard)) & known_models.counted(
        complete, [m for m in models if m in set(complete["model"])]
    )
    residuals, _ = effective_robustness.residuals(complete, fitted, world)
    cutoffs, complete_set = {"low-pass": low_cutoffs, "high-pass": high_cutoffs}, world.benchmarks[0].images
    biases = {
        m: bias_error.intervals(table, m, cutoffs, images=None if images[m] else complete_set)
        | bias_error.further(table, m)
        for m in models
    }
    further = layer_criticality.added(per_model.join(cue_counts.shares(table), on="model"), table)
    found = pd.concat(
        [numbers(further, accuracies, m, images[m], world, biases=biases[m]).assign(model=m) for m in models],
        ignore_index=True,
    )
    # What the paper does not use is shown where a model has it, and not missed where none has.
    beyond = found["measure"].isin([m.id for m in (*study.CUES, *study.CRITICALITY)])
    found = found[~beyond | found.groupby("measure")["value"].transform("count").gt(0)].reset_index(drop=True)
    manifests = results.manifests(source)
    return Report(
        tuple(models),
        world,
        per_model,
        who(models, manifests, table, world),
        found,
        pd.concat([expected(per_model, imagenet, m).assign(model=m) for m in models], ignore_index=True),
        residuals[residuals["model"].isin(list(models))].reset_index(drop=True),
        {m: nearest(per_model, m) for m in models},
        commands(found, manifests),
    )


def numbers(
    scores: pd.DataFrame,
    accuracies: pd.DataFrame,
    model: str,
    images: Mapping[str, int] | None = None,
    world: study.World = study.STUDY,
    confidence: float = 0.95,
    biases: Mapping[str, tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """Collect every bias and accuracy of a model, with its rank among the others.

    Args:
        scores: one row per model (`bvg.results.scores.per_model`), the model among them; with or without the further biases
            of `bvg.results.cue_counts.shares` and `companion.analysis.layer_criticality.added`.
        accuracies: one row per model (`bvg.results.scores.benchmarks`).
        model: its id.
        images: images behind each of its accuracies; None for complete sets.
        world: the benchmarks.
        confidence: level of the binomial intervals, in (0, 1).
        biases: intervals of biases, from `companion.analysis.bias_error`.

    Returns:
        measure (id of a bias, category or benchmark), kind (bias, category or benchmark), value, low, high (Wilson's interval of
        an accuracy whose number of images is known; that of a bias), rank (1 for the highest value), of (models ranked, this one included),
        neighbours (ids of the two models with the nearest values, joined by "; "). A value that is missing is NaN.

    Raises:
        ValueError: the model is not in the tables.
    """
    from statsmodels.stats.proportion import proportion_confint

    if model not in set(scores["model"]):
        raise ValueError(f"expected `model` to be a model of the results, got {model!r}: is its run among `results`?")
    images = measurement_error.images(world, published=False) if images is None else images
    joined = scores.merge(accuracies.drop(columns="group"), on="model")
    kinds = {b: "bias" for b in (*BIAS_COLUMNS, *(m.id for m in (*study.CUES, *study.CRITICALITY) if m.id in joined))}
    kinds |= {c: "category" for c in world.categories}
    kinds |= {b.id: "benchmark" for b in world.benchmarks}
    rows = []
    for measure, kind in kinds.items():
        values = joined.set_index("model")[measure].dropna()
        value, low, high = float(values.get(model, np.nan)), np.nan, np.nan
        others = values.drop(model, errors="ignore")
        if kind == "benchmark" and measure in images and np.isfinite(value):
            n = images[measure]
            low, high = (100 * v for v in proportion_confint(value / 100 * n, n, 1 - confidence, "wilson"))
        if kind == "bias" and np.isfinite(value):
            low, high = (biases or {}).get(measure, (np.nan, np.nan))
        rank = 1 + int((others > value).sum()) if np.isfinite(value) else np.nan
        near = others.sub(value).abs().sort_values(kind="stable").index[:2] if np.isfinite(value) else []
        rows.append((measure, kind, value, low, high, rank, len(others) + 1, "; ".join(near)))
    return pd.DataFrame(rows, columns=["measure", "kind", "value", "low", "high", "rank", "of", "neighbours"])


def expected(
    scores: pd.DataFrame,
    imagenet: Sequence[float],
    model: str,
    coverage: float = COVERAGE,
    features: Mapping[str, Sequence[str]] = FEATURES,
) -> pd.DataFrame:
    """Predict a model's categories from the models of other publications, or of other recipes among the miniature's networks.

    Args:
        scores: one row per model with categories [%] and biases, the model among them.
        imagenet: ImageNet top-1 [%] of each row.
        model: its id.
        coverage: level of the prediction intervals, in (0, 1).
        features: name -> columns of `scores`, or `imagenet`.

    Returns:
        category, features, n (models behind the prediction), predicted, low, high, measured [%], surprise (distance of the
        measured value from the predicted one in half-widths of the interval; above 1: outside). NaN where a value is missing.

    Raises:
        ValueError: `coverage` is outside (0, 1), or the model is not in the table.
    """
    if model not in set(scores["model"]):
        raise ValueError(f"expected `model` to be a model of the results, got {model!r}")
    table = scores.assign(imagenet=np.asarray(imagenet, float), family=choices.families(scores, "source"))
    own = table[table["model"] == model].iloc[0]
    rest = table[(table["family"] != own["family"]) & known_models.counted(table, [model])]
    fits, counts = lines(rest, coverage, features)
    fitted = {(line.category, line.features): line for line in fits}
    rows = []
    for (category, name), n in counts.items():
        line, measured = fitted.get((category, name)), float(own[category])
        predicted, low, high = line.at(own[list(line.columns)]) if line else (np.nan,) * 3
        surprise = 2 * (measured - predicted) / (high - low) if high > low else np.nan
        rows.append((category, name, n, predicted, low, high, measured, surprise))
    return pd.DataFrame(rows, columns=["category", "features", "n", "predicted", "low", "high", "measured", "surprise"])


def nearest(scores: pd.DataFrame, model: str, most: int = 3) -> list[str]:
    """Return the models with the most similar biases: the smallest mean distance of ranks over the biases that both have.

    Args:
        scores: one row per model with the biases.
        model: the model.
        most: how many.
    """
    ranks = scores.set_index("model")[list(BIAS_COLUMNS)].rank(pct=True)
    distance = (ranks - ranks.loc[model]).abs().mean(axis=1).drop(model)
    return list(distance.sort_values(kind="stable").index[:most])
