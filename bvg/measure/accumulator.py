"""The accumulator: sums over the images of one unit and the decisions on them, kept on the device.

Reading a value from a GPU waits for all of its pending work, so values are read once per unit, not per batch.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from torch import Tensor

from bvg.instruments.base import Condition, Score
from bvg.logits import not_finite
from bvg.measure.unit_store import Predictions
from bvg.messages import Brief

_NOT_FINITE = "not finite"


class MeasureError(Brief, RuntimeError):
    """A measurement failed: invalid logits, not enough memory, or a lost worker."""


class Accumulator:
    """Adds up the scores of one model over the images of one unit.

    Args:
        conditions: the conditions that the model is evaluated in.
        keep: keep the decision on every image, too.
    """

    def __init__(self, conditions: list[Condition], keep: bool) -> None:
        self._sums = {condition: Counter() for condition in conditions}
        self._kept: dict[Condition, list[tuple]] | None = {condition: [] for condition in conditions} if keep else None

    def add(self, condition: Condition, index: np.ndarray, score: Score, bad_logits: Tensor) -> None:
        """Add the scores of a batch.

        Args:
            condition: one of the conditions.
            index: int64 [B], indices of the images.
            score: their score.
            bad_logits: int64 [], number of non-finite logits (`bvg.logits.count_not_finite`).
        """
        self._sums[condition].update(score.counts | {_NOT_FINITE: bad_logits})
        if self._kept is not None:
            self._kept[condition].append((index, score.prediction.to(torch.int16), score.hit))

    def counts(self, model: str) -> dict[Condition, dict[str, int]]:
        """Return the sums by condition, read from the device at once; `model` is named in the error.

        Raises:
            MeasureError: some logits were not finite.
        """
        tensors = [value for sums in self._sums.values() for value in sums.values() if isinstance(value, Tensor)]
        read = iter(torch.stack(tensors).tolist() if tensors else ())
        counts = {
            condition: {name: next(read) if isinstance(value, Tensor) else value for name, value in sums.items()}
            for condition, sums in self._sums.items()
        }
        for condition, sums in counts.items():
            if sums.pop(_NOT_FINITE, 0):
                raise MeasureError(not_finite(label(model, condition)))
        return counts

    def predictions(self) -> Predictions | None:
        """Return the decisions on every image, or None if they are not kept."""
        if self._kept is None:
            return None
        nothing = (np.empty(0, np.int64), torch.empty(0, dtype=torch.int16), torch.empty(0, dtype=torch.bool))
        columns = [list(zip(*(parts or [nothing]), strict=True)) for parts in self._kept.values()]
        index = np.concatenate(columns[0][0])  # all conditions have the same images
        prediction, hit = (torch.stack([torch.cat(c[i]) for c in columns]).cpu().numpy() for i in (1, 2))
        return Predictions(list(self._kept), index, prediction, hit)


def label(model: str, condition: Condition) -> str:
    """Name a model and a condition in a message.

    >>> label("tv_resnet50", ("high-pass", "", 0.5))
    'tv_resnet50 on high-pass 0.5'
    """
    return f"{model} on {' '.join(str(part) for part in condition if part not in ('', None))}"
