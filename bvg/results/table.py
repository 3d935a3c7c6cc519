"""The results table: schema, validation, reading, merging and writing. The only interface between measuring and reading."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from bvg import study
from bvg.files import atomic

COLUMNS = ("model", "benchmark", "variant", "level", "metric", "value", "n", "source")
KEY = ["model", "benchmark", "variant", "level", "metric"]

ACCURACY_BENCHMARKS = tuple(b.id for b in study.BENCHMARKS)
METRICS: dict[str, tuple[float, float, tuple[str, ...]]] = {
    "top1": (0, 100, (*ACCURACY_BENCHMARKS, "low-pass", "high-pass", "critical-band", "cue-conflict")),
    "top5": (0, 100, ("imagenet", "imagenet-v2", "imagenet-sketch", "imagenet-c", "imagenet-cbar")),
    "relative_top1": (0, 10, ("low-pass", "high-pass")),
    "shape_bias": (0, 1, ("cue-conflict",)),
    "bandwidth": (0, np.inf, ("critical-band",)),
    "center_frequency": (0, np.inf, ("critical-band",)),
    "peak_noise_sensitivity": (2**-4, 1, ("critical-band",)),
}
"""Per metric: smallest and largest value, and the benchmarks that it belongs to.

Accuracies are in percent. `relative_top1` is an accuracy divided by the model's clean ImageNet accuracy; weak models reach
more than 1 (the published file up to 1.58), more than 10 is a percentage by mistake. Bandwidth is in octaves, centre
frequency in cycles per image. The rest are fractions."""

METRICS_OF_CHANNEL = ("bandwidth", "center_frequency", "peak_noise_sensitivity")
"""What the critical-band test says of a model; its accuracies are `top1`."""

ATTACKS = ("linf", "linf-high", "l2")
"""Variants of `pgd`: the norm of the attack; `linf-high` are the published file's accuracies under a stronger one."""

SAME_LEVEL = 2e-6
"""Levels that differ by less are one level, written with other digits."""

BENCHMARK_IDS = tuple(dict.fromkeys(b for _, _, ids in METRICS.values() for b in ids))


class ResultsError(ValueError):
    """A results table that breaks the schema. The message names row, column and reason."""


def load(source: str | os.PathLike | Sequence[str | os.PathLike] = "published") -> pd.DataFrame:
    """Read and validate one results table, or several as one.

    Args:
        source: "published" (the paper's numbers), the path of a CSV or Parquet table, of a run folder that holds
            `results.parquet` or `results.csv`, of a folder of run folders, which is read as the list of them by name, or
            a list of these.

    Returns:
        The results table, with the columns `COLUMNS`. Tables of a list are stacked in order, the published one first.
        A published model that was measured again is another model: all its rows of a later table are called
        `model@run`, where run is the name of the file or folder, so that no score mixes published and measured
        numbers. Two measured tables may complete each other: a model of both is one model, and a number that both give, of
        one value over as many images, is kept once. Where they give different values (or n) of one number, the model is
        called `model@run` in the later table.

    Raises:
        ResultsError: a table cannot be read, has no row, or breaks the schema.
        FileNotFoundError: a path leads to no table.

    Example:
        >>> from bvg import results
        >>> table = results.load("published")
        >>> table.query("model == 'tv_resnet50' and benchmark == 'imagenet'")["value"].round(3).item()
        76.146
    """
    if isinstance(source, str | os.PathLike):
        runs = _runs(source)
        return load(runs) if runs else validate(_some(_read(source), str(source)), str(source))
    if not source:
        raise ResultsError('expected at least one results table, got an empty list (use "published")')
    first, *rest = sorted(source, key=lambda part: part != "published")
    merged = load(first)
    for part in rest:
        table = load(part)
        both = table.merge(merged, "left", KEY, suffixes=("", "_before"), indicator="seen")
        repeated = both["seen"] == "both"
        same = (both["value"] == both["value_before"]) & (both["n"].fillna(0) == both["n_before"].fillna(0))
        published = merged.loc[merged["source"] == "published", "model"]
        again = {*published, *both.loc[repeated & ~same, "model"]}
        rename = {model: f"{model}@{Path(part).stem}" for model in again}
        further = table[~repeated | table["model"].isin(again)]
        merged = pd.concat([merged, further.assign(model=further["model"].replace(rename))], ignore_index=True)
    return validate(merged, " + ".join(map(str, source)))


def world_of(source: str | os.PathLike | Sequence[str | os.PathLike] = "published") -> study.World:
    """Return the images that the models of a results table were measured on; the arguments are those of `load`.

    A run folder's manifest names them. They are the miniature's if every table of `source` is of the miniature; a table
    without a manifest is of ImageNet.
    """
    if isinstance(source, str | os.PathLike):
        runs = _runs(source)
        if not runs:
            manifest = Path(source) / "manifest.json"
            settings = json.loads(manifest.read_text(encoding="utf-8"))["settings"] if manifest.is_file() else {}
            return study.WORLDS[settings.get("world", "study")]
        source = runs
    return study.MINIATURE if all(world_of(part) is study.MINIATURE for part in source) else study.STUDY


