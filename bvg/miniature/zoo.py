"""The miniature's trained networks: their descriptions (zoo.toml, interventions.toml) and weights."""

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
    """Training recipe of a network.

    Attributes:
        seed: seed of the initial weights and of all randomness in training.
        data: "ordinary", "stylized" (random textures) or "both".
        label: class that serves as target: "shape", "texture" or "either" (half of each).
        epochs: passes over the training images.
        augmentation: name of a function in `bvg.miniature.augment`.
        smoothing: label smoothing.
        average: decay of the running average of the weights, which replaces the final weights; 0 for no averaging.
        steps: steps of the attack in adversarial training.
        frozen: whether the spatial convolutions (larger than 1x1) keep their random initial values.
        contrastive: whether to train without labels (SimCLR) and then fit a linear classifier to the features.
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
        name: id in results tables.
        group: kind of training, as in the paper's figures.
        display: printed name.
        method: description of the training.
        norm: norm of the attack in adversarial training ("linf"), otherwise empty.
        epsilon: strength of that attack in units of 1/255; None without adversarial training.
        recipe: training recipe.
    """

    name: str
    group: str
    display: str
    method: str
    norm: str
    epsilon: float | None
    recipe: Recipe


@cache
def _entries(file: str) -> dict[str, Entry]:
    table = tomllib.loads((HERE / file).read_text(encoding="utf-8"))
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
    """Return the ids of the miniature's networks, the baseline first.

    >>> names()[0]
    'mini_standard'
    """
    return list(_entries("zoo.toml"))


def interventions() -> list[str]:
    """Return the ids of the networks that differ from the baseline in one change of training; they are not in `names`.

    >>> interventions()[0]
    'mini_change_stylized_1'
    """
    return list(_entries("interventions.toml"))


def trained() -> list[str]:
    """Return the ids of all networks with weights: the miniature's and those of the interventions."""
    return [*names(), *interventions()]


def entry(name: str) -> Entry:
    """Return the description of a network.

    >>> entry("mini_standard").group
    'baseline'

    Raises:
        ValueError: if there is no such network.
    """
    known = _entries("zoo.toml") | _entries("interventions.toml")
    if name not in known:
        raise ValueError(f"expected one of {', '.join(known)}, got {name!r}")
    return known[name]


def load(name: str, weights: Path = WEIGHTS) -> nn.Module:
    """Load a trained network.

    It maps images, float [N, 3, 64, 64] in [0, 1], to logits [N, 16] and normalizes its input.

    The network is in evaluation mode, and its parameters require no gradient.

    Args:
        name: one of `names()` or `interventions()`.
        weights: folder with NAME.safetensors.

    Raises:
        ValueError: if there is no such network, or the file's tensors are not exactly those of the network.
        FileNotFoundError: if it has not been trained: `make miniature-zoo`.
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
