"""The instruments: what each shows to a model, how it scores the answers, which rows of the results table it gives.

Nothing here knows files, devices or the order of work: those are `bvg.measure`'s. A score is made of whole numbers per
image, added up over the images and divided once, so that no number depends on how the images were batched.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from bvg import imagenet_classes as classes
from bvg import kernels, study
from bvg.results import channel

Condition = tuple[str, str, float | None]
"""Benchmark, variant and level of the results table: what a model was shown."""

Row = tuple[Condition, str, float, int]
"""Condition, metric, value, and the images behind it."""


class Score(NamedTuple):
    """The answers to N images, on the device of the logits: int64 [N] decisions, bool [N] whether right, and sums over the
    images, each a number or an int64 tensor that holds one."""

    prediction: Tensor
    hit: Tensor
    counts: dict[str, int | Tensor]

    def sums(self) -> dict[str, int]:
        """The sums as numbers; waits for the device."""
        return {name: int(value) for name, value in self.counts.items()}


def first(logits: Tensor) -> Tensor:
    """The class with the highest logit: float [N, K] -> int64 [N]."""
    return logits.argmax(dim=1)


def targets(labels) -> Tensor:
    """Labels as in `bvg.datasets.Dataset.labels` as int64 [N, L]: the L answers that count as right, filled up by -1.

    >>> targets((frozenset({3}), frozenset({8, 5}))).tolist()
    [[3, -1], [5, 8]]
    """
    if isinstance(labels, tuple):
        longest = max(map(len, labels))
        return torch.tensor([sorted(y) + [-1] * (longest - len(y)) for y in labels])
    labels = torch.as_tensor(labels)
    return labels[:, None] if labels.ndim == 1 else labels[:, :1]


@dataclass(frozen=True)
class Instrument:
    """Top-1 accuracy on a data set as it is; the other instruments are kinds of it.

    Attributes:
        name: what it is called by, and its benchmark in the results table.
        dataset: the data set it shows, a key of `bvg.datasets.layouts.LAYOUTS`.
        decide: from logits [N, K] to decisions int64 [N], in the terms of the data set's labels.
        top5: whether to give top-5 accuracy too.
        classes: K, the logits that a model must have.
        unit: images that are measured between two writes: what a killed run has to do again at most.
        needs: instruments whose numbers are needed to read this one's; they are measured along.
    """

    name: str
    dataset: str
    decide: Callable[[Tensor], Tensor] = first
    top5: bool = False
    classes: int = 1000
    unit: int = 1024
    needs: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict:
        """What its numbers depend on besides model, images, seed and precision; no two values in one run folder."""
        return {}

    def conditions(self, variant: str = "", level: str = "") -> list[Condition]:
        """All that it shows of a data set's condition (corruption and severity, or neither)."""
        return [(self.name, variant, float(level) if level else None)]

    def stimuli(
        self, images: Tensor, index: Tensor, seed: int, conditions: Sequence[Condition]
    ) -> Iterator[tuple[Condition, Tensor]]:
        """What the models are shown, float [N, 3, H, W] in [0, 1], one condition after the other, in any order.

        Args:
            images: float [N, 3, H, W] in [0, 1].
            index: int64 [N], position of each image in its data set.
            seed: of all that is random.
            conditions: what `conditions` gave.
        """
        yield conditions[0], images

    def logits(
        self, model: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor, index: Tensor, seed: int
    ) -> Tensor:
        """The model's answer, [N, K]; labels int64 [N]."""
        return model(images)

    def truth(self, labels) -> Tensor:
        """Labels as in `bvg.datasets.Dataset.labels`, as `score` takes them: int64 [N, L], all of which count as right."""
        return targets(labels)

    def score(self, logits: Tensor, truth: Tensor) -> Score:
        """Compare answers with what `truth` gave, on the same device; the host does not wait for it."""
        prediction = self.decide(logits)
        hit = (prediction[:, None] == truth).any(dim=1)
        counts = {"n": len(hit), "top1": hit.sum()}
        if self.top5:
            best = logits.topk(5, dim=1).indices
            counts["top5"] = (best[:, :, None] == truth[:, None]).any(dim=(1, 2)).sum()
        return Score(prediction, hit, counts)

    def rows(self, counts: Mapping[Condition, Mapping[str, int]]) -> tuple[list[Row], list[str]]:
        """Rows of the results table from sums over all images, and what is to be said about rows left out."""
        return [row for condition, sums in counts.items() for row in _accuracies(condition, sums)], []


def _accuracies(condition: Condition, sums: Mapping[str, int]) -> Iterator[Row]:
    for metric in ("top1", "top5"):
        if metric in sums:
            yield condition, metric, 100 * sums[metric] / sums["n"], sums["n"]


