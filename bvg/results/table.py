"""Read, merge and write results tables, the only interface between measuring and reading."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import pandas as pd

from bvg import study
from bvg.files import atomic
from bvg.results.schema import KEY, ResultsError, validate


def load(source: str | os.PathLike | Sequence[str | os.PathLike] = "published") -> pd.DataFrame:
    """Read and validate one results table, or several as one.

    Args:
        source: "published" (the paper's numbers); the path of a CSV or Parquet table, of a run folder (with
            `results.parquet` or `results.csv`), or of a folder of run folders; or a list of these.

    Returns:
        The results table, with the columns of the schema. Several tables are stacked in order, the published one first.
        A published model that was measured again is a model of its own: in a later table it is labelled `model@run`, where
        run is the name of the file or folder, so that no score mixes published and measured numbers. Two measured tables
        can complete each other: a model in both is one model, and a number that both agree on is kept once. If they
        disagree on a number (its value or n), the model is labelled `model@run` in the later table.

    Raises:
        ResultsError: a table cannot be read, has no row, or breaks the schema.
        FileNotFoundError: there is no table at a path.

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
    """Return the table in a run folder, or None."""
    return next((folder / name for name in ("results.parquet", "results.csv") if (folder / name).exists()), None)


def _runs(source: str | os.PathLike) -> list[Path]:
    """Return the run folders below a folder that is not one itself, by path; hidden folders are skipped."""
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
    """Read the raw table at a name or path, numbers at full precision."""
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
    except (ValueError, OSError, pd.errors.ParserWarning) as error:  # those of pandas and Arrow
        reason = " ".join(str(error).split())
        raise ResultsError(
            f"{source}: expected a results table as UTF-8 CSV or as Parquet, got a file that cannot be read ({reason})"
        ) from error


def _read_csv(path) -> pd.DataFrame:
    with path.open(encoding="utf-8") as file, warnings.catch_warnings():
        # If rows have more fields than the header, pandas by default takes the first for labels, which shifts all
        # columns; with `index_col=False` it warns and drops the last.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            file,
            index_col=False,
            keep_default_na=False,
            na_values={"level": [""], "n": [""], "value": ["", "nan", "NaN"]},
        )


def write(table: pd.DataFrame, path: str | os.PathLike) -> None:
    """Validate and write a table, as Parquet or CSV by its suffix, atomically and at full precision."""
    path = Path(path)
    table = validate(_some(table, path.name), path.name)
    with atomic(path) as temporary:
        if path.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            table.to_csv(temporary, index=False, lineterminator="\n")
