"""Shape bias on cue-conflict images (Geirhos et al., ICLR 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bvg import kernels
from bvg.instruments.base import Instrument


@dataclass(frozen=True)
class ShapeBias(Instrument):
    """Shape decisions / (shape + texture decisions), and both counts: `shape_hits` and `texture_hits`.

    Only images whose shape and texture differ count; `n` is their number. The ratio does not tell how many of them were
    decided by either cue; the counts do. `top1` is the share of all images whose shape was named, as in model-vs-human.
    """

    def truth(self, labels) -> Tensor:
        """Convert labels to int64 [N, 2], the categories of shape and texture."""
        return torch.as_tensor(labels)

    def score(self, logits, truth):
        answers = super().score(logits, truth[:, :1])
        shape, texture = truth.T
        for_shape, for_texture = kernels.shape_texture_counts(answers.prediction, shape, texture)
        cues = {"conflict": (shape != texture).sum(), "shape": for_shape, "texture": for_texture}
        return answers._replace(counts=answers.counts | cues)

    def rows(self, counts):
        rows, notes = super().rows(counts)
        for condition, sums in counts.items():
            decided = sums["shape"] + sums["texture"]
            if sums["conflict"]:
                rows += [(condition, f"{cue}_hits", sums[cue], sums["conflict"]) for cue in ("shape", "texture")]
            if decided:
                rows.append((condition, "shape_bias", sums["shape"] / decided, sums["conflict"]))
            else:
                notes.append(f"no shape bias: none of {sums['conflict']:,} decisions was for the shape or the texture")
        return rows, notes
