"""Timing of a ResNet-50 and of PGD on it, in every precision of the device, compared with the unmodified network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from bvg.bench.record import BVG, Bench, Row
from bvg.kernels import pgd
from bvg.models.checkpoints import normalized
from bvg.models.inference import PRECISIONS, answering, arithmetic
from bvg.models.zoo import NORMALIZATION
from bvg.study import PGD_EPSILON

FORWARD, ATTACK, PEAK = "ResNet-50, 224 pixels", "PGD on ResNet-50", "largest product of matrices"
COPY, LIMIT = "copy within memory", "ResNet-50, upper limit"
UNMODIFIED = "network as it is"  # the name in the files of the benchmark
STEPS = 5
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
    """Measure the speed of forward passes and attacks, and the limits of the device."""
    model = resnet50(bench.device)
    with torch.inference_mode():
        layers = _layers(model, bench.device)
        yield Row("network", FORWARD, "work", sum(work for work, _ in layers) / 1e9, "GFLOP/image", 1)
        copied = _copied(bench)
        yield Row("network", COPY, "read and write", copied / 1e12, "TB/s")
        for precision in precisions(bench.device):
            peak = _peak(bench, precision)
            yield Row("network", PEAK, precision, peak / 1e12, "TFLOP/s")
            size = _TYPES.get(precision, torch.float32).itemsize
            seconds = sum(max(work / peak, values * size / copied) for work, values in layers)
            yield Row("network", LIMIT, precision, 1 / seconds, "images/s")
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
                seconds, spread = bench.time(partial(network, images))
            yield Row("network", FORWARD, way, n / seconds, "images/s", n, spread=spread)


def _attack(bench: Bench, model: nn.Module) -> Iterator[Row]:
    n = 256 if bench.cuda else 2
    images = torch.rand((n, 3, 224, 224), generator=torch.Generator().manual_seed(0)).to(bench.device)
    labels = torch.arange(n, device=bench.device)

    def row(way: str, work: Callable) -> Row:
        seconds, spread = bench.time(work, least=2)
        return Row("attack", ATTACK, way, 1e3 * seconds / n / STEPS, "ms/image and step", n, spread=spread)

    if find_spec("foolbox") is not None:
        with arithmetic("fp32"):
            yield row(f"foolbox, {UNMODIFIED}", _foolbox(bench, model, images, labels))
    for way, precision, network in ways(model, bench):
        with arithmetic(precision):
            yield row(way, partial(pgd, network, images, labels, PGD_EPSILON, STEPS))


def _foolbox(bench: Bench, model: nn.Module, images: Tensor, labels: Tensor) -> Callable:
    import foolbox

    attack = foolbox.attacks.LinfProjectedGradientDescentAttack(abs_stepsize=2 / 255, steps=STEPS)
    attacked = foolbox.PyTorchModel(model, bounds=(0, 1), device=bench.device)
    return lambda: attack.run(attacked, images, labels, epsilon=PGD_EPSILON)


def _layers(model: nn.Module, device: torch.device) -> list[tuple[float, int]]:
    """Return, per layer with weights, the operations for one image, and the values that it reads and writes at least."""
    found = []

    def note(layer: nn.Module, given: tuple[Tensor], out: Tensor) -> None:
        found.append((2.0 * out.numel() * layer.weight[0].numel(), given[0].numel() + out.numel()))

    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    model(torch.zeros(1, 3, 224, 224, device=device))
    for hook in hooks:
        hook.remove()
    return found


def _copied(bench: Bench) -> float:
    """Measure the bytes per second that a copy within the device's memory reads and writes."""
    source = torch.empty(2**31 if bench.cuda else 2**28, dtype=torch.uint8, device=bench.device)
    target = torch.empty_like(source)
    return 2 * len(source) / bench.time(lambda: target.copy_(source)).seconds


def _peak(bench: Bench, precision: str) -> float:
    """Measure the operations per second of a large matrix product, which no network exceeds."""
    side = 8192 if bench.cuda else 1024
    one = torch.rand((side, side), device=bench.device).to(_TYPES.get(precision, torch.float32))
    with arithmetic(precision):
        return 2 * side**3 / bench.time(lambda: one @ one).seconds
