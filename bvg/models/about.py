"""What a manifest says of a model besides its weights: architecture, size, normalization."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from bvg.models.checkpoints import Normalize

RESNET50 = "ResNet-50"
"""The architecture of the study's models."""


def about(model: nn.Module) -> dict:
    """Describe a loaded model.

    Args:
        model: from images in [0, 1] to logits, as `bvg.models.load` returns it.

    Returns:
        `architecture`: "ResNet-50" if its parameters have the shapes of torchvision's, else the class name of the network;
        `parameters`: their number; `mean` and `std` per channel, None where the model's own code normalizes.

    >>> about(nn.Flatten())
    {'architecture': 'Flatten', 'parameters': 0, 'mean': None, 'std': None}
    """
    network = getattr(model, "network", model)
    shapes = sorted(tuple(p.shape) for p in network.parameters())
    normalize = next((m for m in model.modules() if isinstance(m, Normalize)), None)
    return {
        "architecture": RESNET50 if shapes == _shapes_of_resnet50() else type(network).__name__,
        "parameters": sum(p.numel() for p in network.parameters()),
        "mean": _rounded(normalize.mean) if normalize else None,
        "std": _rounded(normalize.std) if normalize else None,
    }


def _rounded(values: torch.Tensor) -> list[float]:
    return [round(value, 6) for value in values.flatten().tolist()]


@cache
def _shapes_of_resnet50() -> list[tuple[int, ...]]:
    from torchvision.models import resnet50

    with torch.device("meta"):
        return sorted(tuple(p.shape) for p in resnet50().parameters())
