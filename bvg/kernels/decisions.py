"""Decisions from logits: 16 categories, subsets of the 1000 classes, and shape or texture.

Source: Geirhos et al., "ImageNet-trained CNNs are biased towards texture", ICLR 2019 (16-way decision, shape bias).
"""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from bvg.imagenet_classes import SIXTEEN, sixteen_indices
from bvg.logits import check_logits


def sixteen_way(logits: Tensor) -> Tensor:
    """Return the category, of 16, with the highest mean softmax probability.

    The mean is over the ImageNet classes of a category. It is the mean, not the sum, because the categories have between 1 and 109 classes.

    Args:
        logits: float [N, 1000], in the order of `bvg.imagenet_classes.wnids`.

    Returns:
        int64 [N], positions in `bvg.imagenet_classes.SIXTEEN`.

    Raises:
        ValueError: wrong shape or, on the CPU, a value that is not finite.

    >>> logits = torch.zeros(1, 1000)
    >>> logits[0, 404] = 5.0  # airliner
    >>> SIXTEEN[int(sixteen_way(logits))]
    'airplane'
    """
    check_logits(logits, 1000)
    probability = logits.float().softmax(dim=1)
    members = [_on(logits.device, *sixteen_indices(category)) for category in SIXTEEN]
    means = [probability[:, indices].mean(dim=1) for indices in members]
    return torch.stack(means, dim=1).argmax(dim=1)


def subset_argmax(logits: Tensor, indices: Sequence[int]) -> Tensor:
    """Return the predicted class if only some of the 1000 are admitted.

    ImageNet-A and ImageNet-R have 200 classes each.

    Args:
        logits: float [N, 1000].
        indices: the admitted classes (see `bvg.imagenet_classes.subset`).

    Returns:
        int64 [N], indices among the 1000.

    Raises:
        ValueError: wrong shape, an index outside 0 … 999 or, on the CPU, a value that is not finite.

    >>> int(subset_argmax(torch.arange(1000.0)[None], [3, 7, 5]))
    7
    """
    check_logits(logits, 1000)
    if len(indices) == 0 or min(indices) < 0 or max(indices) >= logits.shape[1]:
        raise ValueError(f"expected `indices` in 0 … {logits.shape[1] - 1}, got {list(indices)[:5]} …")
    admitted = _on(logits.device, *map(int, indices))
    return admitted[logits[:, admitted].argmax(dim=1)]


def shape_texture_counts(decisions: Tensor, shape: Tensor, texture: Tensor) -> tuple[Tensor, Tensor]:
    """Count decisions for the shape and for the texture, where the two differ.

    Args:
        decisions: int [N], categories; any negative number stands for "no answer".
        shape: int [N], category of the shape of each image.
        texture: int [N], category of its texture.

    Returns:
        Number of shape decisions and of texture decisions, int64 [] on the device of `decisions`. Sum them over all
        batches before dividing.

    Raises:
        ValueError: the three have not the same length, or are not integers.
    """
    for name, values in (("decisions", decisions), ("shape", shape), ("texture", texture)):
        if values.shape != decisions.shape or values.ndim != 1 or values.is_floating_point():
            expected = list(decisions.shape) if decisions.ndim == 1 else "[N]"
            raise ValueError(f"expected `{name}` to be int {expected}, got {values.dtype} {list(values.shape)}")
    conflict = shape != texture
    return (conflict & (decisions == shape)).sum(), (conflict & (decisions == texture)).sum()


def shape_bias(decisions: Tensor, shape: Tensor, texture: Tensor) -> float:
    """Compute shape decisions / (shape + texture decisions).

    Images whose shape and texture agree do not count. The arguments are those of `shape_texture_counts`.

    Returns:
        Fraction in [0, 1].

    Raises:
        ValueError: wrong shape or dtype; or no decision was for the shape or the texture, so the bias is not defined.

    >>> shape_bias(torch.tensor([0, 1, 2, 5]), torch.tensor([0, 0, 2, 3]), torch.tensor([1, 1, 2, 4]))
    0.5
    """
    for_shape, for_texture = map(int, shape_texture_counts(decisions, shape, texture))
    if for_shape + for_texture == 0:
        raise ValueError(
            f"expected some of the {len(decisions)} decisions to be for shape or texture, got none: "
            "the shape bias is not defined"
        )
    return for_shape / (for_shape + for_texture)


@cache
def _on(device: torch.device, *indices: int) -> Tensor:
    """Copy indices to a device, once: every copy waits for all queued work."""
    with torch.inference_mode(False):  # a cached tensor must work in any mode
        return torch.tensor(indices, device=device)
