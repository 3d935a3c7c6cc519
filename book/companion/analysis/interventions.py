"""Interventions on the miniature: the same training with one change, from the same initial weights.

`python -m companion.analysis.interventions FOLDER` measures the networks into FOLDER and writes their results to interventions.csv
(`make miniature-zoo` runs it after training).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student

RESULTS = Path(__file__).with_suffix(".csv")
"""Stored results of the networks below and of their baselines: measuring them takes minutes."""
BASELINES = {1: "mini_standard", 2: "mini_standard_b", 3: "mini_standard_c"}
"""Seed -> the network trained from it without a change."""
CHANGES = {
    "stylized": "random textures",
    "attacked": "adversarial training",
}
"""Change of training -> in words; `mini_change_<change>_<seed>` is the network."""
EXTREME = ("mini_stylized", "mini_stylized_both", "mini_texture_biased", "mini_debiased", "mini_frozen")
"""Networks of the zoo that were trained to prefer a cue, or whose filters are frozen."""


def name(change: str, seed: int) -> str:
    """Return the id of the network with a change.

    Example:
        >>> name("stylized", 2)
        'mini_change_stylized_2'
    """
    return f"mini_change_{change}_{seed}"


def pairs(scores: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Pair each changed network with the baseline of its seed.

    Args:
        scores: one row per network with model and `columns`; networks of `BASELINES` and with a change.
        columns: biases and categories.

    Returns:
        change, seed, column, baseline, changed, difference; one row per change, seed and column for which both networks are
        in `scores`.
    """
    of = scores.set_index("model")
    rows = []
    for change in CHANGES:
        for seed, baseline in BASELINES.items():
            if baseline in of.index and name(change, seed) in of.index:
                for column in columns:
                    before, after = float(of.at[baseline, column]), float(of.at[name(change, seed), column])
                    rows.append((change, seed, column, before, after, after - before))
    return pd.DataFrame(rows, columns=["change", "seed", "column", "baseline", "changed", "difference"])


def effects(pairs: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Average the differences of each change over the seeds.

    Args:
        pairs: from `pairs`.
        confidence: level of the interval, in (0, 1).

    Returns:
        change, column, seeds, baseline and changed (means), difference (mean), low and high (interval of Student's t for
        paired differences; NaN for a single seed), spread (range of the baseline over the seeds), same_sign (whether all seeds
        change in one direction).

    Raises:
        ValueError: `confidence` is outside (0, 1).
    """
    if not 0 < confidence < 1:
        raise ValueError(f"expected `confidence` in (0, 1), got {confidence} (is it in percent?)")
    rows = []
    for (change, column), of in pairs.groupby(["change", "column"], sort=False):
        d = of["difference"].to_numpy()
        n = len(d)
        reach = student.isf((1 - confidence) / 2, n - 1) * np.std(d, ddof=1) / np.sqrt(n) if n > 1 else np.nan
        rows.append(
            (change, column, n, of["baseline"].mean(), of["changed"].mean(), d.mean(), d.mean() - reach, d.mean() + reach,
             np.ptp(of["baseline"]), bool((d > 0).all() or (d < 0).all()))
        )  # fmt: skip
    names = ["change", "column", "seeds", "baseline", "changed", "difference", "low", "high", "spread", "same_sign"]
    return pd.DataFrame(rows, columns=names)


def measure(folder: str | Path) -> pd.DataFrame:
    """Measure the networks and their baselines into a run folder, and store the results in `RESULTS`."""
    import bvg.measure
    from bvg import results

    networks = [*BASELINES.values(), *(name(change, seed) for change in CHANGES for seed in BASELINES)]
    table = bvg.measure.run(networks, "all", data="miniature", out=folder)
    results.write(table, RESULTS)
    return table


if __name__ == "__main__":
    print(f"{len(measure(sys.argv[1]))} numbers -> {RESULTS}")
