"""Who the models of a report are, as the manifests of their runs state it, and the commands that measure what they lack."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bvg import known_models, study

INSTRUMENTS = {
    "shape": "cue-conflict",
    "spectral": "band-pass",
    "critical band": "critical-band",
    "layer criticality": "layer-criticality",
}
"""The instrument of each test of a bias; that of a benchmark has its name."""

OWN_ARCHITECTURE = "ResNet-50"
"""The architecture of the study's models."""


def who(
    models: Sequence[str], manifests: Sequence[Mapping], table: pd.DataFrame, world: study.World = study.STUDY
) -> pd.DataFrame:
    """State who models are, from the manifests of the runs that measured them.

    Args:
        models: their ids.
        manifests: from `bvg.results.manifests`.
        table: the results table.
        world: the images that they were measured on.

    Returns:
        One row per model: model, name, method, source, architecture, other_architecture (whether it is another than that of the models
        compared with), parameters, weights (SHA-256), mean and std (text), precision, fewest and most (images behind an accuracy).
        Text is empty and numbers are NaN where no manifest states them.
    """
    rows = []
    for model in models:
        run, about = _entry(model, manifests)
        known = known_models.describe([model]).iloc[0]
        n = table.loc[(table["model"] == model) & (table["metric"] == "top1"), "n"].astype(float)
        stated = about.get("architecture", OWN_ARCHITECTURE if known["in_study"] else "")
        rows.append(
            {
                "model": model,
                "name": known["name"],
                "method": known["method"],
                "source": about.get("source", "published numbers" if known["in_study"] else ""),
                "architecture": stated,
                "other_architecture": world is study.STUDY and stated not in ("", OWN_ARCHITECTURE),
                "parameters": about.get("parameters", np.nan),
                "weights": about.get("weights_sha256", ""),
                "mean": " ".join(f"{v:g}" for v in about.get("mean") or []),
                "std": " ".join(f"{v:g}" for v in about.get("std") or []),
                "precision": run.get("settings", {}).get("precision", ""),
                "fewest": n.min(),
                "most": n.max(),
            }
        )
    return pd.DataFrame(rows)


def commands(found: pd.DataFrame, manifests: Sequence[Mapping]) -> list[str]:
    """Return the commands that measure what models lack, one per run; a model without a manifest has none.

    Args:
        found: from `numbers`, with the column model.
        manifests: from `bvg.results.manifests`.
    """
    wanted: dict[str, list[str]] = {}
    for row in found[found["value"].isna() & (found["kind"] != "category")].itertuples():
        run, _ = _entry(row.model, manifests)
        if run:
            instrument = INSTRUMENTS[study.bias(row.measure).test] if row.kind == "bias" else row.measure
            wanted.setdefault(run["run"], []).append(instrument)
    return [
        f"python -m bvg.measure --like {shlex.quote(run)} --out {shlex.quote(run)} --data DATA --instruments {' '.join(dict.fromkeys(names))}"
        for run, names in wanted.items()
    ]


def _entry(model: str, manifests: Sequence[Mapping]) -> tuple[Mapping, Mapping]:
    """Return the manifest of the first run that measured a model and its entry in it; empty without one."""
    for manifest in manifests:
        entry = manifest["models"].get(model.removesuffix(f"@{manifest['run']}"))
        if entry:
            return manifest, entry
    return {}, {}
