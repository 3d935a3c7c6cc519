"""The explorer's content: every model on every bias, category, benchmark and corruption, with its mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bvg import known_models, study
from bvg.results import correlation, criticality, cue_counts, scores
from companion.analysis import choices
from companion.analysis.robustness import FEWEST_FAMILIES
from companion.explorer import html, own_model
from companion.explorer.svg_marks import drawing
from companion.figures.marks import group_name, mark
from companion.text import listed

CRITICALITY = study.CRITICALITY[0]
"""A bias that the paper does not use: mean layer criticality."""

CONTROL = "imagenet"
"""The benchmark that is held fixed at equal accuracy."""


@dataclass(frozen=True)
class Explorer:
    """The explorer's content.

    Attributes:
        data: plain values for the page's scripts: `models` (id, name, group, method, source, counted, family, apart, mark),
            `groups` (id, name), `measures` (id, name, plain, unit, kind, category, better), `values` [models x measures] with
            None for a missing number, `apart`, the name of the set of models that is set apart, `statistics` (see `_settings`),
            `start`, the first view, and `own`, what the page needs to add a model of the reader (see `own_model`).
    """

    data: dict[str, Any]

    def table(self) -> pd.DataFrame:
        """Return a tidy table: model, measure, value; accuracies in percent."""
        models, measures = ([row["id"] for row in self.data[key]] for key in ("models", "measures"))
        wide = pd.DataFrame(self.data["values"], pd.Index(models, name="model"), measures, dtype=float)
        tidy = wide.rename_axis(columns="measure").stack().rename("value").reset_index()
        return tidy.dropna(subset="value").reset_index(drop=True)

    def fragment(self) -> str:
        """Return the explorer for a page of the book (see `html.fragment`)."""
        return html.fragment(self.data)

    def standalone(self) -> str:
        """Return the explorer as one HTML page that needs no other file."""
        return html.standalone(self.data)


def explorer(
    results: pd.DataFrame,
    categories: Mapping[str, Sequence[str]] | None = None,
    low_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    high_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    highlight: Sequence[str] = (),
    allow_missing: bool = False,
    families: str = "source",
    set_apart: Sequence[str] = ("adversarial_training",),
    statistics: Mapping[str, float] | None = None,
    world: study.World = study.STUDY,
) -> Explorer:
    """Collect every model of a results table on every measure.

    Args:
        results: a results table (see `bvg.results`).
        categories, low_cutoffs, high_cutoffs, allow_missing: as in `bvg.results.scores.per_model`.
        highlight: models that are selected at first and left out of statistics and ranks (see `known_models.counted`).
        families: which models the bootstrap resamples together (see `choices.families`).
        set_apart: groups of models that can be displayed next to the others (see `choices.sets`).
        statistics: `alpha` of the intervals and of significance, `replicates` and `seed` of the bootstrap; what is not given
            is 0.05, 2000 and 0.
        world: the images that the models were measured on.

    Raises:
        ResultsError: a model lacks a number and `allow_missing` is False.
        ValueError: unknown names, or a table without any bias or without any accuracy.

    Example:
        >>> from bvg import results
        >>> content = explorer(results.load("published"))
        >>> len(content.data["models"]), content.data["start"]["x"], content.data["start"]["y"]
        (48, 'shape', 'ID')
    """
    per_model = scores.per_model(results, categories, low_cutoffs, high_cutoffs, allow_missing, world=world)
    wide = _wide(results, per_model, allow_missing, world)
    measures = _measures(world, world.categories if categories is None else categories)
    measures = [m for m in measures if wide[m["id"]].notna().any()]
    biases = [m["id"] for m in measures if m["kind"] == "bias"]
    accuracies = [m["id"] for m in measures if m["kind"] != "bias"]
    if not biases or not accuracies:
        raise ValueError(
            f"expected results with at least one bias and one accuracy, got {len(biases)} and {len(accuracies)}: "
            "measure what is missing, or add a table that has it"
        )
    about = {
        "counted": [bool(c) for c in known_models.counted(per_model, highlight)],
        "family": list(choices.families(per_model, families)),
        "apart": [bool(a) for a in choices.sets(per_model, set_apart)["at"]],
    }
    models = _models(results, list(wide.index), about)
    used = [m["group"] for m in models]
    groups = list(dict.fromkeys([*(g for g in study.GROUPS if g in used), *used]))
    values = [[None if np.isnan(v) else float(v) for v in row] for row in wide[[m["id"] for m in measures]].to_numpy()]
    first = list(highlight) or [m["id"] for m in models if m["group"] == "new" and not m["counted"]]
    return Explorer(
        {
            "models": models,
            "groups": [{"id": g, "name": group_name(g, world)} for g in groups],
            "measures": measures,
            "values": values,
            "apart": listed(group_name(g, world) for g in set_apart),
            "statistics": _settings(
                statistics or {}, CONTROL if CONTROL in wide and wide[CONTROL].notna().any() else ""
            ),
            "start": {"x": biases[0], "y": accuracies[0], "models": first},
            "own": own_model.content(
                wide[about["counted"]],
                [m["id"] for m in measures],
                world.categories if categories is None else categories,
                (low_cutoffs, high_cutoffs),
                group_name("new", world),
            ),
        }
    )


def _wide(results: pd.DataFrame, per_model: pd.DataFrame, allow_missing: bool, world: study.World) -> pd.DataFrame:
    """A row per model with a column per measure."""
    benchmarks = scores.benchmarks(results, allow_missing, world=world).drop(columns="group")
    wide = per_model.set_index("model").join(cue_counts.shares(results)).join(benchmarks.set_index("model"))
    wide = wide.join(criticality.per_model(results)[[CRITICALITY.id]])
    for benchmark, corruptions in study.CORRUPTIONS.items():
        own = scores.corruptions(results, benchmark)
        wide = wide.join(own.rename(columns={c: f"{benchmark}/{c}" for c in corruptions}))
    return wide


def _settings(chosen: Mapping[str, float], control: str) -> dict[str, Any]:
    """The settings of the statistics: those of the reader, the measure held fixed at equal accuracy, and the fewest numbers."""
    fewest = {"fewest": correlation.FEWEST, "fewestFamilies": FEWEST_FAMILIES}
    return {"alpha": 0.05, "replicates": 2000, "seed": 0} | dict(chosen) | {"control": control} | fewest


def _models(results: pd.DataFrame, ids: list[str], about: Mapping[str, list]) -> list[dict[str, Any]]:
    """Describe each model; `about` holds further facts, in the order of `ids`."""
    sources = results.groupby("model", sort=False)["source"].unique()
    described = known_models.describe(ids)[["name", "group", "method"]].to_dict("index")
    return [
        {
            "id": model,
            **described[model],
            "source": ", ".join(sources[model]),
            **{name: values[i] for name, values in about.items()},
            "mark": drawing(mark(model)),
        }
        for i, model in enumerate(ids)
    ]


def _measures(world: study.World, categories: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The measures to choose from: the paper's biases, shares of cue-conflict decisions, categories, benchmarks, corruptions."""
    category_of = {b: category for category, members in reversed(categories.items()) for b in members}
    accuracy = {"unit": "%", "better": "higher"}
    rows: list[dict[str, Any]] = []
    for b in (*study.BIASES, *study.CUES, CRITICALITY):
        unit = b.name.partition(" [")[2].rstrip("]")
        rows.append({"id": b.id, "name": b.name, "plain": b.plain, "unit": unit, "kind": "bias", "better": ""})
    for id, members in categories.items():
        means = [world.name(m) for m in members]
        rows.append({"id": id, "name": world.name(id), "kind": "category", "category": id, "of": means, **accuracy})
    for b in world.benchmarks:
        rows.append(
            {"id": b.id, "name": b.name, "kind": "benchmark", "category": category_of.get(b.id, ""), **accuracy}
        )
    for benchmark, corruptions in study.CORRUPTIONS.items():
        for c in corruptions:
            name = f"{world.name(benchmark)}: {c.replace('_', ' ')}"
            rows.append({"id": f"{benchmark}/{c}", "name": name, "kind": "corruption", "of": [benchmark],
                         "category": category_of.get(benchmark, ""), **accuracy})  # fmt: skip
    return [{"plain": row["name"], "category": "", "of": []} | row for row in rows]
