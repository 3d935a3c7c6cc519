"""Options of a checkpoint file, written after its path: `best.pth[key=state_dict_ema,mean=0.5,std=0.5]`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from bvg.messages import suggest

_WITH_OPTIONS = re.compile(r"(?P<path>.+)\[(?P<options>[^\[\]]*=[^\[\]]*)\]")


@dataclass(frozen=True)
class FileOptions:
    """How to read a checkpoint file.

    Attributes:
        path: the file.
        key: name in the file of the weights to read; empty for the layouts' own.
        mean, std: normalization of the inputs, one number per colour channel; None for the default.
        timm: architecture of the timm library; empty for torchvision's ResNet-50.
    """

    path: Path
    key: str = ""
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    timm: str = ""


def parse(name: str) -> FileOptions | None:
    """Read a path with or without options; None if there is no such file.

    Options are separated by commas: `key=NAME` (weights in the file), `mean=` and `std=` (one number, or three with commas
    between them; in [0, 1] units, as torchvision and timm state them) and `timm=NAME` (architecture). `mean=0,std=1` means
    that the network takes images in [0, 1] as they are.

    Raises:
        ValueError: an unknown option, one given twice, or a value that is not of its kind.

    Example:
        >>> parse("no-such-file.pth[key=ema]") is None
        True
        >>> parse(f"{__file__}[mean=0.5,std=0.5,0.25,0.5,key=ema]").std
        (0.5, 0.25, 0.5)
    """
    found = _WITH_OPTIONS.fullmatch(name)
    if Path(name).is_file() or not found:
        return FileOptions(Path(name)) if Path(name).is_file() else None
    if not Path(found["path"]).is_file():
        return None
    given: dict[str, str] = {}
    for part in re.split(r",(?=\s*[A-Za-z_]+=)", found["options"]):
        option, _, value = (word.strip() for word in part.partition("="))
        if option not in ("key", "mean", "std", "timm"):
            raise ValueError(
                f"expected options among key, mean, std and timm in {name}, got {option!r}{suggest(option, ['key', 'mean', 'std', 'timm'])}"
            )
        if option in given or not value:
            raise ValueError(
                f"expected one value for {option} in {name}, got {'another' if option in given else 'none'}"
            )
        given[option] = value
    numbers = {o: _channels(o, given[o], name) for o in ("mean", "std") if o in given}
    return FileOptions(Path(found["path"]), given.get("key", ""), **numbers, timm=given.get("timm", ""))


def _channels(option: str, text: str, name: str) -> tuple[float, float, float]:
    """Return one number per channel; a single number stands for all three."""
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    good = len(numbers) in (1, 3) and all(math.isfinite(n) for n in numbers)
    if not good or (option == "std" and min(numbers) <= 0):
        what = "one or three numbers" + (" above 0" if option == "std" else "")
        raise ValueError(f"expected {option} in {name} to be {what}, got {text!r}")
    if max(numbers) > 2:
        raise ValueError(
            f"expected {option} in {name} for images in [0, 1], got {text} (is it for 0 to 255? divide by 255)"
        )
    return tuple(numbers * (3 // len(numbers)))
