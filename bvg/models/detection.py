"""Find the weights of a ResNet-50 in a checkpoint whose layout is not known."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from bvg.messages import shorten
from bvg.models.state_dicts import CheckpointError, StateDictLayout, required

PREFIXES = ("module.", "model.", "_orig_mod.", "module.model.", "network.", "backbone.")
"""What training code puts before the names of tensors."""


def detect(
    checkpoint: Mapping[str, Any], layouts: Iterable[StateDictLayout], origin: str, key: str = ""
) -> dict[str, Any]:
    """Apply the first layout that gives a ResNet-50's names, or else the nearest one.

    Args:
        checkpoint: the content of a file.
        layouts: what to try.
        origin: the file, for messages.
        key: name in the file of the weights to read; empty for the layouts' own.

    Raises:
        CheckpointError: no layout applies, or there is no such key.

    Warns:
        UserWarning: the file holds other weights beside those that are read.
    """
    if key:
        checkpoint = {"state_dict": _under(checkpoint, key, origin)}
    from torchvision.models import resnet50  # takes two seconds

    with torch.device("meta"):
        wanted = resnet50().state_dict().keys()
    candidates = []
    for layout in layouts:
        try:
            state = layout.apply(checkpoint)
        except CheckpointError:
            continue
        misfit = len(required(wanted) - state.keys()) + len(state.keys() - wanted)
        candidates.append((misfit, state, layout))
    if not candidates:
        raise CheckpointError(
            f"expected a state dict, or one under a key such as state_dict, got {contents(checkpoint)} ({origin})"
        )
    misfit, state, layout = min(candidates, key=lambda one: one[0])  # of equal ones, the first
    others = sets_of_weights(checkpoint)
    if misfit and others:
        raise CheckpointError(
            f"expected the tensors of a ResNet-50 with 1000 classes, got {contents(checkpoint)}. The nearest layout (path "
            f"{layout.path or 'none'}) lacks {len(required(wanted) - state.keys())} tensors and has "
            f"{len(state.keys() - wanted)} others, such as {shorten(sorted(state.keys() - wanted), 2)}. Name the weights, as "
            f"in {origin}[key={others[-1]}] ({origin})"
        )
    if len(others) > 1:
        used = next(
            (name for name in others if name in [step.removesuffix("?") for step in layout.path.split("/")]), "?"
        )
        rest = [name for name in others if name != used]
        warnings.warn(
            f"{origin} holds several sets of weights: {used!r} is used, not {shorten(rest)}. To choose, write "
            f"{origin}[key={rest[0]}]",
            stacklevel=2,
        )
    return state


def weights_of(checkpoint: Mapping[str, Any], wanted: set[str], origin: str, key: str = "") -> dict[str, Any]:
    """Find the tensors of any network in a checkpoint: at its top, or under a key; wrappers' prefixes are removed.

    Args:
        checkpoint: the content of a file.
        wanted: names of the network's tensors.
        origin: the file, for messages.
        key: name in the file of the weights; empty for the set that has most of the wanted names.

    Raises:
        CheckpointError: there is no such key, or no set of weights.
    """
    sets = (
        [_under(checkpoint, key, origin)]
        if key
        else [checkpoint, *(v for v in checkpoint.values() if isinstance(v, Mapping))]
    )
    candidates = []
    for one in sets:
        tensors = {str(name): value for name, value in one.items() if isinstance(value, torch.Tensor)}
        for prefix in ("", *PREFIXES):
            inner = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
            candidates.append((len(wanted & inner.keys()), inner))
    matched, state = max(candidates, key=lambda one: one[0])  # of equal ones, the first
    if not matched:
        raise CheckpointError(f"expected weights of the network in {origin}, got {contents(checkpoint)}")
    return state


def _under(checkpoint: Mapping[str, Any], key: str, origin: str) -> Mapping[str, Any]:
    """Return the weights that a checkpoint has under a name."""
    if not isinstance(checkpoint.get(key), Mapping):
        raise CheckpointError(f"expected weights under {key!r} in {origin}, got {contents(checkpoint)}")
    return checkpoint[key]


def sets_of_weights(checkpoint: Mapping[str, Any]) -> list[str]:
    """List the keys of a checkpoint that hold many tensors each."""
    return [
        str(key)
        for key, value in checkpoint.items()
        if isinstance(value, Mapping) and sum(isinstance(one, torch.Tensor) for one in value.values()) > 10
    ]


def contents(checkpoint: Mapping[str, Any]) -> str:
    """Describe the top level of a checkpoint in a message."""

    def kind(value: Any) -> str:
        if isinstance(value, torch.Tensor):
            return f"a tensor {list(value.shape)}"
        if isinstance(value, Mapping):
            return f"{len(value)} entries: {shorten(value, 2)}"
        return type(value).__name__

    return "the keys " + shorten([f"{key} ({kind(value)})" for key, value in checkpoint.items()], 8)
