"""The laboratory's content: pictures, the settings that a reader can choose, and where the models fall at each."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from bvg import kernels, known_models, miniature, study
from bvg.kernels import randomness
from bvg.kernels.critical_band import CONTRAST, MARGIN, MEAN
from bvg.results import scores
from bvg.results.channel import NOISE_SDS
from companion import stimuli
from companion.analysis import noise_tolerance
from companion.figures.marks import COLORS, group_name
from companion.laboratory import settings

SAMPLES = 8
"""Number of noise samples to choose from: images 0 … 7 of a data set."""


@dataclass(frozen=True)
class Laboratory:
    """The laboratory's content.

    Attributes:
        data: plain values for the page's scripts: `size` of the images in pixels; `models` (id, name, group) in the order of
            their groups; `settings`, what `companion.laboratory.settings` says of each; `noise`, constants and streams of the
            noise; `labels` of the sliders' positions; `pictures`, each as the address of an image.
        medians: how much accuracy the models keep at each cut-off, from `companion.analysis.filtered_accuracy.medians`.
        tolerated: model, band, tolerated_sd: the SD of noise at which a model keeps half of its accuracy (an estimate).
    """

    data: dict[str, Any]
    medians: pd.DataFrame
    tolerated: pd.DataFrame


def laboratory(
    results: pd.DataFrame,
    highlight: Sequence[str] = (),
    allow_missing: bool = False,
    seed: int = 0,
    world: study.World = study.STUDY,
) -> Laboratory:
    """Collect the pictures, every setting, and where each model falls at it.

    Args:
        results: a results table (see `bvg.results`).
        highlight: models that do not enter the medians.
        allow_missing: accept models that lack numbers; they are not drawn where they have none.
        seed: seed of the noise.
        world: the images that the models were measured on.

    Raises:
        ResultsError: a model lacks a number and `allow_missing` is False.
        ValueError: a sample of the noise is so strong somewhere that a pixel's noise would have to be drawn again, which the
            page does not do; it happens for about one seed in 200.
    """
    needs = ["shape", "low_frequency", "high_frequency", "bandwidth", "center_frequency", "peak_noise_sensitivity"]
    models = scores.per_model(results, allow_missing=allow_missing, needs=needs, world=world)
    models = models.assign(counted=known_models.counted(models, highlight)).set_index("model")
    models = models.loc[sorted(models.index, key=lambda model: list(COLORS).index(models.at[model, "group"]))]
    clean = scores.benchmarks(results, True, world=world).set_index("model")["imagenet"].reindex(models.index)
    size = stimuli.SIZE if world.bands == study.STUDY.bands else miniature.SIZE
    tolerated = noise_tolerance.tolerated(models, world.bands, kernels.band_centre(0, size))
    limits = (NOISE_SDS[-1] * 2**tolerated).melt(ignore_index=False, var_name="band", value_name="tolerated_sd")
    described, medians = settings.filters(scores.bandpass(results), clean, models["counted"])
    centres = {band: kernels.band_centre(band, stimuli.SIZE) for band in tolerated}
    described |= settings.noises(tolerated, models["counted"], centres)
    described |= settings.cues(models["shape"], models["counted"])
    shares = np.linspace(0, 100, len(mixes := stimuli.mixes()))
    labels = {
        "cutoff": {},
        "band": {band: f"{band} ({centre:g} cycles per image)" for band, centre in centres.items()},
        "sd": {number: f"{sd:g}" for number, sd in enumerate(settings.NOISE_LEVELS)},
        "sample": {number: f"image {number}" for number in range(SAMPLES)},
        "mix": {number: f"{share:g} % shape" for number, share in enumerate(shares)},
    }
    pictures = {name: _webp(stimuli.photograph(name), lossless=True) for name in stimuli.PHOTOGRAPHS}
    pictures |= {f"mix-{number}": _webp(image, quality=80) for number, image in enumerate(mixes)}
    names = known_models.describe(models.index)["name"]
    groups = models["group"].map(lambda group: group_name(group, world))
    return Laboratory(
        {
            "size": stimuli.SIZE,
            "models": [dict(zip(("id", "name", "group"), row, strict=True)) for row in zip(models.index, names, groups, strict=True)],
            "settings": described,
            "noise": _noise(seed, list(centres)),
            "labels": labels,
            "pictures": pictures,
        },
        medians,
        limits.dropna().reset_index(),
    )  # fmt: skip


def _noise(seed: int, bands: Sequence[int]) -> dict[str, Any]:
    """Return what the page needs to make the noise of `bvg.kernels.critical_band`.

    `streams` holds the two words that name the noise of each band and SD, so that no page has to compute a BLAKE2 digest.
    """
    loudest, index = max(settings.NOISE_LEVELS), torch.arange(SAMPLES)
    streams = [[f"critical-band/{band}/{sd!r}" for sd in settings.NOISE_LEVELS] for band in bands]
    for band in bands:
        stream = f"critical-band/{band}/{loudest!r}"
        white = randomness.normal((stimuli.SIZE, stimuli.SIZE), seed, index, stream) * loudest
        strongest = float(kernels.narrowband_noise(white, band).abs().max())
        if strongest > 1 - MARGIN:
            raise ValueError(f"expected noise up to {1 - MARGIN:g}, got {strongest:.2f}: choose another `seed`")
    key, _ = randomness.key_and_name(seed, "")
    return {
        "key": key,
        "streams": [[randomness.key_and_name(seed, stream)[1] for stream in row] for row in streams],
        "sds": settings.NOISE_LEVELS,
        "bands": kernels.band_count(stimuli.SIZE, stimuli.SIZE),
        "contrast": CONTRAST,
        "mean": MEAN,
        "margin": MARGIN,
    }


def _webp(image: np.ndarray, **how: Any) -> str:
    """Return an image [H, W, 3] in [0, 1] as the address of a WebP file that is part of the page."""
    file = BytesIO()
    Image.fromarray(np.round(255 * image).astype(np.uint8)).save(file, "webp", method=6, **how)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
