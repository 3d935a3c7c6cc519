"""The verdict of each claim under every combination of choices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import norm

from bvg import study
from bvg.results import scores
from companion.analysis import control, resampling
from companion.analysis.claims import CLAIMS, Evidence, decisions
from companion.analysis.claims import panels as panels_of
from companion.analysis.claims.rules_methods import band_test_fails_for_at
from companion.analysis.claims.shown import Shown
from companion.analysis.claims.verdicts import VERDICTS
from companion.analysis.differences import statistic
from companion.analysis.forking.options import Choice, axes
from companion.analysis.forking.tables import SETS, Correlations, Variants, correlations, variants
from companion.analysis.multiple_tests import adjusted_rows

TABLE = ("sample", "benchmark", "low", "high")
"""The choices that a table of correlations under one control depends on."""
FIGURE2 = ("control", "correction", "alpha", *TABLE)

ON_CELLS: dict[str, Callable[[Shown], np.ndarray]] = {
    "no-single-bias": decisions.no_single_bias,
    "specific": decisions.specific,
    "trends-reverse": decisions.trends_reverse,
    "narrow-band-no-remedy": decisions.narrow_band_is_no_remedy,
    "high-frequency": decisions.high_frequency,
    "high-frequency-modestly": decisions.high_frequency_modestly,
    "shape-fails": partial(decisions.fails_holistically, bias="shape"),
    "centre-fails": partial(decisions.fails_holistically, bias="center_frequency"),
    "texture": decisions.texture,
}
"""The claims that the thresholded correlations of Figure 2 decide alone."""

NOT_ON_GRID: dict[str, str] = {
    "models": "about the set-up of the study: a sample without some models has fewer of them by definition",
    "spearman-blind": "its permutation tests would take minutes over the grid",
    "insufficient": "its forests and permutations would take hours over the grid",
    "few-samples": "not checkable under any choice",
    "low-budget": "about the attack, which is the same under every choice",
    "same-data": "not checkable under any choice",
    "no-target": "not checkable under any choice",
}
"""The claims without a grid, and why."""


@dataclass(frozen=True)
class Grid:
    """The verdicts under every combination of choices.

    Attributes:
        axes: the choices by id.
        verdicts: claim -> ids of the choices that its verdict depends on, and places in `VERDICTS`, int8, one axis per choice.
        variants: the definitions of categories and biases.
        cells: r, p and n of Figure 2's correlations under each control. With a control, rows of ID are NaN.
        levels: int8 [controls, corrections, samples, benchmarks, low, high, rows, biases, sets]: at how many of the
            significance levels a correlation of Figure 2 is significant.
    """

    axes: Mapping[str, Choice]
    verdicts: Mapping[str, tuple[tuple[str, ...], np.ndarray]]
    variants: Variants
    cells: Mapping[str, Correlations]
    levels: np.ndarray

    @property
    def combinations(self) -> int:
        """Number of combinations of all choices."""
        return int(np.prod([len(choice.options) for choice in self.axes.values()]))


def grid(
    results: pd.DataFrame,
    counted: pd.DataFrame,
    accuracies: pd.DataFrame,
    choices: Mapping[str, Choice] | None = None,
    set_apart: Sequence[str] = ("adversarial_training",),
    world: study.World = study.STUDY,
) -> Grid:
    """Compute every verdict under every combination of choices.

    Args:
        results: the results table.
        counted: the scores of the models in the statistics (`bvg.results.scores.per_model`).
        accuracies: the benchmarks of the same models in the same order.
        choices: from `options.axes`; None for those around the paper's.
        set_apart: groups that form the set `at`.
        world: the benchmarks.
    """
    choices = choices or axes(counted, world, set_apart=set_apart)
    v = variants(results, counted, accuracies, choices, set_apart, world)
    alphas, corrections = choices["alpha"].values, choices["correction"].values
    ways = choices["control"].values
    figure2 = {way: _figure2(v, way, world) for way in ways}
    shape = tuple(len(choices[c].options) for c in FIGURE2)
    verdicts = {id: np.empty(shape, np.int8) for id in (*ON_CELLS, "groups-differ", "shape-no-remedy", "singled-out")}
    many = np.empty((*shape[:4], *shape[5:]), np.int8)
    rows = len(world.categories)
    levels = np.zeros((len(ways), len(corrections), *shape[3:], rows, len(scores.BIAS_COLUMNS), len(SETS)), np.int8)
    for i, way in enumerate(ways):
        tables, by_benchmark = figure2[way], _by_benchmark(v, way, world)
        tests = {a: _differ(tables, a, way) for a in alphas}
        some = {a: by_benchmark.some(a) for a in alphas}
        for j, method in enumerate(corrections):
            p, equal = tables.corrected(method), figure2[control.RANK if way == control.NONE else way]
            p_equal, p_benchmark = equal.corrected(method), by_benchmark.corrected(method)
            for k, alpha in enumerate(alphas):
                at = (i, j, k)
                shown, equally = tables.shown(p, alpha), equal.shown(p_equal, alpha)
                for id, decide in ON_CELLS.items():
                    verdicts[id][at] = decide(shown)
                verdicts["groups-differ"][at] = decisions.groups_differ(shown, tests[alpha])
                at_equal = equally.pick("Robustness", "shape", "total")
                verdicts["shape-no-remedy"][at] = decisions.shape_is_no_remedy(shown, at_equal)
                verdicts["singled-out"][at] = decisions.singled_out(shown, some[alpha])
                many[at] = decisions.many_benchmarks(by_benchmark.shown(p_benchmark, alpha))[:, 0]
                levels[i, j][..., rows - len(tables.rows) :, :, :] += shown.significant
    found = {id: (FIGURE2, places) for id, places in verdicts.items()}
    found["many-benchmarks"] = (("control", "correction", "alpha", "sample", "low", "high"), many)
    found |= (
        _figure3(v, alphas, corrections)
        | _panels(v, alphas)
        | _single(v, counted, accuracies, choices, set_apart, world)
    )
    order = [claim.id for claim in CLAIMS if claim.id in found]
    return Grid(choices, {id: found[id] for id in order}, v, {way: t.cells for way, t in figure2.items()}, levels)


@dataclass(frozen=True)
class Tables:
    """Tables of correlations under one control, arranged as the decisions take them."""

    cells: Correlations
    rows: tuple[str, ...]
    r: np.ndarray
    p: np.ndarray
    n: np.ndarray

    def corrected(self, method: str) -> np.ndarray:
        """Return p corrected over all correlations of a table."""
        return adjusted_rows(self.p.reshape(*self.p.shape[:4], -1), method).reshape(self.p.shape)

    def shown(self, p: np.ndarray, alpha: float) -> Shown:
        """Return the correlations thresholded by these p-values."""
        values = np.where(np.isnan(self.r), np.nan, np.where(p < alpha, self.r, 0.0))
        return Shown(values, self.rows, scores.BIAS_COLUMNS, SETS)

    def some(self, alpha: float) -> np.ndarray:
        """Return which biases have a correlation that is significant by Holm's correction: bool [..., biases]."""
        return (self.corrected("holm") < alpha).any(axis=(-3, -1))


