"""How each measure follows from the rows of a results table, as plain values that a page can evaluate.

A formula is a list of an operation and its operands. `row`: the value of the row with this key (`key`). `share`: 100 times the
value of that row divided by its images. `every`: the mean of all rows with this benchmark and metric. `measure`: another measure.
`mean`, `first`, `ratio` and `rest` combine formulas: their mean, the first that has a value, one divided by the other, and 100
minus their sum. A formula whose operand has no value has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bvg import study
from bvg.results.schema import METRICS_OF_CHANNEL

Formula = list[Any]


def formulas(
    categories: Mapping[str, Sequence[str]], low_cutoffs: Sequence[float], high_cutoffs: Sequence[float]
) -> dict[str, Formula]:
    """Return the formula of each measure, as `bvg.results.scores`, `cue_counts` and `criticality` compute it.

    Args:
        categories: category -> benchmark ids.
        low_cutoffs, high_cutoffs: cut-offs in [0, 1] over which the low- and the high-frequency bias average.

    Example:
        >>> formulas({"ID": ["imagenet", "imagenet-v2"]}, [0.1], [0.1])["ID"]
        ['mean', ['measure', 'imagenet'], ['measure', 'imagenet-v2']]
    """
    found = {category: ["mean", *(["measure", b] for b in members)] for category, members in categories.items()}
    found |= {b.id: row(b.id) for b in study.BENCHMARKS} | {"pgd": row("pgd", "linf", study.PGD_EPSILON)}
    for benchmark, names in study.CORRUPTIONS.items():
        found[benchmark] = ["first", row(benchmark), ["mean", *(["measure", f"{benchmark}/{c}"] for c in names)]]
        for c in names:
            single = ["mean", *(row(benchmark, c, severity) for severity in study.SEVERITIES)]
            found[f"{benchmark}/{c}"] = ["first", row(benchmark, c), single]
    found["shape"] = row("cue-conflict", metric="shape_bias")
    found["low_frequency"] = _filtered("low-pass", low_cutoffs)
    found["high_frequency"] = _filtered("high-pass", high_cutoffs)
    found |= {metric: row("critical-band", "relative", metric=metric) for metric in METRICS_OF_CHANNEL}
    shape, texture, neither = (measure.id for measure in study.CUES)
    found[shape] = ["share", key("cue-conflict", metric="shape_hits")]
    found[texture] = ["share", key("cue-conflict", metric="texture_hits")]
    found[neither] = ["rest", ["measure", shape], ["measure", texture]]
    found[study.CRITICALITY[0].id] = ["every", "layer-criticality", "criticality"]
    return found


def key(benchmark: str, variant: str = "", level: float | None = None, metric: str = "top1") -> str:
    """Name a row of one model. Levels are equal up to a millionth.

    >>> key("pgd", "linf", 4 / 255), key("imagenet")
    ('pgd|linf|0.015686|top1', 'imagenet|||top1')
    """
    return f"{benchmark}|{variant}|{'' if level is None else f'{level:.6f}'}|{metric}"


def row(*of: Any, **more: Any) -> Formula:
    """Return the formula of a row; the arguments are those of `key`."""
    return ["row", key(*of, **more)]


def _filtered(kind: str, cutoffs: Sequence[float]) -> Formula:
    """Return the mean relative accuracy over cut-offs: the ratio of the table, or that of two accuracies."""
    relative = (
        ["first", row(kind, "", c, "relative_top1"), ["ratio", row(kind, "", c), ["measure", "imagenet"]]]
        for c in np.round(cutoffs, 6)
    )
    return ["mean", *relative]
