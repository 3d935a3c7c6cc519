"""The study's instruments for the miniature: sixteen classes, 64 pixels, five octave bands."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bvg.instruments.base import PGD, BandPass, CriticalBand, Instrument, ShapeBias
from bvg.miniature.corruptions import CORRUPTIONS
from bvg.miniature.drawing import SIZE
from bvg.miniature.shapes import SHAPES
from bvg.study import SEVERITIES

K = len(SHAPES)


@dataclass(frozen=True)
class Corrupted(Instrument):
    """Top-1 under each corruption and severity and, where all were measured, their mean.

    The study takes the mean over its own corruptions; the miniature has fewer, so its mean is a row of its own.
    """

    def rows(self, counts):
        rows, notes = super().rows(counts)
        kinds = sum(shift.benchmark == self.name for shift in CORRUPTIONS.values())
        if len(counts) == kinds * len(SEVERITIES):
            total = sum((Counter(sums) for sums in counts.values()), Counter())
            # Every condition has the same images, so that the mean of the accuracies is the accuracy over all.
            rows.append(((self.name, "", None), "top1", 100 * total["top1"] / total["n"], total["n"]))
        return rows, notes


INSTRUMENTS: dict[str, Instrument] = {
    instrument.name: instrument
    for instrument in (
        *(Instrument(name, name, classes=K) for name in ("imagenet", "imagenet-v2", "imagenet-a")),
        *(Corrupted(name, name, classes=K) for name in ("imagenet-c", "imagenet-cbar")),
        *(Instrument(name, name, classes=K) for name in ("imagenet-r", "imagenet-sketch", "stylized")),
        ShapeBias("cue-conflict", "cue-conflict", classes=K),
        BandPass("band-pass", "imagenet", classes=K, unit=256, needs=("imagenet",)),
        # The drawn images are neither grey nor low in contrast: at the study's 0.2 most of these networks are near chance.
        CriticalBand(
            "critical-band",
            "imagenet",
            classes=K,
            unit=256,
            size=SIZE,
            noise_sds=(0.0, 0.03, 0.06, 0.12, 0.24),
            contrast=0.6,
        ),
        # Ten steps, each four times as long as the largest change allowed, find what forty find (tests/test_miniature_data.py).
        PGD("pgd", "pgd", classes=K, unit=128, steps=10),
    )
}
"""The instruments of the miniature, under the study's names."""
