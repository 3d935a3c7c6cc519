"""Shape and texture sensitivity: how often a model decides by either cue, which the ratio of shape bias does not tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd

from bvg import study
from bvg.results import cue_counts
from companion.analysis import resampling
from companion.analysis.equal_accuracy import CATEGORIES, partial
from companion.analysis.robustness import FEWEST_FAMILIES

MEASURES = ("shape", *(measure.id for measure in study.CUES))
"""Shape bias and the three shares of the cue-conflict images, as columns of scores."""

EQUAL = 0.01
"""Shape biases that differ by less count as equal."""


def intervals(counts: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """Give each count an interval: of the images, and of the counts that are possible.

    Args:
        counts: from `bvg.results.cue_counts.counts`.
        alpha: the binomial intervals (Wilson's) have the level 1 - alpha.

    Returns:
        One row per model and kind of decision: model, cue (shape, texture or neither), images, solutions, hits (the likely
        count), fewest, most (of the possible counts), share (of the images) [%], low, high [%]: from the lower end of the
        interval of the fewest to the upper end of that of the most.
    """
    from statsmodels.stats.proportion import proportion_confint

    rows = []
    for row in counts.to_dict("records"):
        for cue in cue_counts.CUES:
            hits, fewest, most, n = row[cue], row[f"{cue}_low"], row[f"{cue}_high"], row["images"]
            low, high = (proportion_confint(k, n, alpha, "wilson")[end] for k, end in ((fewest, 0), (most, 1)))
            share = 100 * hits / n
            rows.append((row["model"], cue, n, row["solutions"], hits, fewest, most, share, 100 * low, 100 * high))
    names = ["model", "cue", "images", "solutions", "hits", "fewest", "most", "share", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def contrasts(
    scores: pd.DataFrame,
    control: Sequence[float],
    rows: Sequence[str],
    sets: Mapping[str, pd.Series],
    families: pd.Series,
    alpha: float = 0.05,
    replicates: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare how strongly shape sensitivity and shape bias correlate with each row, on the same resamples.

    Args:
        scores: one row per model, with `rows` and `MEASURES`. Models that lack a value are left out of the cell.
        control: value of the control for each row of `scores`, for example ImageNet top-1 [%].
        rows: categories or benchmarks.
        sets: name -> mask over `scores`.
        families: name of each model's family; whole families are resampled.
        alpha: the intervals have the level 1 - alpha.
        replicates: resamples of the bootstrap.
        seed: of the resamples.

    Returns:
        A row per cell, and one at equal accuracy for the categories that do not contain the control: row, group, given (`nothing` or `accuracy`), n, families, bias and
        sensitivity (Spearman's r, or the partial one, of either measure), difference (|sensitivity| - |bias|), low, high
        (percentile interval of the difference; NaN with fewer than `FEWEST_FAMILIES` families).
    """
    z, labels = np.asarray(control, float), families.to_numpy()
    cells = []
    for row in rows:
        for group, mask in sets.items():
            columns = scores[["shape", "shape_sensitivity", row]].to_numpy(float)
            use = np.asarray(mask, bool) & ~np.isnan(columns.sum(axis=1) + z)
            x = np.column_stack([columns[use], z[use]])
            found = _contrast(x, labels[use], alpha, replicates, resampling.key(seed, group))
            cells += [
                (row, group, given, *values)
                for given, values in found.items()
                if given == "nothing" or row in CATEGORIES
            ]
    names = ["row", "group", "given", "n", "families", "bias", "sensitivity", "difference", "low", "high"]
    return pd.DataFrame(cells, columns=names)


def _contrast(x: np.ndarray, labels: np.ndarray, alpha: float, replicates: int, key: list[int]) -> dict[str, tuple]:
    """Return n, families, both correlations, their difference in strength, and its interval, raw and at equal accuracy."""
    families, found = len(set(labels)), {}
    for given, r in _both(x, np.ones((1, len(x)))).items():
        low = high = np.nan
        if replicates and families >= FEWEST_FAMILIES:
            value = lambda counts, given=given: _stronger(_both(x, counts)[given])  # noqa: E731
            low, high = resampling.interval(value, labels, replicates, key, alpha)
        found[given] = (len(x), families, *r[0], _stronger(r)[0], low, high)
    return found


def _both(x: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Correlate the first two columns of x (bias, sensitivity) with the third, raw and given the fourth: [B, 2] each."""
    r = resampling.spearman(x, x, counts)[0]
    given = np.column_stack([partial(r[:, i, 2], r[:, i, 3], r[:, 2, 3]) for i in (0, 1)])
    return {"nothing": r[:, :2, 2], "accuracy": given}


def _stronger(r: np.ndarray) -> np.ndarray:
    """Return by how much the second correlation is stronger than the first: [B, 2] -> [B]."""
    return np.abs(r[:, 1]) - np.abs(r[:, 0])


def by_count(scores: pd.DataFrame, control: Sequence[float], counts: pd.DataFrame, rows: Sequence[str]) -> pd.DataFrame:
    """Correlate shape sensitivity with each row for every choice among the possible counts.

    Models with several possible counts take the fewest or the most, in all combinations.

    Args:
        scores: one row per model with `rows` and `MEASURES`; only models with all values enter.
        control: value of the control for each row of `scores`.
        counts: from `bvg.results.cue_counts.counts`.
        rows: categories or benchmarks.

    Returns:
        row, choices (number of combinations), low, high (smallest and largest Spearman's r), partial_low, partial_high (the
        same at equal accuracy).
    """
    z = np.asarray(control, float)
    use = scores[["shape_sensitivity", *rows]].notna().all(axis=1).to_numpy() & ~np.isnan(z)
    own = counts.set_index("model").loc[scores.loc[use, "model"]]
    low, high = (100 * (own[f"shape_{end}"] / own["images"]).to_numpy(float) for end in ("low", "high"))
    open_ = np.flatnonzero(low < high)
    chosen = np.array(list(product((False, True), repeat=len(open_))))
    x = np.repeat(low[:, None], len(chosen), axis=1)
    x[open_] = np.where(chosen.T, high[open_, None], low[open_, None])
    y = np.column_stack([scores.loc[use, list(rows)].to_numpy(float), z[use]])
    r = resampling.spearman(np.column_stack([x, z[use]]), y, np.ones((1, len(x))))[0][0]
    found = []
    for place, row in enumerate(rows):
        given = partial(r[:-1, place], r[:-1, -1], r[-1, place])
        found.append((row, len(chosen), r[:-1, place].min(), r[:-1, place].max(), given.min(), given.max()))
    return pd.DataFrame(found, columns=["row", "choices", "low", "high", "partial_low", "partial_high"])


def alike(scores: pd.DataFrame, counts: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """Find the pairs of models with equal shape bias, the most different share of decided images first.

    Models with several possible counts are left out.

    Args:
        scores: one row per model, with `shape` and the categories.
        counts: from `bvg.results.cue_counts.counts`.
        alpha: the intervals have the level 1 - alpha.

    Returns:
        model and other (the one that decides more images by either cue first), bias and other_bias, decided and other_decided (share
        of the images decided by shape or texture [%]), difference (points), low, high (Newcombe's interval, which treats the
        images of the two models as independent; they are the same ones, so it is rather too wide).
    """
    from statsmodels.stats.proportion import confint_proportions_2indep

    known = counts[counts["solutions"] == 1].set_index("model")
    bias = scores.set_index("model")["shape"].dropna()
    images, decided = known["images"], known["images"] - known["neither"]
    share = 100 * decided / images
    pairs = []
    for two in combinations([model for model in bias.index if model in known.index], 2):
        if abs(bias[two[0]] - bias[two[1]]) < EQUAL:
            first, other = sorted(two, key=lambda model: -share[model])
            low, high = confint_proportions_2indep(
                *(decided[first], images[first], decided[other], images[other]), method="newcomb", alpha=alpha
            )
            both = bias[first], bias[other], share[first], share[other], share[first] - share[other]
            pairs.append((first, other, *both, 100 * low, 100 * high))
    names = ["model", "other", "bias", "other_bias", "decided", "other_decided", "difference", "low", "high"]
    return pd.DataFrame(pairs, columns=names).sort_values("difference", ascending=False, ignore_index=True)
