"""What came of one unit: sums over its images and their decisions, which stay on the device until the unit is complete.

To read a number from a GPU is to wait for all that it still has to do. So nothing is read per batch.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from torch import Tensor

from bvg.instruments.base import Condition, Score
from bvg.logits import not_finite
from bvg.measure.unit_store import Predictions

_SPOILT = "not finite"


class MeasureError(RuntimeError):
    """A model that cannot be measured: its answers are no logits, memory does not suffice, or a worker was lost."""


class Tally:
    """Sums over the images of one unit for one model, and their decisions if these are kept."""

    def __init__(self, conditions: list[Condition], keep: bool) -> None:
        self._sums = {condition: Counter() for condition in conditions}
        self._kept: dict[Condition, list[tuple]] | None = {condition: [] for condition in conditions} if keep else None

    def add(self, condition: Condition, index: np.ndarray, score: Score, spoilt: Tensor) -> None:
        """Add the scores of some images, int64 [N] their index; `spoilt` as of `bvg.logits.count_not_finite`."""
        self._sums[condition].update(score.counts | {_SPOILT: spoilt})
        if self._kept is not None:
            self._kept[condition].append((index, score.prediction.to(torch.int16), score.hit))

    def counts(self, model: str) -> dict[Condition, dict[str, int]]:
        """The sums, read from the device at once.

        Raises:
            MeasureError: not all answers were finite.
        """
        tensors = [value for sums in self._sums.values() for value in sums.values() if isinstance(value, Tensor)]
        read = iter(torch.stack(tensors).tolist() if tensors else ())
        counts = {
            condition: {name: next(read) if isinstance(value, Tensor) else value for name, value in sums.items()}
            for condition, sums in self._sums.items()
        }
        for condition, sums in counts.items():
            if sums.pop(_SPOILT, 0):
                raise MeasureError(not_finite(shown_to(model, condition)))
        return counts

    def predictions(self) -> Predictions | None:
        """The decisions, if they are kept."""
        if self._kept is None:
            return None
        nothing = (np.empty(0, np.int64), torch.empty(0, dtype=torch.int16), torch.empty(0, dtype=torch.bool))
        columns = [list(zip(*(parts or [nothing]), strict=True)) for parts in self._kept.values()]
        index = np.concatenate(columns[0][0])  # all conditions have the same images
        prediction, hit = (torch.stack([torch.cat(c[i]) for c in columns]).cpu().numpy() for i in (1, 2))
        return Predictions(list(self._kept), index, prediction, hit)


def shown_to(model: str, condition: Condition) -> str:
    """A model and what it was shown, for a message."""
    return f"{model} on {' '.join(str(part) for part in condition if part not in ('', None))}"
