"""Every correlation that the grid needs, computed once: samples of models, definitions of categories and of biases, controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bvg import study
from bvg.results import scores
from companion.analysis import choices, control
from companion.analysis.forking.options import Choice

SETS = tuple(study.MODEL_SETS)


@dataclass(frozen=True)
class Variants:
    """The definitions of categories and biases that occur in the grid, each once.

    Attributes:
        accuracies: one row per counted model, one column per benchmark [%].
        members: category and its benchmarks, for each definition of a category.
        category: int [benchmarks left out, categories]: the definition in use.
        biases: float [models, definitions of biases].
        bias: int [low, high, biases]: the definition in use.
        masks: bool [samples, sets, models].
    """

    accuracies: pd.DataFrame
    members: tuple[tuple[str, tuple[str, ...]], ...]
    category: np.ndarray
    biases: np.ndarray
    bias: np.ndarray
    masks: np.ndarray


def variants(
    results: pd.DataFrame,
    counted: pd.DataFrame,
    accuracies: pd.DataFrame,
    axes: Mapping[str, Choice],
    set_apart: Sequence[str],
    world: study.World = study.STUDY,
) -> Variants:
    """Collect the definitions of a grid.

    Args:
        results: the results table.
        counted: the models in the statistics, with model and group.
        accuracies: their accuracy on each benchmark.
        axes: the choices.
        set_apart: groups that form the set `at`.
        world: the benchmarks.
    """
    use = [[(c, tuple(ids)) for c, ids in members.items()] for members in axes["benchmark"].values]
    members = tuple(dict.fromkeys(definition for row in use for definition in row))
    category = np.array([[members.index(definition) for definition in row] for row in use])

    def spectral(low: Sequence[float], high: Sequence[float]) -> pd.DataFrame:
        every = scores.per_model(results, None, low, high, allow_missing=True, world=world)
        return every.set_index("model").reindex(counted["model"])

    lows, highs = axes["low"].values, axes["high"].values
    base = spectral(lows[0], highs[0])
    columns = {b: base[b] for b in scores.BIAS_COLUMNS if b not in ("low_frequency", "high_frequency")}
    columns |= {("low_frequency", k): spectral(low, highs[0])["low_frequency"] for k, low in enumerate(lows)}
    columns |= {("high_frequency", k): spectral(lows[0], high)["high_frequency"] for k, high in enumerate(highs)}
    place = {name: at for at, name in enumerate(columns)}
    bias = [
        [
            [place[{"low_frequency": (b, i), "high_frequency": (b, j)}.get(b, b)] for b in scores.BIAS_COLUMNS]
            for j in range(len(highs))
        ]
        for i in range(len(lows))
    ]
    masks = [sets(counted, keep, set_apart) for keep in axes["sample"].values]
    biases = np.column_stack([column.to_numpy(float) for column in columns.values()])
    return Variants(accuracies, members, category, biases, np.array(bias), np.array(masks))


def sets(counted: pd.DataFrame, keep: np.ndarray, set_apart: Sequence[str]) -> np.ndarray:
    """Return the sets of a sample as masks over all counted models: bool [sets, models]."""
    own = choices.distinct(choices.sets(counted[keep], set_apart))
    found = np.zeros((len(own), len(counted)), bool)
    found[:, keep] = list(own.values())
    return found


@dataclass(frozen=True)
class Correlations:
    """Correlations of every definition, under one control.

    Attributes:
        r, p, n: float [samples, sets, rows, definitions of biases].
    """

    r: np.ndarray
    p: np.ndarray
    n: np.ndarray

    def tables(self, values: np.ndarray, rows: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """Arrange values as tables of correlations.

        Args:
            values: r, p or n.
            rows: int [benchmarks left out, rows]: the definition of each row.
            bias: int [low, high, biases].

        Returns:
            float [samples, benchmarks left out, low, high, rows, biases, sets].
        """
        taken = values[:, :, rows[:, None, None, :, None], bias[None, :, :, None, :]]
        return np.moveaxis(taken, 1, -1)


def correlations(
    v: Variants, members: Sequence[tuple[str, Sequence[str]]], way: str, world: study.World
) -> Correlations:
    """Correlate the means of benchmarks with every definition of a bias, in every sample, under a control."""
    named = {place: ids for place, (_, ids) in enumerate(members)}
    means, clean = control.values(v.accuracies, named, way, world)
    shape = (*v.masks.shape[:2], len(members), v.biases.shape[1])
    found = control.correlate(means, v.biases, v.masks.reshape(-1, len(v.accuracies)), clean, way == control.RANK)
    return Correlations(*(part.reshape(shape) for part in found))
