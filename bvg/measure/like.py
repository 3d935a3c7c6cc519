"""Read options from an earlier run's manifest, or from a YAML file: `python -m bvg.measure --like RUN/manifest.json`."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from bvg.instruments import settings
from bvg.messages import suggest

YAML = (".yaml", ".yml")
"""Suffixes of files of options."""


def options(path: str | Path) -> dict[str, Any]:
    """Return the options that repeat a run, by their names on the command line.

    Args:
        path: a run folder or its manifest.json.

    Returns:
        models (ID=NAME), instruments, seed, precision, limit, and the settings of the instruments. The data folder and the run
        folder are not among them.

    Raises:
        ValueError: the file is not a manifest of bvg.
    """
    path = Path(path)
    path = path / "manifest.json" if path.is_dir() else path
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        given = {name: manifest["settings"][name] for name in ("seed", "precision", "limit")}
        models = [f"{id}={about['source']}" for id, about in manifest["models"].items()]
        measurements = manifest["measurements"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"expected `like` to be a run folder or its manifest.json, got {path} ({error!r})") from error
    names, theirs = [], {}
    for key, about in measurements.items():
        instrument, *condition = key.split()
        names.append(instrument)
        if instrument == "pgd" and condition:
            theirs["eps"] = float(condition[0])
        theirs |= {name: value for name, value in about["parameters"].items() if name in settings()}
    return {"models": models, "instruments": list(dict.fromkeys(names)), **given, **theirs}


def words(path: str | Path, known: Collection[str]) -> list[str]:
    """Return the options in a YAML file as the words of a command line.

    The file maps names of options, without dashes in front, to a value or a list: `models: [tv_resnet50, mine=best.pth]`, `limit: 2000`,
    `skip-unreadable: true`, `progress: false`.

    Args:
        path: the file.
        known: names of the options.

    Raises:
        ValueError: the file cannot be read, is no such mapping, or names an unknown option.
    """
    import yaml

    try:
        given = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ValueError(
            f"expected `like` to be a YAML file of options, got {path} ({' '.join(str(error).split())})"
        ) from error
    if not isinstance(given, dict):
        raise ValueError(
            f"expected `like` to be a YAML file of lines like `limit: 2000`, got {type(given).__name__} in {path}"
        )
    found: list[str] = []
    for name, value in given.items():
        option = str(name).replace("_", "-")
        if value is False:
            option, value = f"no-{option}", True
        if option not in known:
            raise ValueError(
                f"expected options among {', '.join(sorted(known))} in {path}, got {name!r}{suggest(option, known)}"
            )
        values = value if isinstance(value, list) else [value]
        found += [f"--{option}", *(str(v) for v in values if v is not True)] if value is not None else []
    return found
