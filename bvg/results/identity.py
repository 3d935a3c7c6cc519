"""Which network a model's numbers are of, and under which settings: what must agree before two tables become one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

SETTINGS = ("world", "precision", "seed", "limit")
"""Settings of a run that its numbers depend on."""

MEASURED = {
    "version": "instrument version",
    "classes": "number of classes to choose from",
    "preprocessing": "preprocessing",
    "of": "images in the data set",
    "sha256": "digest of the images' paths and labels",
    "content_sha256": "digest of the images' content",
}
"""What runs must have measured alike to be one table: entry of a manifest -> its name. Digests are those of the images used, so
they are compared only between runs that used equally many."""

TOLERANCE = 1e-3
"""Largest difference between logits of one network on two devices, relative to the largest logit."""


def same_answers(one: Sequence[float], other: Sequence[float]) -> bool:
    """Return whether two lists of a probe's logits (see `bvg.models.probe`) are those of one network, on any device.

    >>> same_answers([10.0, -3.0], [10.001, -3.0]), same_answers([10.0, -3.0], [9.9, -3.0])
    (True, False)
    """
    one, other = np.asarray(one, float), np.asarray(other, float)
    if one.shape != other.shape:
        return False
    largest = max(np.abs(one).max(initial=0), np.abs(other).max(initial=0))
    return bool(np.allclose(one, other, rtol=0, atol=TOLERANCE * largest))


def manifest(folder: Path) -> dict | None:
    """Read the manifest of a run folder; None without one."""
    path = folder / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def of_run(folder: Path) -> dict[str, dict]:
    """Return what the manifest of a run folder says of each model: weights, probe and settings; empty without a manifest."""
    try:
        found = manifest(folder)
        settings = {name: found["settings"].get(name) for name in SETTINGS}
        return {
            model: {"weights": about["weights_sha256"], "probe": about.get("probe", []), **settings}
            for model, about in found["models"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def difference(one: Mapping, other: Mapping) -> str:
    """Say in words how two identities differ; empty if they agree.

    >>> a = {"weights": "1f", "probe": [], "world": "study", "precision": "fp32", "seed": 0, "limit": None}
    >>> difference(a, a), difference(a, a | {"precision": "fp16"})
    ('', 'precision fp32 and fp16')
    """
    if one["weights"] != other["weights"]:
        return "different weights"
    if not same_answers(one["probe"], other["probe"]):
        return "different logits from the same weights"
    return ", ".join(f"{name} {one[name]} and {other[name]}" for name in SETTINGS if one[name] != other[name])


def measurements(folder: Path) -> dict[str, dict]:
    """Return what the manifest of a run folder says of each measurement, by instrument, variant and level; empty without one."""
    try:
        return dict(manifest(folder)["measurements"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def measured_otherwise(one: Mapping[str, Mapping], other: Mapping[str, Mapping]) -> str:
    """Say in words how the first measurement that two runs share differs; empty if none does.

    An entry that only one of them has is not compared.

    >>> a = {"version": 1, "count": 50, "sha256": "1f"}
    >>> measured_otherwise({"pgd": a}, {"pgd": a | {"version": 2}}), measured_otherwise({"pgd": a}, {"pgd": a | {"count": 9, "sha256": "2e"}})
    ('pgd: instrument version 1 and 2', '')
    """
    for name in [name for name in one if name in other]:
        a, b = one[name], other[name]
        digests = a.get("count") == b.get("count")
        keys = [k for k in MEASURED if k in a and k in b and a[k] != b[k] and (digests or "sha256" not in k)]
        if keys:
            return f"{name}: " + ", ".join(f"{MEASURED[k]} {_short(a[k])} and {_short(b[k])}" for k in keys)
    return ""


def _short(value: object) -> str:
    """Shorten a digest for a message."""
    text = str(value)
    return f"{text[:12]}…" if len(text) > 40 else text