def _table(folder: Path) -> Path | None:
    """The table in a run folder; None where there is none."""
    return next((folder / name for name in ("results.parquet", "results.csv") if (folder / name).exists()), None)


def _runs(source: str | os.PathLike) -> list[Path]:
    """The run folders below a folder that is none itself, by path; otherwise nothing. Hidden folders are no place to look."""
    folder = Path(source)
    if source == "published" or not folder.is_dir() or _table(folder):
        return []
    below = {path.parent.relative_to(folder) for path in folder.rglob("results.*")}
    return [folder / path for path in sorted(below) if _table(folder / path) and not str(path).startswith(".")]


def _some(table: pd.DataFrame, name: str) -> pd.DataFrame:
    if table.empty:
        raise ResultsError(f"{name}: expected at least one row, got none: was anything measured?")
    return table


def _read(source: str | os.PathLike) -> pd.DataFrame:
    """The raw table behind a name or path, numbers at full precision."""
    path = files("bvg") / "results" / "published" / "results.csv" if source == "published" else Path(source)
    if isinstance(path, Path) and path.is_dir():
        found = _table(path)
        if not found:
            raise FileNotFoundError(
                f"expected results.parquet or results.csv in the run folder {source}, or in folders in it, found neither"
            )
        path = found
    if not path.is_file():
        raise FileNotFoundError(
            f'expected a results table at {source}, found no file; give "published", a .csv or .parquet file, a run '
            "folder, or a folder of run folders"
        )
    try:
        return pd.read_parquet(path) if path.name.endswith(".parquet") else _read_csv(path)
    except (ValueError, OSError, pd.errors.ParserWarning) as error:  # pandas' and Arrow's errors are of these kinds
        reason = " ".join(str(error).split())
        raise ResultsError(
            f"{source}: expected a results table as UTF-8 CSV or as Parquet, got a file that cannot be read ({reason})"
        ) from error


def _read_csv(path) -> pd.DataFrame:
    with path.open(encoding="utf-8") as file, warnings.catch_warnings():
        # Where the rows have more fields than the header, pandas by default takes the first for labels, which shifts
        # all columns; with `index_col=False` it warns and drops the last.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            file,
            index_col=False,
            keep_default_na=False,
            na_values={"level": [""], "n": [""], "value": ["", "nan", "NaN"]},
        )


def validate(table: pd.DataFrame, name: str = "table") -> pd.DataFrame:
    """Hold a table against the schema and return it with canonical column order and types.

    Variant and level are what the benchmark has: of low- and high-pass the cut-off in [0, 1]; of ImageNet-C and
    ImageNet-C-bar the corruption and, where it is one, the severity; of the attack its norm and epsilon in (0, 1]; of the
    critical band `relative` or `raw`, and for accuracies the band (`band-3`) and the noise in [0, 1], all with `16way-`
    before them for that form of the test. Of the other benchmarks both are empty. A table without rows passes here;
    `load` and `write` refuse it.

    Raises:
        ResultsError: naming the first offending row (counted from 0, without the header), its column and the reason.
    """
    missing = [c for c in COLUMNS if c not in table.columns]
    unknown = [c for c in table.columns if c not in COLUMNS]
    if missing or unknown:
        raise ResultsError(
            f"{name}: expected the columns {', '.join(COLUMNS)}; "
            f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(map(str, unknown)) or 'none'}"
        )
    table = _typed(table.loc[:, list(COLUMNS)].reset_index(drop=True), name)
    _refuse_values(table, name)
    _refuse_conditions(table, name)
    count = table["n"]
    _refuse(table, name, "n", count.notna() & ~((count >= 1) & (count == count.round())), "is no positive whole number")
    _refuse_repeats(table, name)
    return table.assign(n=count.astype("Int64"))


def _typed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table with text and numbers where they belong; refuses what is neither."""
    for column in ("model", "benchmark", "variant", "metric", "source"):
        table[column] = table[column].fillna("").astype(str)
    for column in ("level", "value", "n"):
        numbers = pd.to_numeric(table[column], errors="coerce").astype(float)
        _refuse(table, name, column, numbers.isna() & table[column].notna() & (table[column] != ""), "is no number")
        table[column] = numbers
    return table


def _refuse_values(table: pd.DataFrame, name: str) -> None:
    """Empty fields, unknown names and values outside their metric's range."""
    for column in ("model", "metric", "source"):
        _refuse(table, name, column, table[column] == "", "is empty")
    known = ", ".join(BENCHMARK_IDS)
    _refuse(table, name, "benchmark", ~table["benchmark"].isin(BENCHMARK_IDS), f"is unknown; known are {known}")
    _refuse(table, name, "metric", ~table["metric"].isin(list(METRICS)), f"is unknown; known are {', '.join(METRICS)}")
    _refuse(table, name, "value", ~np.isfinite(table["value"]), "is not finite")
    _refuse(table, name, "level", np.isinf(table["level"]), "is not finite")
    for metric, (low, high, benchmarks) in METRICS.items():
        of = table["metric"] == metric
        _refuse(table, name, "metric", of & ~table["benchmark"].isin(benchmarks),
                f"belongs to {', '.join(benchmarks)} only")  # fmt: skip
        _refuse(
            table, name, "value", of & ~table["value"].between(low, high), f"is outside [{low}, {high}] of {metric}"
        )


