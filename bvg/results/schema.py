"""The schema of the results table: columns, metrics, and validation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import study
from bvg.messages import Brief

COLUMNS = ("model", "benchmark", "variant", "level", "metric", "value", "n", "source")
KEY = ["model", "benchmark", "variant", "level", "metric"]

METRICS: dict[str, tuple[float, float, tuple[str, ...]]] = {
    "top1": (0, 100, (*(b.id for b in study.BENCHMARKS), "low-pass", "high-pass", "critical-band", "cue-conflict")),
    "top5": (0, 100, ("imagenet", "imagenet-v2", "imagenet-sketch", "imagenet-c", "imagenet-cbar")),
    "relative_top1": (0, 10, ("low-pass", "high-pass")),
    "shape_bias": (0, 1, ("cue-conflict",)),
    "shape_hits": (0, np.inf, ("cue-conflict",)),
    "texture_hits": (0, np.inf, ("cue-conflict",)),
    "bandwidth": (0, np.inf, ("critical-band",)),
    "center_frequency": (0, np.inf, ("critical-band",)),
    "peak_noise_sensitivity": (2**-4, 1, ("critical-band",)),
    "criticality": (0, 1, ("layer-criticality",)),
    "criticality_sd": (0, 1, ("layer-criticality",)),
}
"""Smallest and largest value of each metric, and its benchmarks.

Accuracies are in percent. `relative_top1` is an accuracy divided by the model's clean ImageNet accuracy: weak models exceed 1
(1.58 at most in the published file), and more than 10 is a percentage by mistake. Bandwidth is in octaves, centre frequency
in cycles per image. `shape_hits` and `texture_hits` count decisions among `n` conflict images. The others are fractions;
`criticality_sd` is the standard deviation over repeated trials."""

COUNTS = ("shape_hits", "texture_hits")
"""Metrics that are numbers of images, of the `n` of their row."""

METRICS_OF_CHANNEL = ("bandwidth", "center_frequency", "peak_noise_sensitivity")
"""Metrics of the fitted channel in the critical-band test; its accuracies are `top1`."""

ATTACKS = ("linf", "linf-high", "l2")
"""Variants of `pgd`: the norm of the attack; `linf-high` is the published file's stronger attack."""

SAME_LEVEL = 2e-6
"""Levels that differ by less are the same level, written with other digits."""

BENCHMARK_IDS = tuple(dict.fromkeys(b for _, _, ids in METRICS.values() for b in ids))


class ResultsError(Brief, ValueError):
    """A results table that breaks the schema; the message names row, column and reason."""


def validate(table: pd.DataFrame, name: str = "table") -> pd.DataFrame:
    """Check a table against the schema; return it with the columns and types of the schema.

    Variant and level depend on the benchmark. Low- and high-pass: the cut-off in [0, 1]. ImageNet-C and ImageNet-C-bar: the
    corruption and, for a single one, the severity. PGD: the norm and eps in (0, 1]. Critical band: `relative` or `raw`, and
    for accuracies the band (`band-3`) and the noise in [0, 1], prefixed by `16way-` for that form of the test. Layer
    criticality: the layer. For other benchmarks both are empty. A table without rows is valid here; `load` and `write` reject it.

    Raises:
        ResultsError: naming the first invalid row, its column and the reason.
    """
    missing = [c for c in COLUMNS if c not in table.columns]
    unknown = [c for c in table.columns if c not in COLUMNS]
    if missing or unknown:
        raise ResultsError(
            f"{name}: expected the columns {', '.join(COLUMNS)}; "
            f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(map(str, unknown)) or 'none'}"
        )
    table = _typed(table.loc[:, list(COLUMNS)].reset_index(drop=True), name)
    _reject_values(table, name)
    _reject_conditions(table, name)
    count = table["n"]
    _reject(table, name, "n", count.notna() & ~((count >= 1) & (count == count.round())), "is not a positive integer")
    _reject_repeats(table, name)
    return table.assign(n=count.astype("Int64"))


def _typed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Convert columns to text and numbers; reject values that are neither."""
    for column in ("model", "benchmark", "variant", "metric", "source"):
        table[column] = table[column].fillna("").astype(str)
    for column in ("level", "value", "n"):
        if table[column].dtype.kind not in "iuf":
            _reject(table, name, column, table[column].map(_boolean).astype(bool), "is not a number")
        numbers = pd.to_numeric(table[column], errors="coerce").astype(float)
        _reject(table, name, column, numbers.isna() & table[column].notna() & (table[column] != ""), "is not a number")
        table[column] = numbers
    return table


def _boolean(value: object) -> bool:
    """Return whether a field is true or false, which pandas would take for 1 or 0."""
    return isinstance(value, bool | np.bool_) or str(value).lower() in ("true", "false")


def _reject_values(table: pd.DataFrame, name: str) -> None:
    """Reject empty fields, unknown names and values outside their metric's range."""
    for column in ("model", "metric", "source"):
        _reject(table, name, column, table[column] == "", "is empty")
    known = ", ".join(BENCHMARK_IDS)
    _reject(table, name, "benchmark", ~table["benchmark"].isin(BENCHMARK_IDS), f"is unknown; expected one of {known}")
    _reject(
        table, name, "metric", ~table["metric"].isin(list(METRICS)), f"is unknown; expected one of {', '.join(METRICS)}"
    )
    _reject(table, name, "value", ~np.isfinite(table["value"]), "is not finite")
    _reject(table, name, "level", np.isinf(table["level"]), "is not finite")
    counted = table["metric"].isin(COUNTS)
    _reject(table, name, "value", counted & (table["value"] % 1 != 0), "is not a whole number of images")
    _reject(table, name, "value", counted & (table["value"] > table["n"]), "is more than the images of its row")
    for metric, (low, high, benchmarks) in METRICS.items():
        of = table["metric"] == metric
        _reject(table, name, "metric", of & ~table["benchmark"].isin(benchmarks),
                f"belongs to {', '.join(benchmarks)} only")  # fmt: skip
        _reject(
            table, name, "value", of & ~table["value"].between(low, high), f"is outside [{low}, {high}] of {metric}"
        )


