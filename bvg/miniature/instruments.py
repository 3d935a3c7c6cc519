"""The study's instruments adapted to the miniature: sixteen classes, 64 pixels, five octave bands."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bvg.instruments import PGD, Accuracy, BandPass, CriticalBand, Instrument, LayerCriticality, ShapeBias, by_name
from bvg.miniature.corruptions import CORRUPTIONS
from bvg.miniature.drawing import SIZE
from bvg.miniature.shapes import SHAPES
from bvg.study import SEVERITIES

K = len(SHAPES)


@dataclass(frozen=True)
class Corrupted(Accuracy):
    """Top-1 for each corruption and severity and, if all were measured, their mean.

    The miniature has fewer corruptions than the study, so its mean needs a row of its own.
    """

    def rows(self, counts):
        rows, notes = super().rows(counts)
        kinds = sum(corruption.benchmark == self.name for corruption in CORRUPTIONS.values())
        if len(counts) == kinds * len(SEVERITIES):
            total = sum((Counter(sums) for sums in counts.values()), Counter())
            # All conditions use the same images, so the mean accuracy is the accuracy over all of them.
            rows.append(((self.name, "", None), "top1", 100 * total["top1"] / total["n"], total["n"]))
        return rows, notes


INSTRUMENTS: dict[str, Instrument] = by_name(
    *(Accuracy(name, name, classes=K) for name in ("imagenet", "imagenet-v2", "imagenet-a")),
    *(Corrupted(name, name, classes=K) for name in ("imagenet-c", "imagenet-cbar")),
    *(Accuracy(name, name, classes=K) for name in ("imagenet-r", "imagenet-sketch", "stylized")),
    ShapeBias("cue-conflict", "cue-conflict", classes=K),
    BandPass("band-pass", "imagenet", classes=K, unit=256, needs=("imagenet",)),
    # The networks were trained on colourful, high-contrast images: at the study's contrast of 0.2 most are near chance.
    CriticalBand(
        "critical-band",
        "imagenet",
        classes=K,
        unit=256,
        size=SIZE,
        noise_sds=(0.0, 0.03, 0.06, 0.12, 0.24),
        contrast=0.6,
    ),
    # Ten steps, each four times the largest change allowed, are as effective as forty (tests/bvg/miniature/test_source.py).
    PGD("pgd", "pgd", classes=K, unit=128, steps=10),
    LayerCriticality("layer-criticality", "imagenet", classes=K, unit=256),
)
"""The instruments of the miniature, under the study's names."""
