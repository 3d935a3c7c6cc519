"""Accuracy under projected gradient descent (PGD)."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

from bvg import kernels, study
from bvg.instruments.base import Instrument, setting


@dataclass(frozen=True)
class PGD(Instrument):
    """Top-1 accuracy if projected gradient descent attacks every image (Linf).

    Attributes:
        eps: largest change of a value, as a fraction of 1, in (0, 1].
        steps: number of steps.
        step_size: size of a step, as a fraction of 1.

    Raises:
        ValueError: `eps` outside (0, 1].
    """

    eps: float = setting(study.PGD_EPSILON, "largest change of a pixel value by the attack, as a fraction of 1")
    steps: int = 40
    step_size: float = 2 / 255

    def __post_init__(self) -> None:
        if not isinstance(self.eps, Real) or isinstance(self.eps, bool) or not 0 < self.eps <= 1:
            raise ValueError(f"expected `eps` in (0, 1], got {self.eps} (is it in 1/255?)")

    @property
    def parameters(self):
        return {"steps": self.steps, "step_size": self.step_size}

    def conditions(self, variant="", level=""):
        return [(self.name, "linf", self.eps)]

    def logits(self, model, images, labels, index, seed):
        return model(kernels.pgd(model, images, labels, self.eps, self.steps, self.step_size, seed, index))
