"""How fast this machine is: a few batches of each kind of work, timed before a long measurement. Nothing is kept of them."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bvg.datasets.device import to_device
from bvg.datasets.layouts import DataError
from bvg.instruments.base import Instrument
from bvg.measure.plan import Plan

SAMPLE = 8
"""Images that are decoded to see how long it takes."""

ENOUGH = 1.0
"""Seconds after which a piece of work is not repeated."""


class Pace(NamedTuple):
    """Seconds per image, of the first model, and memory.

    Attributes:
        decode: to decode one, on one core.
        forward: to show one to a model.
        make: by instrument, to filter one or make it noisy, for one condition.
        show: by instrument, to show it to a model: for an attack, all its steps.
        memory: what takes how many bytes.
        spent: seconds that it took to find out.
    """

    decode: float
    forward: float
    make: dict[str, float]
    show: dict[str, float]
    memory: dict[str, int]
    spent: float


class Probe:
    """Times a plan's work on a batch of its own images.

    Args:
        plan: what will be measured.
        answer: a model, as `Plan.load` gives it.

    Raises:
        DataError: no image of the first data set can be decoded.
    """

    def __init__(self, plan: Plan, answer: Callable[[Tensor], Tensor]) -> None:
        self._begin = time.perf_counter()
        self._plan, self._answer = plan, answer
        data = plan.source.open(next(iter(plan.counts)), SAMPLE)
        begin = time.perf_counter()
        batch = next(next(plan.source.uncached.read([data], SAMPLE)), None)
        if batch is None:
            raise DataError(f"expected some of {SAMPLE} images of {data.name} to be readable, got none")
        self.decode = (time.perf_counter() - begin) / len(batch.images)
        shape = plan.batch_size, *batch.images.shape[1:]
        self._images = to_device(np.resize(batch.images, shape), plan.device).float().div_(255)
        self._index = torch.arange(plan.batch_size, device=plan.device)
        self._labels = torch.zeros_like(self._index)

    def forward(self) -> float:
        """Seconds per image shown to the model."""
        return self._seconds(lambda: self._answer(self._images))

    def pace(self, forward: float) -> Pace:
        """All of it. `forward` is what `forward` gave."""
        cuda = self._plan.device.type == "cuda"
        models = torch.cuda.memory_allocated(self._plan.device) if cuda else 0
        if cuda:
            torch.cuda.reset_peak_memory_stats(self._plan.device)
        make = {instrument.name: self._make(instrument) for instrument in self._plan.instruments}
        show = {instrument.name: self._show(instrument, forward) for instrument in self._plan.instruments}
        if cuda:
            peak = torch.cuda.max_memory_allocated(self._plan.device) - models
            memory = {"the models": models, f"a batch of {self._plan.batch_size}": peak}
        else:
            memory = {"this process, at its largest so far": _peak()}
        return Pace(self.decode, forward, make, show, memory, time.perf_counter() - self._begin)

    def _make(self, instrument: Instrument) -> float:
        # Some of the conditions, from the last on: the first may be the one without noise.
        conditions = _conditions(self._plan, instrument)
        some = conditions[:: -max(1, len(conditions) // 3)][:3]
        stimuli = lambda: deque(instrument.stimuli(self._images, self._index, self._plan.settings.seed, some), maxlen=0)  # noqa: E731
        return self._seconds(stimuli) / len(some)

    def _show(self, instrument: Instrument, forward: float) -> float:
        if not (steps := steps_of(instrument)):
            return forward
        one = replace(instrument, steps=1)
        shown = (self._answer, self._images, self._labels, self._index, self._plan.settings.seed)
        once = self._seconds(lambda: one.logits(*shown))
        return once + (steps - 1) * max(once - forward, 0)

    @torch.inference_mode()
    def _seconds(self, work: Callable) -> float:
        """Seconds per image of a batch: the shortest of up to three times; one that takes long is not repeated."""
        if cuda := self._plan.device.type == "cuda":
            work()  # which may load kernels, or compile
        times: list[float] = []
        while not times or (len(times) < 3 and sum(times) < ENOUGH):
            if cuda:
                torch.cuda.synchronize(self._plan.device)
            begin = time.perf_counter()
            work()
            if cuda:
                torch.cuda.synchronize(self._plan.device)
            times.append(time.perf_counter() - begin)
        return min(times) / self._plan.batch_size


def steps_of(instrument: Instrument) -> int:
    """Steps of an attack, each once forward and once backward through the network; 0 for what attacks nothing."""
    return getattr(instrument, "steps", 0)


def _conditions(plan: Plan, instrument: Instrument) -> list:
    condition = next(condition for condition in plan.counts if condition[0] == instrument.dataset)
    return instrument.conditions(*condition[1:])


def _peak() -> int:
    """Bytes of memory that this process has had in use at most."""
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
