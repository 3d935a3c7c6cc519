"""Robustness checks of the correlations in Figure 2.

The checks use other samples of models, other tests, and fewer models or families.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import factorial
from scipy.stats import kendalltau, rankdata

from bvg.results import correlation
from companion.analysis import resampling
from companion.analysis.distance import distance_correlation, independence_p
from companion.analysis.multiple_tests import adjusted

ROBUST, FRAGILE, OTHER_DEPENDENCE, NOT_SIGNIFICANT, UNDEFINED = VERDICTS = (
    "robust",
    "fragile",
    "other dependence",
    "not significant",
    "not defined",
)
FEWEST_FAMILIES = 5
"""Fewest families for a cluster bootstrap: four families have only 35 different resamples."""

MOST_PERMUTATIONS = 2000
"""Most permutations behind the p-value of the distance correlation, the observed order included."""

CHECKS: dict[str, str] = {
    "Holm": "p_holm",
    "BH": "p_bh",
    "interval": "low",
    "Kendall": "p_tau",
    "a model": "without_changes",
    "family interval": "family_low",
    "jackknife": "jackknife_low",
    "a family": "without_family_changes",
}
"""Name of each check -> the column that is NaN where the check is not possible."""

COLUMNS = (
    "row", "column", "group", "r", "p", "n", "shown", "low", "high", "p_holm", "p_bh", "tau", "p_tau", "dcor", "p_dcor", "p_dcor_bh",
    "without_low", "without_high", "without_model", "without_r", "without_changes", "families", "effective_families", "family_low",
    "family_high", "jackknife_low", "jackknife_high",
    "without_family_low", "without_family_high", "without_family", "without_family_changes", "failed", "verdict",
)  # fmt: skip
"""The columns of a table of checked correlations, one row per cell of Figure 2.

- row, column, group, r, p, n, shown: as in `bvg.results.correlation.correlate`.
- low, high: percentile bootstrap interval of r at level 1 - alpha; models are resampled.
- p_holm, p_bh: p-values corrected over all cells by Holm's and by Benjamini and Hochberg's procedure. They start from the larger
  of p and 2 / n!, the smallest possible p-value of n models.
- tau, p_tau: Kendall's tau-b.
- dcor, p_dcor, p_dcor_bh: distance correlation of the ranks (Székely et al. 2007), which is 0 only for independent values; its
  p-value by permutation; and that p-value corrected over all cells by Benjamini and Hochberg's procedure.
- without_low, without_high, without_model, without_r, without_changes: each model is left out in turn. The range of r; the model
  whose absence changes r most, and r without it; in how many cases the significance or the sign changes.
- families, effective_families: number of families, and the number of equally large families with the same sum of squared shares
  (the effective number of clusters; Carter et al. 2017): 2 if two families of equal size hold nearly all models.
- family_low, family_high: bootstrap interval when whole families are resampled. NaN with fewer than `FEWEST_FAMILIES`, and where
  every model is a family by itself, since it would repeat the bootstrap over models.
- jackknife_low, jackknife_high: interval from leaving out each family in turn (`resampling.jackknife`), NaN in the same cases.
- without_family_low, without_family_high, without_family, without_family_changes: each family is left out in turn. Cases that
  leave fewer than 4 models do not count; NaN if no case is left.
