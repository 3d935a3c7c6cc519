"""Layer criticality: how much a model's output changes when one layer is re-initialised (Zhang et al. 2022, Gavrikov et al. 2024)."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, softmax

from bvg.instruments.base import Instrument, Row, setting
from bvg.results.criticality import TRIALS

SCALE = 2**32
"""Similarities are summed as integers in units of 1 / SCALE, so that sums do not depend on the order of the images."""


def layers(module: nn.Module) -> dict[str, str]:
    """List the convolutions and linear layers of a network in the order of definition.

    Returns:
        Name of the layer, without the names of the modules around all of them -> its full name in the module.

    Example:
        >>> layers(nn.Sequential(nn.Identity(), nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 5, 1))))
        {'0': '1.0', '2': '1.2'}
    """
    found = [name for name, part in module.named_modules() if isinstance(part, nn.modules.conv._ConvNd | nn.Linear)]
    parts = [name.split(".")[:-1] for name in found]
    around = 0
    while parts and all(len(one) > around and one[around] == parts[0][around] for one in parts):
        around += 1
    return {".".join(name.split(".")[around:]): name for name in found}


def reinitialised(module: nn.Module, layer: str, trial: int, seed: int) -> dict[str, Tensor]:
    """Draw new parameters for one layer by its own initialiser (`reset_parameters`); the module is not changed.

    They depend on the layer's shape and on (seed, layer, trial), not on the device, the model's weights or other layers.

    Args:
        module: the network.
        layer: name of a layer (see `layers`).
        trial: number of the trial.
        seed: seed of all random numbers.

    Returns:
        Full name of each parameter of the layer -> its new value.
    """
    full = layers(module)[layer]
    original = module.get_submodule(full)
    fresh = deepcopy(original).cpu()
    key = hashlib.sha256(f"{seed}/{layer}/{trial}".encode()).digest()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(key[:8], "little"))
        fresh.reset_parameters()
    like = dict(original.named_parameters())
    return {f"{full}.{name}": value.detach().to(like[name]) for name, value in fresh.named_parameters()}


@dataclass(frozen=True)
class LayerCriticality(Instrument):
    """1 minus the cosine similarity of the softmax outputs of a model and of the model with one layer re-initialised.

    It is averaged over the images and over several random draws of the layer's parameters. 0: the layer can be replaced by a
    random one without effect. Outputs of an altered model that are not finite count as similarity 0.

    Attributes:
        trials: number of random draws per layer.

    Raises:
        ValueError: `trials` is not a positive integer.
    """

    trials: int = setting(TRIALS, "random draws of the parameters of each layer, for layer criticality")
    alters: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.trials, int) or isinstance(self.trials, bool) or self.trials < 1:
            raise ValueError(f"expected `trials` to be an integer of at least 1, got {self.trials!r}")

    @property
    def parameters(self):
        return {"trials": self.trials}

    def passes(self, model):
        return 2 + self.trials * len(layers(model.module))

    def further(self, model, images, seed):
        intact = softmax(model.replaced({}, images).double(), dim=1)
        sums = {}
        for layer in layers(model.module):
            for trial in range(self.trials):
                altered = model.replaced(reinitialised(model.module, layer, trial, seed), images)
                similarity = cosine_similarity(intact, softmax(altered.double(), dim=1)).nan_to_num(0).clamp(0, 1)
                sums[f"{layer} {trial}"] = (similarity * SCALE).round().long().sum()
        return sums

    def rows(self, counts):
        rows: list[Row] = []
        for sums in counts.values():
            n, of = sums["n"], {}
            for name, total in sums.items():
                layer, _, trial = name.rpartition(" ")
                if trial.isdecimal():
                    of.setdefault(layer, []).append(1 - total / (SCALE * n))
            for layer, values in of.items():
                condition = (self.name, layer, None)
                rows.append((condition, "criticality", float(np.mean(values)), n))
                if len(values) > 1:
                    rows.append((condition, "criticality_sd", float(np.std(values, ddof=1)), n))
        return rows, []
