"""The choices of the grid and their options, each with the parameters of the page `claims` that it stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from bvg import known_models, study
from bvg.results.correlation import FEWEST
from companion.analysis import choices, control, multiple_tests
from companion.text import plural

ALPHAS = (0.05, 0.01, 0.1)
WINDOWS = ((0.1, 0.2, 0.3, 0.4, 0.5), (0.1, 0.2, 0.3), (0.3, 0.4, 0.5), study.CUTOFFS)
"""Cut-offs that a spectral bias averages over: the paper's, their lower and their upper part, and all that were measured."""

CORRECTIONS = {"none": "none", "holm": "Holm", "fdr_bh": "Benjamini–Hochberg"}
CONTROLS = {
    "none": "no",
    "rank": "by ranks",
    "raw": "by accuracies",
    "probit": "by probits",
    "logit": "by logits",
}


@dataclass(frozen=True)
class Option:
    """One option of a choice.

    Attributes:
        id: short name, for the page's address.
        name: name as printed.
        parameters: parameters of the page `claims` with their values, where they differ from that page's defaults.
        value: what the analysis needs: a number, a name, cut-offs, benchmarks per category, or a mask over the models.
        parts, names: of a sample of models, ids and names of its set of models and of the family left out.
    """

    id: str
    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    value: Any = None
    parts: tuple[str, str] = ("", "")
    names: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Choice:
    """One choice with its options; the first is that of the page's parameters, by default the paper's."""

    id: str
    name: str
    options: tuple[Option, ...]

    @property
    def values(self) -> list[Any]:
        """What the analysis needs of each option."""
        return [option.value for option in self.options]


def axes(
    counted: pd.DataFrame,
    world: study.World = study.STUDY,
    alpha: float = 0.05,
    low_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    high_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    categories: Mapping[str, Sequence[str]] | None = None,
    set_apart: Sequence[str] = ("adversarial_training",),
    leave_out: Sequence[str] = (),
) -> dict[str, Choice]:
    """Return the choices by id: the axes of the grid, in order.

    Args:
        counted: the models in the statistics, with the columns model and group.
        world: the benchmarks.
        alpha, low_cutoffs, high_cutoffs, categories, set_apart, leave_out: the page's own parameters, the first options.
    """
    members = {c: list((categories or world.categories)[c]) for c in study.CATEGORIES}
    base = {} if categories is None else {"categories": members}
    found = (
        Choice("alpha", "Significance level", tuple(
            Option(f"{a:g}", f"p < {a:g}", {} if a == ALPHAS[0] else {"alpha": a}, a)
            for a in dict.fromkeys([alpha, *ALPHAS])
        )),
        Choice("correction", "Correction for multiple tests", tuple(
            Option(m, CORRECTIONS[m], {} if m == "none" else {"correction": m}, m) for m in multiple_tests.METHODS
        )),
        Choice("sample", "Models", _samples(counted, set_apart, leave_out)),
        Choice("benchmark", "Benchmark left out of its category", (
            Option("none", "none", base, members), *_without_each(members, world),
        )),
        Choice("low", "Cut-offs of low-frequency bias", _windows("low_cutoffs", low_cutoffs)),
        Choice("high", "Cut-offs of high-frequency bias", _windows("high_cutoffs", high_cutoffs)),
        Choice("control", "ImageNet accuracy held fixed", tuple(
            Option(c, CONTROLS[c], {} if c == control.NONE else {"control": c}, c) for c in control.CONTROLS
        )),
    )  # fmt: skip
    return {choice.id: choice for choice in found}


def first(axes: Mapping[str, Choice]) -> str:
    """Name the first options: the paper's, unless the page has other parameters."""
    changed = any(choice.options[0].parameters for choice in axes.values())
    return "the first options" if changed else "the paper's choices"


def _windows(parameter: str, own: Sequence[float]) -> tuple[Option, ...]:
    windows = dict.fromkeys(tuple(window) for window in (own, *WINDOWS))
    return tuple(
        Option(_range(w), _range(w).replace("-", " to "), {} if w == study.BIAS_CUTOFFS else {parameter: list(w)}, w)
        for w in windows
    )


def _range(window: Sequence[float]) -> str:
    """Name a window by its ends, or by all cut-offs if it skips some that were measured.

    >>> _range((0.1, 0.2, 0.3)), _range((0.1, 0.3))
    ('0.1-0.3', '0.1+0.3')
    """
    first, last = min(window), max(window)
    whole = [c for c in study.CUTOFFS if first <= c <= last] == sorted(window)
    return f"{first:g}-{last:g}" if whole else "+".join(f"{c:g}" for c in window)


def _without_each(members: Mapping[str, list[str]], world: study.World) -> list[Option]:
    """Leave out each benchmark of a category that has others."""
    return [
        Option(b, world.name(b), {"categories": rest}, rest)
        for category, ids in members.items()
        if len(ids) > 1
        for b in ids
        for rest in (members | {category: [other for other in ids if other != b]},)
    ]


SETS = {"all": "all", "without": "without {}", "only": "only {}"}


def _samples(counted: pd.DataFrame, set_apart: Sequence[str], leave_out: Sequence[str]) -> tuple[Option, ...]:
    """Return all models, those not set apart and those set apart, each whole and without each group or publication.

    A sample that repeats another one, or has too few models for a correlation, is left out.
    """
    models, groups = counted["model"].to_numpy(), counted["group"].to_numpy()
    apart = np.isin(groups, list(set_apart))
    name = " and ".join(study.GROUPS[g].lower() for g in set_apart)
    left = {"none": ("none", np.zeros(len(models), bool), [])}
    left |= {g: (f"{study.GROUPS.get(g, g)} (group)", groups == g, [g]) for g in pd.unique(groups)}
    for family, own in pd.Series(models).groupby(choices.families(counted).to_numpy(), sort=False):
        left[family] = (_family(own.tolist()), np.isin(models, own), own.tolist())
    kinds = {"all": np.zeros_like(apart), "without": apart, "only": ~apart}
    found: dict[bytes, Option] = {}
    # A whole set comes before the parts of another that are equal to it.
    for kind, family in sorted(product(kinds, left), key=lambda pair: pair[1] != "none"):
        title, mask, ids = left[family]
        keep = ~kinds[kind] & ~mask
        if keep.sum() < FEWEST or keep.tobytes() in found:
            continue
        dropped = [g for g in pd.unique(groups) if kinds[kind][groups == g].all()]
        given = [*leave_out, *dict.fromkeys([*dropped, *ids])]
        names = (SETS[kind].format(name), title)
        found[keep.tobytes()] = Option(
            f"{kind}.{family}",
            _sample(names, family),
            {"leave_out": given} if given else {},
            keep,
            (kind, family),
            names,
        )
    return tuple(found.values())


def _sample(names: tuple[str, str], family: str) -> str:
    """Name a sample of models."""
    return names[0] if family == "none" else f"{names[0]}, leaving out {names[1]}"


def _family(models: Sequence[str]) -> str:
    """Name a family by its first model and the number of the others."""
    first, others = known_models.describe(models)["name"].iloc[0], len(models) - 1
    return first + (f" and {plural(others, 'other')}" if others else "")
