"""Map the names in a checkpoint to the names of torchvision's ResNet-50."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bvg.messages import Brief, shorten


class CheckpointError(Brief, ValueError):
    """A checkpoint is unreadable, incomplete, of another architecture, or not finite."""


@dataclass(frozen=True)
class StateDictLayout:
    """How a checkpoint nests and names the weights of a ResNet-50.

    The steps are applied in the order of the attributes. Everything outside `path` (optimizer, epoch, …) is ignored.
    Every tensor at `path` must be dropped here by name or become a tensor of the network.

    Attributes:
        path: keys to descend into, separated by "/"; a key that ends in "?" is optional.
        only: prefix of the tensors to keep, removed from their names; other tensors are not part of the classifier.
        drop: substrings; tensors whose name contains one are not used.
        strip: prefixes, removed repeatedly.
        rename: (regular expression, replacement) pairs, applied in order.
    """

    path: str = ""
    only: str = ""
    drop: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()

    def apply(self, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
        """Return the tensors of a checkpoint under torchvision's names.

        Raises:
            CheckpointError: a key of `path` is missing or does not hold a mapping, or two tensors get the same name.

        >>> StateDictLayout(path="state_dict?", strip=("module.",)).apply({"epoch": 90, "state_dict": {"module.fc.bias": 0}})
        {'fc.bias': 0}
        """
        state: dict[str, Any] = {}
        for key, value in self._descend(checkpoint).items():
            if not isinstance(key, str):
                raise CheckpointError(f"expected keys that are names of tensors, got {key!r}")
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
                raise CheckpointError(f"expected the key {key!r}, got {shorten(checkpoint)}")
        return checkpoint

    def _plain(self, name: str) -> str:
        name = name.removeprefix(self.only)
        while prefix := next((prefix for prefix in self.strip if name.startswith(prefix)), None):
            name = name.removeprefix(prefix)
        for pattern, replacement in self.rename:
            name = re.sub(pattern, replacement, name)
        return name


def required(names: Iterable[str]) -> set[str]:
    """Return the names of tensors that evaluation needs: all but batch counters."""
    return {name for name in names if not name.endswith(".num_batches_tracked")}
