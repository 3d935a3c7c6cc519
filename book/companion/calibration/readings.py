"""Calibrate shape bias, band-pass and attack: tidy tables of measured and expected values.

Observers are measured by `bvg.instruments`, exactly as models are. The critical band is in
`companion.calibration.critical_band`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from scipy.stats import binom
from torch import Tensor

from bvg import study
from bvg.instruments import PGD, BandPass, Instrument, ShapeBias
from bvg.miniature import synthetic
from bvg.miniature.shapes import SHAPES
from bvg.miniature.textures import TEXTURES
from companion.calibration import observers
from companion.calibration.observers import Observer

CONFLICTS = 240  # each pair of a shape and a different texture once
REPEATS = 5
SIZE = synthetic.SIZE
NYQUIST = SIZE // 2
FINE = tuple((r + 0.5) / NYQUIST for r in range(NYQUIST))
"""Cut-offs halfway between the half-widths that the filter can have at 64 px."""


def measure(
    instrument: Instrument, by: Mapping[str, Observer], images: Tensor, labels: Tensor, seed: int = 0
) -> pd.DataFrame:
    """Measure observers with an instrument.

    Args:
        by: the observers by name.
        images: float [N, 3, H, W] in [0, 1].
        labels: int64 [N], or [N, 2] (shape, texture) for cue conflicts.
        seed: seed of the instrument's noise and attack.

    Returns:
        Columns observer, benchmark, variant, level, metric, value, n.
    """
    index = torch.arange(len(images))
    counts: dict = {name: {} for name in by}
    for condition, stimuli in instrument.stimuli(images, index, seed, instrument.conditions()):
        for name, observer in by.items():
            logits = instrument.logits(observer, stimuli, labels, index, seed)
            counts[name][condition] = instrument.score(logits, instrument.truth(labels)).sums()
    rows = [
        (name, *condition, metric, value, n)
        for name, sums in counts.items()
        for condition, metric, value, n in instrument.rows(sums)[0]
    ]
    return pd.DataFrame(rows, columns=["observer", "benchmark", "variant", "level", "metric", "value", "n"])


# Shape and texture ---------------------------------------------------------------------------------------------------


def oracles(seed: int = 0) -> tuple[observers.Oracles, Tensor, Tensor]:
    """Return the two oracles, their images and the cues.

    The images are float [240, 3, 64, 64] and the cues (shape, texture) int64 [240, 2].
    """
    images, shape, texture = synthetic.cue_conflict(CONFLICTS, seed)
    return observers.Oracles(CONFLICTS, seed), images / 255, torch.stack([shape, texture], dim=1)


def shape_bias(known: tuple, p: Sequence[float], guess: Sequence[float], seed: int, alpha: float) -> pd.DataFrame:
    """Measure the shape bias of the oracles and of mixtures of them.

    An observer that guesses one of 16 classes with probability g, and otherwise names the shape with probability p, has an
    expected bias of ((1 - g) p + g / 16) / ((1 - g) + g / 8), because a guess is equally likely to hit either cue.

    Args:
        known: from `oracles`.
        p, guess: every combination of the two is one observer.
        seed: seed of the observers' random choices.
        alpha: the interval covers 1 - alpha of the binomial distribution with this expectation and number of decisions.

    Returns:
        Columns observer, p, guess, expected, measured, low, high, decisions (for either cue), top1 (accuracy on shape, in
        percent): first the two oracles, on 240 images, then the mixtures, on each image five times.
    """
    pair, images, cues = known
    instrument = ShapeBias("cue-conflict", "cue-conflict")
    pure = {"texture-only oracle": pair.texture, "shape-only oracle": pair.shape}
    answers = {name: observer(images) for name, observer in pure.items()}
    both = [answers[name].repeat(REPEATS, 1) for name in ("shape-only oracle", "texture-only oracle")]
    mixed = {(q, g): observers.mixture(*both, q, g, seed) for q, g in itertools.product(p, guess)}
    cases = [(name, float(name.startswith("shape")), 0.0, images, cues, o) for name, o in pure.items()]
    many, labels = images.repeat(REPEATS, 1, 1, 1), cues.repeat(REPEATS, 1)
    cases += [("mixture", q, g, many, labels, o) for (q, g), o in mixed.items()]
    rows = []
    for name, q, g, stimuli, truth, observer in cases:
        measured = measure(instrument, {name: observer}, stimuli, truth).set_index("metric")["value"]
        score = instrument.score(observer(stimuli), instrument.truth(truth)).sums()
        decisions = score["shape"] + score["texture"]
        expected = ((1 - g) * q + g / 16) / ((1 - g) + g / 8)
        low, high = (bound / decisions for bound in binom.interval(1 - alpha, decisions, expected))
        rows.append((name, q, g, expected, measured["shape_bias"], low, high, decisions, measured["top1"]))
    columns = ["observer", "p", "guess", "expected", "measured", "low", "high", "decisions", "top1"]
    return pd.DataFrame(rows, columns=columns)


def unchanged_answers(known: tuple, seed: int) -> tuple[int, int]:
    """Count the answers that stay the same when the other cue is replaced.

    The first count is of the shape oracle, the second of the texture oracle. The replacement differs from both the shape and the texture of the image.
    """
    pair, images, cues = known
    shape, texture = cues.T
    other = (2 * shape - texture) % 16  # differs from the shape; equals the texture only if the two are 8 apart
    other = torch.where(other == texture, (texture + 1) % 16, other)
    retextured = synthetic.scenes("cue-conflict", CONFLICTS, seed, texture=other).images / 255
    reshaped = synthetic.scenes("cue-conflict", CONFLICTS, seed, shape=other).images / 255
    pairs = ((pair.shape, retextured), (pair.texture, reshaped))
    return tuple(int((oracle(changed).argmax(1) == oracle(images).argmax(1)).sum()) for oracle, changed in pairs)


def cue_names(known: tuple, which: Sequence[int]) -> list[str]:
    """Name the shape and texture of these images, as in "star, brick"."""
    return [f"{SHAPES[shape]}, {TEXTURES[texture]}" for shape, texture in known[2][list(which)].tolist()]


def seen_by_oracles(known: tuple, which: Sequence[int]) -> list[list[np.ndarray]]:
    """Return three rows of images: originals and what each oracle sees.

    Each image is float [64, 64, 3] in [0, 1].
    """
    pair, images, _ = known
    silhouettes = (~pair.silhouette(images))[:, None].float().expand_as(images)
    cut = torch.where(pair.inside(images)[:, None], images, 1.0)
    return [[kind[i].permute(1, 2, 0).numpy() for i in which] for kind in (images, silhouettes, cut)]


# Spatial frequency ---------------------------------------------------------------------------------------------------


def spectral(seed: int, frequencies: Sequence[int] = range(1, NYQUIST), count: int = 12) -> pd.DataFrame:
    """Measure observers of a single spatial frequency on gratings.

    Gratings have the frequency of the observer and are filtered at the study's and at finer cut-offs.

    Returns:
        Columns frequency (cycles per image), kind ("low-pass", "high-pass"), list ("study", "fine"), cutoff, top1 (percent).
    """
    lists = {"study": study.CUTOFFS, "fine": FINE}
    tables = []
    for frequency in frequencies:
        images, labels = observers.gratings(frequency, count, seed, SIZE)
        observer = observers.carrier_reader(frequency)
        for name, cutoffs in lists.items():
            instrument = BandPass("band-pass", "", cutoffs=cutoffs)
            measured = measure(instrument, {name: observer}, images, labels)
            tables.append(measured.assign(frequency=frequency))
    table = pd.concat(tables, ignore_index=True)
    table = table.rename(columns={"benchmark": "kind", "observer": "list", "level": "cutoff", "value": "top1"})
    return table[["frequency", "kind", "list", "cutoff", "top1"]]


def steps(table: pd.DataFrame) -> pd.DataFrame:
    """Find the cut-off at which the accuracy of each observer steps from chance to 100 %.

    A low-pass filter with cut-off c passes frequencies up to c times the Nyquist frequency, so the step of frequency f is
    expected at c = f / Nyquist. A high-pass filter passes frequencies from 1 - c, so the step is expected at 1 - f / Nyquist.

    Args:
        table: from `spectral`.

    Returns:
        One row per kind, list and frequency: after (the last cut-off at chance), at (the first at 100 %), expected (the
        expected step), clean (whether accuracy is only chance or 100 %, with one step), brackets (whether
        after < expected <= at), off (distance from `expected` to the middle of `after` and `at`, in cycles per image).
    """
    rows = []
    for (kind, name, frequency), one in table.groupby(["kind", "list", "frequency"], sort=False):
        one = one.sort_values("cutoff")
        correct = one["top1"].to_numpy() > 99.9
        chance = np.isclose(one["top1"], 100 / len(observers.DIRECTIONS))
        first = int(correct.argmax()) if correct.any() else len(correct)
        clean = bool((correct | chance).all() and correct[first:].all() and not correct[:first].any())
        cutoffs = np.array([0.0, *one["cutoff"], 1.0])
        after, at = cutoffs[first], cutoffs[first + 1]
        expected = frequency / NYQUIST if kind == "low-pass" else 1 - frequency / NYQUIST
        off = ((after + at) / 2 - expected) * NYQUIST
        rows.append((kind, name, frequency, after, at, expected, clean, after < expected <= at, off))
    columns = ["kind", "list", "frequency", "after", "at", "expected", "clean", "brackets", "off"]
    return pd.DataFrame(rows, columns=columns)


# The attack ----------------------------------------------------------------------------------------------------------


def attack(seed: int, eps: Sequence[float], scales: Sequence[float] = (1.0, 100.0), count: int = 64) -> pd.DataFrame:
    """Measure a linear classifier under the study's attack.

    The accuracy that its weights imply is computed for comparison.

    Args:
        eps: largest changes of a value, as fractions of 1.
        scales: factors of the logits. They change neither the decisions nor the perturbation needed to change them.

    Returns:
        Columns scale, eps, predicted, measured (both in percent), n.
    """
    rows = []
    for scale, largest in itertools.product(scales, eps):
        images, labels, classifier, least = observers.two_classes(seed, count, SIZE, scale)
        measured = measure(PGD("pgd", "", eps=largest), {"": classifier}, images, labels, seed)
        rows.append((scale, largest, 100 * int((least > largest).sum()) / count, measured["value"].item(), count))
    return pd.DataFrame(rows, columns=["scale", "eps", "predicted", "measured", "n"])
