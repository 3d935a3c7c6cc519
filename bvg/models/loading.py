"""Load a model: of the zoo, from a file, from a library, or from your own function."""

from __future__ import annotations

import importlib
import os
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests
import torch
from torch import nn

from bvg.messages import suggest
from bvg.models import checkpoints, file_options
from bvg.models.detection import detect, weights_of
from bvg.models.file_options import FileOptions
from bvg.models.probe import check_evaluation
from bvg.models.state_dicts import CheckpointError
from bvg.models.zoo import NORMALIZATION, SUFFIXES, Entry, entries, entry, fetch, layouts, names


def load(
    name_or_path: str | Path, device: str | torch.device = "cpu", size: int = 224, classes: int = 1000
) -> nn.Module:
    """Load a classifier of ImageNet's 1000 classes, ready to be measured.

    Args:
        name_or_path: one of

            - an id of the zoo (`bvg.models.names()`), downloaded if necessary;
            - a path to a ResNet-50's checkpoint (.pth, .pt, .ckpt, .tar, .bin, .safetensors) in any layout of the zoo, which
              is detected; inputs are normalized with ImageNet's mean and SD. Options in brackets: `best.pth[key=state_dict_ema]`
              reads the weights that the file has under a name, `best.pth[mean=0.5,std=0.5]` states another normalization
              (one number, or three), `best.pth[timm=convnext_tiny]` another architecture of timm, normalized as timm states
              (`bvg.models.file_options`);
            - `timm:NAME`: pretrained weights of the timm library, normalized as timm states;
            - `torchvision:NAME` or `torchvision:NAME.WEIGHTS`, such as `torchvision:resnet50.IMAGENET1K_V2`: pretrained
              weights of torchvision, by default `DEFAULT`, normalized as torchvision states;
            - `package.module:function`: your function, called without arguments, that returns an nn.Module on inputs in
              [0, 1], with any normalization inside.
        device: where to put the model.
        size, classes: size [px] of the images and number of the logits; checked on a grey image.

    Returns:
        A module from images, float [N, 3, size, size] in [0, 1], to logits [N, classes]. It is in evaluation mode,
        normalizes inside, and its parameters have no gradient (an attack needs only that of the input).

    Raises:
        ValueError: the name is unknown, your function fails, or the model stays in training mode or does not return finite
            logits, one per class.
        bvg.models.state_dicts.CheckpointError: a checkpoint is unreadable, holds code, has a missing or an extra tensor, has another
            number of classes, or weights that are not finite. Nothing in a file is ever executed.
        bvg.downloads.DownloadError: a file cannot be downloaded.
        FileNotFoundError: the path does not exist or is not a file.
    """
    name = str(name_or_path)
    kind, _, rest = name.partition(":")
    if name in entries():
        model = _from_zoo(entry(name))
    elif options := file_options.parse(name):
        model = _from_file(options)
    elif kind == "timm":
        model = _from_timm(rest)
    elif kind == "torchvision":
        model = _from_torchvision(rest)
    elif isinstance(name_or_path, Path) or name.endswith(SUFFIXES) or os.sep in name:
        raise FileNotFoundError(f"expected a checkpoint file, got {name}, which does not exist or is not a file")
    elif rest:
        model = _from_function(kind, rest)
    else:
        raise ValueError(
            "expected an id of the zoo, a path to a checkpoint, timm:NAME, torchvision:NAME or package.module:function, "
            f"got {name!r}{suggest(name, names())}"
        )
    model = model.to(device).eval().requires_grad_(False)
    check_evaluation(model, name)
    checkpoints.check_model(model, name, device, size, classes)
    return model


def _from_zoo(item: Entry) -> nn.Module:
    state: dict = {}
    for source, path in zip(item.sources, fetch(item.name), strict=True):
        part = source.layout.apply(checkpoints.read(path))
        if twice := state.keys() & part.keys():
            raise CheckpointError(f"expected each tensor in one file of {item.name}, got {sorted(twice)} in two")
        state |= part
    if item.normalization == "timm":
        import timm

        stated = timm.get_pretrained_cfg(item.sources[0].locator.removeprefix("timm:"))
        return checkpoints.normalized(checkpoints.resnet50(state, item.name), stated.mean, stated.std)
    return checkpoints.normalized(checkpoints.resnet50(state, item.name), *NORMALIZATION[item.normalization])