@dataclass(frozen=True)
class ShapeBias(Instrument):
    """Shape decisions / (shape + texture decisions), over the images whose two cues differ; n is their number.

    `top1` is the share of all images whose shape was named, as model-vs-human counts it.
    """

    def truth(self, labels) -> Tensor:
        """int64 [N, 2], category of shape and of texture."""
        return torch.as_tensor(labels)

    def score(self, logits: Tensor, truth: Tensor) -> Score:
        answers = super().score(logits, truth[:, :1])
        shape, texture = truth.T
        for_shape, for_texture = kernels.shape_texture_counts(answers.prediction, shape, texture)
        cues = {"conflict": (shape != texture).sum(), "shape": for_shape, "texture": for_texture}
        return answers._replace(counts=answers.counts | cues)

    def rows(self, counts):
        rows, notes = super().rows(counts)
        for condition, sums in counts.items():
            decided = sums["shape"] + sums["texture"]
            if decided:
                rows.append((condition, "shape_bias", sums["shape"] / decided, sums["conflict"]))
            else:
                notes.append(f"no shape bias: none of {sums['conflict']:,} decisions was for the shape or the texture")
        return rows, notes


@dataclass(frozen=True)
class BandPass(Instrument):
    """Top-1 on low- and high-passed images; both from one Fourier transform.

    Attributes:
        cutoffs: in [0, 1], as fractions of the Nyquist frequency.
    """

    cutoffs: tuple[float, ...] = study.CUTOFFS

    @property
    def parameters(self):
        return {"cutoffs": self.cutoffs}

    def conditions(self, variant="", level=""):
        return [(f"{kind}-pass", "", cutoff) for kind in ("low", "high") for cutoff in self.cutoffs]

    def stimuli(self, images, index, seed, conditions):
        asked = [(benchmark.removesuffix("-pass"), cutoff) for benchmark, _, cutoff in conditions]
        for kind, cutoff, filtered in kernels.bandpass_all(images, asked):
            yield (f"{kind}-pass", "", cutoff), filtered


@dataclass(frozen=True)
class CriticalBand(Instrument):
    """Top-1 on grey, low-contrast images in noise of one octave, and the channel that the accuracies determine.

    Attributes:
        form: empty for the study's; else it begins every variant, so that its rows are never taken for the study's.
        size: height and width of the images, which determine the octaves.
        noise_sds: five standard deviations, 0 and then each twice the one before, as fractions of the grey range. The
            peak noise sensitivity is relative to them: with others than the study's it is another scale.
        contrast: of the grey images.
    """

    form: str = ""
    size: int = 224
    noise_sds: tuple[float, ...] = channel.NOISE_SDS
    contrast: float = 0.2

    @property
    def parameters(self):
        return {"noise_sds": self.noise_sds, "bands": self.bands, "contrast": self.contrast}

    @property
    def bands(self) -> int:
        return kernels.band_count(self.size, self.size)

    def _condition(self, variant: str, level: float | None) -> Condition:
        return "critical-band", "-".join(filter(None, (self.form, variant))), level

    def _accuracy_condition(self, noise_sd: float, band: int) -> Condition:
        # Without noise all bands are one condition.
        return self._condition(f"band-{band}" if noise_sd else "", noise_sd)

    def conditions(self, variant="", level=""):
        grid = (self._accuracy_condition(sd, band) for sd in self.noise_sds for band in range(self.bands))
        return list(dict.fromkeys(grid))

    def stimuli(self, images, index, seed, conditions):
        asked = {(sd, int(variant[-1]) if sd else 0): (name, variant, sd) for name, variant, sd in conditions}
        for noise_sd, band, shown in kernels.critical_band_all(images, list(asked), seed, index, self.contrast):
            yield asked[noise_sd, band], shown

    def rows(self, counts):
        rows, notes = super().rows(counts)
        sums = [[counts[self._accuracy_condition(sd, b)] for b in range(self.bands)] for sd in self.noise_sds]
        accuracy = [[one["top1"] / one["n"] for one in level] for level in sums]
        n = min(one["n"] for level in sums for one in level)
        for variant, relative in (("relative", True), ("raw", False)):
            condition = self._condition(variant, None)
            if relative and accuracy[0][0] == 0:
                notes.append(f"no {condition[1]} channel: no image was classified correctly even without noise")
                continue
            thresholds = channel.noise_thresholds(accuracy, relative)
            fit = channel.fit_channel(thresholds, kernels.band_centre(0, self.size))
            if fit.reason:
                notes.append(f"no {condition[1]} channel: {fit.reason}")
                continue
            rows += [
                (condition, metric, getattr(fit, metric), n)
                for metric in ("bandwidth", "center_frequency", "peak_noise_sensitivity")
            ]
        return rows, notes


