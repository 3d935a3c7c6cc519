"""What the tests of measuring share: a call of `run` with small settings, and how to read its table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from bvg import imagenet_classes, results
from bvg.instruments import STUDY, BandPass
from bvg.measure import run

WNIDS = imagenet_classes.wnids()
LIMIT = 700  # smaller than every complete data set, so incomplete ones are allowed
UNITS = [replace(STUDY["imagenet"], unit=4), BandPass("band-pass", "imagenet", unit=4, cutoffs=(0.1, 0.5))]


def measure(models, instruments, data, out, **options) -> pd.DataFrame:
    """Run on the CPU, by default without progress bars and on incomplete data sets."""
    return run(models, instruments, data, out, **({"limit": LIMIT, "progress": False, "device": "cpu"} | options))


def value(table: pd.DataFrame, benchmark: str, metric="top1", variant="", level=np.nan, model="reader"):
    """Return the number of one row, and its n."""
    of = table[(table[["model", "benchmark", "variant", "metric"]] == [model, benchmark, variant, metric]).all(axis=1)]
    row = of[of["level"].isna() if np.isnan(level) else np.isclose(of["level"], level)]
    return row["value"].item(), row["n"].item()


def decisions(out: Path) -> pd.DataFrame:
    """Read the decisions of a run, in a fixed order."""
    return pd.read_parquet(out / "predictions").sort_values([*results.KEY[:4], "index"], ignore_index=True)


def one_by_one(models, data, out, instruments=UNITS, **options) -> pd.DataFrame:
    """Run `UNITS` one image at a time, so that calls of a model count images."""
    return measure(models, instruments, data, out, **({"batch_size": 1} | options))