def _from_file(options: FileOptions) -> nn.Module:
    content, origin = checkpoints.read(options.path), str(options.path)
    if options.timm:
        network, mean, std = _timm_from_file(options, content)
    else:
        own = layouts()["own"]
        others = [layout for layout in layouts().values() if layout != own]
        network = checkpoints.resnet50(detect(content, [own, *others], origin, options.key), origin)
        mean, std = NORMALIZATION["imagenet"]
    return checkpoints.normalized(network, options.mean or mean, options.std or std)


def _timm_from_file(options: FileOptions, content: Mapping) -> tuple[nn.Module, tuple, tuple]:
    """Make an architecture of timm with the weights of a file; return it with the mean and the SD that timm states."""
    import timm

    if not timm.is_model(options.timm):
        raise ValueError(
            f"expected timm=NAME with an architecture of timm, got {options.timm!r}{suggest(options.timm, timm.list_models())}"
        )
    network = timm.create_model(options.timm, pretrained=False)
    state = weights_of(content, set(network.state_dict()), str(options.path), options.key)
    checkpoints.fill(network, state, f"{options.timm} of timm", str(options.path))
    return network, network.pretrained_cfg["mean"], network.pretrained_cfg["std"]


def _from_timm(name: str) -> nn.Module:
    import timm

    known = timm.list_pretrained()
    if name not in known and name not in {pretrained.partition(".")[0] for pretrained in known}:
        raise ValueError(
            f"expected timm:NAME with a model that timm has weights for, got {name!r}{suggest(name, known)}"
        )
    with _offline_if_unreachable():
        network = checkpoints.pretrained(f"timm:{name}", lambda: timm.create_model(name, pretrained=True))
    return checkpoints.normalized(network, network.pretrained_cfg["mean"], network.pretrained_cfg["std"])


def _from_torchvision(name: str) -> nn.Module:
    from torchvision import models

    architecture, _, tag = name.partition(".")
    known = models.list_models(module=models)
    if architecture not in known:
        raise ValueError(f"expected torchvision:NAME with a classifier, got {name!r}{suggest(architecture, known)}")
    options = models.get_model_weights(architecture)
    if (tag or "DEFAULT") not in options.__members__:
        raise ValueError(
            f"expected torchvision:{architecture}.WEIGHTS with one of {list(options.__members__)}, got {tag!r}"
        )
    weights = options[tag or "DEFAULT"]
    network = checkpoints.pretrained(f"torchvision:{name}", lambda: models.get_model(architecture, weights=weights))
    stated = weights.transforms()
    return checkpoints.normalized(network, stated.mean, stated.std)


def _from_function(module: str, function: str) -> nn.Module:
    try:
        found = importlib.import_module(module)
        for attribute in function.split("."):
            found = getattr(found, attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(
            f"expected package.module:function that can be imported from here, got {module}:{function} ({error}). "
            "Is its folder on PYTHONPATH?"
        ) from error
    try:
        model = found()
    except Exception as error:  # your function may raise anything
        *_, place = traceback.extract_tb(error.__traceback__)
        raise ValueError(
            f"expected {module}:{function}() to return a torch.nn.Module, got {type(error).__name__}: {error} "
            f"({place.filename}, line {place.lineno})"
        ) from error
    if not isinstance(model, nn.Module):
        raise ValueError(f"expected {module}:{function}() to return a torch.nn.Module, got {type(model).__name__}")
    return model


@contextmanager
def _offline_if_unreachable() -> Iterator[None]:
    """Let huggingface_hub use its cache only, within the block, if it cannot be reached; it would try for a minute."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    if not before:
        try:
            requests.head(constants.ENDPOINT, timeout=5)
        except requests.RequestException:
            constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
