"""Checks of the data: the table under test, the outcome, the effect on Figure 2."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bvg import known_models, study
from bvg.results import correlation, scores
from companion.analysis import choices
from companion.text import format_number, plural

FOUND, ABSENT, NOT_APPLICABLE = "found", "not found", "not applicable"


@dataclass(frozen=True)
class Effect:
    """The effect of a change on the cells of Figure 2.

    Attributes:
        changed: cells that change between positive, negative and not significant.
        flips: cells among these that are significant before and after, with opposite signs.
        compared: cells that are defined before and after.
        moved: cells among these whose r changes at all; a change of one category or bias cannot touch the others.
        lost: cells that are defined before only.
        largest: the change of r with the largest absolute value; NaN if nothing is compared.
        where: its cell: category × bias (set of models).
    """

    changed: int
    flips: int
    compared: int
    moved: int
    lost: int
    largest: float
    where: str

    def __str__(self) -> str:
        if not self.compared:
            return "no correlation is defined both before and after"
        more = f" ({self.flips} to the opposite sign)" if self.flips else ""
        text = f"of {plural(self.moved, 'correlation')} that {'moves' if self.moved == 1 else 'move'}, {self.changed or 'none'} change{'s' * (self.changed < 2)} significance{more}"
        text = text if self.moved else "no correlation moves"
        text += f", {self.lost} {'is' if self.lost == 1 else 'are'} no longer defined" if self.lost else ""
        if not self.moved:
            return text
        return f"{text}; the largest change of r is {format_number(self.largest)}: {self.where}"


def effect(base: pd.DataFrame, changed: pd.DataFrame) -> Effect:
    """Compare two tables of the same correlations, cell by cell.

    Example:
        >>> cell = {"row": ["ID"], "column": ["shape"], "group": ["total"]}
        >>> before = pd.DataFrame(cell | {"r": [-0.5], "shown": [-0.5]})
        >>> str(effect(before, pd.DataFrame(cell | {"r": [-0.2], "shown": [0.0]})))
        'of 1 correlation that moves, 1 changes significance; the largest change of r is 0.30: ID × Shape (all)'
    """
    both = base.merge(changed, on=["row", "column", "group"], suffixes=("", "_after"), validate="one_to_one")
    lost = int((both["r"].notna() & both["r_after"].isna()).sum())
    both = both.dropna(subset=["r", "r_after"])
    if both.empty:
        return Effect(0, 0, 0, 0, lost, np.nan, "")
    before, after = np.sign(both["shown"]), np.sign(both["shown_after"])
    moved = both["r_after"] - both["r"]
    most = both.loc[moved.abs().idxmax()]
    where = f"{most['row']} × {study.STUDY.short(most['column'])} ({study.MODEL_SETS[most['group']].short})"
    largest = float(most["r_after"] - most["r"])
    touched = int((moved.abs() > 1e-12).sum())
    return Effect(
        int((before != after).sum()), int((before * after < 0).sum()), len(both), touched, lost, largest, where
    )


@dataclass(frozen=True)
class Case:
    """A results table with the choices behind its scores; a check takes one.

    Attributes:
        results: a results table (see `bvg.results`).
        categories: category -> benchmark ids; None for those of `world`.
        low_cutoffs, high_cutoffs: cut-offs over which the spectral biases are averaged.
        alpha: level of significance, in (0, 1).
        set_apart: groups of models that form the second set of Figure 2.
        leave_out: models or groups of models to leave out.
        highlight: models to leave out of the statistics because they are compared with the others.
        allow_missing: compute each correlation over the models that have its numbers, instead of rejecting the table.
        world: the images that the models were measured on.
    """

    results: pd.DataFrame
    categories: Mapping[str, Sequence[str]] | None = None
    low_cutoffs: Sequence[float] = study.BIAS_CUTOFFS
    high_cutoffs: Sequence[float] = study.BIAS_CUTOFFS
    alpha: float = 0.05
    set_apart: Sequence[str] = ("adversarial_training",)
    leave_out: Sequence[str] = ()
    highlight: Sequence[str] = ()
    allow_missing: bool = False
    world: study.World = study.STUDY

    @cached_property
    def table(self) -> pd.DataFrame:
        """The results without the models left out, highlighted models included."""
        return choices.without(self.results, self.leave_out)

    @cached_property
    def members(self) -> Mapping[str, Sequence[str]]:
        """Category -> ids of its benchmarks."""
        return self.world.categories if self.categories is None else self.categories

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row per model in the statistics: categories and biases, indexed by model."""
        return self.rescored(self.table)

    @cached_property
    def accuracy(self) -> pd.DataFrame:
        """Top-1 [%] of each model (index) on each benchmark, NaN if missing."""
        table = scores.benchmarks(self.table, allow_missing=True, world=self.world)
        return table.set_index("model").reindex(self.scores.index).drop(columns="group")

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Low- and high-pass curves (see `bvg.results.scores.bandpass`)."""
        curves = scores.bandpass(self.table)
        return curves[curves["model"].isin(self.scores.index)]

    @cached_property
    def base(self) -> pd.DataFrame:
        """The cells of Figure 2 without any change."""
        return self.cells(self.scores)

    def rescored(self, results: pd.DataFrame, members: Mapping | None = None, outside: bool = False) -> pd.DataFrame:
        """Compute the scores from another table or with other choices.

        Args:
            results: a results table.
            members: category -> benchmark ids; None for those of the case.
            outside: whether to include the models outside the study.
        """
        table = scores.per_model(
            results,
            members or self.members,
            self.low_cutoffs,
            self.high_cutoffs,
            self.allow_missing or outside,
            outside,
            world=self.world,
        )
        table = table[known_models.counted(table, self.highlight)]
        return table.set_index("model", drop=False).rename_axis(None)

    def with_accuracy(self, top1: Mapping[str, pd.Series]) -> pd.DataFrame:
        """Return the scores with other accuracies.

        Args:
            top1: benchmark -> accuracy [%] by model. Other models keep theirs.
        """
        accuracy, table = self.accuracy.copy(), self.scores.copy()
        for benchmark, values in top1.items():
            accuracy[benchmark] = values.reindex(accuracy.index).fillna(accuracy[benchmark])
        for category, ids in self.members.items():
            if set(ids) & set(top1):
                table[category] = accuracy.reindex(columns=list(ids)).mean(axis=1, skipna=False)
        return table

    def with_curves(self, curves: pd.DataFrame) -> pd.DataFrame:
        """Return the scores with other low- and high-pass curves.

        Args:
            curves: columns as in `curves`. Other models keep theirs.
        """
        rows = curves.rename(columns={"kind": "benchmark", "cutoff": "level", "relative_top1": "value"})
        rows = rows.assign(variant="", metric="relative_top1", source="audit")
        filtered = self.table["benchmark"].isin(["low-pass", "high-pass"])
        others = self.table[~(filtered & self.table["model"].isin(curves["model"]))]
        return self.rescored(pd.concat([others, rows], ignore_index=True))

    def cells(self, table: pd.DataFrame, sets: Mapping[str, pd.Series] | None = None) -> pd.DataFrame:
        """Return the cells of Figure 2 for a scores table."""
        sets = choices.sets(table, self.set_apart) if sets is None else sets
        return correlation.correlate(table, scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS, sets, self.alpha)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a check.

    Attributes:
        found: whether the data have the oddity; None if they cannot show it.
        number: the numbers in words, or the reason why there are none.
        changed: the cells of Figure 2 after the change; None if there is nothing to change.
        base: the cells to compare with; None for those of all models.
    """

    found: bool | None
    number: str
    changed: pd.DataFrame | None = None
    base: pd.DataFrame | None = None


