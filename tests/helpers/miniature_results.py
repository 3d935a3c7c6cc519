"""Invented results of the miniature's networks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import known_models, results, study

NETWORKS = list(known_models.miniature().index)
KINDS = {
    "imagenet-c": (
        *("gaussian_noise", "gaussian_blur", "pixelate", "jpeg_compression", "contrast", "brightness", "fog"),
    ),
    "imagenet-cbar": ("plasma_noise", "cocentric_sine_waves", "checkerboard_cutout"),
}
EPSILONS = (0.5 / 255, 1 / 255, 2 / 255)


def measured(*models: str, seed: int = 0) -> pd.DataFrame:
    """Return a results table of the miniature with invented values, in which better models are better at almost everything."""
    rng = np.random.default_rng(seed)
    rows = []
    for model in models or NETWORKS:
        clean = rng.uniform(50, 97)

        def add(benchmark, value, metric="top1", variant="", level=np.nan, n=480, model=model):
            rows.append((model, benchmark, variant, level, metric, float(value), n, "made-up"))

        add("imagenet", clean)
        add("imagenet-a", rng.uniform(0, 50), n=240)
        for benchmark in ("imagenet-v2", "imagenet-r", "imagenet-sketch", "stylized"):
            add(benchmark, clean * rng.uniform(0.4, 0.9))
        for benchmark, kinds in KINDS.items():
            values = {(kind, s): clean * rng.uniform(0.9, 1) * (1 - s / 8) for kind in kinds for s in study.SEVERITIES}
            for (kind, severity), value in values.items():
                add(benchmark, value, variant=kind, level=severity, n=160)
            add(benchmark, np.mean(list(values.values())), n=160 * len(values))
        for epsilon in EPSILONS:
            add("pgd", clean * rng.uniform(0.3, 0.9) / (1 + 255 * epsilon), variant="linf", level=epsilon)
        for kind, exponent in {"low-pass": rng.uniform(0.2, 1), "high-pass": rng.uniform(1, 4)}.items():
            for cutoff in study.CUTOFFS:
                share = cutoff if kind == "low-pass" else 1 - cutoff
                add(kind, clean * share**exponent, level=cutoff)
        add("cue-conflict", rng.uniform(0, 1), "shape_bias", n=432)
        add("cue-conflict", rng.uniform(20, 90))
        for variant in ("relative", "raw"):
            add("critical-band", rng.uniform(1, 4), "bandwidth", variant)
            add("critical-band", rng.uniform(4, 16), "center_frequency", variant)
            add("critical-band", rng.uniform(0.1, 1), "peak_noise_sensitivity", variant)
    return results.validate(pd.DataFrame(rows, columns=list(results.COLUMNS)))