def _tables(cells: Correlations, rows: Sequence[str], use: np.ndarray, bias: np.ndarray) -> Tables:
    return Tables(cells, tuple(rows), *(cells.tables(values, use, bias) for values in (cells.r, cells.p, cells.n)))


def _figure2(v: Variants, way: str, world: study.World) -> Tables:
    """Correlate categories with biases; a control leaves out ID, which contains ImageNet."""
    cells, names = correlations(v, v.members, way, world), [v.members[k][0] for k in v.category[0]]
    keep = [k for k, name in enumerate(names) if way == control.NONE or name != "ID"]
    return _tables(cells, [names[k] for k in keep], v.category[:, keep], v.bias)


def _by_benchmark(v: Variants, way: str, world: study.World) -> Tables:
    """Correlate benchmarks with biases; a control leaves out ImageNet."""
    ids = [b for b in _benchmarks(v) if way == control.NONE or b != "imagenet"]
    cells = correlations(v, [(b, (b,)) for b in ids], way, world)
    return _tables(cells, ids, np.arange(len(ids))[None], v.bias)


def _benchmarks(v: Variants) -> list[str]:
    return [column for column in v.accuracies if column not in ("model", "group")]


def _differ(tables: Tables, alpha: float, way: str) -> np.ndarray:
    """Return which correlations differ between the two groups: bool [..., rows, biases]."""
    at, other = SETS.index("at"), SETS.index("other")
    n = tables.n - (way != control.NONE)
    z = statistic(tables.r[..., at], tables.r[..., other], n[..., at], n[..., other])
    p = 2 * norm.sf(np.abs(z))
    return adjusted_rows(p.reshape(*p.shape[:-2], -1), "holm").reshape(p.shape) < alpha


