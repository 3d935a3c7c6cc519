"""Load models: the study's 48 checkpoints (zoo.toml), files, libraries' and your own."""

from __future__ import annotations

import importlib
import os
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from bvg.files import cache_dir
from bvg.messages import suggest
from bvg.models.state_dicts import CheckpointError, StateDictLayout

if TYPE_CHECKING:
    import torch
    from torch import nn

# torch and requests are imported where they are used: the names of the zoo need neither.

NORMALIZATION = {  # mean and SD per channel of inputs in [0, 1]
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
SUFFIXES = (".pth", ".pt", ".ckpt", ".tar", ".bin", ".safetensors")


@dataclass(frozen=True)
class Source:
    """One file of a checkpoint.

    Attributes:
        locator: https://… | gdrive:FILE-ID | torchvision:WEIGHTS | timm:NAME.
        layout: nesting and names of the tensors in the file.
    """

    locator: str
    layout: StateDictLayout


@dataclass(frozen=True)
class Entry:
    """One checkpoint of the zoo.

    Attributes:
        name: id, as in the results table.
        group: training method, as in the paper's figures.
        normalization: imagenet, none, or timm (the values that timm states for these weights).
        sources: the files that hold the weights.
    """

    name: str
    group: str
    normalization: str
    sources: tuple[Source, ...]


@cache
def _data() -> dict:
    return tomllib.loads(files("bvg").joinpath("models", "zoo.toml").read_text(encoding="utf-8"))


@cache
def layouts() -> dict[str, StateDictLayout]:
    """Return every layout by its name in zoo.toml."""

    def frozen(value):
        return tuple(frozen(item) for item in value) if isinstance(value, list) else value

    return {
        name: StateDictLayout(**{key: frozen(value) for key, value in fields.items()})
        for name, fields in _data()["layouts"].items()
    }


@cache
def _entries() -> dict[str, Entry]:
    entries = {}
    for family in _data()["family"]:
        kinds = family["layout"] if isinstance(family["layout"], list) else [family["layout"]]
        for name, parts in family["models"].items():
            parts = parts if isinstance(parts, list) else [parts]
            sources = tuple(
                Source(family["source"].format(part), layouts()[kind]) for part, kind in zip(parts, kinds, strict=True)
            )
            entries[name] = Entry(name, family["group"], family.get("normalization", "imagenet"), sources)
    return entries


def names() -> list[str]:
    """List the ids of the 48 checkpoints, in the order of the published results.

    >>> len(names()), names()[0]
    (48, 'tv_resnet50')
    """
    return list(_entries())


def entry(name: str) -> Entry:
    """Return the entry of a checkpoint.

    >>> entry("resnet50_simclrv2").normalization
    'none'

    Raises:
        ValueError: the zoo has no such id; the message suggests one.
    """
    if name not in _entries():
        raise ValueError(f"expected the id of a model in the zoo, got {name!r}{suggest(name, names())}")
    return _entries()[name]


def fetch(name: str, progress: bool = True) -> list[Path]:
    """Download the files of a checkpoint once, and verify them at every call.

    They are stored in zoo/NAME/ in the cache folder (`bvg.files.cache_dir`). A file put there by hand under the same name
    is used as it is.

    Raises:
        ValueError: the zoo has no such id.
        bvg.downloads.DownloadError: a file cannot be downloaded, or is not the expected one.
    """
    from bvg.downloads import download

    folder = cache_dir() / "zoo" / name
    paths = []
    for source in entry(name).sources:
        url, page, filename = resolve(source.locator)
        # torch.hub's convention: the file name contains the first digits of the SHA-256.
        stated = re.search(r"-([0-9a-f]{8,64})\.", filename)
        paths.append(download(url, folder / filename, stated and stated[1], page=page, progress=progress))
    return paths


def resolve(locator: str) -> tuple[str, str, str]:
    """Return the address of a file, its address for a browser, and its name."""
    kind, _, rest = locator.partition(":")
    if kind == "gdrive":
        # This address skips the page about virus scans and serves ranges, so large files resume too. gdown would add
        # neither the lock nor the digest.
        url = f"https://drive.usercontent.google.com/download?id={rest}&export=download&confirm=t"
        return url, f"https://drive.google.com/file/d/{rest}/view", "checkpoint.pth"
    if kind == "torchvision":
        import torchvision

        url = torchvision.models.get_weight(rest).url
    elif kind == "timm":
        import timm

        url = timm.get_pretrained_cfg(rest).url  # the release file, whose name states its digest
    else:
        url = locator
    return url, url, PurePosixPath(urlparse(url).path).name


def load(
    name_or_path: str | Path, device: str | torch.device = "cpu", size: int = 224, classes: int = 1000
) -> nn.Module:
    """Load a classifier of ImageNet's 1000 classes, ready to be measured.

    Args:
        name_or_path: one of

            - an id of the zoo (`bvg.models.names()`), downloaded if necessary;
            - a path to a ResNet-50's checkpoint (.pth, .pt, .ckpt, .tar, .bin, .safetensors) in any layout of the zoo, which
              is detected; inputs are normalized with ImageNet's mean and SD;
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
        ValueError: the name is unknown, or the model does not return finite logits, one per class.
        bvg.models.state_dicts.CheckpointError: a checkpoint is unreadable, holds code, has a missing or an extra tensor, has another
            number of classes, or weights that are not finite. Nothing in a file is ever executed.
        bvg.downloads.DownloadError: a file cannot be downloaded.
        FileNotFoundError: there is no checkpoint at the path.
    """
    from bvg.models.checkpoints import check_model

    name = str(name_or_path)
    kind, _, rest = name.partition(":")
    if name in _entries():
        model = _from_zoo(entry(name))
    elif Path(name).is_file():
        model = _from_file(Path(name))
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
    check_model(model, name, device, size, classes)
    return model


def _from_zoo(item: Entry) -> nn.Module:
    from bvg.models import checkpoints

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


def _from_file(path: Path) -> nn.Module:
    from bvg.models import checkpoints

    own = layouts()["own"]
    state = checkpoints.detect(
        checkpoints.read(path), [own, *(layout for layout in layouts().values() if layout != own)]
    )
    return checkpoints.normalized(checkpoints.resnet50(state, str(path)), *NORMALIZATION["imagenet"])


def _from_timm(name: str) -> nn.Module:
    import timm

    from bvg.models import checkpoints

    known = timm.list_pretrained()
    if name not in known and name not in {pretrained.partition(".")[0] for pretrained in known}:
        raise ValueError(
            f"expected timm:NAME with a model that timm has weights for, got {name!r}{suggest(name, known)}"
        )
    network = checkpoints.pretrained(f"timm:{name}", lambda: timm.create_model(name, pretrained=True))
    return checkpoints.normalized(network, network.pretrained_cfg["mean"], network.pretrained_cfg["std"])


def _from_torchvision(name: str) -> nn.Module:
    from torchvision import models

    from bvg.models import checkpoints

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
    from torch import nn

    try:
        found = importlib.import_module(module)
        for attribute in function.split("."):
            found = getattr(found, attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(
            f"expected package.module:function that can be imported from here, got {module}:{function} ({error}). "
            "Is its folder on PYTHONPATH?"
        ) from error
    model = found()
    if not isinstance(model, nn.Module):
        raise ValueError(f"expected {module}:{function}() to return a torch.nn.Module, got {type(model).__name__}")
    return model
