"""Timing of the kernels compared with naive baselines, on a single thread of a CPU or on a GPU."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from bvg import kernels, study
from bvg.bench import baseline
from bvg.bench.record import BVG, Bench, Row
from bvg.kernels.randomness import normal
from bvg.results import channel

BANDPASS = [(kind, cutoff) for kind in ("low", "high") for cutoff in study.CUTOFFS]
CRITICAL_BAND = [(sd, band) for sd in channel.NOISE_SDS if sd for band in range(kernels.band_count(224, 224))]


def natural_images(n: int, height: int = 224, width: int = 224) -> torch.Tensor:
    """Draw random images with the spectrum of photographs: amplitudes fall with frequency f as 1/f.

    Returns:
        float [n, 3, height, width] in [0, 1], multiples of 1/255.
    """
    down, across = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
    falling = 1 / (down**2 + across**2).sqrt().clamp_min(1 / max(height, width))
    white = torch.randn((n, 3, height, width), generator=torch.Generator().manual_seed(0))
    images = torch.fft.irfft2(torch.fft.rfft2(white) * falling, s=(height, width))
    deviation = images.std((1, 2, 3), keepdim=True)
    return (images / deviation * 0.22 + 0.45).clamp(0, 1).mul_(255).round_().div_(255)


def rows(bench: Bench) -> Iterator[Row]:
    """Measure milliseconds per image of each set of stimuli and of the other kernels."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    images = natural_images(256 if bench.cuda else 8).to(bench.device)
    try:
        with torch.inference_mode():
            yield from _bandpass(bench, images)
            yield from _critical_band(bench, images)
            yield from _others(bench, images)
    finally:
        torch.set_num_threads(threads)


def _bandpass(bench: Bench, images: Tensor) -> Iterator[Row]:
    name, conditions = f"band-pass, {len(BANDPASS)} conditions", len(BANDPASS)
    ours = lambda: deque(kernels.bandpass_all(images, BANDPASS), maxlen=0)  # noqa: E731
    yield _timed(bench, name, BVG, ours, len(images), conditions)
    one, array = images[0], images[0].cpu().numpy()
    filtered = {(kind, cutoff): image[0].cpu() for kind, cutoff, image in kernels.bandpass_all(images[:1], BANDPASS)}
    ways = {
        "NumPy FFT per image and filter": lambda kind, cutoff: torch.from_numpy(
            baseline.bandpass_numpy(array, cutoff, kind)
        ),
        "torch FFT per image and filter": lambda kind, cutoff: baseline.bandpass_torch(one, cutoff, kind),
    }
    for way, filter_ in ways.items():
        apart = max(float((filter_(*c).cpu() - filtered[c]).abs().max()) for c in BANDPASS)
        each = lambda filter_=filter_: [filter_(*c) for c in BANDPASS]  # noqa: E731
        yield _timed(bench, name, way, each, 1, conditions, apart)


def _critical_band(bench: Bench, images: Tensor) -> Iterator[Row]:
    name, conditions = f"critical band, {len(CRITICAL_BAND)} conditions", len(CRITICAL_BAND)
    index = torch.arange(len(images), device=bench.device)
    ours = lambda: deque(kernels.critical_band_all(images, CRITICAL_BAND, 0, index), maxlen=0)  # noqa: E731
    yield _timed(bench, name, BVG, ours, len(images), conditions)
    if find_spec("pyrtools") is None:
        return
    # The results are compared for the same white noise; the timing includes NumPy's own.
    grey = kernels.low_contrast_grey(images[:1])[0].cpu().numpy()
    apart = 0.0
    for noise_sd, band, stimulus in kernels.critical_band_all(images[:1], CRITICAL_BAND, 0, index[:1]):
        white = normal((224, 224), 0, index[:1].cpu(), f"critical-band/{band}/{noise_sd!r}")[0].numpy() * noise_sd
        expected = baseline.critical_band(grey, white, noise_sd, band, np.random.default_rng(0), every=True)
        # Redrawn pixels have other random numbers.
        same = np.abs(baseline.narrowband_pyrtools(white, band)) <= 1 - 0.1
        apart = max(apart, float(np.abs(stimulus[0, 0].cpu().numpy() - expected)[same].max()))
    rng = np.random.default_rng(0)

    def one_by_one(every: bool) -> None:
        for noise_sd, band in CRITICAL_BAND:
            baseline.critical_band(grey, rng.standard_normal(grey.shape) * noise_sd, noise_sd, band, rng, every)

    for way, every in (
        ("pyrtools and a loop over pixels", True),
        ("pyrtools and a loop over pixels out of range", False),
    ):
        yield _timed(bench, name, way, partial(one_by_one, every), 1, conditions, apart)


def _others(bench: Bench, images: Tensor) -> Iterator[Row]:
    """Time the kernels that have no baseline."""
    index, logits = torch.arange(len(images), device=bench.device), torch.randn(len(images), 1000, device=bench.device)
    work = {
        "grey image of low contrast": lambda: kernels.low_contrast_grey(images),
        "random start of an attack": lambda: kernels.random_start(images, study.PGD_EPSILON, 0, index),
        "decision among 16 categories": lambda: kernels.sixteen_way(logits),
    }
    for name, kernel in work.items():
        yield _timed(bench, name, BVG, kernel, len(images), 1)


def _timed(
    bench: Bench, name: str, way: str, work: Callable, images: int, conditions: int, difference: float | None = None
) -> Row:
    seconds, spread = bench.time(work)
    about = {"conditions": conditions, "difference": difference, "spread": spread}
    return Row("kernels", name, way, 1e3 * seconds / images, "ms/image", images, **about)
