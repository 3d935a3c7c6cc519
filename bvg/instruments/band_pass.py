"""Accuracy on low- and high-pass filtered images."""

from __future__ import annotations

from dataclasses import dataclass

from bvg import kernels, study
from bvg.instruments.base import Instrument, numbers, setting


@dataclass(frozen=True)
class BandPass(Instrument):
    """Top-1 accuracy on low- and high-pass filtered images.

    Attributes:
        cutoffs: in [0, 1], as fractions of the Nyquist frequency.

    Raises:
        ValueError: no cut-off, one outside [0, 1], or one given twice.
    """

    cutoffs: tuple[float, ...] = setting(
        study.CUTOFFS, "cut-offs of the low- and high-pass filters, as fractions of the Nyquist frequency"
    )

    def __post_init__(self) -> None:
        cutoffs = numbers(self.cutoffs)
        if not cutoffs or not all(0 <= c <= 1 for c in cutoffs):
            raise ValueError(f"expected `cutoffs` in [0, 1], at least one, got {self.cutoffs} (are they in percent?)")
        if len(set(cutoffs)) < len(cutoffs):
            raise ValueError(f"expected each of `cutoffs` once, got {self.cutoffs}")
        object.__setattr__(self, "cutoffs", cutoffs)

    @property
    def parameters(self):
        return {"cutoffs": self.cutoffs}

    def conditions(self, variant="", level=""):
        return [(f"{kind}-pass", "", cutoff) for kind in ("low", "high") for cutoff in self.cutoffs]

    def stimuli(self, images, index, seed, conditions):
        asked = [(benchmark.removesuffix("-pass"), cutoff) for benchmark, _, cutoff in conditions]
        for kind, cutoff, filtered in kernels.bandpass_all(images, asked):
            yield (f"{kind}-pass", "", cutoff), filtered
