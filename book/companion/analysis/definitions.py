"""Other definitions of the biases and the categories: every window of cut-offs, and each benchmark left out in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

import bvg.results.scores
from bvg import study
from companion.analysis import resampling
from companion.tables.study import Table
from companion.text import listed, signed

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
    """The spectral biases averaged over every contiguous window of the cut-offs, against the four categories.

    Args:
        results: the results table with low- and high-pass accuracies. Cut-offs are the study's that any of the models has.
        scores: one row per model that enters (see `bvg.results.scores.per_model`).
        sets: name -> mask over `scores` (see `choices.sets`).
        alpha: level of significance, in (0, 1).
        low_cutoffs, high_cutoffs: the windows that are in use: by default the paper's, 0.1 to 0.5.

    Returns:
        bias, first, last (cut-offs in [0, 1]), category, group, r, p, n, shown (as from `stats.correlate`), chosen (whether it
        is the window in use). Of 11 cut-offs there are 66 windows.
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


def windows_table(windows: pd.DataFrame, world: study.World = study.STUDY, group: str = "total") -> Table:
    """What all windows say of each bias and category, over one set of models: the range of r, how many windows are significant.

    Args:
        windows: from `windows`. world: whose names to print. group: the set of models.

    Returns:
        `data`: bias, category, group, windows, lowest, highest (r), positive, negative (significant windows), chosen (r as
        shown of the window in use; NaN where that is not contiguous), of every set.
    """
    by = ["bias", "category", "group"]
    defined = windows.dropna(subset="r")
    of = defined.groupby(by, sort=False)
    data = of.agg(windows=("r", "size"), lowest=("r", "min"), highest=("r", "max")).join(
        [
            (defined["shown"] > 0).groupby([defined[c] for c in by]).sum().rename("positive"),
            (defined["shown"] < 0).groupby([defined[c] for c in by]).sum().rename("negative"),
            windows[windows["chosen"]].set_index(by)["shown"].rename("chosen"),
        ]
    )
    data = data.reset_index()
    own = data[data["group"] == group]
    shown = pd.DataFrame(
        {
            "Bias": own["bias"].map(world.name),
            "Category": own["category"].map(world.name),
            "r over all windows": [f"{signed(a)} to {signed(b)}" for a, b in zip(own["lowest"], own["highest"], strict=True)],
            "Windows": own["windows"].astype(str),
            "Positive": own["positive"].astype(str),
            "Negative": own["negative"].astype(str),
            "Window in use": ["" if np.isnan(v) else _shown(v) for v in own["chosen"]],
        }
    )  # fmt: skip
    return Table(shown, data)


def window_decides(windows: pd.DataFrame, group: str = "total") -> pd.DataFrame:
    """Pairs of which the window in use says something else than most windows do: positive, negative or nothing.

    Args:
        windows: from `windows`.
        group: the set of models.

    Returns:
        bias, category, chosen (`shown` of the window in use), other (how many windows say something else), windows.
    """
    own = windows[(windows["group"] == group)].dropna(subset="shown")
    lines = []
    for (bias, category), cells in own.groupby(["bias", "category"], sort=False):
        for chosen in cells.loc[cells["chosen"], "shown"]:
            other = int((np.sign(cells["shown"]) != np.sign(chosen)).sum())
            if other > len(cells) / 2:
                lines.append((bias, category, chosen, other, len(cells)))
    return pd.DataFrame(lines, columns=["bias", "category", "chosen", "other", "windows"])


def named(pairs: pd.DataFrame, world: study.World = study.STUDY) -> str:
    """Pairs from `window_decides` for prose; `none` if there are none."""
    return listed(
        f"{world.name(p.bias)} with {p.category} ({_shown(p.chosen)} in the window in use, otherwise in {p.other} of {p.windows})"
        for p in pairs.itertuples()
    )


def without_each_benchmark(
    results: pd.DataFrame,
    scores: pd.DataFrame,
    sets: Mapping[str, pd.Series],
    categories: Mapping[str, Sequence[str]] | None = None,
    alpha: float = 0.05,
    epsilon: float = study.PGD_EPSILON,
) -> pd.DataFrame:
    """Each category of several benchmarks made without one of them in turn, against the six biases.

    Args:
        results: the results table. scores: one row per model that enters, made from it with these `categories`.
        sets: name -> mask over `scores`.
        categories: category -> benchmark ids; None is those of `study.world`.
        alpha: level of significance, in (0, 1).
        epsilon: of the attack, in (0, 1).

    Returns:
        category, without (the benchmark left out), bias, group, r, p, n, shown, full (`shown` by the full definition), change:
        `lost` or `gained` significance, `sign` turned, or empty.
    """
    categories = categories or study.world(scores["model"]).categories
    accuracy = bvg.results.scores.benchmarks(results, allow_missing=True, epsilon=epsilon).set_index("model")
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


def without_table(table: pd.DataFrame, world: study.World = study.STUDY) -> Table:
    """Per benchmark left out, how many of the category's cells change, and which.

    Args:
        table: from `without_each_benchmark`. world: whose names to print.
    """
    sets = {"total": "all", "at": "AT", "other": "others"}
    lines = []
    for (category, left), cells in table.groupby(["category", "without"], sort=False):
        changed = cells[cells["change"] != ""]
        which = [
            f"{world.short(c.bias)}, {sets.get(c.group, c.group)} ({_shown(c.full)} → {_shown(c.shown)})"
            for c in changed.itertuples()
        ]
        lines.append(
            {
                "Category": world.name(category),
                "Left out": world.name(left),
                "Cells that change": f"{len(changed)} of {len(cells)}",
                "Which": "; ".join(which) or "none",
            }
        )
    return Table(pd.DataFrame(lines, columns=["Category", "Left out", "Cells that change", "Which"]), table)


def by_change(table: pd.DataFrame) -> str:
    """How often each kind of change occurs, for prose.

    >>> by_change(pd.DataFrame({"change": ["", "lost", "lost", "sign"]}))
    '2 lose their significance and 1 changes its sign'
    """
    words = {
        "lost": ("loses its significance", "lose their significance"),
        "gained": ("becomes significant", "become significant"),
        "sign": ("changes its sign", "change their sign"),
    }
    counts = table["change"].value_counts()
    return listed(f"{counts[kind]} {w[int(counts[kind] != 1)]}" for kind, w in words.items() if kind in counts)


def _shown(value: float) -> str:
    return "n.d." if np.isnan(value) else "n.s." if value == 0 else signed(value)


def _correlate(
    values: np.ndarray, scores: pd.DataFrame, names: Sequence[str], sets: Mapping, alpha: float
) -> pd.DataFrame:
    """`stats.correlate` of many columns at once: values float [models, K] with the columns `names` of `scores`, in each set.

    Returns: value (which of the K), with, group, r, p, n, shown.
    """
    masks = np.array([np.asarray(mask, int) for mask in sets.values()])
    r, n = resampling.spearman(values, scores[list(names)].to_numpy(float), masks)
    index = pd.MultiIndex.from_product([sets, range(values.shape[1]), names], names=["group", "value", "with"])
    table = index.to_frame(index=False).assign(r=r.ravel(), p=resampling.p_value(r, n).ravel(), n=n.ravel().astype(int))
    return table.assign(shown=resampling.shown(r, n, alpha).ravel())
