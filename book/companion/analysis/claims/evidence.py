"""The evidence for the rules: tables of scores and shared statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from bvg import known_models, study
from bvg.results import correlation, scores
from companion.analysis import choices, control
from companion.analysis.claims.shown import Shown
from companion.analysis.multiple_tests import adjusted, adjusted_rows
from companion.text import format_r, listed

Found = tuple[str, str]
"""What a rule returns: the result in words, and the verdict."""


@dataclass(frozen=True)
class Evidence:
    """Tables of scores, and the choices behind the statistics.

    Attributes:
        scores: one row per model with categories and biases (`bvg.results.scores.per_model`).
        accuracy: one row per model with the accuracy on each benchmark (`bvg.results.scores.benchmarks`).
        alpha: level of significance.
        highlight: models to leave out of the statistics.
        set_apart: groups of models that form the set `at`; the table need not contain them.
        families: what makes a family (`companion.analysis.choices.families`).
        replicates: bootstrap resamples, and permutations for the linear predictions.
        permutations: permutations for the forests.
        seed: of resamples, permutations and forests.
        results: the results table (`bvg.results.load`) behind the scores; None if it is not available.
        eps: strength of the attack behind the Adversarial score, in (0, 1).
        world: the images that the models were measured on.
        correction: how p-values are corrected over all cells of a table (`companion.analysis.multiple_tests.METHODS`).
        control: how ImageNet top-1 is held fixed (`companion.analysis.control.CONTROLS`). With a control, Figure 2 has the
            categories without ImageNet, and the benchmarks against the biases are those without ImageNet.
        categories: category -> benchmarks behind the scores, for a control on a scale; None for those of `world`.
    """

    scores: pd.DataFrame
    accuracy: pd.DataFrame
    alpha: float = 0.05
    highlight: Sequence[str] = ()
    set_apart: Sequence[str] = ("adversarial_training",)
    families: str = "source"
    replicates: int = 2000
    permutations: int = 49
    seed: int = 0
    results: pd.DataFrame | None = None
    eps: float = study.PGD_EPSILON
    world: study.World = study.STUDY
    correction: str = "none"
    control: str = control.NONE
    categories: Mapping[str, Sequence[str]] | None = None

    @cached_property
    def counted(self) -> pd.DataFrame:
        """The scores of the models that enter the statistics."""
        return self.scores[known_models.counted(self.scores, self.highlight)]

    @cached_property
    def imagenet(self) -> np.ndarray:
        """ImageNet top-1 [%] of the models in `counted`."""
        return self.accuracy.set_index("model")["imagenet"].reindex(self.counted["model"]).to_numpy(float)

    @cached_property
    def sets(self) -> dict[str, pd.Series]:
        """The three sets of models, as masks over `counted`; a set that repeats all models is left empty."""
        return choices.distinct(choices.sets(self.counted, self.set_apart))

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The correlations of Figure 2."""
        members = self.categories or self.world.categories
        members = {c: ids for c, ids in members.items() if c != "ID"}
        return self._correlate(self.counted, scores.CATEGORY_COLUMNS, members)

    @cached_property
    def shown(self) -> Shown:
        """The thresholded correlations of Figure 2 as an array."""
        return Shown.of(self.cells)

    @cached_property
    def benchmarks(self) -> pd.DataFrame:
        """The correlations of Figure 3, without a control; each pair counts once in a correction."""
        counted = self.accuracy[known_models.counted(self.accuracy, self.highlight)]
        ids = [column for column in counted.columns if column not in ("model", "group")]
        cells = correlation.correlate(counted, ids, ids, alpha=self.alpha)
        below = np.tril_indices(len(ids), -1)
        p = cells["p"].to_numpy().reshape(len(ids), len(ids)).copy()
        p[below] = p.T[below] = adjusted_rows(p[below], self.correction)
        return thresholded(cells, p.ravel(), self.alpha)

    @cached_property
    def by_benchmark(self) -> pd.DataFrame:
        """The correlations of benchmarks (rows) with biases (columns)."""
        joined = self.counted.merge(self.accuracy, on=["model", "group"])
        ids = [column for column in self.accuracy.columns if column not in ("model", "group")]
        return self._correlate(joined, ids, {b: [b] for b in ids if b != "imagenet"})

    def _correlate(self, joined: pd.DataFrame, rows: Sequence[str], given: Mapping[str, Sequence[str]]) -> pd.DataFrame:
        """Correlate rows with biases in each set; with a control, the rows `given`, each the mean of its benchmarks."""
        sets = choices.distinct(choices.sets(joined, self.set_apart))
        if self.control == control.NONE:
            cells = correlation.correlate(joined, rows, scores.BIAS_COLUMNS, sets, self.alpha)
        else:
            accuracy = self.accuracy.set_index("model").reindex(joined["model"])
            means, clean = control.values(accuracy, given, self.control, self.world)
            biases, masks = joined[list(scores.BIAS_COLUMNS)].to_numpy(float), np.array(list(sets.values()))
            found = control.correlate(means, biases, masks, clean, self.control == control.RANK)
            cells = control.table(found, list(given), scores.BIAS_COLUMNS, list(sets))
        return thresholded(cells, adjusted(cells["p"], self.correction), self.alpha)

    @cached_property
    def checked(self) -> pd.DataFrame:
        """The correlations of Figure 2 with their robustness checks."""
        from companion.analysis.robustness import check_cells

        names = scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS
        families = choices.families(self.counted, self.families)
        return check_cells(self.counted, *names, self.sets, families, self.alpha, self.replicates, self.seed)

    @cached_property
    def holm(self) -> pd.DataFrame:
        """The correlations of Figure 2, thresholded by Holm's correction over all of them."""
        return thresholded(self.cells, adjusted(self.cells["p"]), self.alpha)

    @cached_property
    def differences(self) -> pd.DataFrame:
        """The tests of the difference between the two sets, in every cell of Figure 2."""
        from companion.analysis.differences import differences

        return differences(self.cells.assign(n=self.cells["n"] - (self.control != control.NONE)))

    @cached_property
    def at_equal_accuracy(self) -> pd.DataFrame:
        """The partial correlations given ImageNet top-1, without intervals."""
        from companion.analysis import equal_accuracy

        names = equal_accuracy.CATEGORIES, scores.BIAS_COLUMNS
        families = choices.families(self.counted, self.families)
        return equal_accuracy.correlate(
            self.counted, self.imagenet, *names, self.sets, families, self.alpha, replicates=0
        )

    @cached_property
    def controlled(self) -> pd.DataFrame:
        """The correlations of Figure 2 given ImageNet top-1: of ranks, or with the control in use."""
        return (replace(self, control=control.RANK) if self.control == control.NONE else self).cells

    @cached_property
    def held_out(self) -> pd.DataFrame:
        """R2 of linear predictions with models, publications and training groups held out."""
        from companion.analysis.transfer import held_out

        return held_out(self.counted, self.imagenet)

    @cached_property
    def prediction(self) -> pd.DataFrame:
        """The prediction of held-out models from their biases."""
        from companion.analysis.prediction import prediction

        drawn = {"replicates": self.replicates, "permutations": self.permutations, "seed": self.seed}
        return prediction(self.counted, self.sets, alpha=self.alpha, **drawn)

    @cached_property
    def panels(self) -> pd.DataFrame:
        """The outliers and bends of each category against each bias."""
        from companion.analysis.claims.panels import panels

        return panels(self.counted, self.alpha)

    def thresholded_r(self, category: str, bias: str, group: str = "total") -> float:
        """Return a correlation of Figure 2, 0 if it is not significant."""
        return float(self.shown.pick(category, bias, group))

    def correlations_of(self, bias: str) -> str:
        """State a bias's correlations over all models, for a sentence."""
        return "r over all models: " + by_category({c: self.thresholded_r(c, bias) for c in self.shown.rows})

    def consistent(self, group: str) -> list[str]:
        """Return the biases that correlate with all four categories in a set.

        All correlations are significant and have one sign.
        """
        return self.shown.consistent_in(group)


def thresholded(cells: pd.DataFrame, p: Sequence[float], alpha: float) -> pd.DataFrame:
    """Return the cells with `shown` by other p-values."""
    return cells.assign(shown=np.where(cells["r"].isna(), np.nan, np.where(np.asarray(p) < alpha, cells["r"], 0.0)))


def names(biases: Iterable[str]) -> str:
    """Name biases for a sentence."""
    return listed([study.bias(b).plain for b in biases])


def by_group(found: dict[str, float]) -> str:
    """State correlations by set of models, for a sentence."""
    return ", ".join(f"{study.MODEL_SETS[group].short} {format_r(r)}" for group, r in found.items())


def by_category(found: dict[str, float]) -> str:
    """State correlations by category, for a sentence."""
    return ", ".join(f"{category} {format_r(r)}" for category, r in found.items())
