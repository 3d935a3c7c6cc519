"""Layer criticality as a further kind of bias: joined to the scores, by layer, and the error of its trials."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bvg import known_models, study
from bvg.results import criticality

PARTS = tuple(b.id for b in study.CRITICALITY)
"""Mean criticality over all, early and late layers."""


def added(scores: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Add mean criticality (`PARTS`) to a table of scores; NaN for models without it.

    Args:
        scores: one row per model, with the column model.
        results: the results table of these models.
    """
    return scores.merge(criticality.per_model(results), "left", left_on="model", right_index=True)


def joined(scores: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Add mean criticality (`PARTS`) to a table of scores; models without it are left out.

    Args:
        scores: one row per model, with the column model.
        results: the results table of these models.

    Raises:
        ValueError: no model has layer criticality.
    """
    table = added(scores, results).dropna(subset=PARTS[0])
    if table.empty:
        raise ValueError(
            "expected results with layer criticality, got none: add the published table, or measure it with "
            "`--instruments layer-criticality`"
        )
    return table.reset_index(drop=True)


def by_layer(results: pd.DataFrame, models: pd.Series | None = None) -> pd.DataFrame:
    """Return the criticality of every layer, tidy: models by group, layers in the order of the table.

    Args:
        results: a results table.
        models: ids of the models to return; None for all.

    Returns:
        model, group, layer, criticality, sd (standard deviation over the trials; NaN if unknown).
    """
    value, spread = (criticality.by_layer(results, metric) for metric in ("criticality", "criticality_sd"))
    tidy = value.rename_axis(columns="layer").stack().rename("criticality").reset_index()
    sd = spread.rename_axis(columns="layer").stack().rename("sd").reset_index()
    tidy = tidy.merge(sd, "left", ["model", "layer"])
    tidy.insert(1, "group", known_models.describe(tidy["model"])["group"].to_numpy())
    tidy = tidy if models is None else tidy[tidy["model"].isin(list(models))]
    place = {group: i for i, group in enumerate(study.GROUPS)}
    order = tidy["group"].map(lambda group: place.get(group, len(place))).argsort(kind="stable")
    return tidy.iloc[order].reset_index(drop=True)


def reliability(table: pd.DataFrame, results: pd.DataFrame, sets: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Compare the error that comes from the random draws of the trials with the spread between models.

    Args:
        table: from `joined`.
        results: the results table of these models.
        sets: name -> mask over `table`.

    Returns:
        part (one of `PARTS`), group, models, error (root mean square of the models' standard errors), spread (standard
        deviation between the models), reliability (the share of the variance between models that is not this error; NaN with
        fewer than 3 models, 0 where the error is larger than the spread).
    """
    errors = criticality.trial_errors(results).reindex(table["model"]).reset_index(drop=True)
    rows = []
    for part in PARTS:
        for group, mask in sets.items():
            chosen = np.asarray(mask, bool)
            error, values = errors.loc[chosen, part].dropna(), table.loc[chosen, part].dropna()
            variance = values.var(ddof=1) if len(values) > 2 else np.nan
            mean_square = (error**2).mean()
            share = max(0.0, 1 - mean_square / variance) if variance > 0 else np.nan
            rows.append((part, group, len(values), np.sqrt(mean_square), np.sqrt(variance), share))
    return pd.DataFrame(rows, columns=["part", "group", "models", "error", "spread", "reliability"])