@dataclass(frozen=True)
class PGD(Instrument):
    """Top-1 under projected gradient descent, within `eps` of each value, attacking every image."""

    eps: float = study.PGD_EPSILON
    steps: int = 40
    step_size: float = 2 / 255

    @property
    def parameters(self):
        return {"steps": self.steps, "step_size": self.step_size}

    def conditions(self, variant="", level=""):
        return [(self.name, "linf", self.eps)]

    def logits(self, model, images, labels, index, seed):
        return model(kernels.pgd(model, images, labels, self.eps, self.steps, self.step_size, seed, index))


def _subset(name: str) -> Instrument:
    return Instrument(name, name, partial(kernels.subset_argmax, indices=classes.subset(name)))


STUDY: dict[str, Instrument] = {
    instrument.name: instrument
    for instrument in (
        Instrument("imagenet", "imagenet", top5=True),
        Instrument("imagenet-v2", "imagenet-v2", top5=True),
        Instrument("imagenet-real", "imagenet-real"),
        _subset("imagenet-a"),
        Instrument("imagenet-c", "imagenet-c", top5=True),
        Instrument("imagenet-cbar", "imagenet-cbar", top5=True),
        _subset("imagenet-r"),
        Instrument("imagenet-sketch", "imagenet-sketch", top5=True),
        Instrument("stylized", "stylized", kernels.sixteen_way),
        ShapeBias("cue-conflict", "cue-conflict", kernels.sixteen_way),
        BandPass("band-pass", "imagenet", unit=256, needs=("imagenet",)),
        CriticalBand("critical-band", "imagenet", unit=256),
        PGD("pgd", "imagenet", unit=128),
    )
}
"""The instruments of the study: together they give every number that its scores need."""

INSTRUMENTS: dict[str, Instrument] = STUDY | {
    "critical-band-16way": CriticalBand(
        "critical-band-16way", "gray-16class", kernels.sixteen_way, unit=256, form="16way"
    )
}
"""All instruments. `critical-band-16way` is the test as Subramanian et al. made it: their grey images, 16 categories."""


def choose(
    names: str | Iterable[str | Instrument],
    eps: float | None = None,
    cutoffs: Sequence[float] | None = None,
    noise_sds: Sequence[float] | None = None,
    known: Mapping[str, Instrument] = INSTRUMENTS,
) -> list[Instrument]:
    """Instruments by name, each once, in the order of `known`, with those that they need.

    Args:
        names: names, or instruments of one's own; "all" stands for those of the study, "benchmarks" for those among them
            that are accuracies on a data set.
        eps: largest change of a value in the attack, as a fraction of 1. None, here and below: the instrument's own.
        cutoffs: of the low- and high-pass filters, in [0, 1].
        noise_sds: five standard deviations of the narrow-band noise, 0 and then each twice the one before.
        known: instruments by name, such as `INSTRUMENTS`.

    Raises:
        ValueError: no such instrument, none at all, or a setting that is not what it should be.

    >>> [instrument.name for instrument in choose(["pgd", "band-pass"])]
    ['imagenet', 'band-pass', 'pgd']
    """
    if eps is not None and not 0 < eps <= 1:
        raise ValueError(f"expected `eps` in (0, 1], got {eps} (is it in 1/255?)")
    if cutoffs is not None and not (len(cutoffs) and all(0 <= c <= 1 for c in cutoffs)):
        raise ValueError(f"expected `cutoffs` in [0, 1], at least one, got {list(cutoffs)} (are they in percent?)")
    if noise_sds is not None and not channel.doubling(noise_sds):
        raise ValueError(
            f"expected `noise_sds` to be 0 and four more up to 1, each twice the one before, got {list(noise_sds)}"
        )
    chosen: dict[str, Instrument] = {}
    waiting = [names] if isinstance(names, str) else list(names)
    while waiting:
        name = waiting.pop(0)
        if name == "all":
            waiting += [name for name in known if name in STUDY]
        elif name == "benchmarks":
            waiting += [b.id for b in study.BENCHMARKS if b.id in known and b.id != "pgd"]
        elif isinstance(name, Instrument):
            chosen[name.name] = name
        elif name in known:
            chosen.setdefault(name, known[name])
            waiting += [needed for needed in known[name].needs if needed not in chosen]
        else:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(f"expected an instrument among {', '.join(known)} or all, got {name!r}{hint}")
    if not chosen:
        raise ValueError(f"expected at least one instrument among {', '.join(known)} or all, got none")
    place = {name: i for i, name in enumerate(known)}
    ordered = sorted(chosen.values(), key=lambda instrument: place.get(instrument.name, len(place)))
    settings = {
        "eps": eps,
        "cutoffs": cutoffs if cutoffs is None else tuple(cutoffs),
        "noise_sds": noise_sds if noise_sds is None else tuple(noise_sds),
    }
    given = {name: value for name, value in settings.items() if value is not None}
    return [
        replace(i, **{name: value for name, value in given.items() if hasattr(i, name)})
        if i == known.get(i.name)
        else i
        for i in ordered
    ]
