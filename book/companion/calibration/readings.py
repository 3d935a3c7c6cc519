"""Calibration: what the instruments read of observers whose answers are known, as tidy tables.

Every reading goes through `bvg.instruments`, as a model's does: conditions, stimuli, answers, scores, rows. Here shape bias,
band-pass and attack; the critical band is in `companion.calibration.channel`.
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
from bvg.instruments.base import PGD, BandPass, Instrument, ShapeBias
from bvg.miniature import synthetic
from bvg.miniature.shapes import SHAPES
from bvg.miniature.textures import TEXTURES
from companion.calibration import observers
from companion.calibration.observers import Observer

CONFLICTS = 240  # each pair of a shape and another texture once
REPEATS = 5
SIZE = synthetic.SIZE
NYQUIST = SIZE // 2
FINE = tuple((r + 0.5) / NYQUIST for r in range(NYQUIST))
"""Cut-offs between every two half-widths that the filter can have at 64 px."""


def measure(
    instrument: Instrument, by: Mapping[str, Observer], images: Tensor, labels: Tensor, seed: int = 0
) -> pd.DataFrame:
    """What an instrument reads of observers: observer, benchmark, variant, level, metric, value, n.

    Args:
        by: the observers by name.
        images: float [N, 3, H, W] in [0, 1].
        labels: int64 [N], or [N, 2] (shape, texture) for cue conflicts.
        seed: of the instrument's noise and attack.
    """
    index = torch.arange(len(images))
    counts: dict = {name: {} for name in by}
    for condition, shown in instrument.stimuli(images, index, seed, instrument.conditions()):
        for name, observer in by.items():
            logits = instrument.logits(observer, shown, labels, index, seed)
            counts[name][condition] = instrument.score(logits, instrument.truth(labels)).sums()
    rows = [
        (name, *condition, metric, value, n)
        for name, sums in counts.items()
        for condition, metric, value, n in instrument.rows(sums)[0]
    ]
    return pd.DataFrame(rows, columns=["observer", "benchmark", "variant", "level", "metric", "value", "n"])


# Shape and texture ---------------------------------------------------------------------------------------------------


def oracles(seed: int = 0) -> tuple[observers.Oracles, Tensor, Tensor]:
    """The two oracles, the cue-conflict images that they know, float [240, 3, 64, 64], and their cues, int64 [240, 2]."""
    images, shape, texture = synthetic.cue_conflict(CONFLICTS, seed)
    return observers.Oracles(CONFLICTS, seed), images / 255, torch.stack([shape, texture], dim=1)


def shape_bias(known: tuple, p: Sequence[float], guess: Sequence[float], seed: int, alpha: float) -> pd.DataFrame:
    """The shape bias of the oracles and of mixtures of them, measured and expected.

    An observer that guesses one of 16 classes with probability g, and else names the shape with probability p, has
    the expected bias ((1 - g) p + g / 16) / ((1 - g) + g / 8): a guess hits either cue alike.

    Args:
        known: from `oracles`.
        p, guess: each combination of both is an observer.
        seed: of their coins.
        alpha: the interval holds 1 - alpha of the binomial distribution of as many decisions around the expectation.

    Returns:
        Columns observer, p, guess, expected, measured, low, high, decisions (for either cue), top1 (shape named, in percent);
        first the two oracles themselves, over 240 images, then the mixtures, over each image five times.
    """
    reader, images, cues = known
    instrument = ShapeBias("cue-conflict", "cue-conflict")
    pure = {"texture-only oracle": reader.texture, "shape-only oracle": reader.shape}
    answers = {name: observer(images) for name, observer in pure.items()}
    both = [answers[name].repeat(REPEATS, 1) for name in ("shape-only oracle", "texture-only oracle")]
    mixed = {(q, g): observers.mixture(*both, q, g, seed) for q, g in itertools.product(p, guess)}
    made = [(name, float(name.startswith("shape")), 0.0, images, cues, o) for name, o in pure.items()]
    many, labels = images.repeat(REPEATS, 1, 1, 1), cues.repeat(REPEATS, 1)
    made += [("mixture", q, g, many, labels, o) for (q, g), o in mixed.items()]
    rows = []
    for name, q, g, shown, wanted, observer in made:
        read = measure(instrument, {name: observer}, shown, wanted).set_index("metric")["value"]
        score = instrument.score(observer(shown), instrument.truth(wanted)).sums()
        decisions = score["shape"] + score["texture"]
        expected = ((1 - g) * q + g / 16) / ((1 - g) + g / 8)
        low, high = (bound / decisions for bound in binom.interval(1 - alpha, decisions, expected))
        rows.append((name, q, g, expected, read["shape_bias"], low, high, decisions, read["top1"]))
    columns = ["observer", "p", "guess", "expected", "measured", "low", "high", "decisions", "top1"]
    return pd.DataFrame(rows, columns=columns)


def unmoved(known: tuple, seed: int) -> tuple[int, int]:
    """Answers that stay when the other cue is exchanged: of the shape oracle, and of the texture oracle.

    Every texture, then every shape, is replaced by another one that the image had neither as shape nor as texture.
    """
    reader, images, cues = known
    shape, texture = cues.T
    other = (2 * shape - texture) % 16  # never the shape; the texture only if they are 8 apart
    other = torch.where(other == texture, (texture + 1) % 16, other)
    retextured = synthetic.scenes("cue-conflict", CONFLICTS, seed, texture=other).images / 255
    reshaped = synthetic.scenes("cue-conflict", CONFLICTS, seed, shape=other).images / 255
    pairs = ((reader.shape, retextured), (reader.texture, reshaped))
    return tuple(int((read(changed).argmax(1) == read(images).argmax(1)).sum()) for read, changed in pairs)


def cue_names(known: tuple, which: Sequence[int]) -> list[str]:
    """Shape and texture of these images, in words: "star, brick"."""
    return [f"{SHAPES[shape]}, {TEXTURES[texture]}" for shape, texture in known[2][list(which)].tolist()]


def seen_by_oracles(known: tuple, which: Sequence[int]) -> list[list[np.ndarray]]:
    """Images, what the shape oracle sees of them and what the texture oracle sees: three rows of [64, 64, 3] in [0, 1]."""
    reader, images, _ = known
    silhouettes = (~reader.silhouette(images))[:, None].float().expand_as(images)
    cut = torch.where(reader.inside(images)[:, None], images, 1.0)
    return [[kind[i].permute(1, 2, 0).numpy() for i in which] for kind in (images, silhouettes, cut)]


# Spatial frequency ---------------------------------------------------------------------------------------------------


def spectral(seed: int, frequencies: Sequence[int] = range(1, NYQUIST), count: int = 12) -> pd.DataFrame:
    """Accuracy of observers of one spatial frequency each, on gratings of that frequency, at the study's cut-offs and finer.

    Returns:
        Columns frequency (cycles per image), kind ("low-pass", "high-pass"), list ("study", "fine"), cutoff, top1 (percent).
    """
    lists = {"study": study.CUTOFFS, "fine": FINE}
    tables = []
    for frequency in frequencies:
        images, labels = observers.gratings(frequency, count, seed, SIZE)
        reader = observers.carrier_reader(frequency)
        for name, cutoffs in lists.items():
            instrument = BandPass("band-pass", "", cutoffs=cutoffs)
            read = measure(instrument, {name: reader}, images, labels)
            tables.append(read.assign(frequency=frequency))
    table = pd.concat(tables, ignore_index=True)
    table = table.rename(columns={"benchmark": "kind", "observer": "list", "level": "cutoff", "value": "top1"})
    return table[["frequency", "kind", "list", "cutoff", "top1"]]


def steps(table: pd.DataFrame) -> pd.DataFrame:
    """Where the accuracy of each observer steps from chance to all right.

    A low-pass of c passes what is at or below c of the Nyquist frequency, so the step of frequency f must lie at
    c = f / Nyquist; a high-pass of c passes what is at or above 1 - c, so it must lie at 1 - f / Nyquist.

    Args:
        table: from `spectral`.

    Returns:
        One row per kind, list and frequency: after (the last cut-off at chance), at (the first at 100 %), must (where it must
        lie), clean (whether there are two accuracies only, chance and 100 %, and one step), brackets (whether
        after < must <= at), off (distance of the middle between `after` and `at` from `must`, in cycles per image).
    """
    rows = []
    for (kind, name, frequency), one in table.groupby(["kind", "list", "frequency"], sort=False):
        one = one.sort_values("cutoff")
        right = one["top1"].to_numpy() > 99.9
        chance = np.isclose(one["top1"], 100 / len(observers.DIRECTIONS))
        first = int(right.argmax()) if right.any() else len(right)
        clean = bool((right | chance).all() and right[first:].all() and not right[:first].any())
        cutoffs = np.array([0.0, *one["cutoff"], 1.0])
        after, at = cutoffs[first], cutoffs[first + 1]
        must = frequency / NYQUIST if kind == "low-pass" else 1 - frequency / NYQUIST
        off = ((after + at) / 2 - must) * NYQUIST
        rows.append((kind, name, frequency, after, at, must, clean, after < must <= at, off))
    columns = ["kind", "list", "frequency", "after", "at", "must", "clean", "brackets", "off"]
    return pd.DataFrame(rows, columns=columns)


# The attack ----------------------------------------------------------------------------------------------------------


def attack(seed: int, eps: Sequence[float], scales: Sequence[float] = (1.0, 100.0), count: int = 64) -> pd.DataFrame:
    """Accuracy of a linear classifier under the study's attack, and the accuracy that its weights imply.

    Args:
        eps: largest changes of a value, as fractions of 1.
        scales: factors of the classifier's logits: its decisions, and what it takes to change them, are the same for all.

    Returns:
        Columns scale, eps, predicted, measured (both in percent), n.
    """
    rows = []
    for scale, largest in itertools.product(scales, eps):
        images, labels, classifier, least = observers.two_classes(seed, count, SIZE, scale)
        read = measure(PGD("pgd", "", eps=largest), {"": classifier}, images, labels, seed)
        rows.append((scale, largest, 100 * int((least > largest).sum()) / count, read["value"].item(), count))
    return pd.DataFrame(rows, columns=["scale", "eps", "predicted", "measured", "n"])
