"""Timing of a ResNet-50 and of PGD on it, in every precision of the device, compared with the unmodified network."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from bvg.bench.record import BVG, Bench, Row
from bvg.kernels import pgd
from bvg.models.checkpoints import normalized
from bvg.models.inference import PRECISIONS, answering, arithmetic
from bvg.models.zoo import NORMALIZATION
from bvg.study import PGD_EPSILON

FORWARD, ATTACK, PEAK = "ResNet-50, 224 pixels", "PGD on ResNet-50", "largest product of matrices"
UNMODIFIED = "network as it is"  # the name in the files of the benchmark
STEPS = 10
_TYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}


def resnet50(device: torch.device) -> nn.Module:
    """Return a ResNet-50 with random weights, on inputs in [0, 1]."""
    import torchvision

    torch.manual_seed(0)
    network = torchvision.models.resnet50(weights=None)
    return normalized(network, *NORMALIZATION["imagenet"]).to(device).eval().requires_grad_(False)


def precisions(device: torch.device) -> list[str]:
    # A CPU has no TF32, and converts float16 before computing.
    return list(PRECISIONS) if device.type == "cuda" else ["fp32", "bf16"]


def rows(bench: Bench) -> Iterator[Row]:
    """Measure the speed of forward passes and attacks, and of the device."""
    model = resnet50(bench.device)
    with torch.inference_mode():
        yield Row("network", FORWARD, "work", _flops(model, bench.device) / 1e9, "GFLOP/image", 1)
        for precision in precisions(bench.device):
            yield Row("network", PEAK, precision, _peak(bench, precision), "TFLOP/s")
    yield from _forward(bench, model)
    yield from _attack(bench, model)


def ways(model: nn.Module, bench: Bench) -> Iterator[tuple[str, str, Callable[[Tensor], Tensor]]]:
    """List the forms of a network: name, precision, function from images to logits."""
    yield UNMODIFIED, "fp32", model
    for precision in precisions(bench.device):
        yield f"{BVG}, {precision}", precision, answering(model, precision)
        if bench.cuda:
            yield f"{BVG}, {precision}, compiled", precision, answering(model, precision, compiled=True)


def _forward(bench: Bench, model: nn.Module) -> Iterator[Row]:
    n = 512 if bench.cuda else 8
    images = torch.rand((n, 3, 224, 224), generator=torch.Generator().manual_seed(0)).to(bench.device)
    with torch.inference_mode():
        for way, precision, network in ways(model, bench):
            with arithmetic(precision):
                taken = bench.fastest(lambda network=network: network(images))
            yield Row("network", FORWARD, way, n / taken, "images/s", n)


def _attack(bench: Bench, model: nn.Module) -> Iterator[Row]:
    n = 128 if bench.cuda else 2
    images = torch.rand((n, 3, 224, 224), generator=torch.Generator().manual_seed(0)).to(bench.device)
    labels = torch.arange(n, device=bench.device)
    yield Row(
        "attack", ATTACK, f"foolbox, {UNMODIFIED}", _foolbox(bench, model, images, labels), "ms/image and step", n
    )
    for way, precision, network in ways(model, bench):
        with arithmetic(precision):
            taken = bench.fastest(lambda network=network: pgd(network, images, labels, PGD_EPSILON, STEPS), least=2)
        yield Row("attack", ATTACK, way, 1e3 * taken / n / STEPS, "ms/image and step", n)


def _foolbox(bench: Bench, model: nn.Module, images: Tensor, labels: Tensor) -> float:
    import foolbox

    attack = foolbox.attacks.LinfProjectedGradientDescentAttack(abs_stepsize=2 / 255, steps=STEPS)
    attacked = foolbox.PyTorchModel(model, bounds=(0, 1), device=bench.device)
    taken = bench.fastest(lambda: attack.run(attacked, images, labels, epsilon=PGD_EPSILON), least=2)
    return 1e3 * taken / len(images) / STEPS


def _flops(model: nn.Module, device: torch.device) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, 224, 224, device=device))
    return counter.get_total_flops()


def _peak(bench: Bench, precision: str) -> float:
    """Measure the TFLOP/s of a large matrix product, which no network exceeds."""
    side = 8192 if bench.cuda else 1024
    one = torch.rand((side, side), device=bench.device).to(_TYPES.get(precision, torch.float32))
    with arithmetic(precision):
        return 2 * side**3 / bench.fastest(lambda: one @ one) / 1e12