@dataclass(frozen=True)
class Check:
    """A check for one oddity of the data.

    Attributes:
        id: short name.
        finding: statement of the oddity.
        cause: its likely cause.
        change: what is corrected or left out to measure the effect.
        run: the check itself.
    """

    id: str
    finding: str
    cause: str
    change: str
    run: Callable[[Case], Outcome]


@dataclass(frozen=True)
class Finding:
    """One row of the table `data-audit`.

    Attributes:
        id, finding: as in `Check`.
        state: found, not found, or not applicable.
        number: the numbers in words.
        cause: as in `Check`; `not applicable` unless the oddity is found.
        effect_text: the change, and its effect on Figure 2.
        cells_changed: correlations that change significance or sign; NaN if nothing was changed.
        largest_change: the change of r with the largest absolute value.
        where: its cell.
    """

    id: str
    finding: str
    state: str
    number: str
    cause: str
    effect_text: str
    cells_changed: float
    largest_change: float
    where: str


def report(check: Check, case: Case) -> Finding:
    """Run a check and compare Figure 2 before and after its change."""
    outcome = check.run(case)
    state = NOT_APPLICABLE if outcome.found is None else FOUND if outcome.found else ABSENT
    cause = check.cause if state == FOUND else NOT_APPLICABLE
    if outcome.changed is None:
        return Finding(check.id, check.finding, state, outcome.number, cause, NOT_APPLICABLE, np.nan, np.nan, "")
    moved = effect(case.base if outcome.base is None else outcome.base, outcome.changed)
    text = f"{check.change}: {moved}"
    return Finding(
        check.id, check.finding, state, outcome.number, cause, text, moved.changed, moved.largest, moved.where
    )
