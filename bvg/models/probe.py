"""Probe a model on a few fixed images: its logits must be repeatable, and the same in any batch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from bvg.logits import check_logits
from bvg.messages import shorten
from bvg.models.inference import arithmetic

IMAGES = 4
SIGNATURE = 2, 8
"""Images and classes whose logits are remembered."""

TOLERANCE = 1e-3
"""Largest difference of logits that count as equal, relative to the largest one: other batch sizes, devices and versions
change the last bits of float32, which is about 1e-5."""


def check_evaluation(model: nn.Module, name: str) -> None:
    """Check that all parts of a model are in evaluation mode.

    Raises:
        ValueError: a part is in training mode, for example because it overrides `eval` or `train`.
    """
    if training := [part or "the model itself" for part, module in model.named_modules() if module.training]:
        raise ValueError(
            f"expected {name} in evaluation mode after eval(), got training mode in {shorten(training)}: batch norm and "
            "dropout would change its numbers (does a class override `eval` or `train`?)"
        )


def probe(model: nn.Module, name: str, size: int, classes: int, device: torch.device) -> list[float]:
    """Check that a model's logits depend on the image alone; return a few of them, which identify its function.

    Four fixed images (blocks of random colours) are evaluated twice in one batch and once one by one, in float32. The
    digest of the weights does not notice a change of the code; these logits do.

    Args:
        model: in evaluation mode, on `device`, from images float [N, 3, size, size] in [0, 1] to logits [N, classes].
        name: for error messages.
        size, classes: of its images and logits.
        device: where it runs.

    Returns:
        Logits of 2 images for 8 classes, rounded to 6 digits.

    Raises:
        ValueError: part of the model is in training mode, its logits are random, depend on the other images of the batch,
            are not finite, or have another shape; or it raises an error.
    """
    check_evaluation(model, name)
    images = _images(size).to(device)

    def evaluate(some: Tensor) -> Tensor:
        logits = model(some.clone())  # a model may change its input
        check_logits(logits, classes, len(some), f"{name} on an image of noise")
        return logits.float()

    try:
        with torch.no_grad(), arithmetic("fp32"):
            first, again = evaluate(images), evaluate(images)
            alone = torch.cat([evaluate(images[k : k + 1]) for k in range(IMAGES)])
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(f"expected {name} to take images [N, 3, {size}, {size}], got: {error}") from error
    if not _near(first, again):
        raise ValueError(
            f"expected {name} to give the same logits twice, got others for the same images: its output is random (dropout "
            "or noise that evaluation mode does not switch off?)"
        )
    if not _near(first, alone):
        raise ValueError(
            f"expected {name} to evaluate each image on its own, got other logits in a batch of {IMAGES} than one by one "
            "(batch norm that uses the statistics of the batch?)"
        )
    columns = np.linspace(0, classes - 1, SIGNATURE[1]).astype(int)
    return [float(f"{value:.6g}") for value in first[: SIGNATURE[0], columns].flatten().tolist()]


def _near(one: Tensor, other: Tensor) -> bool:
    largest = max(one.abs().max().item(), other.abs().max().item())
    return (one - other).abs().max().item() <= TOLERANCE * largest


def _images(size: int) -> Tensor:
    blocks = torch.rand((IMAGES, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    return nn.functional.interpolate(blocks, size=(size, size))