- failed: names of the checks (`CHECKS`) that a significant cell fails, joined by "; ".
- verdict: one of `VERDICTS`.
"""


def check_cells(
    scores: pd.DataFrame,
    rows: Sequence[str],
    columns: Sequence[str],
    sets: Mapping[str, pd.Series],
    families: pd.Series,
    alpha: float = 0.05,
    replicates: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Correlate, and repeat each correlation with other models, tests and families.

    A significant cell is *robust* if it passes all checks that are possible for it, and *fragile* otherwise. A cell that is not
    significant is *other dependence* if its distance correlation is significant, and *not significant* otherwise.

    Args:
        scores: one row per model, with the columns model, `rows` and `columns`.
        rows, columns: categories and biases.
        sets: name -> mask over `scores` (see `choices.sets`).
        families: name of each model's family, in the order of `scores` (see `choices.families`).
        alpha: level of significance of all checks, in (0, 1).
        replicates: resamples of each bootstrap; also permutations behind the p-value of the distance correlation, at most
            `MOST_PERMUTATIONS`.
        seed: of the resamples. The resamples of one set do not depend on other sets, rows or columns.

    Returns:
        One row per cell with the columns `COLUMNS`.

    Raises:
        ValueError: `replicates` is below 1, or as in `bvg.results.correlation.correlate`.
    """
    if replicates < 1:
        raise ValueError(f"expected `replicates` of 1 or more, got {replicates}")
    table = correlation.correlate(scores, rows, columns, sets, alpha)
    parts = []
    for group, mask in sets.items():
        chosen = np.asarray(mask, bool)
        own, labels = scores[chosen], families.to_numpy()[chosen]
        parts.append(_check_set(own, rows, columns, group, labels, alpha, replicates, seed))
    table = table.merge(pd.concat(parts), on=["row", "column", "group"], validate="one_to_one")
    # Student's t gives p = 0 for r = 1, however few the models. Of n! orders, two are as extreme.
    p = np.maximum(table["p"], 2 / factorial(table["n"]))
    table = table.assign(
        p_holm=adjusted(p, "holm"), p_bh=adjusted(p, "fdr_bh"), p_dcor_bh=adjusted(table["p_dcor"], "fdr_bh")
    )
    table["failed"] = _failed(table, alpha)
    significant = correlation.significant(table)
    table["verdict"] = np.select(
        [table["r"].isna(), significant & (table["failed"] == ""), significant, table["p_dcor_bh"] < alpha],
        [UNDEFINED, ROBUST, FRAGILE, OTHER_DEPENDENCE],
        NOT_SIGNIFICANT,
    )
    return table[list(COLUMNS)]


def _check_set(own, rows, columns, group, labels, alpha, replicates, seed) -> pd.DataFrame:
    """Resample, leave out and permute the models of one set: one row per cell."""
    x, y = own[list(rows)].to_numpy(float), own[list(columns)].to_numpy(float)
    complete = ~np.isnan(x)[:, :, None] & ~np.isnan(y)[:, None, :]
    key = resampling.key(seed, group)
    rng = np.random.default_rng(key)
    of = {}
    models = own["model"].to_numpy()
    of["low"], of["high"] = _interval(x, y, np.arange(len(own)), alpha, replicates, rng, [*key, 1])
    of |= {f"without_{k}": v for k, v in _left_out(x, y, models, alpha).items()}
    without = _left_out(x, y, labels, alpha)
    del without["r"]
    of |= {f"without_family{'_' * (k != 'model')}{k.removeprefix('model')}": v for k, v in without.items()}
    _, members = resampling.leave_one_out(labels)
    sizes = np.tensordot(1 - members, complete.astype(int), 1)
    of["families"], n = (sizes > 0).sum(axis=0), sizes.sum(axis=0)
    of["effective_families"] = n**2 / np.maximum((sizes**2).sum(axis=0), 1)
    impossible = (of["families"] < FEWEST_FAMILIES) | (of["families"] == n)
    family = np.array(
        [_interval(x, y, labels, alpha, replicates, rng, [*key, 2]), resampling.jackknife(x, y, labels, alpha)]
    )
    ends = ("family_low", "family_high", "jackknife_low", "jackknife_high")
    of |= dict(zip(ends, np.where(impossible, np.nan, family).reshape(4, *n.shape), strict=True))
    cells = pd.MultiIndex.from_product([rows, columns], names=["row", "column"]).to_frame(index=False)
    cells = cells.assign(group=group, **{name: values.ravel() for name, values in of.items()})
    other = [
        _other_coefficients(x[both, i], y[both, j], replicates, resampling.key(seed, f"{row}/{column}/{group}"))
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
        for both in (complete[:, i, j],)
    ]
    return cells.join(pd.DataFrame(other, columns=["tau", "p_tau", "dcor", "p_dcor"]))


