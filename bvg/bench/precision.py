"""How far precisions drift from the plain network in float32: decisions that flip, and what that does to accuracy.

The networks are trained ones that are at hand everywhere: the miniature's, on their own labelled images, and EfficientNet-Lite0
on photographs of scikit-image, which have no labels of ImageNet; there only flips are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from bvg import kernels, study
from bvg.bench.kernels import BANDPASS, photographs
from bvg.bench.record import Bench, Row
from bvg.kernels import pgd
from bvg.miniature import synthetic, zoo
from bvg.models.inference import PRECISIONS, answering, arithmetic

DRIFT, FLIPS, LOSS = "drift", "flips per 1,000", "top-1, points"
CHUNK = 64
ATTACKED = 16  # images per network


def rows(bench: Bench) -> Iterator[Row]:
    """Flips per 1,000 images, and points of top-1 more or less, per precision, stimuli and kind of network."""
    images, labels = synthetic.images("val", 320 if bench.cuda else 32)
    images = images.float().div(255)
    labels = labels.to(bench.device)
    names = zoo.names()
    networks = {name: zoo.load(name).to(bench.device) for name in names}
    stimuli = {
        "clean and filtered images": lambda network: _filtered(network, images.to(bench.device)),
        "images attacked by PGD": lambda network: _attacked(
            network, images[:ATTACKED].to(bench.device), labels[:ATTACKED]
        ),
    }
    for what, decisions in stimuli.items():
        plain = torch.stack([decisions(network) for network in networks.values()])
        of = labels[: plain.shape[-1]]
        for precision in _precisions(bench):
            with arithmetic(precision):
                found = torch.stack([decisions(answering(network, precision)) for network in networks.values()])
            flips = 1e3 * float((found != plain).float().mean())
            loss = 100 * float((found == of).float().mean() - (plain == of).float().mean())
            about = {"images": found[0].numel(), "models": len(names)}
            yield Row(DRIFT, f"miniature, {what}", precision, flips, FLIPS, **about)
            yield Row(DRIFT, f"miniature, {what}", precision, loss, LOSS, **about)
    yield from _lite0(bench)


def _precisions(bench: Bench) -> list[str]:
    """Also float16 on a CPU, where it is slow but rounds in the same way."""
    return [precision for precision in PRECISIONS if bench.cuda or precision != "tf32"]


def _lite0(bench: Bench) -> Iterator[Row]:
    from companion.demo import efficientnet_lite0

    network, images = (
        efficientnet_lite0().eval().to(bench.device),
        photographs(64 if bench.cuda else 8).to(bench.device),
    )
    plain = _filtered(network, images)
    for precision in _precisions(bench):
        with arithmetic(precision):
            found = _filtered(answering(network, precision), images)
        flips = 1e3 * float((found != plain).float().mean())
        yield Row(DRIFT, "EfficientNet-Lite0, clean and filtered images", precision, flips, FLIPS, plain.numel(), 1)


@torch.inference_mode()
def _filtered(network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Decisions on images as they are and on all band-passed ones, int64 [1 + conditions, N]."""
    shown = [images, *(filtered for _, _, filtered in kernels.bandpass_all(images, BANDPASS))]
    return torch.stack([torch.cat([network(part).argmax(1) for part in one.split(CHUNK)]) for one in shown])


def _attacked(network: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor) -> Tensor:
    """Decisions on images after the miniature's attack of ten steps, int64 [1, N]."""
    with torch.inference_mode():
        return network(pgd(network, images, labels, study.PGD_EPSILON, steps=10)).argmax(1)[None]
