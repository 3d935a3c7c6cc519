"""How a checkpoint file is laid out: from the names in the file to the names of torchvision's ResNet-50."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class CheckpointError(ValueError):
    """A checkpoint that is not what it should be: unreadable, incomplete, of another architecture, or not finite."""


@dataclass(frozen=True)
class Layout:
    """The way from a checkpoint's nesting and names to plain ResNet-50 names.

    The steps are taken in the order of the attributes. What lies beside `path` (optimiser, epoch, …) is no weight and
    is ignored; every tensor at `path` must be dropped here by name or end up as a tensor of the network.

    Attributes:
        path: keys to descend into, parted by "/"; one that ends in "?" is descended into only where it is present.
        only: prefix of the tensors to take, removed from them; the others belong to something beside the classifier.
        drop: parts of names; tensors whose name contains one are not used.
        strip: prefixes removed where a name starts with them, again and again.
        rename: (regular expression, replacement) pairs, applied in order.
    """

    path: str = ""
    only: str = ""
    drop: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()

    def apply(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        """The tensors of a checkpoint under their plain names.

        Raises:
            CheckpointError: a key of `path` is missing or holds no mapping, or two tensors get one name.

        >>> Layout(path="state_dict?", strip=("module.",)).apply({"epoch": 90, "state_dict": {"module.fc.bias": 0}})
        {'fc.bias': 0}
        """
        state: dict[str, Any] = {}
        for key, value in self._descend(checkpoint).items():
            if not isinstance(key, str):
                raise CheckpointError(f"expected the names of tensors, got the key {key!r}")
            if not key.startswith(self.only) or any(part in key for part in self.drop):
                continue
            name = self._plain(key)
            if name in state:
                raise CheckpointError(f"expected one tensor per name, got a second one for {name!r}: {key!r}")
            state[name] = value
        return state

    def _descend(self, checkpoint: Mapping[str, Any]) -> Mapping[str, Any]:
        for step in filter(None, self.path.split("/")):
            key = step.removesuffix("?")
            if key in checkpoint:
                checkpoint = checkpoint[key]
                if not isinstance(checkpoint, Mapping):
                    raise CheckpointError(f"expected a state dict under {key!r}, got {type(checkpoint).__name__}")
            elif not step.endswith("?"):
                raise CheckpointError(f"expected the key {key!r}, got {listing(checkpoint)}")
        return checkpoint

    def _plain(self, name: str) -> str:
        name = name.removeprefix(self.only)
        while prefix := next((prefix for prefix in self.strip if name.startswith(prefix)), None):
            name = name.removeprefix(prefix)
        for pattern, replacement in self.rename:
            name = re.sub(pattern, replacement, name)
        return name


def listing(names, limit: int = 6) -> str:
    """Names for an error message, the first few of many.

    >>> listing(["fc.bias", "fc.weight", "bn1.bias"], limit=2)
    'fc.bias, fc.weight and 1 more'
    """
    names = [str(name) for name in names]
    shown = ", ".join(names[:limit]) or "none"
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
