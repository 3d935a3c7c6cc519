"""Proof of the attack: every step of projected gradient descent, and the decisions after ten of them."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bvg import kernels, study
from bvg.bench.proofs.base import CPU, Ground, NotProven, apart, at_most, pictures
from bvg.miniature import zoo
from bvg.models.inference import answering, arithmetic

STEPS, STEP_SIZE = 10, 2 / 255
NETWORK = "mini_linf_eps4"  # the attack changes some of its decisions, not all
UNEQUAL = 0.01
"""Share of values that one step may change differently: where the gradient is within rounding of 0."""

FLIPS = 0.05
"""Share of decisions that may differ after ten steps, as such differences add up."""


class Recorder:
    """A network that keeps the images on which it is evaluated."""

    def __init__(self, network) -> None:
        self.network, self.seen = network, []

    def __call__(self, images: Tensor) -> Tensor:
        self.seen.append(images.detach().clone())
        return self.network(images)


def step(network: nn.Module, original: Tensor, images: Tensor, labels: Tensor, eps: float) -> Tensor:
    """Do one step of the attack on the CPU, written as in the paper."""
    images = images.clone().requires_grad_()
    cross_entropy(network(images), labels, reduction="sum").backward()
    moved = images.detach() + STEP_SIZE * images.grad.sign()
    return torch.minimum(torch.maximum(moved, original - eps), original + eps).clamp(0, 1)


def pgd(ground: Ground) -> str:
    """PGD in float32: each step, from the device's own iterate, is that of the CPU for at least 99 % of the values.

    The start is equal to 1e-7. No value leaves [0, 1] or changes by more than eps. After ten steps at most 5 % of the
    decisions differ.
    """
    eps, network = study.PGD_EPSILON, zoo.load(NETWORK)
    images, labels = pictures(ground.size(128, 24))
    there = images.to(ground.device), labels.to(ground.device)
    index = torch.arange(len(images)) + 2**20
    with arithmetic("fp32"):
        answer = answering(zoo.load(NETWORK).to(ground.device), "fp32")
        recorder = Recorder(answer)
        attacked = kernels.pgd(recorder, *there, eps, STEPS, STEP_SIZE, 3, index.to(ground.device))
        with torch.inference_mode():
            found = answer(attacked).argmax(1).cpu()
    iterates = [one.to(CPU) for one in (*recorder.seen, attacked)]
    if len(iterates) != STEPS + 1:
        raise NotProven(f"expected {STEPS} evaluations of the network, got {len(iterates) - 1}")
    start = torch.cat([kernels.random_start(images[k : k + 1], eps, 3, index[k : k + 1]) for k in range(len(images))])
    change = max(apart(one, images) for one in iterates)
    outside = max(max(0.0, -float(one.min()), float(one.max()) - 1) for one in iterates)
    unequal = [
        float(((step(network, images, before, labels, eps) - after).abs() > 1e-6).float().mean())
        for before, after in pairwise(iterates)
    ]
    mine = start
    for _ in range(STEPS):
        mine = step(network, images, mine, labels, eps)
    with torch.inference_mode():
        expected, clean = network(mine).argmax(1), network(images).argmax(1)
    flips = float((found != expected).float().mean())
    if int((expected != clean).sum()) == 0:
        raise NotProven("expected the attack to change some decisions, got none")
    return ", ".join(
        [
            at_most("start: difference", apart(iterates[0], start), 1e-7),
            at_most("largest change", 255 * change, 255 * eps + 1e-4, "/255"),
            at_most("outside [0, 1]", outside, 0),
            at_most("values that differ after one step", 100 * max(unequal), 100 * UNEQUAL, " %"),
            at_most("decisions that differ after ten", 100 * flips, 100 * FLIPS, " %")
            + f" of {len(images)}, of which the attack changes {int((expected != clean).sum())}",
        ]
    )
