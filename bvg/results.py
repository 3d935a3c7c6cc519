"""The results table: schema, validation, reading, merging and writing. The only interface between measuring and reading."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from bvg import study

COLUMNS = ("model", "benchmark", "variant", "level", "metric", "value", "n", "source")
KEY = ["model", "benchmark", "variant", "level", "metric"]

ACCURACY_BENCHMARKS = tuple(b.id for b in study.BENCHMARKS)
METRICS: dict[str, tuple[float, float, tuple[str, ...]]] = {
    "top1": (0, 100, (*ACCURACY_BENCHMARKS, "low-pass", "high-pass", "critical-band", "cue-conflict")),
    "top5": (0, 100, ("imagenet", "imagenet-v2", "imagenet-sketch", "imagenet-c", "imagenet-cbar")),
    "relative_top1": (0, np.inf, ("low-pass", "high-pass")),
    "shape_bias": (0, 1, ("cue-conflict",)),
    "bandwidth": (0, np.inf, ("critical-band",)),
    "center_frequency": (0, np.inf, ("critical-band",)),
    "peak_noise_sensitivity": (2**-4, 1, ("critical-band",)),
}
"""Per metric: smallest and largest value, and the benchmarks that it belongs to.

Accuracies are in percent. `relative_top1` is an accuracy divided by the model's clean ImageNet accuracy. Bandwidth is in
octaves, centre frequency in cycles per image. The rest are fractions."""

BENCHMARK_IDS = tuple(dict.fromkeys(b for _, _, ids in METRICS.values() for b in ids))


class ResultsError(ValueError):
    """A results table that breaks the schema. The message names row, column and reason."""


def load(source: str | os.PathLike | Sequence[str | os.PathLike] = "published") -> pd.DataFrame:
    """Read and validate one results table, or several as one.

    Args:
        source: "published" (the paper's numbers), the path of a CSV or Parquet table, of a run folder that holds
            `results.parquet` or `results.csv`, or a list of these.

    Returns:
        The results table, with the columns `COLUMNS`. Tables of a list are stacked in order. A model whose numbers an
        earlier table already gives keeps both: in the later table it is called `model@run`, where run is the name of
        the file or folder.

    Raises:
        ResultsError: a table breaks the schema.
        FileNotFoundError: a path leads to no table.

    Example:
        >>> from bvg import results
        >>> table = results.load("published")
        >>> table.query("model == 'tv_resnet50' and benchmark == 'imagenet'")["value"].round(3).item()
        76.146
    """
    if isinstance(source, str | os.PathLike):
        return validate(_read(source), str(source))
    if not source:
        raise ResultsError('expected at least one results table, got an empty list (use "published")')
    merged = load(source[0])
    for part in source[1:]:
        table = load(part)
        again = table.merge(merged[KEY], on=KEY)["model"].unique()
        rename = {model: f"{model}@{Path(part).stem}" for model in again}
        merged = pd.concat([merged, table.assign(model=table["model"].replace(rename))], ignore_index=True)
    return validate(merged, " + ".join(map(str, source)))


def _read(source: str | os.PathLike) -> pd.DataFrame:
    """The raw table behind a name or path, numbers at full precision."""
    path = files("bvg") / "published" / "results.csv" if source == "published" else Path(source)
    if isinstance(path, Path) and path.is_dir():
        found = [path / name for name in ("results.parquet", "results.csv") if (path / name).exists()]
        if not found:
            raise FileNotFoundError(
                f"expected results.parquet or results.csv in the run folder {source}, found neither"
            )
        path = found[0]
    if not path.is_file():
        raise FileNotFoundError(
            f'expected a results table at {source}, found no file; give "published", a .csv or .parquet file, or a run folder'
        )
    if path.name.endswith(".parquet"):
        return pd.read_parquet(path)
    with path.open(encoding="utf-8") as file:
        return pd.read_csv(
            file,
            keep_default_na=False,
            na_values={"level": [""], "n": [""], "value": ["", "nan", "NaN"]},
        )


def validate(table: pd.DataFrame, name: str = "table") -> pd.DataFrame:
    """Hold a table against the schema and return it with canonical column order and types.

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
    table = table.loc[:, list(COLUMNS)].reset_index(drop=True)
    for column in ("model", "benchmark", "variant", "metric", "source"):
        table[column] = table[column].fillna("").astype(str)
    for column in ("level", "value", "n"):
        numbers = pd.to_numeric(table[column], errors="coerce").astype(float)
        _refuse(table, name, column, numbers.isna() & table[column].notna() & (table[column] != ""), "is no number")
        table[column] = numbers

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
    for benchmark, corruptions in study.CORRUPTIONS.items():
        of = (table["benchmark"] == benchmark) & (table["variant"] != "")
        _refuse(table, name, "variant", of & ~table["variant"].isin(corruptions),
                f"is no corruption of {benchmark}; those are {', '.join(corruptions)}")  # fmt: skip
    count = table["n"]
    _refuse(table, name, "n", count.notna() & ~((count >= 1) & (count == count.round())), "is no positive whole number")
    _refuse(table, name, "model", table.duplicated(KEY), f"repeats an earlier row with the same {', '.join(KEY)}")
    return table.assign(n=count.astype("Int64"))


def _refuse(table: pd.DataFrame, name: str, column: str, bad: pd.Series, reason: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        more = f" (and {bad.sum() - 1} more rows)" if bad.sum() > 1 else ""
        what = ", ".join(f"{k}={table.at[row, k]!r}" for k in KEY)
        raise ResultsError(
            f"{name}: row {row}, column `{column}`: {table.at[row, column]!r} {reason}{more}; row: {what}"
        )


def write(table: pd.DataFrame, path: str | os.PathLike) -> None:
    """Validate and write a table, as Parquet or CSV by its ending, atomically and at full precision."""
    path = Path(path)
    table = validate(table, path.name)
    with atomic(path) as temporary:
        if path.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            table.to_csv(temporary, index=False, lineterminator="\n")


class atomic:
    """Context that yields a temporary path beside `path` and moves it there only if the block succeeds.

    A reader, or a process that dies, sees the old file or the new one, never half of one.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)

    def __enter__(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.", suffix=self.path.suffix)
        os.close(handle)
        self.temporary = Path(name)
        return self.temporary

    def __exit__(self, kind, error, trace) -> None:
        if kind is not None:
            self.temporary.unlink(missing_ok=True)
            return
        umask = os.umask(0)
        os.umask(umask)
        self.temporary.chmod(0o666 & ~umask)
        with self.temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(self.temporary, self.path)
