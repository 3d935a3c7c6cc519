"""Drift of each precision from the unmodified network in float32: decisions that flip, and the change of accuracy.

The networks are those of the miniature, on its labelled images, and those of the benchmark (`Bench.networks`), on photographs
of scikit-image. The photographs have no labels of ImageNet, so only flips are counted on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from bvg import kernels, study
from bvg.bench.kernels import BANDPASS
from bvg.bench.record import Bench, Row
from bvg.kernels import pgd
from bvg.miniature import synthetic
from bvg.miniature import zoo as miniature
from bvg.models.inference import PRECISIONS, answering, arithmetic
from bvg.models.loading import load

DRIFT, FLIPS, LOSS = "drift", "flips per 1,000", "top-1, points"
CHUNK = 64
ATTACKED = 16  # images per network


def rows(bench: Bench) -> Iterator[Row]:
    """Measure flips and the change of accuracy, per precision, stimuli and network."""
    images, labels = synthetic.images("val", 320 if bench.cuda else 32)
    images = images.float().div(255)
    labels = labels.to(bench.device)
    names = miniature.names()
    networks = {name: miniature.load(name).to(bench.device) for name in names}
    stimuli = {
        "clean and filtered images": lambda network: _filtered(network, images.to(bench.device)),
        "images attacked by PGD": lambda network: _attacked(
            network, images[:ATTACKED].to(bench.device), labels[:ATTACKED]
        ),
    }
    for what, decisions in stimuli.items():
        with arithmetic("fp32"):  # torch's own default on CUDA is TF32 in convolutions
            unmodified = torch.stack([decisions(network) for network in networks.values()])
        correct = labels[: unmodified.shape[-1]]
        for precision in _precisions(bench):
            with arithmetic(precision):
                found = torch.stack([decisions(answering(network, precision)) for network in networks.values()])
            flips = 1e3 * float((found != unmodified).float().mean())
            loss = 100 * float((found == correct).float().mean() - (unmodified == correct).float().mean())
            about = {"images": found[0].numel(), "models": len(names)}
            yield Row(DRIFT, f"miniature, {what}", precision, flips, FLIPS, **about)
            yield Row(DRIFT, f"miniature, {what}", precision, loss, LOSS, **about)
    for name, network in bench.networks.items():
        yield from drift_on_photographs(bench, name, load(network, bench.device))


def _precisions(bench: Bench) -> list[str]:
    # float16 is slow on a CPU, but rounds in the same way.
    return [precision for precision in PRECISIONS if bench.cuda or precision != "tf32"]


def drift_on_photographs(bench: Bench, name: str, network: Callable[[Tensor], Tensor]) -> Iterator[Row]:
    """Measure flips per 1,000 decisions on photographs, per precision."""
    images = photographs(64 if bench.cuda else 8).to(bench.device)
    with arithmetic("fp32"):
        unmodified = _filtered(network, images)
    for precision in _precisions(bench):
        with arithmetic(precision):
            found = _filtered(answering(network, precision), images)
        flips = 1e3 * float((found != unmodified).float().mean())
        yield Row(DRIFT, f"{name}, clean and filtered images", precision, flips, FLIPS, unmodified.numel(), 1)


def photographs(n: int, size: int = 224) -> Tensor:
    """Cut n squares out of the photographs of scikit-image.

    Returns:
        float [n, 3, size, size] in [0, 1], multiples of 1/255.
    """
    import skimage

    pictures = [skimage.data.coffee(), skimage.data.chelsea()]
    places = np.random.default_rng(0)
    cut = []
    for number in range(n):
        picture = pictures[number % len(pictures)]
        top, left = (int(places.integers(0, side - size + 1)) for side in picture.shape[:2])
        cut.append(picture[top : top + size, left : left + size].transpose(2, 0, 1))
    return torch.from_numpy(np.stack(cut)).float() / 255


@torch.inference_mode()
def _filtered(network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Return decisions on clean and band-passed images, int64 [1 + conditions, N]."""
    stimuli = [images, *(filtered for _, _, filtered in kernels.bandpass_all(images, BANDPASS))]
    return torch.stack([torch.cat([network(part).argmax(1) for part in one.split(CHUNK)]) for one in stimuli])


def _attacked(network: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor) -> Tensor:
    """Return decisions on images attacked in ten steps, int64 [1, N]."""
    with torch.inference_mode():
        return network(pgd(network, images, labels, study.PGD_EPSILON, steps=10)).argmax(1)[None]
