"""Drawings that say which model each mark stands for: names within the SVG, for the pointer, the screen reader and the page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache

from matplotlib.artist import Artist
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Text

from bvg import study

TAG = "bvg:"
"""How the group ids begin that tell `companion.figures.svg_output` what a mark is."""
PICTURE = f"{TAG}picture"
"""Group id of an image that is itself what is shown (a stimulus), not a map of numbers: pages keep its colours."""


@cache
def section(model: str) -> str:
    """Which group of a legend a model belongs to; the strengths of one norm belong together, the miniature's apart.

    Example:
        >>> section("tv_resnet50"), section("robust_resnet50_l2_eps3"), section("mini_standard"), section("mine")
        ('baseline', 'adversarial_training-l2', 'mini-baseline', 'new')
    """
    known = study.describe([model]).iloc[0]
    norm = f"-{known['norm']}" if known["group"] == "adversarial_training" and known["norm"] else ""
    return ("mini-" if model in study.miniature().index else "") + known["group"] + norm


@cache
def heading(model: str) -> str:
    """Name and method of a model: `SIN: trained on …`."""
    known = study.describe([model]).iloc[0]
    return f"{known['name']}: {known['method']}" if known["method"] else known["name"]


def reading(column: str, value: float, world: study.World = study.STUDY) -> str:
    """A value with its printed name and unit, biases to two decimals, accuracies to one.

    Example:
        >>> reading("bandwidth", 2.104), reading("imagenet-r", 39.36)
        ('Bandwidth 2.10 octaves', 'ImageNet-R 39.4 %')
    """
    name, _, unit = world.name(column).partition(" [")
    if column in {b.id for b in study.BIASES}:
        return f"{name} {value:.2f} {unit.rstrip(']')}".rstrip()
    return f"{name} {value:.1f} %"


def name(artist: Artist, model: str, *numbers: str) -> Artist:
    """The artist, which in the SVG will say that it is this model's and what numbers it stands for."""
    return _tag(artist, model=model, group=section(model), title="\n".join([heading(model), *numbers]))


def entry(artists: Iterable[Artist], of: str, model: bool = False) -> None:
    """Mark artists as an entry of a legend, of a group (see `section`) or of one model."""
    about = {"model": of, "group": section(of)} if model else {"group": of}
    for artist in artists:
        _tag(artist, **about, entry="")


def link(legend: Legend, entries: Sequence[tuple[str, bool]]) -> None:
    """Tell what each entry of a legend stands for, in its order: a group (see `section`), False; or a model, True."""
    texts, waiting, left = legend.get_texts(), [], list(entries)
    for artist in legend.findobj(lambda a: isinstance(a, Line2D | Text)):
        waiting.append(artist)
        if artist in texts:
            entry([a for a in waiting if a in texts or isinstance(a, Line2D)], *left.pop(0))
            waiting = []


def _tag(artist: Artist, **about: str) -> Artist:
    artist.set_gid(TAG + json.dumps(about, ensure_ascii=False))
    return artist
