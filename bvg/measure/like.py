"""Read the options of an earlier run from its manifest: `python -m bvg.measure --like RUN/manifest.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bvg.instruments import settings


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
