"""The unit store: what a run has measured, unit by unit, in one SQLite file.

A stored unit is a model, a condition of a data set and a range of images. Each write is one transaction: however a run ends, a
unit is stored completely or not at all. SQLite guarantees this, also on a full disk.
"""

from __future__ import annotations

import io
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bvg.measure.ranges import Range, lacking
from bvg.messages import Brief

if TYPE_CHECKING:  # the instruments import torch, which a run folder does not need
    from bvg.instruments.base import Condition

SCHEMA = """
create table if not exists facts (name text primary key, value text);
create table if not exists models (model text primary key, source text, weights text, answers text);
create table if not exists measurements (
    id integer primary key, model text, benchmark text, variant text, level text, images integer, description text,
    unique (model, benchmark, variant, level)
);
create table if not exists units (
    measurement integer, start integer, stop integer, counts text, unreadable text, predictions blob,
    primary key (measurement, start)
);
"""

EVERYTHING = 2**62
"""More images than any measurement has; SQLite's integers have 64 bits."""

Counts = dict["Condition", dict[str, int]]
"""Sums over images, by condition."""


class RunError(Brief, RuntimeError):
    """A run folder that cannot be used: it has other settings, is in use, damaged, not writable, or the disk is full."""


class Predictions(NamedTuple):
    """Decisions of one unit.

    Attributes:
        conditions: the conditions evaluated.
        index: int64 [n], index of each image.
        prediction, hit: int16 and bool [conditions, n].
    """

    conditions: list[Condition]
    index: np.ndarray
    prediction: np.ndarray
    hit: np.ndarray


class Unit(NamedTuple):
    """Results of one measurement (its id) on the images at positions start … stop - 1.

    `unreadable` maps the path of each image that was left out to the reason.
    """

    measurement: int
    start: int
    stop: int
    counts: Counts
    unreadable: dict[str, str]
    predictions: Predictions | None


