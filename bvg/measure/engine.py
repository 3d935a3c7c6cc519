"""The order of work of a measurement: images outside, models inside; unit by unit, halving batches where memory ends."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bvg.datasets import layouts
from bvg.datasets.device import to_device
from bvg.datasets.index import Dataset
from bvg.datasets.loading import Batch, UnreadableImages
from bvg.instruments.base import Condition, Instrument, targets
from bvg.logits import check_logits, count_not_finite
from bvg.measure import progress
from bvg.measure.accumulator import MeasureError, Tally, shown_to
from bvg.measure.run_folder import Run, Unit
from bvg.measure.sources import Source

Where = tuple[str, str, str]
"""A measurement of every model: name of the instrument, variant, level."""

Units = dict[int, list[str]]
"""Units of a measurement by where they start, with the models to be shown each."""


def all_of(where: Where, waiting: Units) -> Units:
    """The share of a process that works alone."""
    return waiting


def where_of(instrument: Instrument, variant: str, level: str) -> Where:
    """What is one measurement: a data set's condition, or the one that is shown, which has the attack's epsilon."""
    conditions = instrument.conditions(variant, level)
    shown = conditions[0][2] if len(conditions) == 1 else None
    return instrument.name, variant, "" if shown is None else f"{shown:.12g}"


@dataclass
class Engine:
    """Shows images to models and writes what came of it to a run folder.

    Attributes:
        run: the run folder, open.
        models: functions from images to logits, by id.
        source: where the images come from.
        device, batch_size, seed, keep_predictions, progress: as in `bvg.measure.run`.
        unreadable: images that could not be decoded and were not to be left out, with the reason.
        tried: images in the ranges that were lost by that.
        share: from a measurement and the units of it that wait to those that are measured here.
    """

    run: Run
    models: dict[str, Callable[[Tensor], Tensor]]
    source: Source
    device: torch.device
    batch_size: int
    seed: int
    keep_predictions: bool
    progress: bool
    unreadable: dict[str, str] = field(default_factory=dict)
    tried: int = 0
    share: Callable[[Where, Units], Units] = all_of

    def measure(self, instrument: Instrument, sizes: Mapping[layouts.Condition, int], limit: int | None) -> None:
        """Show all conditions of a data set, by one instrument, to all models."""
        self.size = self.batch_size
        shown = sum(n * len(instrument.conditions(*condition[1:])) for condition, n in sizes.items())
        with progress.bar(shown * len(self.models), instrument.name, self.progress, smoothing=0.1) as self.bar:
            for condition in sizes:
                data = self.source.open(condition, limit)
                self.bar.set_postfix_str(" ".join(filter(None, condition[1:])), refresh=False)
                self._measure(instrument, data)

    def _measure(self, instrument: Instrument, data: Dataset) -> None:
        conditions = instrument.conditions(data.variant, data.level)
        where = where_of(instrument, data.variant, data.level)
        description = {
            "dataset": data.name,
            **data.fingerprint(),
            "index_sha256": hashlib.sha256(data.index.tobytes()).hexdigest(),  # what the noise of an image goes by
            "preprocessing": data.preprocessing,
            "parameters": instrument.parameters,
            "unit": instrument.unit,
        }
        ids = {model: self.run.add_measurement(model, where, len(data), description) for model in self.models}
        done = {model: self.run.done(id, self.keep_predictions) for model, id in ids.items()}
        waiting = {
            start: [model for model in self.models if start not in done[model]]
            for start in range(0, len(data), instrument.unit)
        }
        mine = self.share(where, waiting)
        for start in waiting:
            images = min(instrument.unit, len(data) - start)
            self.bar.update(images * len(conditions) * (len(self.models) - len(mine.get(start, []))))
        if mine := {start: models for start, models in mine.items() if models}:
            self._units(instrument, data, conditions, ids, mine)
        if self.keep_predictions:
            several = isinstance(data.labels, tuple)  # sets of labels, of which any is right
            labels = [None] * len(data) if several else targets(data.labels)[:, 0].tolist()
            truth = dict(zip(data.index.tolist(), labels, strict=True))
            name = " ".join(filter(None, where))
            for model, id in ids.items():
                if self.run.decided(id):
                    self.run.save_predictions(id, model, name, data.files, truth)

    def _units(self, instrument, data: Dataset, conditions: list[Condition], ids: dict, waiting: Units) -> None:
        """Measure parts of a data set and write them."""
        reader = self.source.reader(data, self.progress)
        parts = [data.take(range(start, min(start + instrument.unit, len(data)))) for start in waiting]
        read = reader.read(parts, self.size)
        for (start, models), part, batches in zip(waiting.items(), parts, read, strict=False):
            try:
                tallies, unreadable = self._unit(instrument, part, batches, models, conditions)
            except UnreadableImages as error:
                self.unreadable |= {str(data.folder / path): why for path, why in error.reasons.items()}
                self.tried += len(part)
                continue
            self.run.write(
                Unit(ids[m], start, start + len(part), tally.counts(m), unreadable, tally.predictions())
                for m, tally in tallies.items()
            )

    def _unit(self, instrument, part: Dataset, batches: Iterator[Batch], models: list[str], conditions):
        """Sums over a range of images, per model, and the paths of the images that could not be read."""
        tallies = {model: Tally(conditions, self.keep_predictions) for model in models}
        seen: set[int] = set()
        for batch in batches:
            self._batch(instrument, batch, tallies, conditions)
            seen.update(batch.index.tolist())
        lost = [path for path, i in zip(part.paths, part.index.tolist(), strict=True) if i not in seen]
        return tallies, dict.fromkeys(lost, "cannot be decoded")

    def _batch(self, instrument, batch: Batch, tallies: dict[str, Tally], conditions: list[Condition]) -> None:
        """Show a batch to the models, in smaller parts if memory does not suffice for all of it."""
        start = 0
        while start < len(batch.images):
            some = slice(start, start + self.size)
            part = Batch(batch.images[some], batch.labels[some], batch.index[some])
            before = self.bar.n
            try:
                scores = list(self._scores(instrument, part, list(tallies), conditions))
            except torch.OutOfMemoryError:
                scores = None  # what follows is outside of the handler, whose traceback holds on to the tensors
            if scores is None:
                self.bar.update(before - self.bar.n)
                self._halve(instrument, len(part.images))
                continue
            for model, condition, score, spoilt in scores:
                tallies[model].add(condition, part.index, score, spoilt)
            start += len(part.images)

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
            f"out of memory on {instrument.name} with {size} images: going on with {self.size} per batch", stacklevel=2
        )

    @torch.inference_mode()
    def _scores(self, instrument: Instrument, batch: Batch, models: list[str], conditions: list[Condition]):
        """Model, condition, score, and how many answers are not finite, of every model in every condition."""
        images = to_device(batch.images, self.device).float().div_(255)
        index = to_device(batch.index, self.device)
        truth = to_device(instrument.truth(batch.labels), self.device)
        for condition, shown in instrument.stimuli(images, index, self.seed, conditions):
            for model in models:
                what = shown_to(model, condition)
                try:
                    logits = instrument.logits(self.models[model], shown, truth[:, 0], index, self.seed)
                except torch.OutOfMemoryError:
                    raise
                except RuntimeError as error:  # of another image size, not differentiable under attack, …
                    raise MeasureError(f"expected logits of {what}, got an error: {error}") from error
                try:
                    check_logits(logits, instrument.classes, len(shown), what)
                except ValueError as error:
                    raise MeasureError(str(error)) from None
                yield model, condition, instrument.score(logits, truth), count_not_finite(logits)
                self.bar.update(len(shown))
