"""Choose images that the baseline misclassifies: `python -m bvg.miniature.misjudged` writes misjudged.json.

They are the counterpart of ImageNet-A, photographs that a ResNet-50 misclassified (Hendrycks et al. 2021): for each class, the
first misclassified images of the split v2 that the benchmark imagenet-v2 does not use.
"""

import json

import torch

from bvg.files import atomic
from bvg.miniature import synthetic, zoo
from bvg.miniature.source import MISJUDGED, SPLITS

PER_CLASS = SPLITS["imagenet-a"][1] // 16


def choose(per_class: int = PER_CLASS) -> list[list[int]]:
    """Return the positions in the split v2 of the first misclassified images of each class."""
    network, found = zoo.load("mini_standard"), [[] for _ in range(16)]
    start = SPLITS["imagenet-v2"][1]
    while min(map(len, found)) < per_class:
        positions = torch.arange(start, start + 480)
        images, labels = synthetic.images("v2", positions)
        with torch.inference_mode():
            wrong = network(images.float() / 255).argmax(1) != labels
        for position, label in zip(positions[wrong].tolist(), labels[wrong].tolist(), strict=True):
            found[label].append(position)
        start += 480
    return [of_class[:per_class] for of_class in found]


if __name__ == "__main__":
    with atomic(MISJUDGED) as path:
        path.write_text(json.dumps(choose()) + "\n")