class UnitStore:
    """The file `units.sqlite` of a run folder, open.

    Raises:
        RunError: from any method, if the file is damaged or cannot be written to. What was written before is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with self.errors():
            self.database = sqlite3.connect(folder / "units.sqlite")
            self.database.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def fact(self, name: str, default: Any = None) -> Any:
        """Return a stored fact, or a default."""
        with self.errors():
            found = self.database.execute("select value from facts where name = ?", [name]).fetchone()
        return json.loads(found[0]) if found else default

    def set_fact(self, name: str, value: Any, keep: bool = False) -> None:
        """Store a fact as JSON; with `keep`, only if there is none of that name."""
        verb = "ignore" if keep else "replace"
        with self.transaction() as database:
            database.execute(f"insert or {verb} into facts values (?, ?)", [name, json.dumps(value)])

    def add_model(self, model: str, source: str, weights: str, answers: list[float]) -> tuple[str, list[float]]:
        """Enter a model by its id; return the digest of the weights and the probe's logits stored under that id."""
        with self.transaction() as database:
            row = [model, source, weights, json.dumps(answers)]
            database.execute("insert or ignore into models values (?, ?, ?, ?)", row)
            query = "select weights, answers from models where model = ?"
            before, text = database.execute(query, [model]).fetchone()
        return before, json.loads(text)

    def models(self) -> list[tuple[str, str, str, list[float]]]:
        """Return id, source, digest of the weights and the probe's logits of each model, by id."""
        with self.errors():
            rows = self.database.execute("select * from models order by model").fetchall()
        return [(*row, json.loads(text)) for *row, text in rows]

    def description(self, condition: tuple[str, str, str]) -> dict | None:
        """Return the description that a condition's measurements were entered with."""
        query = "select description from measurements where benchmark = ? and variant = ? and level = ?"
        with self.errors():
            found = self.database.execute(query, condition).fetchone()
        return json.loads(found[0]) if found else None

    def add_measurement(self, model: str, condition: tuple[str, str, str], images: int, description: Mapping) -> int:
        """Enter a measurement if it is new; return its id."""
        row = [model, *condition, images, json.dumps(description, sort_keys=True)]
        query = "select id from measurements where model = ? and benchmark = ? and variant = ? and level = ?"
        with self.transaction() as database:
            database.execute("insert or ignore into measurements values (null, ?, ?, ?, ?, ?, ?)", row)
            return database.execute(query, [model, *condition]).fetchone()[0]

    def measurements(self) -> list[tuple[int, str, str, str, str, int, str]]:
        """Return id, model, instrument, variant, level, number of images and description of each measurement, by id."""
        with self.errors():
            return self.database.execute("select * from measurements order by id").fetchall()

    def done(self, measurement: int, predictions: bool, within: Range = (0, EVERYTHING)) -> list[Range]:
        """Return the ranges of images that a measurement has; with `predictions`, those with the decisions on them.

        Ranges with unreadable images are not among them, since these are tried again. `within` restricts them to those that
        overlap it.
        """
        query = "select start, stop from units where measurement = ? and unreadable = '{}' and start < ? and stop > ?"
        if predictions:
            query += " and predictions is not null"
        with self.errors():
            return self.database.execute(f"{query} order by start", [measurement, *reversed(within)]).fetchall()

    def decided(self, measurement: int) -> bool:
        """Return whether a measurement's units cover all of its images and hold the decisions on them."""
        query = (
            "select images = (select sum(stop - start) from units where measurement = id and predictions is not null) "
            "from measurements where id = ?"
        )
        with self.errors():
            return bool(self.database.execute(query, [measurement]).fetchone()[0])

    def write(self, units: Iterable[Unit]) -> None:
        """Write units, all of them or none; they replace those that they overlap."""
        with self.transaction() as database:
            for unit in units:
                _replace(database, unit.measurement, unit.start, unit.stop)
                counts = json.dumps([[*condition, sums] for condition, sums in unit.counts.items()])
                packed = None if unit.predictions is None else _pack(unit.predictions)
                row = [unit.measurement, unit.start, unit.stop, counts, json.dumps(unit.unreadable), packed]
                database.execute("insert or replace into units values (?, ?, ?, ?, ?, ?)", row)

    def complete(self) -> Iterator[tuple[str, str, Counts]]:
        """Yield model, instrument and sums over all images of each complete measurement, in a fixed order."""
        query = (
            "select model, benchmark, counts from measurements join units on id = measurement where images = "
            "(select sum(stop - start) from units where measurement = id) order by model, id, start"
        )
        found: dict[tuple[str, str], Counts] = {}
        with self.errors():
            for model, benchmark, text in self.database.execute(query):
                sums = found.setdefault((model, benchmark), {})
                for name, variant, level, one in json.loads(text):
                    total = Counter(sums.get((name, variant, level), {}))
                    total.update(one)
                    sums[name, variant, level] = dict(total)
        for (model, benchmark), sums in found.items():
            yield model, benchmark, sums

    def predictions(self, measurement: int) -> Iterator[Predictions]:
        """Yield the decisions of each unit of a measurement, in the order of the images."""
        query = "select predictions from units where measurement = ? order by start"
        with self.errors():
            for (packed,) in self.database.execute(query, [measurement]):
                yield _unpack(packed)

    def unreadable(self) -> dict[str, str]:
        """Return the images that were left out, with the reason."""
        query = "select distinct unreadable from units where unreadable != '{}'"
        with self.errors():
            return {k: v for (text,) in self.database.execute(query) for k, v in json.loads(text).items()}

    def take_units(self, other: UnitStore) -> None:
        """Copy the units of another store whose measurements are entered here, unless this one has all of them already."""
        query = "select id from measurements where model = ? and benchmark = ? and variant = ? and level = ?"
        with self.transaction() as database:
            for theirs, model, *condition, _, _ in other.measurements():
                (id,) = database.execute(query, [model, *condition]).fetchone()
                rows = other.database.execute("select * from units where measurement = ? order by start", [theirs])
                for _, start, stop, counts, unreadable, predictions in rows.fetchall():
                    if lacking((start, stop), self.done(id, predictions is not None, (start, stop))):
                        _replace(database, id, start, stop)
                        row = [id, start, stop, counts, unreadable, predictions]
                        database.execute("insert into units values (?, ?, ?, ?, ?, ?)", row)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the database; everything in the block is written, or nothing."""
        with self.errors(), self.database:
            yield self.database

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Raise errors of the database and the disk as `RunError`."""
        with writing(self.folder):
            yield


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Raise errors of SQLite and the file system as `RunError`."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise RunError(
            f"expected {folder} to be a run folder with room that can be written to, got: {reason}. What was written "
            "before is kept; run the same command again to resume"
        ) from error


def _replace(database: sqlite3.Connection, measurement: int, start: int, stop: int) -> None:
    """Delete the units of a measurement that overlap a range."""
    query = "delete from units where measurement = ? and start < ? and stop > ?"
    database.execute(query, [measurement, stop, start])


def _pack(predictions: Predictions) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **predictions._replace(conditions=json.dumps(predictions.conditions))._asdict())
    return buffer.getvalue()


def _unpack(packed: bytes) -> Predictions:
    with np.load(io.BytesIO(packed)) as arrays:
        conditions = [tuple(condition) for condition in json.loads(str(arrays["conditions"]))]
        return Predictions(conditions, arrays["index"], arrays["prediction"], arrays["hit"])
