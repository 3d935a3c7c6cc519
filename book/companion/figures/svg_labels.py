"""Labels of SVG marks: which model a mark stands for and its values, for the pointer, the screen reader and the page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache

from matplotlib.artist import Artist
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.text import Text

from bvg import known_models, study
from companion.text import format_value

TAG = "bvg:"
"""Prefix of the group ids that carry a label; `companion.figures.svg_output` turns them into titles and attributes."""
PICTURE = f"{TAG}picture"
"""Group id of a displayed stimulus, in contrast to an image that maps numbers to colours: pages keep its colours."""


@cache
def legend_group(model: str) -> str:
    """Return the id of the legend entry a model belongs to: its group, by norm for adversarial training.

    Example:
        >>> legend_group("tv_resnet50"), legend_group("robust_resnet50_l2_eps3"), legend_group("mini_standard"), legend_group("mine")
        ('baseline', 'adversarial_training-l2', 'mini-baseline', 'new')
    """
    known = known_models.describe([model]).iloc[0]
    norm = f"-{known['norm']}" if known["group"] == "adversarial_training" and known["norm"] else ""
    return ("mini-" if model in known_models.miniature().index else "") + known["group"] + norm


@cache
def heading(model: str) -> str:
    """Return name and training method of a model: `SIN: trained on …`."""
    known = known_models.describe([model]).iloc[0]
    return f"{known['name']}: {known['method']}" if known["method"] else known["name"]


def value_with_unit(column: str, value: float, world: study.World = study.STUDY) -> str:
    """Return a value with its printed name and unit: as `companion.text.format_value` writes it.

    Example:
        >>> value_with_unit("bandwidth", 2.104), value_with_unit("imagenet-r", 39.36)
        ('Bandwidth 2.10 octaves', 'ImageNet-R 39.4 %')
    """
    name, _, unit = world.name(column).partition(" [")
    unit = unit.rstrip("]") if column in {b.id for b in study.BIASES} else "%"
    return f"{name} {format_value(column, value)} {unit}".rstrip()


def label_mark(artist: Artist, model: str, *values: str, behind: bool = False) -> Artist:
    """Label an artist as the mark of a model with these values (lines of text), and return it.

    `behind` says that it is grey behind the others; it gets a colour on the page when its model is highlighted.
    """
    label = {"model": model, "group": legend_group(model), "title": "\n".join([heading(model), *values])}
    return _tag(artist, **label, **({"behind": ""} if behind else {}))


def label_entry(artists: Iterable[Artist], id: str, is_model: bool = False) -> None:
    """Label artists as a legend entry of one model, or of a group (an id from `legend_group`)."""
    label = {"model": id, "group": legend_group(id)} if is_model else {"group": id}
    for artist in artists:
        _tag(artist, **label, entry="")


def label_legend(legend: Legend, entries: Sequence[tuple[str, bool]]) -> None:
    """Label the entries of a legend, in order, each given by its id and whether that is a model's."""
    texts, waiting, left = legend.get_texts(), [], list(entries)
    for artist in legend.findobj(lambda a: isinstance(a, Line2D | Text)):
        waiting.append(artist)
        if artist in texts:
            label_entry([a for a in waiting if a in texts or isinstance(a, Line2D)], *left.pop(0))
            waiting = []


def _tag(artist: Artist, **label: str) -> Artist:
    artist.set_gid(TAG + json.dumps(label, ensure_ascii=False))
    return artist