def _interval(x, y, labels, alpha, replicates, rng, finer) -> tuple[np.ndarray, np.ndarray]:
    """Return the percentile interval of r, [R, C] each; NaN where fewer than half of the resamples define r.

    `finer` is the seed of the further resamples of intervals that end close to 0.
    """
    r, _ = resampling.spearman(x, y, resampling.bootstrap(labels, replicates, rng))
    low, high = resampling.percentiles(r, alpha)
    close = np.minimum(np.abs(low), np.abs(high)) < resampling.CLOSE
    counts = (
        resampling.bootstrap(labels, resampling.FINER * replicates, np.random.default_rng(finer))
        if close.any()
        else None
    )
    for i, j in np.argwhere(close):
        r, _ = resampling.spearman(x[:, [i]], y[:, [j]], counts)
        low[i, j], high[i, j] = np.ravel(resampling.percentiles(r, alpha))
    return low, high


def _left_out(x, y, labels, alpha) -> dict[str, np.ndarray]:
    """Leave out each label in turn: range of r, the label that changes r most, r without it, number of changes; [R, C] each."""
    shape = (x.shape[1], y.shape[1])
    names, counts = resampling.leave_one_out(labels)
    (before,), n = resampling.spearman(x, y, np.ones((1, len(x))))
    was = np.nan_to_num(np.sign(resampling.thresholded(before, n[0], alpha)))
    r, n = resampling.spearman(x, y, counts)
    enough = n >= correlation.FEWEST
    moved = np.where(np.isnan(r), -1.0, np.abs(r - before))
    known = ~np.isnan(before) & (moved >= 0).any(axis=0)
    if not known.any():
        nothing = np.full(shape, np.nan)
        return dict.fromkeys(("low", "high", "r", "changes"), nothing) | {"model": np.full(shape, "", object)}
    most = moved.argmax(axis=0)
    # A column that becomes constant has no correlation: a significant cell has then changed.
    now = np.nan_to_num(np.sign(resampling.thresholded(r, n, alpha)))
    changes = ((now != was) & enough).sum(axis=0)
    at = np.take_along_axis(r, most[None], axis=0)[0]
    r = np.where(known, r, 0)
    return {
        "low": np.where(known, np.nanmin(r, axis=0), np.nan),
        "high": np.where(known, np.nanmax(r, axis=0), np.nan),
        "model": np.where(known, names[most], ""),
        "r": np.where(known, at, np.nan),
        "changes": np.where(known, changes, np.nan),
    }


def _other_coefficients(x, y, replicates, key) -> tuple[float, float, float, float]:
    """Return Kendall's tau, its p, the distance correlation of the ranks, its p; NaN where Spearman's r is not defined."""
    if np.isnan(correlation.spearman(x, y)[0]):
        return (np.nan,) * 4
    tau = kendalltau(x, y)
    ranks = rankdata(x), rankdata(y)
    permutations = min(replicates, MOST_PERMUTATIONS) - 1
    p = independence_p(*ranks, permutations, int(np.random.default_rng(key).integers(2**31)))
    return float(tau.statistic), float(tau.pvalue), distance_correlation(*ranks), p


def _failed(table: pd.DataFrame, alpha: float) -> list[str]:
    """Name the checks that each significant cell fails; a check that is not possible does not fail."""
    sign = np.sign(table["r"])
    fails = pd.DataFrame(
        {
            "Holm": table["p_holm"] >= alpha,
            "BH": table["p_bh"] >= alpha,
            "interval": table["low"].notna() & ~resampling.excludes_zero(table["low"], table["high"]),
            "Kendall": (table["p_tau"] >= alpha) | (np.sign(table["tau"]) != sign),
            "a model": table["without_changes"] > 0,
            "family interval": table["family_low"].notna()
            & ~resampling.excludes_zero(table["family_low"], table["family_high"]),
            "jackknife": (table["jackknife_low"] <= 0) & (table["jackknife_high"] >= 0),
            "a family": table["without_family_changes"] > 0,
        }
    )[list(CHECKS)]
    fails = fails.to_numpy() & correlation.significant(table).to_numpy()[:, None]
    return ["; ".join(name for name, fail in zip(CHECKS, row, strict=True) if fail) for row in fails]
