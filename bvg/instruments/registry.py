"""The registry of instruments, and how to choose among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from bvg import kernels, study
from bvg.instruments.accuracy import Accuracy, subset_accuracy
from bvg.instruments.band_pass import BandPass
from bvg.instruments.base import Instrument, Setting
from bvg.instruments.critical_band import CriticalBand
from bvg.instruments.layer_criticality import LayerCriticality
from bvg.instruments.pgd import PGD
from bvg.instruments.shape_bias import ShapeBias
from bvg.messages import suggest


def by_name(*instruments: Instrument) -> dict[str, Instrument]:
    """Return instruments by name, in order."""
    return {instrument.name: instrument for instrument in instruments}


STUDY: dict[str, Instrument] = by_name(
    Accuracy("imagenet", "imagenet", top5=True),
    Accuracy("imagenet-v2", "imagenet-v2", top5=True),
    Accuracy("imagenet-real", "imagenet-real"),
    subset_accuracy("imagenet-a"),
    Accuracy("imagenet-c", "imagenet-c", top5=True),
    Accuracy("imagenet-cbar", "imagenet-cbar", top5=True),
    subset_accuracy("imagenet-r"),
    Accuracy("imagenet-sketch", "imagenet-sketch", top5=True),
    Accuracy("stylized", "stylized", kernels.sixteen_way),
    ShapeBias("cue-conflict", "cue-conflict", kernels.sixteen_way),
    BandPass("band-pass", "imagenet", unit=256, needs=("imagenet",)),
    CriticalBand("critical-band", "imagenet", unit=256),
    PGD("pgd", "imagenet", unit=128),
)
"""The instruments of the study; together they give every number that the scores need."""

INSTRUMENTS: dict[str, Instrument] = STUDY | by_name(
    CriticalBand("critical-band-16way", "gray-16class", kernels.sixteen_way, unit=256, form="16way"),
    LayerCriticality("layer-criticality", "imagenet", unit=256),
)
"""All instruments. `critical-band-16way` is the original test of Subramanian et al.: their grey images, 16 categories.
`layer-criticality` is not in the paper."""


def settings(known: Mapping[str, Instrument] = INSTRUMENTS) -> dict[str, Setting]:
    """List the settings of instruments by name.

    The command line has an option for each.

    >>> list(settings())
    ['cutoffs', 'noise_sds', 'eps', 'trials']
    """
    return {setting.name: setting for instrument in known.values() for setting in instrument.settings()}


def choose(
    names: str | Iterable[str | Instrument],
    settings: Mapping[str, Any] | None = None,
    known: Mapping[str, Instrument] = INSTRUMENTS,
) -> list[Instrument]:
    """Look up instruments by name, add those that they need, and apply settings.

    Args:
        names: names or instruments. "all" stands for the instruments of the study, "benchmarks" for those among them that
            measure accuracy on a data set.
        settings: values of settings (see `settings`), such as {"eps": 1 / 255}, for each known instrument that has them;
            None stands for the instrument's own value. An instrument that is passed as an object keeps its own.
        known: instruments by name, such as `INSTRUMENTS`.

    Returns:
        Each instrument once, in the order of `known`.

    Raises:
        ValueError: an unknown instrument, none at all, a setting that no chosen instrument has, or an invalid value.

    >>> [instrument.name for instrument in choose(["pgd", "band-pass"])]
    ['imagenet', 'band-pass', 'pgd']
    >>> choose("pgd", {"eps": 8})
    Traceback (most recent call last):
    ...
    ValueError: expected `eps` in (0, 1], got 8 (is it in 1/255?)
    """
    chosen = _resolve(names, known)
    given = {name: value for name, value in (settings or {}).items() if value is not None}
    own = {instrument.name: {setting.name for setting in instrument.settings()} for instrument in chosen}
    usable = sorted(set().union(*own.values()))
    for name in given:
        if name not in usable:
            raise ValueError(
                f"expected settings of the chosen instruments ({', '.join(usable) or 'they have none'}), "
                f"got `{name}`{suggest(name, usable)}"
            )
    return [
        replace(one, **{name: value for name, value in given.items() if name in own[one.name]})
        if one == known.get(one.name)
        else one
        for one in chosen
    ]


def _resolve(names: str | Iterable[str | Instrument], known: Mapping[str, Instrument]) -> list[Instrument]:
    """Return instruments with those that they need, in the order of `known`."""
    chosen: dict[str, Instrument] = {}
    waiting = [names] if isinstance(names, str) else list(names)
    while waiting:
        name = waiting.pop(0)
        if isinstance(name, Instrument):
            chosen[name.name] = name
        elif name == "all":
            waiting += [name for name in known if name in STUDY]
        elif name == "benchmarks":
            waiting += [b.id for b in study.BENCHMARKS if b.id in known and b.id != "pgd"]
        elif name in known:
            chosen.setdefault(name, known[name])
            waiting += [needed for needed in known[name].needs if needed not in chosen]
        else:
            raise ValueError(
                f"expected an instrument among {', '.join(known)} or all, got {name!r}{suggest(name, known)}"
            )
    if not chosen:
        raise ValueError(f"expected at least one instrument among {', '.join(known)} or all, got none")
    place = {name: i for i, name in enumerate(known)}
    return sorted(chosen.values(), key=lambda instrument: place.get(instrument.name, len(place)))
