"""Top-1 and top-5 accuracy on a data set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from bvg import imagenet_classes, kernels
from bvg.instruments.base import Instrument


@dataclass(frozen=True)
class Accuracy(Instrument):
    """Top-1 accuracy on the images of a data set and, on request, top-5 accuracy.

    Attributes:
        top5: whether to compute top-5 accuracy.
    """

    top5: bool = False

    def score(self, logits, truth):
        answers = super().score(logits, truth)
        if not self.top5:
            return answers
        best = logits.topk(5, dim=1).indices
        hits = (best[:, :, None] == truth[:, None]).any(dim=(1, 2)).sum()
        return answers._replace(counts=answers.counts | {"top5": hits})

    def rows(self, counts):
        rows, notes = super().rows(counts)
        top5 = [(c, "top5", 100 * sums["top5"] / sums["n"], sums["n"]) for c, sums in counts.items() if "top5" in sums]
        return rows + top5, notes


def subset_accuracy(name: str) -> Accuracy:
    """Return top-1 accuracy among the 200 classes of ImageNet-A or ImageNet-R."""
    return Accuracy(name, name, partial(kernels.subset_argmax, indices=imagenet_classes.subset(name)))
