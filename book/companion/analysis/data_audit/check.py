"""What one look into the data yields: a number, its likely cause, and what Figure 2 would be without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from bvg import study
from bvg.results import correlation, scores
from companion.analysis import choices
from companion.text import signed

FOUND, ABSENT, NOT_APPLICABLE = "found", "not found", "not applicable"


@dataclass(frozen=True)
class Effect:
    """What a change does to the cells of Figure 2.

    Attributes:
        changed: cells that change between positive, negative and not significant.
        flips: those of them that are significant before and after, with opposite signs.
        compared: cells that are defined before and after.
        lost: cells that are defined before only.
        largest: the change of r that is largest in size; NaN where nothing is compared.
        where: the cell in which it is: category × bias (set of models).
    """

    changed: int
    flips: int
    compared: int
    lost: int
    largest: float
    where: str

    def __str__(self) -> str:
        if not self.compared:
            return "no correlation is defined with and without it"
        more = f" ({self.flips} to the opposite sign)" if self.flips else ""
        text = f"{self.changed or 'none'} of {self.compared} correlations change{'s' * (self.changed == 1)} significance{more}"
        text += f", {self.lost} {'is' if self.lost == 1 else 'are'} no longer defined" if self.lost else ""
        if abs(self.largest) < 1e-12:
            return text + "; r stays as it is"
        return f"{text}; r moves most by {signed(self.largest)}: {self.where}"


def effect(base: pd.DataFrame, changed: pd.DataFrame) -> Effect:
    """Compare two tables of `stats.correlate` over the same rows, columns and groups, cell by cell.

    >>> cell = {"row": ["ID"], "column": ["shape"], "group": ["total"]}
    >>> before = pd.DataFrame(cell | {"r": [-0.5], "shown": [-0.5]})
    >>> str(effect(before, pd.DataFrame(cell | {"r": [-0.2], "shown": [0.0]})))
    '1 of 1 correlations changes significance; r moves most by 0.30: ID × Shape (all)'
    """
    both = base.merge(changed, on=["row", "column", "group"], suffixes=("", "_after"), validate="one_to_one")
    lost = int((both["r"].notna() & both["r_after"].isna()).sum())
    both = both.dropna(subset=["r", "r_after"])
    if both.empty:
        return Effect(0, 0, 0, lost, np.nan, "")
    before, after = np.sign(both["shown"]), np.sign(both["shown_after"])
    moved = both["r_after"] - both["r"]
    most = both.loc[moved.abs().idxmax()]
    where = f"{most['row']} × {study.STUDY.short(most['column'])} ({study.MODEL_SETS[most['group']].short})"
    largest = float(most["r_after"] - most["r"])
    return Effect(int((before != after).sum()), int((before * after < 0).sum()), len(both), lost, largest, where)


@dataclass(frozen=True)
class Case:
    """A results table with the choices under which its scores are made; a `look` into the data takes one.

    Attributes:
        results: a results table (see `bvg.results`).
        categories: category -> benchmark ids; None is those of the models' world.
        low_cutoffs, high_cutoffs: cut-offs over which the spectral biases average.
        alpha: level of significance.
        set_apart: groups of models that are Figure 2's second set.
        leave_out: models or groups of models that do not count.
        highlight: models that do not count because they are compared with the others.
        allow_missing: take each correlation over the models that have its numbers, instead of refusing the table.
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

    @cached_property
    def world(self) -> study.World:
        """Whose models these are."""
        return study.world(self.results["model"])

    @cached_property
    def table(self) -> pd.DataFrame:
        """The results without the models left out; those that are highlighted are in it."""
        return choices.without(self.results, self.leave_out)

    @cached_property
    def members(self) -> Mapping[str, Sequence[str]]:
        """Category -> ids of its benchmarks."""
        return self.world.categories if self.categories is None else self.categories

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row per model that counts: categories and biases, indexed by model."""
        return self.rescored(self.table)

    @cached_property
    def accuracy(self) -> pd.DataFrame:
        """Top-1 [%] of each model that counts (index) on each benchmark, NaN where there is none."""
        table = scores.benchmarks(self.table, allow_missing=True)
        return table.set_index("model").reindex(self.scores.index).drop(columns="group")

    @cached_property
    def curves(self) -> pd.DataFrame:
        """`scores.bandpass` of the models that count."""
        curves = scores.bandpass(self.table)
        return curves[curves["model"].isin(self.scores.index)]

    @cached_property
    def base(self) -> pd.DataFrame:
        """The cells of Figure 2 as they are."""
        return self.cells(self.scores)

    def rescored(self, results: pd.DataFrame, members: Mapping | None = None, outside: bool = False) -> pd.DataFrame:
        """The scores of the models that count, from a changed table, other categories, or with the models outside the study."""
        table = scores.per_model(
            results,
            members or self.members,
            self.low_cutoffs,
            self.high_cutoffs,
            self.allow_missing or outside,
            outside,
        )
        table = table[study.counted(table, self.highlight)]
        return table.set_index("model", drop=False).rename_axis(None)

    def with_accuracy(self, top1: Mapping[str, pd.Series]) -> pd.DataFrame:
        """The scores with other accuracies [%]: benchmark -> by model. Where a benchmark lacks a model, its own stands."""
        accuracy, table = self.accuracy.copy(), self.scores.copy()
        for benchmark, values in top1.items():
            accuracy[benchmark] = values.reindex(accuracy.index).fillna(accuracy[benchmark])
        for category, ids in self.members.items():
            if set(ids) & set(top1):
                table[category] = accuracy.reindex(columns=list(ids)).mean(axis=1, skipna=False)
        return table

    def with_curves(self, curves: pd.DataFrame) -> pd.DataFrame:
        """The scores with other low- and high-pass curves (columns as of `curves`) of the models that these name."""
        rows = curves.rename(columns={"kind": "benchmark", "cutoff": "level", "relative_top1": "value"})
        rows = rows.assign(variant="", metric="relative_top1", source="audit")
        filtered = self.table["benchmark"].isin(["low-pass", "high-pass"])
        others = self.table[~(filtered & self.table["model"].isin(curves["model"]))]
        return self.rescored(pd.concat([others, rows], ignore_index=True))

    def cells(self, table: pd.DataFrame, sets: Mapping[str, pd.Series] | None = None) -> pd.DataFrame:
        """The cells of Figure 2 over a scores table."""
        sets = choices.sets(table, self.set_apart) if sets is None else sets
        return correlation.correlate(table, scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS, sets, self.alpha)


@dataclass(frozen=True)
class Seen:
    """What a look saw.

    Attributes:
        found: whether the data are as the finding says; None where they do not tell.
        number: the numbers, in words; or why there is none.
        changed: the cells of Figure 2 after the change; None where there is nothing to change.
        base: the cells to compare with; None is all models'.
    """

    found: bool | None
    number: str
    changed: pd.DataFrame | None = None
    base: pd.DataFrame | None = None


@dataclass(frozen=True)
class Look:
    """One thing to look for in the data.

    Attributes:
        id: short name.
        finding: what is the case if it is found.
        cause: its likely cause.
        change: what is corrected or left out, to see what that does.
        see: the look itself.
    """

    id: str
    finding: str
    cause: str
    change: str
    see: Callable[[Case], Seen]


@dataclass(frozen=True)
class Finding:
    """A look's outcome, as a row of the table `data-audit`.

    Attributes:
        id, finding: as of the `Look`.
        state: found, not found, or not applicable.
        number: what the data say.
        cause: that of the `Look`; `not applicable` unless it is found.
        effect_text: what is changed, and what that does to Figure 2.
        cells_changed: correlations that change significance or sign; NaN where nothing was changed.
        largest_change: the change of r largest in size.
        where: the cell in which it is.
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


def report(look: Look, case: Case) -> Finding:
    """Take a look into the data and compare Figure 2 with and without what is changed."""
    seen = look.see(case)
    state = NOT_APPLICABLE if seen.found is None else FOUND if seen.found else ABSENT
    cause = look.cause if state == FOUND else NOT_APPLICABLE
    if seen.changed is None:
        return Finding(look.id, look.finding, state, seen.number, cause, NOT_APPLICABLE, np.nan, np.nan, "")
    moved = effect(case.base if seen.base is None else seen.base, seen.changed)
    text = f"{look.change}: {moved}"
    return Finding(look.id, look.finding, state, seen.number, cause, text, moved.changed, moved.largest, moved.where)
