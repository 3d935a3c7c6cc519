"""The run folder: measured units in one SQLite file, the results table and its manifest beside it, one run at a time.

    OUT/units.sqlite      what was measured, unit by unit (a model, a condition of a data set, a range of images)
    OUT/results.parquet   the results table of all that is complete
    OUT/manifest.json     how it was measured
    OUT/predictions/      decisions per image, if asked for: one Parquet file per model and condition
    OUT/shards/           while several workers measure: see `bvg.measure.workers`
    OUT/lock              held while a run writes here

A unit is one transaction: whatever kills a run, a unit is there as a whole or not at all. SQLite sees to that, and to
full disks, better than code of our own would.
"""

from __future__ import annotations

import io
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from bvg import results
from bvg.files import atomic

if TYPE_CHECKING:  # the instruments import torch, which a folder can do without
    from bvg.instruments.base import Condition

SCHEMA = """
create table if not exists facts (name text primary key, value text);
create table if not exists models (model text primary key, source text, weights text);
create table if not exists measurements (
    id integer primary key, model text, benchmark text, variant text, level text, images integer, description text,
    unique (model, benchmark, variant, level)
);
create table if not exists units (
    measurement integer, start integer, stop integer, counts text, unreadable text, predictions blob,
    primary key (measurement, start)
);
"""

MERGE = """
insert or replace into main.units
select ours.id, start, stop, counts, unreadable, predictions
from other.units join other.measurements theirs on theirs.id = measurement
join main.measurements ours using (model, benchmark, variant, level)
"""

Counts = dict["Condition", dict[str, int]]
"""Sums over images, per condition."""


class RunError(RuntimeError):
    """A run folder that cannot be used: of other settings, in use, damaged, not writable, or without room."""


class Predictions(NamedTuple):
    """Decisions of one unit: the conditions shown; int64 [n], index of each image; int16 and bool [conditions, n]."""

    conditions: list[Condition]
    index: np.ndarray
    prediction: np.ndarray
    hit: np.ndarray


class Unit(NamedTuple):
    """What was measured of one measurement (its id) on the images at positions start … stop - 1.

    `unreadable` maps the path of each image that was left out to the reason.
    """

    measurement: int
    start: int
    stop: int
    counts: Counts
    unreadable: dict[str, str]
    predictions: Predictions | None


