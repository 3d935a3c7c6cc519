"""The run folder: its lock, the results table, the manifest and the decisions on every image.

OUT/units.sqlite      what was measured, unit by unit (`bvg.measure.unit_store`)
OUT/results.parquet   the results table of everything that is complete
OUT/manifest.json     how it was measured
OUT/predictions/      decisions per image, if they are kept: one Parquet file per model and condition
OUT/shards/           while several workers measure: see `bvg.measure.workers`
OUT/lock              held while a run writes here
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from filelock import FileLock, Timeout

from bvg import results
from bvg.files import atomic
from bvg.measure.ranges import Range
from bvg.measure.unit_store import RunError, UnitStore, writing
from bvg.messages import shorten
from bvg.results.identity import same_answers

LEFT_BY_A_KILLED_RUN = (".results.parquet.*", ".manifest.json.*", "predictions/.*.parquet.*")
"""Temporary files of this module's own writes."""


class Run:
    """A run folder, open for writing; a context manager that holds its lock.

    Args:
        folder: created if it does not exist. Its name is the run's id, the `source` of its rows.
        settings: what all numbers in the folder share, as plain values; a folder has one set of them.

    Attributes:
        store: the units measured so far, while the folder is open.

    Raises:
        ValueError: `folder` is empty.
        RunError: the folder is in use, has other settings or other files, is damaged, or cannot be written to.
    """

    store: UnitStore | None = None

    def __init__(self, folder: str | Path, settings: Mapping) -> None:
        if not str(folder).strip():
            raise ValueError("expected `out` to name a run folder, got an empty text")
        self.folder = Path(folder).resolve()
        self.settings = dict(settings)

    def __enter__(self) -> Run:
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._reject_other_files()
            self._lock = FileLock(self.folder / "lock", timeout=0, is_singleton=False)
            try:
                self._lock.acquire()
            except Timeout as error:
                raise RunError(
                    f"expected no other run to write to {self.folder}, but one does: wait for it, or give another `out`"
                ) from error
        try:
            with writing(self.folder):
                for pattern in LEFT_BY_A_KILLED_RUN:
                    for left in self.folder.glob(pattern):
                        left.unlink()
            self.store = UnitStore(self.folder)
            self.store.set_fact("settings", self.settings, keep=True)
            self._same(self.store.fact("settings"), json.loads(json.dumps(self.settings)), "of the run")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error) -> None:
        if self.store is not None:
            self.store.close()
        self._lock.release()

    def begin(self, session: Mapping) -> None:
        """Record that this process adds to the folder, with the device and libraries that it uses."""
        started = {"started": datetime.now(UTC).isoformat("T", "seconds"), **session}
        self.store.set_fact("sessions", [*self.store.fact("sessions", []), started])

    def add_model(
        self, model: str, source: str, weights: str, answers: Sequence[float], about: Mapping | None = None
    ) -> None:
        """Enter a model by its id, the digest of its weights, and its logits on the probe (see `bvg.models.probe`).

        `about` is what the manifest says of it besides (see `bvg.models.about`).

        Raises:
            RunError: the folder has numbers of another model under that id.
        """
        before, answered = self.store.add_model(model, source, weights, list(answers))
        other = f"give it another id, as in NEW-ID={source}, or give another `out`"
        if before != weights:
            raise RunError(
                f"expected model {model!r} to have the weights that {self.folder} was measured with (SHA-256 "
                f"{before[:12]}…), got others ({weights[:12]}…): {other}"
            )
        if not same_answers(answered, answers):
            raise RunError(
                f"expected model {model!r} to give the logits that {self.folder} was measured with, got others from the same "
                f"weights: its code or its normalization changed; {other}"
            )
        if about:
            self.store.set_fact(f"model {model}", about, keep=True)

    def add_measurement(self, model: str, condition: tuple[str, str, str], images: int, description: Mapping) -> int:
        """Enter the measurement of a model in a condition (instrument, variant, level); return its id.

        Args:
            images: number of images it takes.
            description: what its numbers depend on besides the settings and the model, as plain values.

        Raises:
            RunError: the folder has this measurement with another description (other images, other parameters).
        """
        before = self.store.description(condition)  # one for all models, since the table compares them
        if before is not None:
            self._same(before, json.loads(json.dumps(description)), f"of {' '.join(filter(None, condition))}")
        return self.store.add_measurement(model, condition, images, description)

    def finished(self, predictions: bool) -> dict[tuple[str, str, str, str], list[Range]]:
        """Return the ranges that all measurements have, by model, instrument, variant and level."""
        return {tuple(key): self.store.done(id, predictions) for id, *key, _, _ in self.store.measurements()}

    def merge(self, folder: str | Path) -> None:
        """Take over the units of another run folder; repeated, it changes nothing.

        Raises:
            RunError: that folder is in use, or has other settings, weights, images or parameters.
        """
        with Run(folder, self.settings) as other:
            for row in other.store.models():
                self.add_model(*row, other.store.fact(f"model {row[0]}"))
            for _, model, *condition, images, text in other.store.measurements():
                self.add_measurement(model, tuple(condition), images, json.loads(text))
            self.store.take_units(other.store)
            sessions = self.store.fact("sessions", [])
            new = [one for one in other.store.fact("sessions", []) if one not in sessions]
            self.store.set_fact("sessions", [*sessions, *new])

    def save(self, rows: Iterable[tuple]) -> pd.DataFrame:
        """Write the results table and the manifest; return the table.

        Args:
            rows: (model, benchmark, variant, level, metric, value, n). Without rows, no table is written.
        """
        table = pd.DataFrame([(*row, self.folder.name) for row in rows], columns=list(results.COLUMNS))
        table["level"] = table["level"].astype(float)
        table = results.validate(table.sort_values(results.KEY, ignore_index=True), self.folder.name)
        with writing(self.folder):
            if len(table):
                results.write(table, self.folder / "results.parquet")
            with atomic(self.folder / "manifest.json") as path:
                path.write_text(json.dumps(self.manifest(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return table

    def manifest(self) -> dict:
        """Describe how the folder's numbers were measured: settings, models, data sets, unreadable images, sessions."""
        measurements = {
            " ".join(filter(None, condition)): json.loads(text)
            for _, _, *condition, _, text in self.store.measurements()
        }
        return {
            "run": self.folder.name,
            "settings": self.settings,
            "models": {
                id: {
                    "source": source,
                    "weights_sha256": weights,
                    "probe": answers,
                    **self.store.fact(f"model {id}", {}),
                }
                for id, source, weights, answers in self.store.models()
            },
            "measurements": measurements,
            "unreadable": self.store.unreadable(),
            "sessions": self.store.fact("sessions", []),
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
        parts = []
        for conditions, index, prediction, hit in self.store.predictions(measurement):
            images = {"path": [files[k] for k in index], "label": [truth[k] for k in index]}
            for i, (benchmark, variant, level) in enumerate(conditions):
                columns = {"model": model, "benchmark": benchmark, "variant": variant, "level": level}
                columns |= {"index": index, **images, "prediction": prediction[i], "hit": hit[i]}
                parts.append(pd.DataFrame(columns))
        table = pd.concat(parts, ignore_index=True).astype({"level": float, "label": "Int16"})
        with writing(self.folder), atomic(path) as temporary:
            table.sort_values(["benchmark", "variant", "level", "index"]).to_parquet(temporary, index=False)

    def _reject_other_files(self) -> None:
        """Reject a folder that holds other files and no run; executed notebooks and hidden files may lie there."""
        names = {path.name for path in self.folder.iterdir()}
        foreign = sorted(name for name in names if not name.startswith(".") and not name.endswith(".ipynb"))
        if foreign and not names & {"units.sqlite", "lock", "shards"}:
            raise RunError(
                f"expected {self.folder} to be empty or a run folder, got {shorten(foreign)}: give a new folder as `out`"
            )

    def _same(self, before: Mapping, now: Mapping, what: str) -> None:
        differ = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
        if differ:
            found = "; ".join(f"{key} {before.get(key)!r} there, {now.get(key)!r} here" for key in differ)
            raise RunError(
                f"expected the settings {what} to be those that {self.folder} was measured with, got {found}: "
                "give another `out`, or the same settings"
            )
