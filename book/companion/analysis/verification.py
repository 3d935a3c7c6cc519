"""Verify a set-up: compare what it measures with the published numbers, or show that comparison on simulated runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bvg import results

SIMULATED = "simulated"
"""The value of `data` for draws around the published numbers instead of a measurement."""

SHARES = ("top1", "top5", "shape_bias", "relative_top1")
"""Metrics that are shares of images."""


def simulated(models: Sequence[str], limit: int | None = None, seed: int = 0) -> pd.DataFrame:
    """Draw a run that a correct set-up could give: every share of images from the binomial distribution of the published one.

    Args:
        models: ids of the study.
        limit: images per number; None for 50,000.
        seed: of the draws.

    Returns:
        A results table without the fits of the critical band, which are no shares of images.

    Raises:
        ValueError: no model has published numbers.
    """
    rng, n = np.random.default_rng(seed), limit or 50_000
    table = results.load("published")
    table = table[table["model"].isin(list(models)) & table["metric"].isin(SHARES)].reset_index(drop=True)
    if table.empty:
        raise ValueError(f"expected `models` to name models of the study, got {', '.join(models)}")
    clean = table[(table["benchmark"] == "imagenet") & (table["metric"] == "top1")].set_index("model")["value"] / 100
    unit = table["metric"].map({"top1": 100.0, "top5": 100.0, "shape_bias": 1.0}).fillna(1 / table["model"].map(clean))
    drawn = rng.binomial(n, (table["value"] / unit).clip(0, 1)) / n
    return table.assign(value=drawn * unit, n=n, source=SIMULATED)


def describe(data: str | Path, limit: int | None) -> str:
    """State what the numbers are: measured, or drawn.

    >>> describe("simulated", 2000)
    'Here, without data, the numbers are drawn: binomial samples of 2,000 images around the published ones, as a correct set-up would give.'
    """
    if str(data) == SIMULATED:
        return (
            f"Here, without data, the numbers are drawn: binomial samples of {limit or 50_000:,} images around the published ones, "
            "as a correct set-up would give."
        )
    return f"Here, the numbers are measured, with {f'at most {limit:,}' if limit else 'all'} images per condition."


def measured(
    models: Sequence[str],
    data: str | Path,
    out: str | Path,
    limit: int | None = None,
    device: str | None = None,
    precision: str = "fp32",
    seed: int = 0,
) -> pd.DataFrame:
    """Measure models of the study on every instrument, or simulate it where `data` is `SIMULATED`.

    Args:
        models, data, out, limit, device, precision, seed: as for `bvg.measure.run`.

    Returns:
        A results table.
    """
    if str(data) == SIMULATED:
        return simulated(models, limit, seed)
    from bvg import measure

    return measure.run(
        list(models), "all", data, out, limit=limit, device=device, precision=precision, seed=seed, progress=False
    )
