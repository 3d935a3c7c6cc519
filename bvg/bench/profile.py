"""Where the time goes: a forward pass, a step of an attack and the filters, by kind of operation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

import torch
from torch.profiler import ProfilerActivity, profile

from bvg import kernels, study
from bvg.bench.kernels import BANDPASS, natural_images
from bvg.bench.network import resnet50
from bvg.bench.record import Bench, Row
from bvg.models.inference import answering, arithmetic

FORWARD, STEP, FILTERS = "ResNet-50, one batch", "PGD on ResNet-50, one step", f"band-pass, {len(BANDPASS)} conditions"
KINDS = {
    "convolutions and matrix products": re.compile("conv|xmma|nvjet|gemm|cutlass|cublas|addmm|linear", re.IGNORECASE),
    "Fourier transforms": re.compile("fft", re.IGNORECASE),
}
OTHER = "everything else"


def rows(bench: Bench) -> Iterator[Row]:
    """Profile each piece of work once, in the fastest form of the device."""
    precision, n = ("fp16", 256) if bench.cuda else ("bf16", 2)
    network = answering(resnet50(bench.device), precision, compiled=bench.cuda)
    images = natural_images(n).to(bench.device)
    labels = torch.arange(n, device=bench.device)
    work = {
        FORWARD: torch.inference_mode()(lambda: network(images)),
        STEP: lambda: kernels.pgd(network, images, labels, study.PGD_EPSILON, steps=1),
        FILTERS: torch.inference_mode()(lambda: [None for _ in kernels.bandpass_all(images, BANDPASS)]),
    }
    with arithmetic(precision):
        for name, once in work.items():
            for kind, milliseconds in by_kind(bench, once).items():
                yield Row("profile", name, kind, milliseconds, "ms", n, note="" if name == FILTERS else precision)


def by_kind(bench: Bench, work: Callable[[], object]) -> dict[str, float]:
    """Return the milliseconds that the device spends on each kind of operation, the longest first."""
    work()  # one-time initialization
    with profile(activities=[ProfilerActivity.CUDA if bench.cuda else ProfilerActivity.CPU]) as found:
        work()
        bench.wait()
    total = Counter()
    for event in found.key_averages():
        taken = event.self_device_time_total if bench.cuda else event.self_cpu_time_total
        total[next((kind for kind, name in KINDS.items() if name.search(event.key)), OTHER)] += taken / 1e3
    return {kind: milliseconds for kind, milliseconds in total.most_common() if milliseconds > 0}
