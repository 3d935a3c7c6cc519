"""Timing of a few batches of each kind of work, before a long measurement. No result is kept."""

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
"""Number of images that are decoded to time decoding."""

ENOUGH = 1.0
"""Seconds after which work is not timed again."""


class Pace(NamedTuple):
    """Seconds per image for the first model, and memory.

    Attributes:
        decode: to decode an image on one core.
        forward: for one forward pass.
        make: by instrument, to filter an image or add noise, for one condition.
        evaluate: by instrument, to evaluate the model on it; for an attack, all its steps.
        memory: bytes of memory, by use.
        spent: seconds that the timing itself took.
        spread: the median run divided by the fastest, of the work that varied most: how uncertain the times are.
    """

    decode: float
    forward: float
    make: dict[str, float]
    evaluate: dict[str, float]
    memory: dict[str, int]
    spent: float
    spread: float = 1.0


class Probe:
    """Times a plan's work on a batch of its own images.

    Args:
        plan: what will be measured.
        answer: a model, as `Plan.load` yields it.

    Raises:
        DataError: no image of the first data set can be decoded.
    """

    def __init__(self, plan: Plan, answer: Callable[[Tensor], Tensor]) -> None:
        self._begin, self._spread = time.perf_counter(), 1.0
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
        """Return the seconds of a forward pass, per image."""
        return self._seconds(lambda: self._answer(self._images))

    def pace(self, forward: float) -> Pace:
        """Time the rest; `forward` is the result of the method `forward`."""
        cuda = self._plan.device.type == "cuda"
        models = torch.cuda.memory_allocated(self._plan.device) if cuda else 0
        if cuda:
            torch.cuda.reset_peak_memory_stats(self._plan.device)
        make = {instrument.name: self._make(instrument) for instrument in self._plan.instruments}
        evaluate = {instrument.name: self._evaluate(instrument, forward) for instrument in self._plan.instruments}
        if cuda:
            peak = torch.cuda.max_memory_allocated(self._plan.device) - models
            memory = {"the models": models, f"a batch of {self._plan.batch_size}": peak}
        else:
            memory = {"this process, at most so far": _peak()}
        return Pace(self.decode, forward, make, evaluate, memory, time.perf_counter() - self._begin, self._spread)

    def _make(self, instrument: Instrument) -> float:
        # A few of the conditions, from the last one: the first may be the one without noise.
        conditions = _conditions(self._plan, instrument)
        some = conditions[:: -max(1, len(conditions) // 3)][:3]
        stimuli = lambda: deque(instrument.stimuli(self._images, self._index, self._plan.settings.seed, some), maxlen=0)  # noqa: E731
        return self._seconds(stimuli) / len(some)

    def _evaluate(self, instrument: Instrument, forward: float) -> float:
        if not (steps := steps_of(instrument)):
            return forward * instrument.passes(self._answer)
        one = replace(instrument, steps=1)
        arguments = (self._answer, self._images, self._labels, self._index, self._plan.settings.seed)
        once = self._seconds(lambda: one.logits(*arguments))
        return once + (steps - 1) * max(once - forward, 0)

    @torch.inference_mode()
    def _seconds(self, work: Callable) -> float:
        """Return seconds per image of a batch: the shortest of 2 to 5 runs, after one that may load or compile kernels."""
        cuda = self._plan.device.type == "cuda"
        work()
        times: list[float] = []
        while len(times) < 2 or (len(times) < 5 and sum(times) < ENOUGH):
            if cuda:
                torch.cuda.synchronize(self._plan.device)
            begin = time.perf_counter()
            work()
            if cuda:
                torch.cuda.synchronize(self._plan.device)
            times.append(time.perf_counter() - begin)
        self._spread = max(self._spread, sorted(times)[len(times) // 2] / min(times))
        return min(times) / self._plan.batch_size


def steps_of(instrument: Instrument) -> int:
    """Return the steps of an attack, each one forward and one backward pass; 0 for other instruments."""
    return getattr(instrument, "steps", 0)


def _conditions(plan: Plan, instrument: Instrument) -> list:
    condition = next(condition for condition in plan.counts if condition[0] == instrument.dataset)
    return instrument.conditions(*condition[1:])


def _peak() -> int:
    """Return the peak memory of this process in bytes."""
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
