"""How firm each correlation of Figure 2 is: other samples of models, other tests, fewer models, fewer families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zlib import crc32

import numpy as np
import pandas as pd
from scipy.special import factorial
from scipy.stats import kendalltau, rankdata

from bvg import study
from bvg.results import correlation
from companion.analysis import resampling
from companion.tables.study import Table
from companion.text import listed, signed

FIRM, FRAGILE, BENT, NOTHING, UNDEFINED = "firm", "fragile", "not monotonic", "nothing", "not defined"
VERDICTS = (FIRM, FRAGILE, BENT, NOTHING, UNDEFINED)
FEWEST_FAMILIES = 5
"""Fewest families of which a cluster bootstrap is drawn: of four there are 35 different resamples only."""

MOST_PERMUTATIONS = 2000
"""Permutations behind the distance correlation's p, the observed order among them; fewer replicates give fewer."""

CHECKS: dict[str, str] = {
    "Holm": "p_holm",
    "BH": "p_bh",
    "interval": "low",
    "Kendall": "p_tau",
    "a model": "without_changes",
    "family interval": "family_low",
    "a family": "without_family_changes",
}
"""Name of each check -> the column that is NaN where the check cannot be made."""


def firmness(
    scores: pd.DataFrame,
    rows: Sequence[str],
    columns: Sequence[str],
    sets: Mapping[str, pd.Series],
    families: pd.Series,
    alpha: float = 0.05,
    replicates: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Every correlation of Figure 2 with what happens to it when models, tests or families are changed.

    A significant cell is *firm* if it passes all checks that can be made of it, else *fragile*. One that is not significant is
    *not monotonic* if the distance correlation is significant all the same, *nothing* otherwise.

    Args:
        scores: one row per model, with the columns model, `rows` and `columns`.
        rows, columns: categories and biases.
        sets: name -> mask over `scores` (see `choices.sets`).
        families: name of each model's family, in the order of `scores` (see `choices.families`).
        alpha: level of significance of all checks, in (0, 1).
        replicates: resamples of either bootstrap; also permutations behind the distance correlation's p, at most 2000.
        seed: of the resamples. What is drawn of a set of models does not depend on other sets, rows or columns.

    Returns:
        One row per cell:

        - row, column, group, r, p, n, shown: as from `stats.correlate`.
        - low, high: percentile bootstrap interval of r at level 1 - alpha, models resampled.
        - p_holm, p_bh: p over all cells of the table, by Holm and by Benjamini and Hochberg, from the larger of p and 2 / n!, below
          which no p of n models can be.
        - tau, p_tau: Kendall's tau-b.
        - dcor, p_dcor, p_dcor_bh: distance correlation of the ranks (Székely et al. 2007), which is 0 only of independent values;
          its p by permutation, and that by Benjamini and Hochberg over all cells.
        - without_low, without_high, without_model, without_r, without_changes: each model left out in turn. The range of r; the
          model whose absence moves r most, and r without it; in how many cases the cell's significance or sign changes.
        - families, family_low, family_high: number of families; bootstrap interval with families resampled whole, NaN of fewer
          than 5.
        - without_family_low, without_family_high, without_family, without_family_changes: the same as for models, families left
          out. Cases that leave fewer than 4 models do not count; NaN where there are no others.
        - failed: names of the checks (`CHECKS`) that a significant cell fails, joined by "; ".
        - verdict: one of `VERDICTS`.

    Raises:
        ValueError: `replicates` below 1, or as in `stats.correlate`.
    """
    if replicates < 1:
        raise ValueError(f"expected `replicates` of 1 or more, got {replicates}")
    table = correlation.correlate(scores, rows, columns, sets, alpha)
    names = ["row", "column", "group"]
    parts = []
    for group, mask in sets.items():
        chosen = np.asarray(mask, bool)
        own, labels = scores[chosen], families.to_numpy()[chosen]
        parts.append(_of_set(own, rows, columns, group, labels, alpha, replicates, seed))
    table = table.merge(pd.concat(parts), on=names, validate="one_to_one")
    # Student's t gives p = 0 for r = 1 however few the models; but of n! orders two are as extreme.
    p = np.maximum(table["p"], 2 / factorial(table["n"]))
    table = table.assign(
        p_holm=_adjusted(p, "holm"), p_bh=_adjusted(p, "fdr_bh"), p_dcor_bh=_adjusted(table["p_dcor"], "fdr_bh")
    )
    table["failed"] = _failed(table, alpha)
    significant = correlation.significant(table)
    table["verdict"] = np.select(
        [table["r"].isna(), significant & (table["failed"] == ""), significant, table["p_dcor_bh"] < alpha],
        [UNDEFINED, FIRM, FRAGILE, BENT],
        NOTHING,
    )
    return table[list(_COLUMNS)]


_COLUMNS = (
    "row", "column", "group", "r", "p", "n", "shown", "low", "high", "p_holm", "p_bh", "tau", "p_tau", "dcor", "p_dcor", "p_dcor_bh",
    "without_low", "without_high", "without_model", "without_r", "without_changes", "families", "family_low", "family_high",
    "without_family_low", "without_family_high", "without_family", "without_family_changes", "failed", "verdict",
)  # fmt: skip


def _of_set(own, rows, columns, group, labels, alpha, replicates, seed) -> pd.DataFrame:
    """What is resampled, left out or permuted, of one set of models: one row per cell."""
    x, y = own[list(rows)].to_numpy(float), own[list(columns)].to_numpy(float)
    complete = ~np.isnan(x)[:, :, None] & ~np.isnan(y)[:, None, :]
    rng = np.random.default_rng([seed, crc32(group.encode())])
    of = {}
    models = own["model"].to_numpy()
    of["low"], of["high"] = _interval(x, y, np.arange(len(own)), alpha, replicates, rng)
    of |= {f"without_{k}": v for k, v in _left_out(x, y, models, alpha).items()}
    without = _left_out(x, y, labels, alpha)
    del without["r"]
    of |= {f"without_family{'_' * (k != 'model')}{k.removeprefix('model')}": v for k, v in without.items()}
    _, members = resampling.leave_one_out(labels)
    of["families"] = (np.tensordot(1 - members, complete.astype(int), 1) > 0).sum(axis=0)
    family = np.array(_interval(x, y, labels, alpha, replicates, rng))
    of["family_low"], of["family_high"] = np.where(of["families"] < FEWEST_FAMILIES, np.nan, family)
    cells = pd.MultiIndex.from_product([rows, columns], names=["row", "column"]).to_frame(index=False)
    cells = cells.assign(group=group, **{name: values.ravel() for name, values in of.items()})
    other = [
        _other_coefficients(x[both, i], y[both, j], replicates, [seed, crc32(f"{row}/{column}/{group}".encode())])
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
        for both in (complete[:, i, j],)
    ]
    return cells.join(pd.DataFrame(other, columns=["tau", "p_tau", "dcor", "p_dcor"]))


def _interval(x, y, labels, alpha, replicates, rng) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval of r, [R, C] each; NaN where fewer than half of the resamples define it."""
    r, _ = resampling.spearman(x, y, resampling.bootstrap(labels, replicates, rng))
    rare = np.isnan(r).mean(axis=0) > 0.5
    low, high = np.nanquantile(np.where(rare, 0, r), [alpha / 2, 1 - alpha / 2], axis=0)
    return np.where(rare, np.nan, low), np.where(rare, np.nan, high)


def _left_out(x, y, labels, alpha) -> dict[str, np.ndarray]:
    """Range of r, what moves it most, r without that, and the number of changes, over labels left out in turn: [R, C] each."""
    shape = (x.shape[1], y.shape[1])
    names, counts = resampling.leave_one_out(labels)
    (before,), n = resampling.spearman(x, y, np.ones((1, len(x))))
    was = np.nan_to_num(np.sign(resampling.shown(before, n[0], alpha)))
    r, n = resampling.spearman(x, y, counts)
    enough = n >= correlation.FEWEST
    moved = np.where(np.isnan(r), -1.0, np.abs(r - before))
    known = ~np.isnan(before) & (moved >= 0).any(axis=0)
    if not known.any():
        nothing = np.full(shape, np.nan)
        return dict.fromkeys(("low", "high", "r", "changes"), nothing) | {"model": np.full(shape, "", object)}
    most = moved.argmax(axis=0)
    # A column that turns constant leaves no correlation: a significant cell has then changed.
    now = np.nan_to_num(np.sign(resampling.shown(r, n, alpha)))
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
    """Kendall's tau and its p, distance correlation of the ranks and its p; NaN where Spearman's r is not defined."""
    if np.isnan(correlation.spearman(x, y)[0]):
        return (np.nan,) * 4
    import dcor  # compiles for seconds where it is new

    tau = kendalltau(x, y)
    ranks = rankdata(x), rankdata(y)
    test = dcor.independence.distance_covariance_test(
        *ranks,
        num_resamples=min(replicates, MOST_PERMUTATIONS) - 1,
        random_state=np.random.default_rng(key).integers(2**31),
    )
    return float(tau.statistic), float(tau.pvalue), float(dcor.distance_correlation(*ranks)), float(test.pvalue)


def _adjusted(p: pd.Series, method: str) -> pd.Series:
    """p over all defined tests."""
    from statsmodels.stats.multitest import multipletests

    defined = p.dropna()
    adjusted = multipletests(defined, method=method)[1] if len(defined) else []
    return pd.Series(adjusted, defined.index, float).reindex(p.index)


def _failed(table: pd.DataFrame, alpha: float) -> list[str]:
    """Names of the checks that each significant cell fails; a check that cannot be made is not failed."""
    sign = np.sign(table["r"])
    fails = pd.DataFrame(
        {
            "Holm": table["p_holm"] >= alpha,
            "BH": table["p_bh"] >= alpha,
            "interval": (table["low"] <= 0) & (table["high"] >= 0),
            "Kendall": (table["p_tau"] >= alpha) | (np.sign(table["tau"]) != sign),
            "a model": table["without_changes"] > 0,
            "family interval": (table["family_low"] <= 0) & (table["family_high"] >= 0),
            "a family": table["without_family_changes"] > 0,
        }
    )[list(CHECKS)]
    fails = fails.to_numpy() & correlation.significant(table).to_numpy()[:, None]
    return ["; ".join(name for name, fail in zip(CHECKS, row, strict=True) if fail) for row in fails]


def table(firm: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Every cell with its checks, to be read: r in bold where it is significant, and what a fragile cell fails.

    Args:
        firm: from `firmness`.
        world: whose names to print.
    """
    names = study.describe(pd.unique(firm["without_model"]))["name"]
    shown = pd.DataFrame(
        {
            "Category": firm["row"].map(world.name),
            "Bias": firm["column"].map(world.short),
            "Models": firm["group"].replace({"total": "all", "at": "AT", "other": "others"}) + " (" + firm["n"].astype(str) + ")",
            "r": [_number(r) if not s else f"**{_number(r)}**" for r, s in zip(firm["r"], correlation.significant(firm), strict=True)],
            "Interval": _ranges(firm["low"], firm["high"]),
            "By families": _ranges(firm["family_low"], firm["family_high"]),
            "Holm p": ["" if np.isnan(p) else "< 0.001" if p < 0.001 else signed(p, 3) for p in firm["p_holm"]],
            "Kendall": firm["tau"].map(_number),
            "Distance": firm["dcor"].map(_number),
            "Without one model": _ranges(firm["without_low"], firm["without_high"]),
            "Matters most": firm["without_model"].map(names),
            "Verdict": firm["verdict"] + firm["failed"].map(lambda f: f": fails {listed(f.split('; '))}" if f else ""),
        }
    )  # fmt: skip
    return Table(shown, firm)


def _number(value: float) -> str:
    return "" if np.isnan(value) else signed(value)


def _ranges(low: pd.Series, high: pd.Series) -> list[str]:
    return ["" if np.isnan(a) else f"{signed(a)} to {signed(b)}" for a, b in zip(low, high, strict=True)]
