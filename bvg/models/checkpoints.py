"""Read checkpoint files without running code in them, and check every tensor."""

from __future__ import annotations

import argparse
import hashlib
import os
import pickle
import re
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import nn

from bvg.logits import check_logits
from bvg.messages import shorten
from bvg.models.state_dicts import CheckpointError, required

# Types that training scripts save with the weights: a best accuracy as a NumPy scalar, the command line as a Namespace.
# Unpickling them runs no code. NumPy 1 and 2 pickle the scalar under different names.
_SAFE_GLOBALS = [
    argparse.Namespace,
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("float16", "float32", "float64", "int32", "int64", "bool")),
    (np._core.multiarray.scalar, "numpy.core.multiarray.scalar"),
    (np._core.multiarray.scalar, "numpy._core.multiarray.scalar"),
]


class Normalize(nn.Module):
    """Computes (images - mean) / std per channel, for images float [N, 3, H, W] in [0, 1]."""

    def __init__(self, mean: Iterable[float], std: Iterable[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(list(mean), dtype=torch.float32).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(list(std), dtype=torch.float32).view(3, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (images - self.mean) / self.std


def read(path: str | Path) -> Mapping[str, Any]:
    """Read a checkpoint file to the CPU, without executing its content.

    safetensors reads files that end in .safetensors, `torch.load(weights_only=True)` all others.

    Raises:
        CheckpointError: the file is not a checkpoint, is truncated, or is a pickle that contains more than data.
        FileNotFoundError: there is no such file.
    """
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        with torch.serialization.safe_globals(_SAFE_GLOBALS), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about pickle protocols; an error follows anyway
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # on damaged files the readers raise KeyError, struct.error, …
        raise _read_error(path, error) from None
    if not isinstance(content, Mapping):
        raise CheckpointError(f"expected {path} to hold a state dict, got {type(content).__name__}")
    return content


def _read_error(path: Path, error: Exception) -> CheckpointError:
    if code := re.search(r"GLOBAL (\S+) w", str(error)):  # torch's message for a rejected class
        return CheckpointError(
            f"expected {path} to hold tensors only, got a pickle that refers to {code[1]}, which could run code: "
            "rejected, and nothing in it was executed. If you trust its source, save only its state dict, preferably as "
            ".safetensors, with the program that wrote it."
        )
    with path.open("rb") as file:
        beginning = file.read(16)
    if "TorchScript" in str(error):
        return CheckpointError(
            f"expected {path} to hold a state dict, got a TorchScript archive, which holds code: measure it by a function of "
            f"your own that returns torch.jit.load({path.name!r}) (package.module:function), or save its state_dict()"
        )
    lines = [line for line in str(error).splitlines() if line and "weights_only" not in line]
    reason = f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
    return CheckpointError(
        f"expected {path} to be a checkpoint of PyTorch or safetensors, got a file of {path.stat().st_size} bytes that "
        f"starts with {beginning!r} and cannot be read ({reason}): it is truncated, damaged, or of another kind, "
        "such as a plain pickle. Nothing in it was executed."
    )


def resnet50(state: Mapping[str, Any], origin: str) -> nn.Module:
    """Make a torchvision ResNet-50 with 1000 classes from exactly these tensors (as float32).

    Batch counters (`num_batches_tracked`) may be missing: old PyTorch and TensorFlow have none, and evaluation does not
    use them.

    Args:
        state: tensors under torchvision's names.
        origin: their source, for error messages.

    Raises:
        CheckpointError: a tensor is missing, unexpected, of another shape, or contains NaN or infinity.
    """
    from torchvision.models import resnet50  # takes two seconds, which workers with other networks do not need

    with torch.device("meta"):  # skips a random initialization that would be overwritten
        network = resnet50()
    fill(network, state, "a ResNet-50 with 1000 classes", origin)
    return network


def fill(network: nn.Module, state: Mapping[str, Any], what: str, origin: str) -> None:
    """Load exactly these tensors into a network, in its types.

    Args:
        network: the network; its parameters may be on the device `meta`.
        state: tensors under its names; batch counters may be missing.
        what: the network in words, for messages.
        origin: source of the tensors, for messages.

    Raises:
        CheckpointError: a tensor is missing, unexpected, of another shape, or contains NaN or infinity.
    """
    wanted = network.state_dict()
    if problems := _mismatches(wanted, state):
        raise CheckpointError(f"expected the tensors of {what}, got {'; '.join(problems)} ({origin})")
    check_finite(state, origin)
    tensors = {name: state.get(name, torch.zeros((), dtype=torch.int64)) for name in wanted}
    network.load_state_dict(
        {name: value.to(wanted[name].dtype).contiguous() for name, value in tensors.items()}, assign=True
    )


def check_finite(state: Mapping[str, torch.Tensor], origin: str) -> None:
    """Raise CheckpointError, naming the tensors, if a tensor contains NaN or infinity."""
    bad = [name for name, value in state.items() if value.is_floating_point() and not torch.isfinite(value).all()]
    if bad:
        raise CheckpointError(f"expected finite weights, got NaN or infinity in {shorten(bad)} ({origin})")


def pretrained(name: str, make: Callable[[], nn.Module]) -> nn.Module:
    """Make a model by a library's own loader, and check its weights as those of files.

    Args:
        name: name of the model, for error messages.
        make: calls the library.

    Raises:
        CheckpointError: the library's file contains code (rejected), or weights that are not finite.
        ConnectionError: the weights are not in the library's cache and cannot be downloaded.
    """
    try:
        with _tensors_only():
            network = make()
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"expected the weights of {name} to hold tensors only, got a file that is rejected: {error}"
        ) from error
    except OSError as error:  # the network errors of timm and torchvision
        raise ConnectionError(
            f"expected the weights of {name} in the library's cache or from the network, got "
            f"{type(error).__name__}: {error}"
        ) from error
    check_finite(network.state_dict(), name)
    return network


def normalized(network: nn.Module, mean: Iterable[float], std: Iterable[float]) -> nn.Module:
    """Return the network after a `Normalize`, so that it takes images in [0, 1]."""
    # The name "normalise" enters `weights_digest`: runs that were measured before must still recognize their models.
    return nn.Sequential(OrderedDict(normalise=Normalize(mean, std), network=network))


def check_model(model: nn.Module, name: str, device: torch.device | str, size: int = 224, classes: int = 1000) -> None:
    """Check that a model returns finite logits [1, classes] for one grey image.

    Raises:
        ValueError: it does not.
    """
    try:
        with torch.no_grad():
            logits = model(torch.full((1, 3, size, size), 0.5, device=device))
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, AssertionError, ValueError, TypeError) as error:
        raise ValueError(f"expected {name} to take images [N, 3, {size}, {size}], got: {error}") from error
    check_logits(logits.cpu() if isinstance(logits, torch.Tensor) else logits, classes, 1, f"{name} on a grey image")


def weights_digest(model: nn.Module) -> str:
    """Compute the SHA-256 of all parameters and buffers.

    It covers names, types, shapes and values, and is the same on every device. Batch counters are left out: evaluation does not use them.
    """
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        if not name.endswith("num_batches_tracked"):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


@contextmanager
def _tensors_only() -> Iterator[None]:
    """Make every torch.load in the block, also those of torchvision and timm, reject pickles that contain more than data."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _mismatches(wanted: Mapping[str, torch.Tensor], state: Mapping[str, Any]) -> list[str]:
    problems = []
    if missing := sorted(required(wanted) - state.keys()):
        problems.append(f"{len(missing)} missing: {shorten(missing)}")
    if unexpected := sorted(state.keys() - wanted.keys()):
        problems.append(f"{len(unexpected)} unexpected: {shorten(unexpected)}")
    for name in sorted(wanted.keys() & state.keys()):
        if not isinstance(state[name], torch.Tensor):
            problems.append(f"{name} is {type(state[name]).__name__}, not a tensor")
        elif state[name].shape != wanted[name].shape:
            problems.append(f"{name} has shape {tuple(state[name].shape)}, not {tuple(wanted[name].shape)}")
    return problems[:6]