def _refuse_conditions(table: pd.DataFrame, name: str) -> None:
    """Variants and levels that their benchmark does not have."""
    benchmark, variant, level = table["benchmark"], table["variant"], table["level"]
    band = table["metric"].isin(METRICS_OF_CHANNEL)
    for corrupted, corruptions in study.CORRUPTIONS.items():
        of = (benchmark == corrupted) & (variant != "")
        _refuse(table, name, "variant", of & ~variant.isin(corruptions),
                f"is no corruption of {corrupted}; those are {', '.join(corruptions)}")  # fmt: skip
        _refuse(table, name, "level", of & level.notna() & ~level.isin(study.SEVERITIES),
                "is no severity; those are 1 to 5, or empty for their mean")  # fmt: skip
        _refuse(table, name, "level", (benchmark == corrupted) & (variant == "") & level.notna(),
                "must be empty where no corruption is named")  # fmt: skip
    filtered = benchmark.isin(["low-pass", "high-pass"])
    _refuse(table, name, "level", filtered & ~level.between(0, 1), "is no cut-off in [0, 1] (is it in percent?)")
    attack = benchmark == "pgd"
    _refuse(table, name, "variant", attack & ~variant.isin(ATTACKS), f"is no attack; those are {', '.join(ATTACKS)}")
    _refuse(table, name, "level", attack & ~(level.isna() | ((level > 0) & (level <= 1))),
            "is no epsilon in (0, 1] (is it in 1/255?)")  # fmt: skip
    _refuse(table, name, "variant", band & ~variant.str.fullmatch("(16way-)?(relative|raw)"),
            "is no critical-band channel; those are relative and raw, 16way-relative and 16way-raw")  # fmt: skip
    noisy = (benchmark == "critical-band") & ~band
    _refuse(table, name, "level", noisy & ~level.between(0, 1), "is no standard deviation of noise in [0, 1]")
    clean = variant.isin(["", "16way"]) & (level == 0)
    _refuse(table, name, "variant", noisy & ~clean & ~(variant.str.fullmatch(r"(16way-)?band-\d+") & (level > 0)),
            "is no noise condition; those are band-0, band-1, … with noise, empty without (or 16way-band-0, …, 16way)")  # fmt: skip
    varied = ("pgd", "critical-band", *study.CORRUPTIONS)
    _refuse(table, name, "variant", ~benchmark.isin(varied) & (variant != ""), "must be empty for this benchmark")
    _refuse(
        table, name, "level", ~filtered & ~benchmark.isin(varied) & level.notna(), "must be empty for this benchmark"
    )
    _refuse(table, name, "level", band & level.notna(), "must be empty for this metric")


def _refuse_repeats(table: pd.DataFrame, name: str) -> None:
    """Rows for one and the same number, also where the level is the same but for rounding."""
    _refuse(table, name, "model", table.duplicated(KEY), f"repeats an earlier row with the same {', '.join(KEY)}")
    ordered = table[KEY].sort_values([k for k in KEY if k != "level"] + ["level"])
    before = ordered.shift()
    near = (ordered["level"] - before["level"] < SAME_LEVEL) & (ordered == before).drop(columns="level").all(axis=1)
    if near.any():
        place = int(np.flatnonzero(near)[0])
        earlier, later = sorted(ordered.index[[place - 1, place]])
        _refuse(table, name, "level", pd.Series(table.index == later),
                f"is that of row {earlier} but for rounding: keep one of the two")  # fmt: skip


def _refuse(table: pd.DataFrame, name: str, column: str, bad: pd.Series, reason: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        more = f" (and {bad.sum() - 1} more rows)" if bad.sum() > 1 else ""
        given = {k: table.at[row, k] for k in KEY}
        what = ", ".join(f"{k}={_shown(v)}" for k, v in given.items() if not pd.isna(v) and v != "")
        raise ResultsError(
            f"{name}: row {row}, column `{column}`: {_shown(table.at[row, column])} {reason}{more}; row: {what}"
        )


def _shown(value) -> str:
    """A field as it is written: text in quotes, numbers without their type.

    >>> _shown(np.float64(101)), _shown("fog"), _shown(None)
    ('101.0', "'fog'", 'an empty field')
    """
    if not isinstance(value, str) and pd.isna(value):
        return "an empty field"
    return str(value) if isinstance(value, int | float | np.number) else repr(value)


def write(table: pd.DataFrame, path: str | os.PathLike) -> None:
    """Validate and write a table, as Parquet or CSV by its ending, atomically and at full precision."""
    path = Path(path)
    table = validate(_some(table, path.name), path.name)
    with atomic(path) as temporary:
        if path.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            table.to_csv(temporary, index=False, lineterminator="\n")
