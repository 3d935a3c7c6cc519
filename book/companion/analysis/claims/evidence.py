"""What the rules look at: the tables of scores, and what is computed from them once for all rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from bvg import study
from bvg.results import correlation, scores
from companion.analysis import choices
from companion.text import listed, shown

HOLDS, PARTLY, FAILS, UNKNOWN = "holds", "holds in part", "fails", "not checkable"
VERDICTS = (HOLDS, PARTLY, FAILS, UNKNOWN)
GROUPS = {"total": "all", "at": "AT", "other": "others"}

Found = tuple[str, str]
"""What a rule returns: what was found, as text, and the verdict."""


@dataclass(frozen=True)
class Evidence:
    """The tables that the rules look at, and the choices that move what is computed from them.

    Attributes:
        scores: one row per model with categories and biases (`bvg.results.scores.per_model`).
        accuracy: one row per model with the accuracy on each benchmark (`bvg.results.scores.benchmarks`).
        alpha: level of significance.
        highlight: models to leave out of the statistics.
        set_apart: groups of models that form the set `at`; those of the paper's that the table lacks are passed over.
        families: which models are one family (`companion.analysis.choices.families`).
        replicates: bootstrap resamples, and permutations behind the linear predictions' null distribution.
        permutations: permutations behind the forests' null distribution.
        seed: of resamples, permutations and forests.
        results: the results table (`bvg.results.load`) that the scores come from; None where it is not at hand.
        epsilon: of the attack that is the Adversarial score, in (0, 1).
    """

    scores: pd.DataFrame
    accuracy: pd.DataFrame
    alpha: float = 0.05
    highlight: Sequence[str] = ()
    set_apart: Sequence[str] = ("adversarial_training",)
    families: str = "recipe"
    replicates: int = 2000
    permutations: int = 49
    seed: int = 0
    results: pd.DataFrame | None = None
    epsilon: float = study.PGD_EPSILON

    @cached_property
    def counted(self) -> pd.DataFrame:
        """The scores of the models that enter statistics."""
        return self.scores[study.counted(self.scores, self.highlight)]

    @cached_property
    def sets(self) -> dict[str, pd.Series]:
        """The three sets of models, as masks over `counted`."""
        return choices.sets(self.counted, self.set_apart)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The correlations of Figure 2."""
        return correlation.correlate(self.counted, scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS, self.sets, self.alpha)

    @cached_property
    def benchmarks(self) -> pd.DataFrame:
        """The correlations of Figure 3."""
        counted = self.accuracy[study.counted(self.accuracy, self.highlight)]
        ids = [column for column in counted.columns if column not in ("model", "group")]
        return correlation.correlate(counted, ids, ids, alpha=self.alpha)

    @cached_property
    def by_benchmark(self) -> pd.DataFrame:
        """The correlation of every benchmark (row) with every bias (column), within the three sets of models."""
        joined = self.counted.merge(self.accuracy, on=["model", "group"])
        ids = [column for column in self.accuracy.columns if column not in ("model", "group")]
        return correlation.correlate(joined, ids, scores.BIAS_COLUMNS, choices.sets(joined, self.set_apart), self.alpha)

    @cached_property
    def firm(self) -> pd.DataFrame:
        """How firm each cell of Figure 2 is (`companion.analysis.robustness`)."""
        from companion.analysis.robustness import firmness

        names = scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS
        families = choices.families(self.counted, self.families)
        return firmness(self.counted, *names, self.sets, families, self.alpha, self.replicates, self.seed)

    @cached_property
    def prediction(self) -> pd.DataFrame:
        """How well the biases predict the categories of a model that was left out (`companion.analysis.prediction`)."""
        from companion.analysis.prediction import prediction

        drawn = {"replicates": self.replicates, "permutations": self.permutations, "seed": self.seed}
        return prediction(self.counted, self.sets, alpha=self.alpha, **drawn)

    @cached_property
    def panels(self) -> pd.DataFrame:
        """Outliers and bends of the panels of categories against biases (`companion.analysis.claims.panels`)."""
        from companion.analysis.claims.panels import panels

        return panels(self.counted, self.alpha)

    @cached_property
    def world(self) -> study.World:
        """Whose models these are."""
        return study.world(self.counted["model"])

    def shown(self, category: str, bias: str, group: str = "total") -> float:
        """A correlation of Figure 2, 0 where it is not significant."""
        return float(correlation.cell(self.cells, category, bias, group)["shown"])

    def consistent(self, group: str) -> list[str]:
        """Biases that correlate with all four categories, significantly and with one sign, in a group of models."""
        return list(correlation.same_sign(self.cells).query("group == @group")["column"])


def names(biases: Iterable[str]) -> str:
    """Biases for a sentence."""
    return listed([study.bias(b).plain for b in biases])


def by_group(found: dict[str, float]) -> str:
    """Correlations by set of models, for a sentence."""
    return ", ".join(f"{GROUPS[group]} {shown(r)}" for group, r in found.items())


def by_category(found: dict[str, float]) -> str:
    """Correlations by category, for a sentence."""
    return ", ".join(f"{category} {shown(r)}" for category, r in found.items())
