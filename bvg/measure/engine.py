"""The engine: for each batch of images, evaluate all models; write often, and halve batches when memory is full."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from bvg.datasets import layouts
from bvg.datasets.device import to_device
from bvg.datasets.index import Dataset
from bvg.datasets.loading import Batch, UnreadableImages
from bvg.instruments.base import Condition, Instrument, targets
from bvg.logits import check_logits, count_not_finite
from bvg.measure import progress, ranges
from bvg.measure.accumulator import Accumulator, MeasureError, label
from bvg.measure.ranges import Range, Units
from bvg.measure.run_folder import Run
from bvg.measure.settings import Settings
from bvg.measure.sources import Source
from bvg.measure.unit_store import Unit

Where = tuple[str, str, str]
"""A measurement of all models: name of the instrument, variant, level."""

WRITE_AFTER = 20.0
"""Seconds after which results are written before a unit is complete: at most about so much work is lost with a process."""


def all_units(where: Where, pending: Units) -> Units:
    """Return all pending units: the share of a process that works alone."""
    return pending


def where_of(instrument: Instrument, variant: str, level: str) -> Where:
    """Identify a measurement by a data set's condition, or by the level of the stimuli if it is single (an attack's eps)."""
    conditions = instrument.conditions(variant, level)
    single = conditions[0][2] if len(conditions) == 1 else None
    return instrument.name, variant, "" if single is None else f"{single:.12g}"


@dataclass(frozen=True)
class Measurement:
    """One condition of a data set under one instrument, entered into a run folder for all models.

    Attributes:
        where: what identifies it.
        data: its images.
        ids: its id in the run folder, by model.
        pending: the images that the folder lacks, unit by unit.
    """

    where: Where
    data: Dataset
    ids: dict[str, int]
    pending: Units

    @classmethod
    def enter(
        cls,
        folder: Run,
        instrument: Instrument,
        data: Dataset,
        source: Source,
        models: Iterable[str],
        settings: Settings,
    ) -> Measurement:
        """Enter it into the folder; return it with what the folder lacks."""
        where = where_of(instrument, data.variant, data.level)
        description = {
            "version": instrument.version,
            "classes": instrument.choices,
            "dataset": data.name,
            "of": len(data.files),
            **source.fingerprint(data, settings.progress),
            # the noise of an image depends on its index
            "index_sha256": hashlib.sha256(data.index.tobytes()).hexdigest(),
            "preprocessing": data.preprocessing,
            "parameters": instrument.parameters,
        }
        ids = {model: folder.add_measurement(model, where, len(data), description) for model in models}
        done = {model: folder.store.done(id, settings.keep_predictions) for model, id in ids.items()}
        return cls(where, data, ids, ranges.pending(len(data), instrument.unit, done))

    def write_predictions(self, folder: Run) -> None:
        """Write the decisions on every image, for each model whose units are complete."""
        several = isinstance(self.data.labels, tuple)  # sets of labels, each of which is correct
        labels = [None] * len(self.data) if several else targets(self.data.labels)[:, 0].tolist()
        truth = dict(zip(self.data.index.tolist(), labels, strict=True))
        name = " ".join(filter(None, self.where))
        for model, id in self.ids.items():
            if folder.store.decided(id):
                folder.save_predictions(id, model, name, self.data.files, truth)


@dataclass
class Engine:
    """Evaluates models on images and writes the sums to a run folder.

    Attributes:
        run: the run folder, open.
        models: functions from images to logits, by id.
        source: where the images come from.
        device: where the models run.
        batch_size: images per batch.
        settings: the other settings of the run.
        unreadable: images that could not be decoded and were not to be left out, with the reason.
        tried: number of images in the units lost by that.
        share: selects, from a measurement and its pending units, those to measure here.
    """

    run: Run
    models: dict[str, Callable[[Tensor], Tensor]]
    source: Source
    device: torch.device
    batch_size: int
    settings: Settings
    unreadable: dict[str, str] = field(default_factory=dict)
    tried: int = 0
    share: Callable[[Where, Units], Units] = all_units

    def measure(self, instrument: Instrument, sizes: Mapping[layouts.Condition, int]) -> None:
        """Evaluate all models on all conditions of a data set under one instrument."""
        self.size = self.batch_size
        total = sum(n * len(instrument.conditions(*condition[1:])) for condition, n in sizes.items())
        shown = self.settings.progress
        with progress.bar(total * len(self.models), instrument.name, shown, smoothing=0.1) as self.bar:
            for condition in sizes:
                data = self.source.open(condition, self.settings.limit)
                self.bar.set_postfix_str(" ".join(filter(None, condition[1:])), refresh=False)
                self._measure(instrument, data)

    def _measure(self, instrument: Instrument, data: Dataset) -> None:
        conditions = instrument.conditions(data.variant, data.level)
        measurement = Measurement.enter(self.run, instrument, data, self.source, self.models, self.settings)
        mine = self.share(measurement.where, measurement.pending)
        self.bar.update((len(data) * len(self.models) - ranges.count(mine)) * len(conditions))
        if mine:
            self._units(instrument, data, conditions, measurement.ids, mine)
        if self.settings.keep_predictions:
            measurement.write_predictions(self.run)

    def _units(self, instrument, data: Dataset, conditions: list[Condition], ids: dict, units: Units) -> None:
        """Measure units of a data set and write them."""
        reader = self.source.reader(data, self.settings.progress)
        parts = [data.take(range(start, stop)) for start, stop in units]
        read = reader.read(parts, self.size)
        for ((start, _), models), part, batches in zip(units.items(), parts, read, strict=False):
            try:
                for (first, last), sums, unreadable in self._unit(instrument, part, batches, models, conditions):
                    self.run.store.write(
                        Unit(ids[m], start + first, start + last, one.counts(m), unreadable, one.predictions())
                        for m, one in sums.items()
                    )
            except UnreadableImages as error:
                self.unreadable |= {str(data.folder / path): why for path, why in error.reasons.items()}
                self.tried += len(part)

    def _unit(
        self, instrument, part: Dataset, batches: Iterator[Batch], models: list[str], conditions
    ) -> Iterator[tuple[Range, dict[str, Accumulator], dict[str, str]]]:
        """Yield ranges of one unit, the sums over each, per model, and the images in it that could not be read."""

        def empty() -> dict[str, Accumulator]:
            return {model: Accumulator(conditions, self.settings.keep_predictions) for model in models}

        def lost(start: int, stop: int) -> dict[str, str]:
            missing = [k for k in range(start, stop) if k not in seen]
            return {part.paths[k]: "cannot be decoded" for k in missing}

        first, sums, begun = 0, empty(), time.monotonic()
        seen: set[int] = set()
        for batch in batches:
            start = 0
            while start < len(batch.images):
                piece = Batch(*(values[start : start + self.size] for values in batch))
                if not self._evaluate(instrument, piece, sums, conditions):
                    continue  # in smaller pieces
                start += len(piece.images)
                positions = np.searchsorted(part.index, piece.index).tolist()
                seen.update(positions)
                last = positions[-1] + 1
                if time.monotonic() - begun > WRITE_AFTER and last < len(part):
                    yield (first, last), sums, lost(first, last)
                    first, sums, begun = last, empty(), time.monotonic()
        yield (first, len(part)), sums, lost(first, len(part))

    def _evaluate(self, instrument, batch: Batch, sums: dict[str, Accumulator], conditions: list[Condition]) -> bool:
        """Evaluate the models on a batch and add up; return False if it does not fit into memory."""
        before, begun = self.bar.n, time.monotonic()
        try:
            scores = list(self._scores(instrument, batch, list(sums), conditions))
        except torch.OutOfMemoryError:
            scores = None  # go on outside the handler, whose traceback keeps the tensors alive
        if scores is None:
            self.bar.update(before - self.bar.n)
            self._halve(instrument, len(batch.images))
            return False
        for model, condition, score, not_finite in scores:
            sums[model].add(condition, batch.index, score, not_finite)
        if self.device.type == "cpu" and (seconds := time.monotonic() - begun) > WRITE_AFTER:
            self.size = max(1, int(len(batch.images) * WRITE_AFTER / seconds))  # a batch is not to take longer
        return True

    def _halve(self, instrument: Instrument, size: int) -> None:
        if size == 1:
            raise MeasureError(
                f"expected one image to fit into the memory of {self.device} with {len(self.models)} model(s) loaded, got "
                f"an out-of-memory error on {instrument.name}: measure fewer models at once"
            )
        self.size = size // 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        warnings.warn(
            f"out of memory on {instrument.name} with {size} images: continuing with {self.size} per batch",
            stacklevel=2,
        )

    @torch.inference_mode()
    def _scores(self, instrument: Instrument, batch: Batch, models: list[str], conditions: list[Condition]):
        """Yield model, condition, score and number of non-finite logits, for every model in every condition."""
        images = to_device(batch.images, self.device).float().div_(255)
        index = to_device(batch.index, self.device)
        truth = to_device(instrument.truth(batch.labels), self.device)
        for condition, stimuli in instrument.stimuli(images, index, self.settings.seed, conditions):
            for model in models:
                what = label(model, condition)
                try:
                    logits = instrument.logits(self.models[model], stimuli, truth[:, 0], index, self.settings.seed)
                    further = instrument.further(self.models[model], stimuli, self.settings.seed)
                except torch.OutOfMemoryError:
                    raise
                except RuntimeError as error:  # such as a wrong image size, or not differentiable under attack
                    raise MeasureError(f"expected logits of {what}, got an error: {error}") from error
                try:
                    check_logits(logits, instrument.classes, len(stimuli), what)
                except ValueError as error:
                    raise MeasureError(str(error)) from None
                score = instrument.score(logits, truth)
                yield model, condition, score._replace(counts=score.counts | further), count_not_finite(logits)
                self.bar.update(len(stimuli))
