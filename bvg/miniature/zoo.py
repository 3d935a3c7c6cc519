"""The miniature's trained networks: what each is (zoo.toml), and its weights as a module."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

HERE = Path(str(files("bvg.miniature")))
WEIGHTS = HERE / "weights"
LOG = WEIGHTS / "training.csv"


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        seed: of the initial weights and of all that is random in training.
        data: "ordinary", "stylized" (textures drawn at random) or "both".
        label: "shape" or "texture": whose class is the target; "either": half of each.
        epochs: passes over the training images.
        augmentation: name of a function in `bvg.miniature.augment`, or "none".
        smoothing: label smoothing.
        average: decay of the running average of the weights that is kept in the end; 0 keeps the last weights.
        steps: steps of the attack in adversarial training.
        frozen: the spatial (larger than 1x1) convolutions keep their random initial values.
        contrastive: trained without labels (SimCLR), then a linear classifier on the features.
    """

    seed: int
    data: str = "ordinary"
    label: str = "shape"
    epochs: int = 6
    augmentation: str = "none"
    smoothing: float = 0.0
    average: float = 0.0
    steps: int = 2
    frozen: bool = False
    contrastive: bool = False


@dataclass(frozen=True)
class Entry:
    """One network of the miniature.

    Attributes:
        name: its id in results tables.
        group: kind of training, as in the paper's figures.
        display: name as printed.
        method: how it was trained, in words.
        norm: norm of the attack in adversarial training ("linf"), otherwise empty.
        epsilon: its strength in units of 1/255, None outside adversarial training.
        recipe: how it is trained.
    """

    name: str
    group: str
    display: str
    method: str
    norm: str
    epsilon: float | None
    recipe: Recipe


@cache
def _entries() -> dict[str, Entry]:
    table = tomllib.loads((HERE / "zoo.toml").read_text(encoding="utf-8"))
    own = ("group", "display", "method", "norm", "epsilon")
    return {
        name: Entry(
            name,
            *(fields[key] for key in own[:3]),
            fields.get("norm", ""),
            fields.get("epsilon"),
            Recipe(**{key: value for key, value in fields.items() if key not in own}),
        )
        for name, fields in table.items()
    }


def names() -> list[str]:
    """The ids of the miniature's networks, the baseline first.

    >>> names()[0]
    'mini_standard'
    """
    return list(_entries())


def entry(name: str) -> Entry:
    """What is known of a network.

    >>> entry("mini_standard").group
    'baseline'

    Raises:
        ValueError: there is no such network.
    """
    if name not in _entries():
        raise ValueError(f"expected one of {', '.join(names())}, got {name!r}")
    return _entries()[name]


def load(name: str, weights: Path = WEIGHTS) -> nn.Module:
    """A trained network: images float [N, 3, 64, 64] in [0, 1] -> logits [N, 16]; the normalisation is inside.

    It is in evaluation mode, and its parameters need no gradient.

    Args:
        name: one of `names()`.
        weights: folder with NAME.safetensors.

    Raises:
        ValueError: there is no such network, or a file that does not hold exactly its tensors.
        FileNotFoundError: it has not been trained: `make miniature-zoo`.
    """
    from safetensors.torch import load_file

    from bvg.miniature.network import Network

    path = weights / f"{entry(name).name}.safetensors"
    if not path.is_file():
        raise FileNotFoundError(f"expected the weights of {name} at {path}: train them with `make miniature-zoo`")
    network = Network()
    stored = {key: value.float() for key, value in load_file(path).items()}
    wanted = {key for key in network.state_dict() if not key.endswith("num_batches_tracked")}
    if stored.keys() != wanted:
        raise ValueError(f"expected the tensors of {name} in {path}, got others: {sorted(stored.keys() ^ wanted)}")
    network.load_state_dict(stored, strict=False)
    return network.eval().requires_grad_(False)
