"""The plan of a run: its checked arguments, the same in every process that works on it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import torch
from torch import Tensor, nn

import bvg
from bvg import known_models
from bvg.datasets.layouts import Condition
from bvg.instruments import Instrument, choose
from bvg.instruments.base import Row
from bvg.measure import sources
from bvg.measure.accumulator import MeasureError
from bvg.measure.engine import Engine, Measurement, Where, all_units
from bvg.measure.ranges import Units
from bvg.measure.run_folder import Run
from bvg.measure.settings import Settings, torch_device
from bvg.measure.sources import Source
from bvg.models import file_options, zoo
from bvg.models.about import about
from bvg.models.checkpoints import weights_digest
from bvg.models.inference import PAYS, answering, check_precision
from bvg.models.probe import probe

LONGEST_ID = 120
"""Characters of a model's id as part of a file name, of which file systems allow 255 bytes."""

FEW = 100
"""Images below which an accuracy is too uncertain to be called implausible."""

IMPLAUSIBLE = 20.0
"""Top-1 accuracy on ImageNet [%] below which a note asks for the normalization; the lowest of the 48 trained ones has 52 %."""

Models = str | Sequence[str] | Mapping[str, str | Path | nn.Module]


@dataclass(frozen=True)
class Plan:
    """What is measured, and how.

    Attributes:
        models: names that the source loads, or modules on inputs in [0, 1], by id.
        instruments: in the order of use.
        counts: number of images of each condition of their data sets.
        source: where the images come from.
        device: where the models run.
        batch_size: images per batch.
        settings: all other settings.
    """

    models: Mapping[str, str | Path | nn.Module]
    instruments: list[Instrument]
    counts: dict[Condition, int]
    source: Source
    device: torch.device
    batch_size: int
    settings: Settings

    @property
    def shared(self) -> dict:
        """What all numbers of a run folder have in common; `bvg` stands for the definitions."""
        settings = {name: getattr(self.settings, name) for name in ("seed", "precision", "limit")}
        return settings | {"device": self.device.type, "bvg": bvg.__version__, "world": self.source.world}

    @property
    def compiled(self) -> bool:
        """Whether a model sees so many images that compiling it pays."""
        evaluated = sum(
            n * len(instrument.conditions(*condition[1:]))
            for instrument in self.instruments
            for condition, n in self._conditions(instrument).items()
        )
        return self.device.type == "cuda" and evaluated >= PAYS

    def load(self, folder: Run, device: torch.device) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
        """Load the models one after the other and enter them into the folder; yield id and function from images to logits.

        Raises:
            ValueError: a model cannot be loaded, or its logits do not depend on the image alone (see `bvg.models.probe`).
            RunError: the folder has numbers of another model under its id.
            MeasureError: memory does not suffice.
        """
        for id, model in self.models.items():
            module = _placed(model if isinstance(model, nn.Module) else self.source.load(model), device, id)
            source = type(model).__name__ if module is model else str(model)
            answers = probe(module, id, self.source.size, self.source.classes, device)
            folder.add_model(id, source, weights_digest(module), answers, about(module))
            alters = any(instrument.alters for instrument in self.instruments)
            yield id, answering(module, self.settings.precision, self.compiled, keep=alters)

    def measure(
        self, folder: Run, models: Mapping[str, Callable], share: Callable[[Where, Units], Units] = all_units
    ) -> Iterator[Engine]:
        """Measure this process's share of the plan into the folder; yield the engine after each instrument."""
        engine = Engine(folder, dict(models), self.source, self.device, self.batch_size, self.settings, share=share)
        for instrument in self.instruments:
            engine.measure(instrument, self._conditions(instrument))
            yield engine

    def pending(self, folder: Run) -> dict[Where, Units]:
        """Return the units that the folder lacks, by measurement; nothing is measured or written but their names."""
        return {one.where: one.pending for one in self._measurements(folder) if one.pending}

    def write_predictions(self, folder: Run) -> None:
        """Write the decisions on every image of what is complete, if they are kept."""
        if self.settings.keep_predictions:
            for measurement in self._measurements(folder):
                measurement.write_predictions(folder)

    def save(self, folder: Run) -> tuple[pd.DataFrame, list[str]]:
        """Write the results table of all that is complete in the folder; return it with notes about missing numbers."""
        known = {**self.source.instruments, **{instrument.name: instrument for instrument in self.instruments}}
        table, notes = [], []
        for model, name, counts in folder.store.complete():
            if not all(sums.get("n") for sums in counts.values()):
                notes.append(f"{model}, {name}: none of the images can be decoded")
                continue
            rows, missing = known[name].rows(counts)
            table += [(model, *condition, metric, value, n) for condition, metric, value, n in rows]
            notes += [f"{model}, {name}: {note}" for note in missing]
            notes += [f"{model}, {name}: {note}" for note in self._implausible(name, rows)]
        return folder.save(table), notes

    def _implausible(self, name: str, rows: list[Row]) -> list[str]:
        """Ask about the inputs if the accuracy on ImageNet is lower than that of any sensible model."""
        if name != "imagenet" or self.source.world != "study":
            return []
        return [
            f"top-1 accuracy of {value:.1f} % on {n} images is implausibly low: does the model normalize its inputs, which are "
            "in [0, 1], exactly once, and are its classes in ImageNet's order?"
            for _, metric, value, n in rows
            if metric == "top1" and n >= FEW and value < IMPLAUSIBLE
        ]

    def _conditions(self, instrument: Instrument) -> dict[Condition, int]:
        return {condition: n for condition, n in self.counts.items() if condition[0] == instrument.dataset}

    def _measurements(self, folder: Run) -> Iterator[Measurement]:
        for instrument in self.instruments:
            for condition in self._conditions(instrument):
                data = self.source.open(condition, self.settings.limit)
                yield Measurement.enter(folder, instrument, data, self.source, self.models, self.settings)


