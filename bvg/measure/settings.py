"""The settings of a run, stated once: for `bvg.measure.run`, its plan and its command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch

from bvg import instruments
from bvg.kernels.randomness import check_seed
from bvg.messages import suggest
from bvg.models.inference import PRECISIONS, check_precision


def _about(help: str, type: type | None = None) -> dict[str, Any]:
    return {"help": help, "type": type}


@dataclass(frozen=True)
class Settings:
    """How a run measures. Each field is a keyword of `bvg.measure.run` and an option of `python -m bvg.measure`.

    Numbers depend on `seed`, `precision` and `limit` only. Each field's metadata describes it; `describe` lists them.

    Raises:
        ValueError: a value is not valid. Whether `device` exists, and has the precision, is checked by `torch_device`.

    Example:
        >>> Settings(batch_size=0)
        Traceback (most recent call last):
        ...
        ValueError: expected `batch_size` to be an integer of at least 1, got 0
    """

    device: str | torch.device | None = field(
        default=None, metadata=_about("such as cuda or cpu; default: CUDA where available", str)
    )
    batch_size: int | None = field(
        default=None,
        metadata=_about(
            "images per batch, halved when memory is full; default: 256 on CUDA, 8 on a CPU, 32 for the miniature",
            int,
        ),
    )
    precision: str = field(default="fp32", metadata=_about(f"{', '.join(PRECISIONS)}; default: fp32", str))
    seed: int = field(default=0, metadata=_about("of noise and random starts, in [0, 2**64); default: 0", int))
    limit: int | None = field(
        default=None,
        metadata=_about("at most this many images per condition, evenly spread; data sets may then be incomplete", int),
    )
    workers: int | None = field(
        default=None, metadata=_about("processes that decode images; default: one per core", int)
    )
    skip_unreadable: bool = field(
        default=False,
        metadata=_about(
            "leave out images that cannot be decoded (n counts the rest); otherwise they end the run with an error"
        ),
    )
    keep_predictions: bool = field(
        default=False, metadata=_about("write the decision on every image to RUN/predictions/")
    )
    cache: str | Path | None = field(
        default=None,
        metadata=_about(
            "folder of decoded images (7.5 GB for ImageNet); default: decoded in $BVG_CACHE or ~/.cache/bvg", Path
        ),
    )
    progress: bool = field(default=True, metadata=_about("show progress bars and, before a long run, what it will do"))
    of_instruments: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the instruments (see `bvg.instruments.settings`), such as eps; the instruments check them."""

    def __post_init__(self) -> None:
        check_seed(self.seed)
        check_precision(self.precision)
        for name, least in (("batch_size", 1), ("limit", 1), ("workers", 0)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise ValueError(f"expected `{name}` to be an integer of at least {least}, got {value!r}")

    def changed(self, **changes: Any) -> Settings:
        """Return settings with changes: fields, and settings of instruments by their names.

        Raises:
            ValueError: a name resembles that of a field, or a value is not valid.

        Example:
            >>> Settings().changed(limit=100, eps=1 / 255).of_instruments["eps"] == 1 / 255
            True
        """
        own = [f.name for f in fields(self) if f.name != "of_instruments"]
        theirs = {name: value for name, value in changes.items() if name not in own}
        for name in theirs:  # a setting of an instrument of one's own is not in the registry
            if name not in instruments.settings() and (near := suggest(name, own)):
                raise ValueError(f"expected settings among {', '.join(own)} or of instruments, got `{name}`{near}")
        given = {name: value for name, value in changes.items() if name in own}
        return replace(self, **given, of_instruments={**self.of_instruments, **theirs})

    @classmethod
    def describe(cls) -> dict[str, dict[str, Any]]:
        """Describe each setting: name -> help, type (None for a switch) and default."""
        return {f.name: {**f.metadata, "default": f.default} for f in fields(cls) if f.metadata}


def torch_device(device: str | torch.device | None) -> torch.device:
    """Return a device that torch has here; None for CUDA where available, else the CPU.

    Raises:
        ValueError: there is no such device.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(device)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"expected `device` to be one that torch has here, got {str(device)!r} ({reason})") from None
    return device
