"""Checkpoint files: read without executing anything, checked tensor by tensor, put into a ResNet-50."""

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
import torchvision
from torch import nn

from bvg.models.state_dicts import CheckpointError, Layout, listing

# What training scripts leave beside the weights: a best accuracy as a NumPy scalar, the command line as a Namespace.
# Making one of these runs no code; their names are as pickles written by NumPy 1 and 2 spell them.
_HARMLESS = [
    argparse.Namespace,
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("float16", "float32", "float64", "int32", "int64", "bool")),
    (np._core.multiarray.scalar, "numpy.core.multiarray.scalar"),
    (np._core.multiarray.scalar, "numpy._core.multiarray.scalar"),
]


class Normalise(nn.Module):
    """(images - mean) / std per channel, for images float [N, 3, H, W] in [0, 1]."""

    def __init__(self, mean: Iterable[float], std: Iterable[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(list(mean), dtype=torch.float32).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(list(std), dtype=torch.float32).view(3, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return (images - self.mean) / self.std


def read(path: str | Path) -> Mapping[str, Any]:
    """The content of a checkpoint file, on the CPU, with nothing in it executed.

    Files that end in .safetensors are read by safetensors, all others by `torch.load(weights_only=True)`.

    Raises:
        CheckpointError: the file is no checkpoint, is cut short, or is a pickle that holds more than data.
        FileNotFoundError: there is no such file.
    """
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        with torch.serialization.safe_globals(_HARMLESS), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # on pickle protocols, when an error follows anyway
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # the readers raise whatever a damaged file leads them to: KeyError, struct.error, …
        raise _refusal(path, error) from None
    if not isinstance(content, Mapping):
        raise CheckpointError(f"expected {path} to hold a state dict, got {type(content).__name__}")
    return content


def _refusal(path: Path, error: Exception) -> CheckpointError:
    if code := re.search(r"GLOBAL (\S+) w", str(error)):  # the only wording in which torch names what it refuses
        return CheckpointError(
            f"expected {path} to hold tensors only, got a pickle that refers to {code[1]}, which could run code: "
            "refused, and nothing in it was executed. If you trust where it comes from, save its state dict alone, "
            "best as .safetensors, with the program that wrote it."
        )
    with path.open("rb") as file:
        beginning = file.read(16)
    lines = [line for line in str(error).splitlines() if line and "weights_only" not in line]
    reason = f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
    return CheckpointError(
        f"expected {path} to be a checkpoint of PyTorch or safetensors, got a file of {path.stat().st_size} bytes that "
        f"starts with {beginning!r} and cannot be read ({reason}): it is cut short, damaged, or of another kind, "
        "such as a plain pickle. Nothing in it was executed."
    )


def resnet50(state: Mapping[str, Any], origin: str) -> nn.Module:
    """A torchvision ResNet-50 with 1000 classes that holds exactly these tensors (as float32).

    Counters of seen batches (`num_batches_tracked`) may be missing: old PyTorch and TensorFlow have none, and they have
    no influence in evaluation.

    Args:
        state: tensors under torchvision's names.
        origin: where they come from, for messages.

    Raises:
        CheckpointError: a tensor is missing, unexpected, of another shape, or holds NaN or infinity.
    """
    with torch.device("meta"):  # no random initialisation that is thrown away
        network = torchvision.models.resnet50()
    wanted = network.state_dict()
    if problems := _mismatches(wanted, state):
        raise CheckpointError(
            f"expected the tensors of a ResNet-50 with 1000 classes, got {'; '.join(problems)} ({origin})"
        )
    refuse_non_finite(state, origin)
    tensors = {name: state.get(name, torch.zeros((), dtype=torch.int64)) for name in wanted}
    network.load_state_dict(
        {name: value.to(wanted[name].dtype).contiguous() for name, value in tensors.items()}, assign=True
    )
    return network


def detect(checkpoint: Mapping[str, Any], layouts: Iterable[Layout]) -> dict[str, Any]:
    """The state dict as the first layout under which it has a ResNet-50's names sees it, or else as the nearest does.

    Raises:
        CheckpointError: no layout applies at all.
    """
    with torch.device("meta"):
        wanted = torchvision.models.resnet50().state_dict().keys()
    candidates = []
    for layout in layouts:
        try:
            state = layout.apply(checkpoint)
        except CheckpointError:
            continue
        candidates.append((len(_required(wanted) - state.keys()) + len(state.keys() - wanted), len(candidates), state))
    if not candidates:
        raise CheckpointError(
            f"expected a state dict, or one under a key such as state_dict, got {listing(checkpoint)}"
        )
    return min(candidates)[2]


def refuse_non_finite(state: Mapping[str, torch.Tensor], origin: str) -> None:
    """Raise CheckpointError if a tensor holds NaN or infinity, naming the tensors."""
    bad = [name for name, value in state.items() if value.is_floating_point() and not torch.isfinite(value).all()]
    if bad:
        raise CheckpointError(f"expected finite weights, got NaN or infinity in {listing(bad)} ({origin})")


def pretrained(name: str, make: Callable[[], nn.Module]) -> nn.Module:
    """A model made by a library's own loader, with its weights held to what holds for files.

    Args:
        name: what is loaded, for messages.
        make: calls the library.

    Raises:
        CheckpointError: the library's file holds code (refused), or weights that are not finite.
        ConnectionError: the weights are not in the library's cache and cannot be downloaded.
    """
    try:
        with _tensors_only():
            network = make()
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"expected the weights of {name} to hold tensors only, got a file that is refused: {error}"
        ) from error
    except OSError as error:  # the network errors of timm and torchvision
        raise ConnectionError(
            f"expected the weights of {name} in the library's cache or from the network, got "
            f"{type(error).__name__}: {error}"
        ) from error
    refuse_non_finite(network.state_dict(), name)
    return network


def normalised(network: nn.Module, mean: Iterable[float], std: Iterable[float]) -> nn.Module:
    """The network behind a `Normalise`, so that it takes images in [0, 1]; the parts are `normalise` and `network`."""
    return nn.Sequential(OrderedDict(normalise=Normalise(mean, std), network=network))


def check_logits(model: nn.Module, name: str, device: torch.device | str, size: int = 224, classes: int = 1000) -> None:
    """Show one grey image to a model.

    Raises:
        ValueError: it does not take images [N, 3, size, size], or does not give that many finite logits.
    """
    try:
        with torch.no_grad():
            logits = model(torch.full((1, 3, size, size), 0.5, device=device))
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, AssertionError, ValueError, TypeError) as error:
        raise ValueError(f"expected {name} to take images [N, 3, {size}, {size}], got: {error}") from error
    shape = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
    if shape != (1, classes):
        of = {1000: "ImageNet's classes", 16: "the miniature's classes"}.get(classes, "its classes")
        raise ValueError(f"expected {name} to give logits [N, {classes}], {of}, got {shape} for one image")
    if not torch.isfinite(logits).all():
        raise ValueError(f"expected {name} to give finite logits, got NaN or infinity for a grey image")


def weights_digest(model: nn.Module) -> str:
    """SHA-256 over names, types, shapes and values of all parameters and buffers, the same on every device.

    Counters of seen batches are left out: they have no influence in evaluation.
    """
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        if not name.endswith("num_batches_tracked"):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


@contextmanager
def _tensors_only() -> Iterator[None]:
    """Make every torch.load within, also those of torchvision and timm, refuse pickles that hold more than data."""
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


def _required(names: Iterable[str]) -> set[str]:
    return {name for name in names if not name.endswith(".num_batches_tracked")}


def _mismatches(wanted: Mapping[str, torch.Tensor], state: Mapping[str, Any]) -> list[str]:
    problems = []
    if missing := sorted(_required(wanted) - state.keys()):
        problems.append(f"{len(missing)} missing: {listing(missing)}")
    if unexpected := sorted(state.keys() - wanted.keys()):
        problems.append(f"{len(unexpected)} unexpected: {listing(unexpected)}")
    for name in sorted(wanted.keys() & state.keys()):
        if not isinstance(state[name], torch.Tensor):
            problems.append(f"{name} is {type(state[name]).__name__}, no tensor")
        elif state[name].shape != wanted[name].shape:
            problems.append(f"{name} has shape {tuple(state[name].shape)}, not {tuple(wanted[name].shape)}")
    return problems[:6]