def _figure3(v: Variants, alphas: Sequence[float], corrections: Sequence[str]) -> dict:
    """Decide the claims on the correlations of benchmarks with each other, over all models of each sample."""
    ids = _benchmarks(v)
    values = v.accuracies[ids].to_numpy(float)
    r, n = resampling.spearman(values, values, v.masks[:, SETS.index("total")].astype(float))
    p, below = resampling.p_value(r, n), np.tril_indices(len(ids), -1)
    found = {"benchmarks-agree": [], "benchmarks-apart": []}
    for method in corrections:
        pairs = adjusted_rows(p[:, below[0], below[1]], method)
        corrected = p.copy()
        corrected[:, below[0], below[1]] = corrected[:, below[1], below[0]] = pairs
        for alpha in alphas:
            shown = np.where(np.isnan(r), np.nan, np.where(corrected < alpha, r, 0.0))
            found["benchmarks-agree"].append(decisions.benchmarks_agree(shown, ids))
            found["benchmarks-apart"].append(decisions.benchmarks_apart(shown, ids))
    shape = (len(corrections), len(alphas), len(r))
    return {id: (("correction", "alpha", "sample"), np.array(places).reshape(shape)) for id, places in found.items()}


def _panels(v: Variants, alphas: Sequence[float]) -> dict:
    """Decide the claims on outliers and bends."""
    means, _ = control.values(v.accuracies, {k: ids for k, (_, ids) in enumerate(v.members)}, control.NONE)
    total = v.masks[:, SETS.index("total")]
    of = [np.stack(panels_of.many(v.biases[keep], means[keep])) for keep in total]
    counts, p, turn = np.stack(of, axis=1)[:, :, None]
    outliers, p, turn = (Correlations(x, x, x).tables(x, v.category, v.bias)[..., 0] for x in (counts, p, turn))
    holm = adjusted_rows(p.reshape(*p.shape[:4], -1), "holm")
    bends = [panels_of.bends(holm, turn.reshape(holm.shape), alpha) for alpha in alphas]
    return {
        "outliers": (TABLE, decisions.many_panels(outliers.reshape(holm.shape) > 0)),
        "non-monotonic": (("alpha", *TABLE), np.array([decisions.many_panels(found) for found in bends])),
    }


def _single(v: Variants, counted, accuracies, choices, set_apart, world) -> dict:
    """Decide the claims that depend on little: the sample, and the benchmark left out."""
    band, near = [], []
    means, _ = control.values(v.accuracies, {k: ids for k, (_, ids) in enumerate(v.members)}, control.NONE)
    for keep in choices["sample"].values:
        evidence = Evidence(counted[keep], accuracies[keep], set_apart=set_apart, world=world)
        band.append(VERDICTS.index(band_test_fails_for_at(evidence)[1]))
        apart = decisions.apart(counted["shape"].to_numpy(float)[keep], means[keep].T).max(axis=(-1, -2))
        near.append(decisions.shape_ignores_accuracy(apart[v.category].max(axis=-1)))
    return {
        "critical-band-at": (("sample",), np.array(band, np.int8)),
        "shape-ignores-accuracy": (("sample", "benchmark"), np.array(near)),
    }