def _reject_conditions(table: pd.DataFrame, name: str) -> None:
    """Reject variants and levels that their benchmark does not have."""
    benchmark, variant, level = table["benchmark"], table["variant"], table["level"]
    band = table["metric"].isin(METRICS_OF_CHANNEL)
    for corrupted, corruptions in study.CORRUPTIONS.items():
        of = (benchmark == corrupted) & (variant != "")
        _reject(table, name, "variant", of & ~variant.isin(corruptions),
                f"is not a corruption of {corrupted}; expected one of {', '.join(corruptions)}")  # fmt: skip
        _reject(table, name, "level", of & level.notna() & ~level.isin(study.SEVERITIES),
                "is not a severity; expected 1 to 5, or empty for their mean")  # fmt: skip
        _reject(table, name, "level", (benchmark == corrupted) & (variant == "") & level.notna(),
                "must be empty if no corruption is named")  # fmt: skip
    filtered = benchmark.isin(["low-pass", "high-pass"])
    _reject(table, name, "level", filtered & ~level.between(0, 1), "is not a cut-off in [0, 1] (is it in percent?)")
    attack = benchmark == "pgd"
    _reject(
        table,
        name,
        "variant",
        attack & ~variant.isin(ATTACKS),
        f"is not an attack; expected one of {', '.join(ATTACKS)}",
    )
    _reject(table, name, "level", attack & ~(level.isna() | ((level > 0) & (level <= 1))),
            "is not an eps in (0, 1] (is it in 1/255?)")  # fmt: skip
    _reject(table, name, "variant", band & ~variant.str.fullmatch("(16way-)?(relative|raw)"),
            "is not a critical-band channel; expected relative, raw, 16way-relative or 16way-raw")  # fmt: skip
    noisy = (benchmark == "critical-band") & ~band
    _reject(table, name, "level", noisy & ~level.between(0, 1), "is not a standard deviation of noise in [0, 1]")
    clean = variant.isin(["", "16way"]) & (level == 0)
    _reject(table, name, "variant", noisy & ~clean & ~(variant.str.fullmatch(r"(16way-)?band-\d+") & (level > 0)),
            "is not a noise condition; expected band-0, band-1, … with noise, empty without (or 16way-band-0, …, 16way)")  # fmt: skip
    layered = benchmark == "layer-criticality"
    _reject(table, name, "variant", layered & (variant == ""), "is not the name of a layer")
    varied = ("pgd", "critical-band", *study.CORRUPTIONS)
    plain = ~layered & ~benchmark.isin(varied)
    _reject(table, name, "variant", plain & (variant != ""), "must be empty for this benchmark")
    _reject(
        table, name, "level", ~filtered & ~benchmark.isin(varied) & level.notna(), "must be empty for this benchmark"
    )
    _reject(table, name, "level", band & level.notna(), "must be empty for this metric")


def _reject_repeats(table: pd.DataFrame, name: str) -> None:
    """Reject two rows for one number, even if their levels differ by rounding."""
    _reject(table, name, "model", table.duplicated(KEY), f"repeats an earlier row with the same {', '.join(KEY)}")
    ordered = table[KEY].sort_values([k for k in KEY if k != "level"] + ["level"])
    before = ordered.shift()
    near = (ordered["level"] - before["level"] < SAME_LEVEL) & (ordered == before).drop(columns="level").all(axis=1)
    if near.any():
        place = int(np.flatnonzero(near)[0])
        earlier, later = sorted(ordered.index[[place - 1, place]])
        _reject(table, name, "level", pd.Series(table.index == later),
                f"equals that of row {earlier + 1} up to rounding: keep one of the two")  # fmt: skip


def _reject(table: pd.DataFrame, name: str, column: str, bad: pd.Series, reason: str) -> None:
    """Raise for the first row in `bad`; rows are counted from 1, without the header."""
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        more = f" (and {bad.sum() - 1} more rows)" if bad.sum() > 1 else ""
        given = {k: table.at[row, k] for k in KEY}
        what = ", ".join(f"{k}={_as_written(v)}" for k, v in given.items() if not pd.isna(v) and v != "")
        raise ResultsError(
            f"{name}: row {row + 1} (not counting the header), column `{column}`: {_as_written(table.at[row, column])} {reason}{more}; row: {what}"
        )


def _as_written(value) -> str:
    """Format a field: text in quotes, numbers without their type.

    >>> _as_written(np.float64(101)), _as_written("fog"), _as_written(None)
    ('101.0', "'fog'", 'an empty field')
    """
    if not isinstance(value, str) and pd.isna(value):
        return "an empty field"
    return str(value) if isinstance(value, int | float | np.number) else repr(value)
