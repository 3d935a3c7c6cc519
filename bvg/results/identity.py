"""Which network a model's numbers are of, and under which settings: what must agree before two tables become one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

SETTINGS = ("world", "precision", "seed", "limit")
"""Settings of a run that its numbers depend on."""

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


def of_run(folder: Path) -> dict[str, dict]:
    """Return what the manifest of a run folder says of each model: weights, probe and settings; empty without a manifest."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        settings = {name: manifest["settings"].get(name) for name in SETTINGS}
        return {
            model: {"weights": about["weights_sha256"], "probe": about.get("probe", []), **settings}
            for model, about in manifest["models"].items()
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
