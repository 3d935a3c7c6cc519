"""What every instrument has: stimuli, a score, rows of the results table, and settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

Condition = tuple[str, str, float | None]
"""Benchmark, variant and level, as in the results table."""

Row = tuple[Condition, str, float, int]
"""Condition, metric, value, and the number of images behind the value."""


class Score(NamedTuple):
    """Scored answers to N images, on the device of the logits.

    Attributes:
        prediction: int64 [N], the decisions.
        hit: bool [N], whether each is correct.
        counts: sums over the images, each an int or an int64 tensor [].
    """

    prediction: Tensor
    hit: Tensor
    counts: dict[str, int | Tensor]

    def sums(self) -> dict[str, int]:
        """Return the sums as Python integers; this waits for the device."""
        return {name: int(value) for name, value in self.counts.items()}


class Setting(NamedTuple):
    """A setting of an instrument, as a command line needs it.

    Attributes:
        name: the field of the instrument, and the keyword of `bvg.measure.run`.
        help: what it is, in one phrase, with the unit.
        default: the value that None stands for; a tuple where a setting takes several numbers.
    """

    name: str
    help: str
    default: Any

    @property
    def several(self) -> bool:
        """Whether it takes a sequence of numbers."""
        return isinstance(self.default, tuple)

    @property
    def type(self) -> type:
        """The type of the number, or of each number."""
        return type(self.default[0] if self.several else self.default)


def setting(default: Any, help: str) -> Any:
    """Declare a field of an instrument as a setting of a run.

    `choose`, `bvg.measure.run` and the command line can then change it. The instrument checks the value in `__post_init__`.
    """
    return field(default=default, metadata={"help": help})


def numbers(values: Any) -> tuple[float, ...]:
    """Return a sequence of numbers as a tuple; empty if `values` is something else.

    >>> numbers([0, 0.5]), numbers("0.5"), numbers(0.5), numbers([True])
    ((0, 0.5), (), (), ())
    """
    values = tuple(values) if isinstance(values, Iterable) and not isinstance(values, str) else ()
    return values if all(isinstance(v, Real) and not isinstance(v, bool) for v in values) else ()


def first(logits: Tensor) -> Tensor:
    """Return the class with the highest logit: float [N, K] -> int64 [N]."""
    return logits.argmax(dim=1)


def targets(labels) -> Tensor:
    """Convert labels to the correct answers per image, int64 [N, L], padded with -1.

    Args:
        labels: as `bvg.datasets.Dataset.labels`: a tuple of sets of classes, or int [N] or [N, 2], of which the first column
            counts.

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
    """Top-1 accuracy on the images of a data set.

    Subclasses change the stimuli, the model's answer or the score. An instrument knows no files, no devices and no order of
    work. Its scores are integer counts, summed over the images and divided once: no number depends on how the images were
    batched.

    Attributes:
        name: its name, and its benchmark in the results table.
        dataset: the data set whose images it uses, a key of `bvg.datasets.layouts.LAYOUTS`.
        decide: from logits [N, K] to decisions int64 [N], comparable with the labels of the data set.
        classes: K, the number of logits that a model must return.
        unit: images measured between two writes; an interrupted run repeats at most this many.
        needs: names of instruments whose numbers are needed to interpret these; `choose` adds them.
        version: of the definition of its numbers. It goes up, with an entry in CHANGES.md, when a number could change.
        alters: whether it evaluates the model with other parameters, so that the module is kept in memory.
    """

    version: ClassVar[int] = 1
    alters: ClassVar[bool] = False

    name: str
    dataset: str
    decide: Callable[[Tensor], Tensor] = first
    classes: int = 1000
    unit: int = 1024
    needs: tuple[str, ...] = ()

    def settings(self) -> list[Setting]:
        """List the fields that were declared by `setting`, with their values as defaults."""
        return [
            Setting(f.name, f.metadata["help"], getattr(self, f.name)) for f in fields(self) if "help" in f.metadata
        ]

    @property
    def parameters(self) -> dict:
        """What the numbers depend on besides model, images, seed and precision.

        It is fixed within a run folder.
        """
        return {}

    @property
    def choices(self) -> int:
        """Number of classes that `decide` chooses from: 1,000, or a subset of 200 or 16.

        >>> Instrument("mine", "imagenet", classes=10).choices
        10
        """
        return len(self.decide(torch.eye(self.classes)).unique())

    def conditions(self, variant: str = "", level: str = "") -> list[Condition]:
        """List the conditions measured on a corruption and severity, or on neither."""
        return [(self.name, variant, float(level) if level else None)]

    def stimuli(
        self, images: Tensor, index: Tensor, seed: int, conditions: Sequence[Condition]
    ) -> Iterator[tuple[Condition, Tensor]]:
        """Make the stimuli of each condition, float [N, 3, H, W] in [0, 1], in any order.

        Args:
            images: float [N, 3, H, W] in [0, 1].
            index: int64 [N], position of each image in its data set.
            seed: seed of all random numbers.
            conditions: some of those that `conditions` returns.
        """
        yield conditions[0], images

    def logits(
        self, model: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor, index: Tensor, seed: int
    ) -> Tensor:
        """Return the model's logits [N, K] for stimuli with labels int64 [N]."""
        return model(images)

    def passes(self, model: Callable[[Tensor], Tensor]) -> int:
        """Return how often the model is evaluated on a stimulus, apart from the steps of an attack."""
        return 1

    def further(self, model: Callable[[Tensor], Tensor], images: Tensor, seed: int) -> dict[str, Tensor]:
        """Return further sums over the stimuli, int64 [] each, for which the model is evaluated again; none by default.

        `model` is a `bvg.models.inference.Answer`, with its module if the instrument `alters` it.
        """
        return {}

    def truth(self, labels) -> Tensor:
        """Convert labels for `score`: int64 [N, L], all of which are correct."""
        return targets(labels)

    def score(self, logits: Tensor, truth: Tensor) -> Score:
        """Compare logits with the result of `truth`, without waiting for the device."""
        prediction = self.decide(logits)
        hit = (prediction[:, None] == truth).any(dim=1)
        return Score(prediction, hit, {"n": len(hit), "top1": hit.sum()})

    def rows(self, counts: Mapping[Condition, Mapping[str, int]]) -> tuple[list[Row], list[str]]:
        """Compute rows of the results table from sums over all images.

        Returns:
            The rows, and a note on each number that is not defined.
        """
        return [
            (condition, "top1", 100 * sums["top1"] / sums["n"], sums["n"]) for condition, sums in counts.items()
        ], []
