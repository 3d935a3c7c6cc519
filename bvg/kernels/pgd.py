"""Projected gradient descent: the adversarial attack of the study.

Source: Madry et al., "Towards deep learning models resistant to adversarial attacks", ICLR 2018. The step size, the number of
steps and the use of the last iterate are those of Gavrikov and Keuper (CVPR 2024).
"""

from collections.abc import Callable, Sequence
from numbers import Integral

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bvg.kernels._checks import check_images
from bvg.kernels.randomness import image_index, uniform


def pgd(
    model: Callable[[Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    eps: float,
    steps: int = 40,
    step_size: float = 2 / 255,
    seed: int = 0,
    index: Tensor | Sequence[int] | None = None,
) -> Tensor:
    """Change images by at most `eps` so that the cross-entropy of the model rises.

    Starting from `random_start`, each step is

        x <- clip(x0 + clip(x + step_size * sign(gradient of the cross-entropy at x) - x0, -eps, eps), 0, 1)

    and the last iterate is returned. The loss is summed over the batch, so the result for an image does not depend on its
    batch. The gradient is taken with respect to the input only, so the parameters' `grad` does not change.

    Args:
        model: maps float [N, C, H, W] in [0, 1] to logits [N, K]; normalizes inside; in evaluation mode.
        images: float [N, C, H, W] in [0, 1].
        labels: int64 [N], the true classes.
        eps: largest change of a value, as a fraction of 1; 0.5/255 in the study.
        steps: number of steps.
        step_size: size of a step, as a fraction of 1.
        seed: seed of the random start, an integer in [0, 2**64).
        index: int [N], position of each image in its data set, on which its random start depends; None counts from 0.

    Returns:
        Tensor of the shape and dtype of `images`, in [0, 1], detached; no value differs from `images` by more than `eps`.

    Raises:
        ValueError: wrong shape, dtype or range, or a model in training mode.

    >>> def brightness(x):
    ...     return torch.stack([x.mean((1, 2, 3)), -x.mean((1, 2, 3))], dim=1)
    >>> grey = torch.full((1, 3, 4, 4), 0.5)
    >>> pgd(brightness, grey, torch.tensor([0]), eps=0.1).unique()  # class 0 is "bright": the attack darkens
    tensor([0.4000])
    """
    check_images(images)
    _check_attack(model, images, labels, eps, steps, step_size)
    labels = labels.to(images.device)
    original = images.detach()
    adversarial = random_start(original, eps, seed, index)
    for _ in range(steps):
        step = step_size * _input_gradient(model, adversarial, labels).sign()
        adversarial = (original + (adversarial + step - original).clamp(-eps, eps)).clamp(0, 1)
    return adversarial


def random_start(images: Tensor, eps: float, seed: int = 0, index: Tensor | Sequence[int] | None = None) -> Tensor:
    """Return the start of `pgd`: uniform within `eps`, clipped to [0, 1].

    The arguments are those of `pgd`. The offset depends on `seed` and `index` only, and scales with `eps`.
    """
    offset = uniform(images.shape[1:], seed, image_index(index, images), "pgd").to(images.dtype) * 2 - 1
    return (images + eps * offset).clamp(0, 1)


def _input_gradient(model: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor) -> Tensor:
    # No graph is recorded in a caller's inference mode; clone() turns inference tensors into ordinary ones.
    with torch.inference_mode(False), torch.enable_grad():
        images, labels = images.clone().requires_grad_(), labels.clone()
        logits = model(images)
        if logits.ndim != 2 or len(logits) != len(images):
            raise ValueError(f"expected `model` to give logits [{len(images)}, K], got {list(logits.shape)}")
        (gradient,) = torch.autograd.grad(cross_entropy(logits, labels, reduction="sum"), images)
    return gradient


def _check_attack(model, images: Tensor, labels: Tensor, eps: float, steps: int, step_size: float) -> None:
    if getattr(model, "training", False):
        raise ValueError("expected `model` to be in evaluation mode, got training mode (call model.eval() first)")
    if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
        raise ValueError(f"expected `labels` to be int64 [{len(images)}], got {labels.dtype} {list(labels.shape)}")
    for name, value in (("eps", eps), ("step_size", step_size)):
        if not 0 <= value <= 1:
            raise ValueError(f"expected `{name}` in [0, 1], got {value} (is it in 1/255?)")
    if not isinstance(steps, Integral) or steps < 0:
        raise ValueError(f"expected `steps` to be a non-negative integer, got {steps!r}")
