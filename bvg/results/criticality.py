"""Layer criticality of each model: by layer, and its mean over all, early and late layers."""

from __future__ import annotations

import numpy as np
import pandas as pd

EARLY = ("conv1", "layer1", "layer2", "stem", "blocks.0", "blocks.1")
"""First parts of the names of early layers: the stem and the first half of the stages, of a ResNet-50 and of the miniature."""

LATE = ("layer3", "layer4", "fc", "blocks.2", "blocks.3", "classifier")
"""First parts of the names of late layers: the second half of the stages and the classifier."""

PARTS = {"criticality": (), "early_criticality": EARLY, "late_criticality": LATE}
"""Column -> first parts of the names of the layers that it averages over; none for all layers."""


TRIALS = 3
"""Random draws behind each published criticality, and the default of the instrument."""


def by_layer(results: pd.DataFrame, metric: str = "criticality") -> pd.DataFrame:
    """Collect a value of each layer: one row per model (index), one column per layer, in the order of the table.

    Args:
        results: a results table (see `bvg.results.table`).
        metric: `criticality`, or `criticality_sd` for its standard deviation over the trials.
    """
    rows = results[results["metric"] == metric]
    wide = rows.pivot(index="model", columns="variant", values="value").rename_axis(columns=None)
    return wide.reindex(index=pd.unique(rows["model"]), columns=pd.unique(rows["variant"])).rename_axis("model")


def part(layers: pd.Index, starts: tuple[str, ...]) -> list[str]:
    """Select the layers of a part of the network; all of them if `starts` is empty.

    >>> part(pd.Index(["conv1", "layer1.0.conv1", "layer10.conv1"]), ("layer1",))
    ['layer1.0.conv1']
    """
    return [layer for layer in layers if not starts or any(f"{layer}.".startswith(f"{start}.") for start in starts)]


def per_model(results: pd.DataFrame) -> pd.DataFrame:
    """Average criticality over all, early and late layers: one row per model (index).

    Returns:
        The columns of `PARTS`, fractions in [0, 1]. NaN where a network has no layer of that name; no row for a model
        without criticality.

    Example:
        >>> from bvg.results import load
        >>> per_model(load("published")).round(2).loc["tv_resnet50"].tolist()
        [0.7, 0.61, 0.77]
    """
    wide = by_layer(results)
    return pd.DataFrame({name: wide[part(wide.columns, starts)].mean(axis=1) for name, starts in PARTS.items()})


def trial_errors(results: pd.DataFrame, trials: int = TRIALS) -> pd.DataFrame:
    """Return the standard errors of the means of `per_model` that come from the random draws of the trials.

    Each layer's criticality is the mean of `trials` independent draws with a standard deviation s, and draws of different
    layers are independent: the error of a mean over L layers is sqrt(sum s^2 / trials) / L.

    Args:
        results: a results table.
        trials: number of trials behind each criticality.
    """
    spread = by_layer(results, "criticality_sd")
    errors = {}
    for name, starts in PARTS.items():
        own = spread[part(spread.columns, starts)]
        count = own.notna().sum(axis=1)
        errors[name] = np.sqrt((own**2).sum(axis=1) / trials) / count.where(count > 0)
    return pd.DataFrame(errors)