class Run:
    """A run folder, opened for writing; a context manager that holds its lock.

    Args:
        folder: made if it does not exist. Its name is the run's id, the `source` of its rows.
        settings: what all numbers in the folder share, as plain values; a folder has one set of them.

    Raises:
        RunError: the folder is in use, of other settings, damaged, or cannot be written to.
    """

    def __init__(self, folder: str | Path, settings: Mapping) -> None:
        self.folder = Path(folder).resolve()
        self.settings = dict(settings)

    def __enter__(self) -> Run:
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.folder / "lock", timeout=0, is_singleton=False)
            try:
                self._lock.acquire()
            except Timeout as error:
                raise RunError(
                    f"expected no other run to write to {self.folder}, got one that does: wait for it, or give another "
                    "`out`"
                ) from error
        try:
            with self._writing():
                for left in self.folder.rglob(".*.parquet.*"):  # by a run that was killed while it wrote a table
                    left.unlink()
                self._database = sqlite3.connect(self.folder / "units.sqlite")
                self._database.executescript(SCHEMA)
            self._agree("settings", self.settings)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error) -> None:
        if database := getattr(self, "_database", None):
            database.close()
        self._lock.release()

    # --- what is being measured ---------------------------------------------------------------------------------------

    def begin(self, session: Mapping) -> None:
        """Note that this process adds to the folder, with what it runs on."""
        with self._transaction() as database:
            sessions = [
                *self._fact("sessions", []),
                {"started": datetime.now(UTC).isoformat("T", "seconds"), **session},
            ]
            database.execute("insert or replace into facts values ('sessions', ?)", [json.dumps(sessions)])

    def add_model(self, model: str, source: str, weights: str) -> None:
        """Enter a model by its id and the digest of its weights.

        Raises:
            RunError: the folder has numbers of another model under that id.
        """
        with self._transaction() as database:
            database.execute("insert or ignore into models values (?, ?, ?)", [model, source, weights])
            (before,) = database.execute("select weights from models where model = ?", [model]).fetchone()
        if before != weights:
            raise RunError(
                f"expected model {model!r} to have the weights that {self.folder} was measured with (SHA-256 "
                f"{before[:12]}…), got others ({weights[:12]}…): give it another id, as in NEW-ID={source}, or give another "
                "`out`"
            )

    def add_measurement(self, model: str, condition: tuple[str, str, str], images: int, description: Mapping) -> int:
        """The id of the measurement of a model in a condition (name of the instrument, variant, level).

        Args:
            images: how many images it takes.
            description: what its numbers depend on besides the settings and the model, as plain values.

        Raises:
            RunError: the folder has this measurement with another description (other images, other parameters).
        """
        text = json.dumps(description, sort_keys=True)
        of_condition = "from measurements where benchmark = ? and variant = ? and level = ?"
        with self._transaction() as database:
            before = database.execute(f"select description {of_condition}", condition).fetchone()
            if before:  # the same for all models: the table compares them
                self._same(json.loads(before[0]), json.loads(text), f"of {' '.join(filter(None, condition))}")
            database.execute(
                "insert or ignore into measurements values (null, ?, ?, ?, ?, ?, ?)", [model, *condition, images, text]
            )
            (id,) = database.execute(f"select id {of_condition} and model = ?", [*condition, model]).fetchone()
        return id

    def done(self, measurement: int, predictions: bool) -> set[int]:
        """Where the units of a measurement start that are complete (and, if asked for, hold predictions)."""
        query = "select start from units where measurement = ? and unreadable = '{}'"
        if predictions:
            query += " and predictions is not null"
        with self._writing():
            return {start for (start,) in self._database.execute(query, [measurement])}

    def finished(self, predictions: bool) -> dict[tuple[str, str, str, str], set[int]]:
        """What `done` gives, of all measurements, by model, name of the instrument, variant and level."""
        query = "select id, model, benchmark, variant, level from measurements"
        with self._writing():
            measurements = self._database.execute(query).fetchall()
        return {tuple(where): self.done(id, predictions) for id, *where in measurements}

    def decided(self, measurement: int) -> bool:
        """Whether a measurement's units cover all of its images and hold the decisions on them."""
        query = (
            "select images = (select sum(stop - start) from units where measurement = id and predictions is not null) "
            "from measurements where id = ?"
        )
        with self._writing():
            return bool(self._database.execute(query, [measurement]).fetchone()[0])

    def write(self, units: Iterable[Unit]) -> None:
        """Write units, all of them or none.

        Raises:
            RunError: the folder cannot be written to. What was written before is not touched.
        """
        with self._transaction() as database:
            for unit in units:
                counts = json.dumps([[*condition, sums] for condition, sums in unit.counts.items()])
                packed = None if unit.predictions is None else _pack(unit.predictions)
                row = [unit.measurement, unit.start, unit.stop, counts, json.dumps(unit.unreadable), packed]
                database.execute("insert or replace into units values (?, ?, ?, ?, ?, ?)", row)

    def merge(self, folder: str | Path) -> None:
        """Take over what was measured into another run folder; called again, it changes nothing.

        Raises:
            RunError: that one is in use, or of other settings, weights, images or parameters.
        """
        with Run(folder, self.settings) as other:
            for row in other._database.execute("select model, source, weights from models").fetchall():
                self.add_model(*row)
            query = "select model, benchmark, variant, level, images, description from measurements order by id"
            for model, *condition, images, text in other._database.execute(query).fetchall():
                self.add_measurement(model, tuple(condition), images, json.loads(text))
            sessions = self._fact("sessions", [])
            sessions += [one for one in other._fact("sessions", []) if one not in sessions]
            with self._writing():
                self._database.execute("attach database ? as other", [str(other.folder / "units.sqlite")])
            try:
                with self._transaction() as database:
                    database.execute(MERGE)
                    database.execute("insert or replace into facts values ('sessions', ?)", [json.dumps(sessions)])
            finally:
                self._database.execute("detach database other")

    # --- what came of it ----------------------------------------------------------------------------------------------

    def complete(self) -> Iterator[tuple[str, str, Counts]]:
        """Model, name of the instrument and sums over all images of each measurement that is complete, in a fixed order."""
        query = (
            "select model, benchmark, counts from measurements join units on id = measurement where images = "
            "(select sum(stop - start) from units where measurement = id) order by model, id, start"
        )
        found: dict[tuple[str, str], Counts] = {}
        with self._writing():
            for model, benchmark, text in self._database.execute(query):
                sums = found.setdefault((model, benchmark), {})
                for name, variant, level, one in json.loads(text):
                    total = Counter(sums.get((name, variant, level), {}))
                    total.update(one)
                    sums[name, variant, level] = dict(total)
        for (model, benchmark), sums in found.items():
            yield model, benchmark, sums

    def save(self, rows: Iterable[tuple]) -> pd.DataFrame:
        """Write the results table (model, benchmark, variant, level, metric, value, n) and the manifest; the table.

        Nothing is written as long as there is no row.
        """
        table = pd.DataFrame([(*row, self.folder.name) for row in rows], columns=list(results.COLUMNS))
        table["level"] = table["level"].astype(float)
        table = results.validate(table.sort_values(results.KEY, ignore_index=True), self.folder.name)
        with self._writing():
            if len(table):
                results.write(table, self.folder / "results.parquet")
            with atomic(self.folder / "manifest.json") as path:
                path.write_text(json.dumps(self.manifest(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return table

    def manifest(self) -> dict:
        """How the folder's numbers were measured: settings, sessions, models, data sets, unreadable images."""
        data = {}
        for *condition, text in self._database.execute(
            "select distinct benchmark, variant, level, description from measurements order by id"
        ):
            data[" ".join(filter(None, condition))] = json.loads(text)
        unreadable: dict[str, str] = {}
        for (text,) in self._database.execute("select distinct unreadable from units where unreadable != '{}'"):
            unreadable |= json.loads(text)
        models = self._database.execute("select * from models order by model")
        return {
            "run": self.folder.name,
            "settings": self.settings,
            "models": {model: {"source": source, "weights_sha256": weights} for model, source, weights in models},
            "measurements": data,
            "unreadable": unreadable,
            "sessions": self._fact("sessions", []),
        }

    def save_predictions(self, measurement: int, model: str, name: str, files: tuple[str, ...], truth: Mapping) -> None:
        """Write the decisions of one measurement as Parquet.

        Columns: model, benchmark, variant, level, index (position in the data set), path, label, prediction, hit.

        Args:
            measurement: its id.
            model, name: of the model and of the condition, for the file's name.
            files: paths of the data set, by index.
            truth: label by index, None where an image has several.
        """
        path = self.folder / "predictions" / f"{quote(model, safe=' ')}--{name}.parquet".replace(" ", "_")
        query = "select predictions from units where measurement = ? order by start"
        parts = []
        with self._writing():
            for (packed,) in self._database.execute(query, [measurement]):
                conditions, index, prediction, hit = _unpack(packed)
                for i, (benchmark, variant, level) in enumerate(conditions):
                    columns = {"model": model, "benchmark": benchmark, "variant": variant, "level": level}
                    shown = {"path": [files[k] for k in index], "label": [truth[k] for k in index]}
                    columns |= {"index": index, **shown, "prediction": prediction[i], "hit": hit[i]}
                    parts.append(pd.DataFrame(columns))
            table = pd.concat(parts, ignore_index=True).astype({"level": float, "label": "Int16"})
            with atomic(path) as temporary:
                table.sort_values(["benchmark", "variant", "level", "index"]).to_parquet(temporary, index=False)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _fact(self, name: str, default):
        found = self._database.execute("select value from facts where name = ?", [name]).fetchone()
        return json.loads(found[0]) if found else default

    def _agree(self, name: str, value: Mapping) -> None:
        with self._transaction() as database:
            database.execute("insert or ignore into facts values (?, ?)", [name, json.dumps(value)])
        self._same(self._fact(name, None), json.loads(json.dumps(value)), "of the run")

    def _same(self, before: Mapping, now: Mapping, what: str) -> None:
        differ = [key for key in before.keys() | now.keys() if before.get(key) != now.get(key)]
        if differ:
            shown = "; ".join(f"{key} {before.get(key)!r} there, {now.get(key)!r} here" for key in sorted(differ))
            raise RunError(
                f"expected the settings {what} to be those that {self.folder} was measured with, got {shown}: "
                "give another `out`, or the same settings"
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._writing(), self._database:
            yield self._database

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            raise RunError(
                f"expected {self.folder} to be a run folder with room that can be written to, got: {reason}. What was "
                "written before is kept; the same command continues from there"
            ) from error


def _pack(predictions: Predictions) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **predictions._replace(conditions=json.dumps(predictions.conditions))._asdict())
    return buffer.getvalue()


def _unpack(packed: bytes) -> Predictions:
    with np.load(io.BytesIO(packed)) as arrays:
        conditions = [tuple(condition) for condition in json.loads(str(arrays["conditions"]))]
        return Predictions(conditions, arrays["index"], arrays["prediction"], arrays["hit"])
