"""Proofs of inference: joined convolutions, compiled networks, and the drift of each precision."""

from __future__ import annotations

import shutil

import torch
from torch import Tensor, nn

from bvg import kernels, study
from bvg.bench.kernels import BANDPASS
from bvg.bench.proofs.base import Ground, NotProven, Skipped, at_most, pictures
from bvg.miniature import zoo
from bvg.models.fused import JoinedConvolution
from bvg.models.inference import answering, arithmetic, faster

FULL, LAST = 16, 5
"""Images in a batch, and in the last one."""

FLIPS = {"fp32": 0, "tf32": 5, "fp16": 10, "bf16": 60}
"""Decisions per 1,000 that may differ from the unmodified network in float32, by precision."""


def _small(seed: int) -> nn.Module:
    """Return a network of few layers, which a CPU compiles in seconds."""
    torch.manual_seed(seed)
    layers = [nn.Conv2d(3, 8, 8, 8), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(512, 16)]
    return nn.Sequential(*layers).eval().requires_grad_(False)


def joined(ground: Ground) -> str:
    """On CUDA, cuDNN computes the ReLUs and sums of a ResNet-50: the logits and the gradients are those of its layers in float32.

    Logits are equal to one part in 10,000, gradients (in norm) to one in 100, and memory that holds NaN changes nothing.
    """
    import torchvision

    torch.manual_seed(0)
    network = torchvision.models.resnet50(weights=None).to(ground.device).eval().requires_grad_(False)
    fast = faster(network)
    count = sum(isinstance(layer, JoinedConvolution) for layer in fast.modules())
    if ground.cuda and count != 48:
        raise NotProven(f"expected 48 joined convolutions, got {count}")
    images = pictures(ground.size(32, 2), 224)[0].to(ground.device)
    found = []
    with arithmetic("fp32"):
        for one in (network, fast):
            torch.full((2**27 if ground.cuda else 1,), float("nan"), device=ground.device)  # freed, then used again
            x = images.clone().requires_grad_()
            logits = one(x)
            (gradient,) = torch.autograd.grad(logits.logsumexp(1).sum(), x)
            found.append((logits.detach(), gradient))
    (expected, slope), (got, other) = found
    worst = float((got - expected).abs().max() / expected.abs().max())
    stated = [
        at_most("logits: relative difference", worst, 1e-4),
        at_most("gradients: relative difference", float((other - slope).norm() / slope.norm()), 1e-2),
    ]
    return f"{count} joined, " + ", ".join(stated)


def compiled(ground: Ground) -> str:
    """Two compiled networks, in turn and with a smaller last batch, decide like the uncompiled ones; PGD through them too.

    Logits are equal to one part in 1,000, clean decisions are equal, and at most 5 % of the decisions under attack differ.
    At most two graphs are compiled per network: with and without gradients.
    """
    if not ground.cuda and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise Skipped("needs a C++ compiler to compile networks for a CPU")
    from torch._dynamo.utils import counters  # its import takes seconds

    made = [zoo.load(name) for name in ("mini_standard", "mini_linf_eps4")] if ground.cuda else [_small(0), _small(1)]
    networks = [network.to(ground.device) for network in made]
    images, labels = (one.to(ground.device) for one in pictures(2 * FULL + LAST))
    index = torch.arange(len(images), device=ground.device)
    attacks = index.split(FULL)[1 if ground.cuda else 2 :]
    torch._dynamo.reset()
    before = counters["stats"]["unique_graphs"]
    fast = [answering(network, "fp32", compiled=True) for network in networks]
    plain = [answering(network, "fp32") for network in networks]
    worst, differ, attacked = 0.0, 0, 0
    with arithmetic("fp32"):
        for _ in range(2):  # compiled in the first round, used in the second
            for part in index.split(FULL):
                with torch.inference_mode():
                    found = [network(images[part]) for network in fast]  # both, before either is looked at
                    expected = [network(images[part]) for network in plain]
                for one, other in zip(found, expected, strict=True):
                    worst = max(worst, float((one - other).abs().max() / other.abs().max()))
                    differ += int((one.argmax(1) != other.argmax(1)).sum())
            for part in attacks:
                pairs = [
                    [_attacked(network, images[part], labels[part], part) for network in both]
                    for both in zip(fast, plain, strict=True)
                ]
                attacked += sum(int((one != other).sum()) for one, other in pairs)
    graphs = counters["stats"]["unique_graphs"] - before
    if graphs == 0:
        raise NotProven("expected the networks to be compiled, got no graph")
    total = 2 * 2 * sum(map(len, attacks))
    return ", ".join(
        [
            at_most("logits: relative difference", worst, 1e-3),
            at_most("clean decisions that differ", differ, 0),
            at_most("decisions under attack that differ", 100 * attacked / total, 5, " %"),
            at_most("graphs compiled", graphs, 2 * len(networks)),
        ]
    )


def _attacked(network, images: Tensor, labels: Tensor, index: Tensor) -> Tensor:
    """Decide on images under attack, as the engine does: in inference mode."""
    with torch.inference_mode():
        return network(kernels.pgd(network, images, labels, study.PGD_EPSILON, steps=4, index=index)).argmax(1)


def precisions(ground: Ground) -> str:
    """Precisions drift from the unmodified network in float32 by a bounded number of flips.

    Per 1,000 decisions on clean and filtered images: fp32 none, TF32 at most 5, fp16 10, bf16 60.
    """
    network = zoo.load("mini_standard").to(ground.device)
    images = pictures(ground.size(320, 32))[0].to(ground.device)
    conditions = BANDPASS if ground.cuda else BANDPASS[::5]
    with torch.inference_mode():
        stimuli = [images, *(one for _, _, one in kernels.bandpass_all(images, conditions))]
        with arithmetic("fp32"):
            expected = torch.stack([network(one) for one in stimuli])
        stated = []
        for precision, bound in FLIPS.items():
            if precision == "tf32" and not ground.cuda:
                stated.append("tf32 skipped: needs CUDA")
                continue
            with arithmetic(precision):
                answer = answering(network, precision)
                found = torch.stack([answer(one) for one in stimuli])
            drift = float((found - expected).abs().max())
            flips = 1e3 * float((found.argmax(2) != expected.argmax(2)).float().mean())
            stated.append(at_most(f"{precision}: flips per 1,000", flips, bound) + f", logits by {drift:.2g}")
    return f"{expected[..., 0].numel():,} decisions; " + ", ".join(stated)
