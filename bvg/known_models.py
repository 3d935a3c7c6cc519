"""The models that have a group and a name: the 48 of the study and the miniature's networks."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import pandas as pd

from bvg.messages import suggest


@cache
def _models() -> pd.DataFrame:
    with (files("bvg") / "results" / "published" / "models.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file, dtype={"epsilon": float}, keep_default_na=False, na_values={"epsilon": [""]})
    return table.set_index("model")


def models() -> pd.DataFrame:
    """Return the checkpoints of the published file: one row per model, indexed by model id.

    Columns: group (one of `GROUPS`, or `outside` for models that the file holds and the study does not use), name, method,
    citation (BibTeX key), norm (`l2`, `linf` or empty), epsilon (training strength; in 1/255 for Linf), in_study.
    """
    return _models().copy()


@cache
def _miniature() -> pd.DataFrame:
    # Read as a file: importing bvg.miniature would bring torch along.
    networks = tomllib.loads((files("bvg") / "miniature" / "zoo.toml").read_text(encoding="utf-8"))
    rows = [
        (n["group"], n["display"], n["method"], "", n.get("norm", ""), float(n.get("epsilon", "nan")), False)
        for n in networks.values()
    ]
    return pd.DataFrame(rows, pd.Index(networks, name="model"), _models().columns)


def miniature() -> pd.DataFrame:
    """Return the networks of the miniature: one row each, with the index and columns of `models`."""
    return _miniature().copy()


@cache
def _known() -> pd.DataFrame:
    return pd.concat([_models(), _miniature()])


def describe(ids: Sequence[str] | pd.Index) -> pd.DataFrame:
    """Look up models by id, in this order; rows and columns as of `models` and `miniature`.

    Any other model gets the group `new` and its id as name. That includes a model of the study that was measured again:
    `bvg.results.load` gives it an id of its own (`model@run`), so it can be compared with the published one.
    """
    table = _known().reindex(list(ids)).rename_axis("model")
    table["group"] = table["group"].fillna("new")
    table["name"] = table["name"].where(table["name"].notna(), table.index)
    table["in_study"] = table["in_study"].eq(True)
    for column in ("method", "citation", "norm"):
        table[column] = table[column].fillna("")
    return table


def figure2_groups(group: pd.Series) -> dict[str, pd.Series]:
    """Return the three sets of models of Figure 2 as masks over `group` (one group name per model).

    total: all models; at: the adversarially trained ones, including the one with epsilon 0; other: the rest.
    """
    trained = group == "adversarial_training"
    return {"total": pd.Series(True, index=group.index), "at": trained, "other": ~trained}


def counted(table: pd.DataFrame, highlight: Sequence[str] = ()) -> pd.Series:
    """Return a mask of the rows that enter statistics.

    A new model must not change the statistics that it is compared with. Highlighted models are left out. Of the others, the study's models count if there are any, else the miniature's
    networks, else new ones (group `new`); these three are never pooled.

    Args:
        table: one row per model with the columns model and group.
        highlight: model ids.

    Raises:
        ValueError: a highlighted model is not in the table, or the table is empty.
    """
    if table.empty:
        raise ValueError("expected a table of at least one model, got an empty one")
    if isinstance(highlight, str):
        raise ValueError(f"expected `highlight` to be a list of model ids, got {highlight!r}")
    absent = [m for m in highlight if m not in set(table["model"])]
    if absent:
        named = ", ".join(m + suggest(m, table["model"]) for m in absent)
        raise ValueError(f"expected `highlight` to name models of the table, got {named}")
    new = table["group"] == "new"
    small = ~new & table["model"].isin(miniature().index)
    compared = next(kind for kind in (~new & ~small, small, new) if kind.any())
    return compared & ~table["model"].isin(list(highlight))