def planned(
    models: Models,
    instruments: str | Sequence[str | Instrument],
    data: str | Path,
    settings: Settings | None = None,
    **changes: object,
) -> Plan:
    """Check the arguments of `bvg.measure.run` and the data sets; no model is loaded.

    `bvg.measure.forecast.forecast` estimates how long the plan takes.

    Raises:
        ValueError, bvg.datasets.layouts.DataError: as `run`.
    """
    settings = (settings or Settings()).changed(**changes)
    device = settings.device if isinstance(settings.device, torch.device) else torch_device(settings.device)
    check_precision(settings.precision, device)
    source = sources.source(data, settings.workers, settings.skip_unreadable, device, settings.cache)
    chosen, wanted = choose(instruments, settings.of_instruments, source.instruments), named(models)
    counts = source.check(chosen, settings.limit)
    size = settings.batch_size or (256 if device.type == "cuda" else source.batch_size)
    return Plan(wanted, chosen, counts, source, device, size, settings)


def named(models: Models) -> dict[str, str | Path | nn.Module]:
    """Return models by id.

    >>> named(["tv_resnet50", "runs/best.pth", "mine=runs/best.pth"])
    {'tv_resnet50': 'tv_resnet50', 'best': 'runs/best.pth', 'mine': 'runs/best.pth'}
    >>> list(named("miniature"))[:2]
    ['mini_standard', 'mini_standard_b']

    Raises:
        ValueError: no model, a repeated id, or an id that is empty, too long for the name of a file, not printable, or contains
            "@" (which marks repeated measurements).
    """
    if isinstance(models, Mapping):
        pairs = list(models.items())
    else:
        given = [str(name) for name in ([models] if isinstance(models, str | Path) else models)]
        everyone = list(known_models.miniature().index)
        pairs = [_named(one) for name in given for one in (everyone if name == sources.MINIATURE else [name])]
    ids = [id for id, _ in pairs]
    if not ids:
        raise ValueError("expected at least one model, got none")
    if twice := [id for id, n in Counter(ids).items() if n > 1]:
        raise ValueError(f"expected each id once, got {twice[0]!r} twice: name the models by ID=NAME")
    if bad := [id for id in ids if not isinstance(id, str) or not id.strip() or "@" in id or not id.isprintable()]:
        raise ValueError(
            f"expected ids that are not empty, printable and without '@', got {bad[0]!r}: name the model by ID=NAME"
        )
    if long := [id for id in ids if len(quote(id)) > LONGEST_ID]:
        raise ValueError(
            f"expected ids of at most {LONGEST_ID} characters (those that are not ASCII count several times), which fit into "
            f"the name of a file, got {long[0][:40]}… with {len(quote(long[0]))}: name the model by ID=NAME"
        )
    return dict(pairs)


def _named(name: str) -> tuple[str, str]:
    options = file_options.parse(name)
    id, equals, rest = name.partition("=")
    if equals and rest and os.sep not in id and not options:
        return id, rest
    id = name
    if options or name.endswith(zoo.SUFFIXES):
        id = (options.path if options else Path(name)).name
        while id.endswith(zoo.SUFFIXES):
            id = Path(id).stem
    return id, name


def _placed(model: nn.Module, device: torch.device, id: str) -> nn.Module:
    try:
        return model.to(device).eval()
    except torch.OutOfMemoryError as error:
        raise MeasureError(
            f"expected all models to fit on {device}, but {id} does not: measure fewer at once"
        ) from error
