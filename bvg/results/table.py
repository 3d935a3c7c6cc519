"""Read, merge and write results tables, the only interface between measuring and reading."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import pandas as pd

from bvg import study
from bvg.files import atomic
from bvg.results import identity
from bvg.results.schema import KEY, ResultsError, validate

PUBLISHED = ("results.csv", "layer-criticality.csv")
"""Files of the published table, in `bvg/results/published`."""

ORDINARY = {b.id for b in study.BENCHMARKS} - {"pgd"}
"""Benchmarks that evaluate accuracy on images as they are."""


def load(source: str | os.PathLike | Sequence[str | os.PathLike] = "published") -> pd.DataFrame:
    """Read and validate one results table, or several as one.

    Args:
        source: "published" (the paper's numbers); the path of a CSV or Parquet table, of a run folder (with
            `results.parquet` or `results.csv`), or of a folder of run folders; or a list of these.

    Returns:
        The results table, with the columns of the schema. Several tables are stacked in order, the published one first.
        A published model that was measured again is a model of its own: in a later table it is labelled `model@run`, where
        run is the name of the file or folder, so that no score mixes published and measured numbers. Two measured tables
        can complete each other: a model in both is one model, and a number that both agree on is kept once. The model is
        labelled `model@run` in the later table if the two disagree on a number (its value or n), or if the manifests of
        both runs name other weights, other logits on the probe, or another precision, seed or limit.

    Raises:
        ResultsError: the manifests of two runs name other versions of an instrument, other classes or other images for one
            measurement. A table cannot be read, has no row, or breaks the schema; or its accuracies seem to be fractions, or it
            claims that its numbers are the published ones.
        FileNotFoundError: there is no table at a path.

    Warns:
        UserWarning: a model was labelled `model@run` because the manifests differ.

    Example:
        >>> from bvg import results
        >>> table = results.load("published")
        >>> table.query("model == 'tv_resnet50' and benchmark == 'imagenet'")["value"].round(3).item()
        76.146
    """
    parts = _parts(source)
    if not parts:
        raise ResultsError('expected at least one results table, got an empty list (use "published")')
    first, *rest = sorted(parts, key=lambda part: part != "published")
    merged, known = _one(first), identity.of_run(Path(first))
    measured = {first: identity.measurements(Path(first))}
    for part in rest:
        own = identity.measurements(Path(part))
        _reject_other_measurements(measured, part, own)
        measured[part] = own
        table, about = _one(part), identity.of_run(Path(part))
        different = {
            model: why for model in known.keys() & about if (why := identity.difference(known[model], about[model]))
        }
        for model, why in sorted(different.items()):
            warnings.warn(f"{model} has {why} in {part} and before: it is {_label(model, part)} there", stacklevel=2)
        merged = _append(merged, table, part, set(different))
        known = {_label(m, part) if m in different else m: one for m, one in about.items()} | known
    return validate(merged, " + ".join(map(str, parts))) if rest else merged


def _reject_other_measurements(measured: dict, part: str | os.PathLike, own: dict) -> None:
    """Reject a run that measured something in another way, or on other images, than an earlier one."""
    for before, known in measured.items():
        if why := identity.measured_otherwise(known, own):
            raise ResultsError(
                f"expected {part} to measure as {before} does, got a difference in {why}: measure again with one version and "
                "the same data, or load the tables one by one"
            )


def _append(merged: pd.DataFrame, table: pd.DataFrame, part: str | os.PathLike, different: set[str]) -> pd.DataFrame:
    """Stack a table on others; see `load` for the labels of models that both have."""
    both = table.merge(merged, "left", KEY, suffixes=("", "_before"), indicator="seen")
    repeated = both["seen"] == "both"
    same = (both["value"] == both["value_before"]) & (both["n"].fillna(0) == both["n_before"].fillna(0))
    published = merged.loc[merged["source"] == "published", "model"]
    again = {*published, *both.loc[repeated & ~same, "model"], *different}
    further = table[~repeated | table["model"].isin(again)]
    renamed = further["model"].replace({model: _label(model, part) for model in again})
    return pd.concat([merged, further.assign(model=renamed)], ignore_index=True)


def _label(model: str, part: str | os.PathLike) -> str:
    return f"{model}@{Path(part).stem}"


def _parts(source: str | os.PathLike | Sequence[str | os.PathLike]) -> list[str | os.PathLike]:
    """Return the single tables of a source: names, files and run folders."""
    if isinstance(source, str | os.PathLike):
        return _runs(source) or [source]
    return [part for one in source for part in _parts(one)]


def _one(part: str | os.PathLike) -> pd.DataFrame:
    """Read and validate one table; one that no run of `bvg.measure` wrote is checked for usual mistakes."""
    table = validate(_some(_read(part), str(part)), str(part))
    if part != "published" and not (Path(part) / "manifest.json").is_file():
        _reject_fractions(table, str(part))
        _reject_claims(table, str(part))
    return table


def _reject_fractions(table: pd.DataFrame, name: str) -> None:
    """Reject accuracies that are all at most 1: probably fractions, where percent are expected.

    Accuracy under attack, noise or filters does not count, since it can be near 0.
    """
    for metric in ("top1", "top5"):
        of = table[(table["metric"] == metric) & table["benchmark"].isin(ORDINARY)]
        if len(of) and of["value"].max() <= 1:
            raise ResultsError(
                f"{name}: expected accuracies in percent, got {metric} of at most {of['value'].max():.4g} in all "
                f"{len(of)} rows: are they fractions? Multiply them by 100"
            )


def _reject_claims(table: pd.DataFrame, name: str) -> None:
    """Reject rows with the source "published" that are not the published ones."""
    claimed = table[table["source"] == "published"]
    if claimed.empty:
        return
    true = _one("published")
    if len(claimed.merge(true, "inner", [*KEY, "value"])) < len(claimed):
        raise ResultsError(
            f"{name}: expected rows of the source 'published' to be those of the paper's authors, got other numbers: name "
            "another source, such as the run's name"
        )


def world_of(source: str | os.PathLike | Sequence[str | os.PathLike] = "published") -> study.World:
    """Return the images that the models of a results table were measured on; the arguments are those of `load`.

    A run folder's manifest names them. They are the miniature's if every table of `source` is of the miniature; a table
    without a manifest is of ImageNet.
    """

    worlds = {
        (identity.manifest(Path(part)) or {"settings": {}})["settings"].get("world", "study") for part in _parts(source)
    }
    return study.WORLDS["miniature" if worlds == {"miniature"} else "study"]


def manifests(source: str | os.PathLike | Sequence[str | os.PathLike] = "published") -> list[dict]:
    """Return the manifests of the run folders of a source, in order; the arguments are those of `load`."""
    return [found for part in _parts(source) if (found := identity.manifest(Path(part))) is not None]


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
    if source == "published":
        folder = files("bvg") / "results" / "published"
        return pd.concat([_read_csv(folder / name) for name in PUBLISHED], ignore_index=True)
    path = Path(source)
    if path.is_dir():
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
    beginning = path.read_bytes()[:1000] if isinstance(path, Path) else b""
    if b"\0" in beginning:
        raise ValueError("it holds NUL bytes, so it is not text")
    if beginning.lstrip().startswith(b"<"):
        raise ValueError("it is an HTML or XML page, perhaps of an error at download")
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
