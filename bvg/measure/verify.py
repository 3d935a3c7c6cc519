"""Compare measured models of the study with their published numbers: does this set-up reproduce them?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bvg import results, study
from bvg.measure.self_check import AGREES, DIFFERS
from bvg.results import published as published_table
from bvg.results.schema import COUNTS

UNKNOWN = "no tolerance"
VERDICTS = (AGREES, DIFFERS, UNKNOWN)
REACH = 3.0
"""Standard errors within which a number agrees."""
DECISIONS = 1280
"""Most decisions behind a shape bias whose run does not state its decisions: the cue-conflict images."""
CAUSES = {
    "imagenet-real": f"the published accuracy is that of {published_table.IMAGES['imagenet-real']} images, the last batch of the validation images",
    "critical-band": "a fit of thresholds has no standard error; one threshold of another level changes it",
}
"""Benchmark -> known cause of a difference."""

COLUMNS = (
    "model",
    "benchmark",
    "variant",
    "level",
    "metric",
    "published",
    "measured",
    "difference",
    "n",
    "tolerance",
    "verdict",
    "cause",
)


def compare(measured: pd.DataFrame, published: pd.DataFrame | None = None) -> pd.DataFrame:
    """Compare every measured number that the published table has, too.

    A share s over n images has the standard error sqrt(s (1 - s) / n); n of a shape bias are the images decided by shape or
    texture. The tolerance is `REACH` standard errors of the measured
    number, plus those of the published one where that comes from fewer images than the set has (quadratically), plus the share
    of half an image. On complete sets both numbers come from the same images, and a real difference is far smaller.

    Args:
        measured: results table of a run, with the study's ids as models.
        published: results table to compare with; None for the published one.

    Returns:
        One row per number with the columns `COLUMNS`: values in the unit of the metric; n is the number of images behind the
        measured number; tolerance is NaN and the verdict `no tolerance` for numbers that are no shares of images.
    """
    published = results.load("published") if published is None else published
    keys = list(results.KEY)
    left, right = (t.assign(level=t["level"].round(6).fillna(-1.0)) for t in (measured, published))
    both = left.merge(right[[*keys, "value"]], on=keys, suffixes=("", "_published"))
    both["level"] = both["level"].where(both["level"] >= 0)
    clean = measured[(measured["benchmark"] == "imagenet") & (measured["metric"] == "top1")].set_index("model")["value"]
    hits = measured[measured["metric"].isin(COUNTS)]
    decided = hits.groupby(["model", "variant"])["value"].sum()
    both["tolerance"] = [
        _tolerance(row, clean, decided.get((row.model, row.variant), DECISIONS)) for row in both.itertuples()
    ]
    both["difference"] = both["value"] - both["value_published"]
    inside = both["difference"].abs() <= both["tolerance"]
    both["verdict"] = np.select([both["tolerance"].isna(), inside], [UNKNOWN, AGREES], DIFFERS)
    both["cause"] = both["benchmark"].map(CAUSES).fillna("").where(both["verdict"] != AGREES, "")
    both = both.rename(columns={"value": "measured", "value_published": "published"})
    return both[list(COLUMNS)].reset_index(drop=True)


def _tolerance(row, clean: Mapping[str, float], decisions: float) -> float:
    """Return the largest difference of a row that agrees, in the unit of its metric; NaN for numbers that are no shares."""
    if pd.isna(row.n):
        return np.nan
    if row.metric in ("top1", "top5"):
        share, unit = row.value / 100, 100.0
    elif row.metric == "shape_bias":
        share, unit = row.value, 1.0
    elif row.metric == "relative_top1":
        base = clean.get(row.model, np.nan) / 100
        share, unit = row.value * base, 1 / base
    else:
        return np.nan
    n = int(min(row.n, decisions)) if row.metric == "shape_bias" else int(row.n)
    share = min(max(share, 0.5 / n), 1 - 0.5 / n)
    variance = share * (1 - share) / n
    if row.benchmark in published_table.IMAGES:
        variance += share * (1 - share) / published_table.IMAGES[row.benchmark]
    return unit * (REACH * np.sqrt(variance) + 0.5 / n)


def report(compared: pd.DataFrame) -> str:
    """Describe a comparison in lines of text: every number that does not agree, and the counts.

    Example:
        >>> report(pd.DataFrame(columns=list(COLUMNS)))
        'no number to compare: the published table has none of the measured ones (are the models ids of the study?)'
    """
    if compared.empty:
        return (
            "no number to compare: the published table has none of the measured ones (are the models ids of the study?)"
        )
    lines = []
    for row in compared[compared["verdict"] == DIFFERS].itertuples():
        level = "" if pd.isna(row.level) else f" {row.level:.4g}"
        what = " ".join(part for part in (row.benchmark, row.variant) if part)
        cause = f" ({row.cause})" if row.cause else ""
        lines.append(
            f"{row.model}: {what}{level}, {row.metric}: published {row.published:.4g}, measured {row.measured:.4g} over {row.n} images, "
            f"{abs(row.difference):.3g} apart, tolerance {row.tolerance:.3g}{cause}"
        )
    counts = compared["verdict"].value_counts()
    lines.append(", ".join(f"{counts[v]} {v}" for v in VERDICTS if v in counts) + f", of {len(compared)} numbers")
    return "\n".join(lines)


def passed(compared: pd.DataFrame) -> bool:
    """Return whether numbers were compared and none of them differs without a known cause."""
    unexplained = (compared["verdict"] == DIFFERS) & (compared["cause"] == "")
    return bool(len(compared)) and not unexplained.any()


def missing(compared: pd.DataFrame) -> list[str]:
    """Return the study's benchmarks that were not compared."""
    return [b.id for b in study.BENCHMARKS if b.paper and b.id not in set(compared["benchmark"])]
