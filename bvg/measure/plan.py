"""What a run is to measure: its checked arguments, the same in every process that works on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

import bvg
from bvg.datasets.layouts import Condition
from bvg.instruments.base import Instrument
from bvg.measure.engine import Engine, MeasureError, Units, Where, all_of
from bvg.measure.run_folder import Run
from bvg.measure.sources import Source
from bvg.models.checkpoints import weights_digest
from bvg.models.inference import PAYS, answering


@dataclass(frozen=True)
class Plan:
    """What is measured, and how.

    Attributes:
        models: names that the source loads, or modules on inputs in [0, 1], by id.
        instruments: in the order in which they are used.
        counts: images of each condition of the data sets that they show.
        source: where the images come from.
        device, batch_size, precision, seed, limit, keep_predictions, progress: as in `bvg.measure.run`.
    """

    models: Mapping[str, str | Path | nn.Module]
    instruments: list[Instrument]
    counts: dict[Condition, int]
    source: Source
    device: torch.device
    batch_size: int
    precision: str
    seed: int
    limit: int | None
    keep_predictions: bool
    progress: bool

    @property
    def settings(self) -> dict:
        """What all numbers of a run folder share; `bvg` stands for the definitions."""
        shared = {"seed": self.seed, "precision": self.precision, "limit": self.limit}
        return shared | {"device": self.device.type, "bvg": bvg.__version__, "world": self.source.world}

    @property
    def compiled(self) -> bool:
        """Whether so much is shown to a model that compiling it is repaid."""
        shown = sum(
            n * len(instrument.conditions(*condition[1:]))
            for instrument in self.instruments
            for condition, n in self.counts.items()
            if condition[0] == instrument.dataset
        )
        return self.device.type == "cuda" and shown >= PAYS

    def load(self, folder: Run, device: torch.device) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
        """Load the models, one after the other, and enter them into the folder; id, and function from images to logits.

        Raises:
            ValueError: one cannot be loaded.
            RunError: the folder has numbers of other weights under its id.
            MeasureError: there is no room for it.
        """
        for id, model in self.models.items():
            module = _placed(model if isinstance(model, nn.Module) else self.source.load(model), device, id)
            folder.add_model(id, type(model).__name__ if module is model else str(model), weights_digest(module))
            yield id, answering(module, self.precision, self.compiled)

    def measure(
        self, folder: Run, models: Mapping[str, Callable], share: Callable[[Where, Units], Units] = all_of
    ) -> Iterator[Engine]:
        """Measure, or the share of it that is this process's, into the folder; the engine, after each instrument."""
        engine = Engine(folder, dict(models), self.source, self.device, self.batch_size, self.seed,
                        self.keep_predictions, self.progress, share=share)  # fmt: skip
        for instrument in self.instruments:
            engine.measure(instrument, {c: n for c, n in self.counts.items() if c[0] == instrument.dataset}, self.limit)
            yield engine

    def save(self, folder: Run) -> tuple[pd.DataFrame, list[str]]:
        """Write the table of all that is complete in the folder; the table, and what is to be said about gaps in it."""
        known = {**self.source.instruments, **{instrument.name: instrument for instrument in self.instruments}}
        table, notes = [], []
        for model, name, counts in folder.complete():
            if not all(sums.get("n") for sums in counts.values()):
                notes.append(f"{model}, {name}: none of the images can be decoded")
                continue
            rows, gaps = known[name].rows(counts)
            table += [(model, *condition, metric, value, n) for condition, metric, value, n in rows]
            notes += [f"{model}, {name}: {gap}" for gap in gaps]
        return folder.save(table), notes


def _placed(model: nn.Module, device: torch.device, id: str) -> nn.Module:
    try:
        return model.to(device).eval()
    except torch.OutOfMemoryError as error:
        raise MeasureError(
            f"expected all models to fit on {device}, got no room for {id}: measure fewer at once"
        ) from error


def torch_device(device: str | torch.device | None) -> torch.device:
    """A device that torch has here; None is CUDA where there is one.

    Raises:
        ValueError: there is no such device.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(device)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"expected `device` to be one that torch has here, got {str(device)!r} ({reason})") from None
    return device
