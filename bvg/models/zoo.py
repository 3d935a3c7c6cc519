"""The study's 48 checkpoints (zoo.toml): their names, files and layouts, and how to download them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

from bvg.files import cache_dir
from bvg.messages import suggest
from bvg.models.state_dicts import StateDictLayout

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
def entries() -> dict[str, Entry]:
    """Return every checkpoint by its id, in the order of the published results."""
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
    return list(entries())


def entry(name: str) -> Entry:
    """Return the entry of a checkpoint.

    >>> entry("resnet50_simclrv2").normalization
    'none'

    Raises:
        ValueError: the zoo has no such id; the message suggests one.
    """
    if name not in entries():
        raise ValueError(f"expected the id of a model in the zoo, got {name!r}{suggest(name, names())}")
    return entries()[name]


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
