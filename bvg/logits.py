"""The check of logits: their shape, and whether they are finite."""

from __future__ import annotations

from torch import Tensor

_EACH = {1000: " (one per class of ImageNet)", 16: " (one per class of the miniature)"}


def check_logits(logits: object, classes: int, images: int | None = None, of: str = "") -> None:
    """Check that logits are float [images, classes] and, on the CPU, finite.

    On other devices the host would have to wait for the values: use `count_not_finite` and read it later.

    Args:
        logits: what a model returned.
        classes: number of classes.
        images: number of images; None accepts any.
        of: the model and its images, for the message.

    Raises:
        ValueError: another type or shape, or a value that is not finite.

    >>> import torch
    >>> check_logits(torch.zeros(2, 10), 1000, of="my_model")
    Traceback (most recent call last):
    ...
    ValueError: expected logits [N, 1000] of my_model, got [2, 10] (one per class of ImageNet)
    """
    if not isinstance(logits, Tensor):
        got = type(logits).__name__
    elif not logits.is_floating_point():
        got = f"{logits.dtype} {list(logits.shape)}"
    elif logits.shape != (len(logits) if logits.ndim and images is None else images, classes):
        got = f"{list(logits.shape)}{_EACH.get(classes, '')}"
    elif logits.device.type == "cpu" and not logits.isfinite().all().item():
        raise ValueError(not_finite(of))
    else:
        return
    raise ValueError(f"expected logits [{'N' if images is None else images}, {classes}]{of and f' of {of}'}, got {got}")


def count_not_finite(logits: Tensor) -> Tensor:
    """Count the NaN and infinite values, as int64 [] on the device of the logits."""
    return logits.isfinite().logical_not_().sum()


def not_finite(of: str) -> str:
    """Return the message about logits that are not finite.

    >>> not_finite("my_model on imagenet")
    'expected finite logits of my_model on imagenet, got NaN or infinity: check the weights, or use another precision'
    """
    return (
        f"expected finite logits{of and f' of {of}'}, got NaN or infinity: check the weights, or use another precision"
    )
