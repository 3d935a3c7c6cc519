"""Where the data sets come from: files, sizes, digests and licences (upstream.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from bvg.messages import suggest


@dataclass(frozen=True)
class RemoteFile:
    """One file to download.

    Attributes:
        url: its address.
        name: its name.
        bytes: its size; 0 if upstream does not state it.
        digest: "sha256:…" or "md5:…"; empty if none is published.
        holds: folders that it holds, for a data set of several archives.
    """

    url: str
    name: str
    bytes: int = 0
    digest: str = ""
    holds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Upstream:
    """The source of a data set.

    Attributes:
        name: id of the data set, as in `bvg.datasets.layouts`.
        about: what it contains.
        page: address for a browser.
        licence: its licence, as far as the page states it.
        files: what can be downloaded; empty where nothing can.
        folders: path in the archives -> path under the root; "*" stands for every folder.
        by_hand: what to do instead; `{root}` stands for the root folder.
        needs: another data set that it refers to.
        bytes: size of what has to be downloaded by hand; 0 if it is not stated.
        used_by: the instruments that use it.
    """

    name: str
    about: str
    page: str
    licence: str
    files: tuple[RemoteFile, ...] = ()
    folders: Mapping[str, str] = field(default_factory=dict)
    by_hand: str = ""
    needs: str = ""
    bytes: int = 0
    used_by: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes to download; 0 if they are not stated."""
        return self.bytes or sum(file.bytes for file in self.files)


@cache
def _upstreams() -> dict[str, Upstream]:
    table = tomllib.loads((files("bvg") / "datasets" / "upstream.toml").read_text(encoding="utf-8"))
    return {
        name: Upstream(name, **(entry | {"files": tuple(RemoteFile(**one) for one in entry.get("files", ()))}))
        for name, entry in table.items()
    }


def names() -> list[str]:
    """Return the ids of the data sets that have a source.

    >>> names()[0]
    'imagenet'
    """
    return list(_upstreams())


def upstream(name: str) -> Upstream:
    """Return the source of a data set.

    Raises:
        ValueError: there is no such data set; the message lists them.
    """
    if name not in _upstreams():
        raise ValueError(f"expected one of {', '.join(names())}, got {name!r}{suggest(name, names())}")
    return _upstreams()[name]
