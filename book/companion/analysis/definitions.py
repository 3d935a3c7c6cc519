"""Other definitions of biases and categories: other cut-offs, fewer benchmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

import bvg.results.scores
from bvg import study
from companion.analysis import resampling

KINDS = {"low-pass": "low_frequency", "high-pass": "high_frequency"}
"""Kind of filter -> the bias that averages its accuracies."""


def windows(
    results: pd.DataFrame,
    scores: pd.DataFrame,
    sets: Mapping[str, pd.Series],
    alpha: float = 0.05,
    low_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    high_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
) -> pd.DataFrame:
    """Correlate spectral bias and category for every contiguous window of cut-offs.

    Args:
        results: the results table with low- and high-pass accuracies. Only the study's cut-offs count.
        scores: one row per model to correlate (see `bvg.results.scores.per_model`).
        sets: name -> mask over `scores` (see `choices.sets`).
        alpha: level of significance, in (0, 1).
        low_cutoffs, high_cutoffs: the windows in use; the paper's are 0.1 to 0.5.

    Returns:
        bias, first, last (cut-offs in [0, 1]), category, group, r, p, n, shown (as in `bvg.results.correlation.correlate`),
        chosen (whether it is the window in use). 11 cut-offs have 66 windows.
    """
    curves = bvg.results.scores.bandpass(results).assign(cutoff=lambda t: t["cutoff"].round(6))
    curves = curves[curves["cutoff"].isin(np.round(study.CUTOFFS, 6)) & curves["model"].isin(scores["model"])]
    chosen = {"low-pass": low_cutoffs, "high-pass": high_cutoffs}
    parts = []
    for kind, bias in KINDS.items():
        wide = curves[curves["kind"] == kind].pivot(index="model", columns="cutoff", values="relative_top1")
        wide = wide.reindex(scores["model"])
        ends = [(i, j) for i in range(wide.shape[1]) for j in range(i, wide.shape[1])]
        names = [(bias, wide.columns[i], wide.columns[j]) for i, j in ends]
        values = np.array([wide.iloc[:, i : j + 1].mean(axis=1, skipna=False) for i, j in ends])
        used = [np.array_equal(wide.columns[i : j + 1], np.round(sorted(chosen[kind]), 6)) for i, j in ends]
        part = _correlate(
            values.reshape(len(ends), len(wide)).T, scores, bvg.results.scores.CATEGORY_COLUMNS, sets, alpha
        )
        about = pd.DataFrame(names, columns=["bias", "first", "last"]).assign(chosen=used)
        parts.append(part.join(about, on="value").rename(columns={"with": "category"}))
    return pd.concat(parts, ignore_index=True)[
        ["bias", "first", "last", "category", "group", "r", "p", "n", "shown", "chosen"]
    ]


def summarize_windows(windows: pd.DataFrame) -> pd.DataFrame:
    """Summarize the correlations over all windows.

    Args:
        windows: from `windows`.

    Returns:
        bias, category, group, windows (their number), lowest, highest (r), positive, negative (number of significant windows),
        chosen (`shown` of the window in use; NaN if the cut-offs in use are not contiguous).
    """
    by = ["bias", "category", "group"]
    defined = windows.dropna(subset="r")
    keys = [defined[c] for c in by]
    table = defined.groupby(by, sort=False).agg(windows=("r", "size"), lowest=("r", "min"), highest=("r", "max"))
    table["positive"] = (defined["shown"] > 0).groupby(keys).sum()
    table["negative"] = (defined["shown"] < 0).groupby(keys).sum()
    table["chosen"] = windows[windows["chosen"]].set_index(by)["shown"]
    return table.reset_index()


def exceptional_windows(windows: pd.DataFrame, group: str = "total") -> pd.DataFrame:
    """Find the pairs for which most windows disagree with the window in use.

    A window is positive, negative or not significant.

    Args:
        windows: from `windows`.
        group: the set of models.

    Returns:
        bias, category, chosen (`shown` of the window in use), other (number of windows that disagree), windows.
    """
    own = windows[windows["group"] == group].dropna(subset="shown")
    lines = []
    for (bias, category), cells in own.groupby(["bias", "category"], sort=False):
        for chosen in cells.loc[cells["chosen"], "shown"]:
            other = int((np.sign(cells["shown"]) != np.sign(chosen)).sum())
            if other > len(cells) / 2:
                lines.append((bias, category, chosen, other, len(cells)))
    return pd.DataFrame(lines, columns=["bias", "category", "chosen", "other", "windows"])


def without_each_benchmark(
    results: pd.DataFrame,
    scores: pd.DataFrame,
    sets: Mapping[str, pd.Series],
    categories: Mapping[str, Sequence[str]] | None = None,
    alpha: float = 0.05,
    eps: float = study.PGD_EPSILON,
    world: study.World = study.STUDY,
) -> pd.DataFrame:
    """Correlate each category without one of its benchmarks in turn.

    Categories of a single benchmark are skipped.

    Args:
        results: the results table.
        scores: one row per model to correlate, computed from `results` with these `categories`.
        sets: name -> mask over `scores`.
        categories: category -> benchmark ids; None for those of `world`.
        alpha: level of significance, in (0, 1).
        eps: strength of the attack, in (0, 1).
        world: the images that the models were measured on.

    Returns:
        category, without (the benchmark left out), bias, group, r, p, n, shown, full (`shown` with all benchmarks), change
        (`lost` or `gained` significance, changed `sign`, or empty).
    """
    categories = categories or world.categories
    accuracy = bvg.results.scores.benchmarks(results, allow_missing=True, eps=eps, world=world).set_index("model")
    accuracy = accuracy.reindex(scores["model"])
    cases = [(c, left) for c, members in categories.items() if len(members) > 1 for left in members]
    columns = ["category", "without", "bias", "group", "r", "p", "n", "shown", "full", "change"]
    if not cases:
        return pd.DataFrame(columns=columns)
    rest = [[b for b in categories[c] if b != left] for c, left in cases]
    values = np.stack([accuracy[members].mean(axis=1, skipna=False) for members in rest], axis=1)
    table = _correlate(values, scores, bvg.results.scores.BIAS_COLUMNS, sets, alpha).rename(columns={"with": "bias"})
    table = table.join(pd.DataFrame(cases, columns=["category", "without"]), on="value")
    full = _correlate(scores[list(categories)].to_numpy(float), scores, bvg.results.scores.BIAS_COLUMNS, sets, alpha)
    full["category"] = full["value"].map(dict(enumerate(categories)))
    full = full.rename(columns={"with": "bias", "shown": "full"})[["category", "bias", "group", "full"]]
    table = table.merge(full, on=["category", "bias", "group"], validate="many_to_one")
    before, after = (np.nan_to_num(np.sign(table[c])) for c in ("full", "shown"))
    table["change"] = np.select(
        [before == after, (before != 0) & (after == 0), before == 0], ["", "lost", "gained"], "sign"
    )
    return table[columns]


def _correlate(
    values: np.ndarray, scores: pd.DataFrame, names: Sequence[str], sets: Mapping, alpha: float
) -> pd.DataFrame:
    """Correlate values, float [models, K], with the columns `names` of `scores`, in each set.

    Returns:
        value (index into the K columns), with (name), group, r, p, n, shown.
    """
    masks = np.array([np.asarray(mask, int) for mask in sets.values()])
    r, n = resampling.spearman(values, scores[list(names)].to_numpy(float), masks)
    index = pd.MultiIndex.from_product([sets, range(values.shape[1]), names], names=["group", "value", "with"])
    table = index.to_frame(index=False).assign(r=r.ravel(), p=resampling.p_value(r, n).ravel(), n=n.ravel().astype(int))
    return table.assign(shown=resampling.thresholded(r, n, alpha).ravel())
