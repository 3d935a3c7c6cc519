"""Timing of the kernels compared with naive baselines, on a single thread of a CPU or on a GPU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from bvg import kernels, study
from bvg.bench import baseline
from bvg.bench.record import BVG, Bench, Row
from bvg.kernels.randomness import normal
from bvg.results import channel

BANDPASS = [(kind, cutoff) for kind in ("low", "high") for cutoff in study.CUTOFFS]
CRITICAL_BAND = [(sd, band) for sd in channel.NOISE_SDS if sd for band in range(kernels.band_count(224, 224))]


def photographs(n: int, size: int = 224) -> torch.Tensor:
    """Cut n squares out of the photographs of scikit-image.

    Returns:
        float [n, 3, size, size] in [0, 1], multiples of 1/255.
    """
    import skimage

    pictures = [skimage.data.coffee(), skimage.data.chelsea(), skimage.data.stereo_motorcycle()[0]]
    places = np.random.default_rng(0)
    cut = []
    for number in range(n):
        picture = pictures[number % len(pictures)]
        top, left = (int(places.integers(0, side - size + 1)) for side in picture.shape[:2])
        cut.append(picture[top : top + size, left : left + size].transpose(2, 0, 1))
    return torch.from_numpy(np.stack(cut)).float() / 255


def rows(bench: Bench) -> Iterator[Row]:
    """Measure milliseconds per image of each set of stimuli."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield from _bandpass(bench)
            yield from _critical_band(bench)
    finally:
        torch.set_num_threads(threads)


def _bandpass(bench: Bench) -> Iterator[Row]:
    name, conditions = f"band-pass, {len(BANDPASS)} conditions", len(BANDPASS)
    images = photographs(256 if bench.cuda else 8).to(bench.device)
    ours = bench.fastest(lambda: [None for _ in kernels.bandpass_all(images, BANDPASS)])
    yield Row("kernels", name, BVG, 1e3 * ours / len(images), "ms/image", len(images), conditions=conditions)
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
        taken = bench.fastest(lambda filter_=filter_: [filter_(*c) for c in BANDPASS])
        yield Row("kernels", name, way, 1e3 * taken, "ms/image", 1, conditions=conditions, difference=apart)


def _critical_band(bench: Bench) -> Iterator[Row]:
    name, conditions = f"critical band, {len(CRITICAL_BAND)} conditions", len(CRITICAL_BAND)
    images = photographs(256 if bench.cuda else 8).to(bench.device)
    index = torch.arange(len(images), device=bench.device)
    ours = bench.fastest(lambda: [None for _ in kernels.critical_band_all(images, CRITICAL_BAND, 0, index)])
    yield Row("kernels", name, BVG, 1e3 * ours / len(images), "ms/image", len(images), conditions=conditions)
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
        taken = bench.fastest(lambda every=every: one_by_one(every))
        yield Row("kernels", name, way, 1e3 * taken, "ms/image", 1, conditions=conditions, difference=apart)
