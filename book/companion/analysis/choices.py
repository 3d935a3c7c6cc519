"""Choices of the reader: models to leave out, sets of models, families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from bvg import known_models, study

FAMILIES = ("recipe", "source", "group")


def without(table: pd.DataFrame, leave_out: Sequence[str]) -> pd.DataFrame:
    """Drop the rows of some models or groups of models.

    Args:
        table: any table with the column model.
        leave_out: ids of models, or of groups (`study.GROUPS`).

    Raises:
        ValueError: a name is neither a model nor a group of the table.

    Example:
        >>> table = pd.DataFrame({"model": ["tv_resnet50", "robust_resnet50_l2_eps0", "resnet50_dino"]})
        >>> without(table, ["contrastive", "robust_resnet50_l2_eps0"])["model"].tolist()
        ['tv_resnet50']
    """
    group = group_of(table)
    unknown = [name for name in leave_out if name not in set(table["model"]) | set(group)]
    if unknown:
        raise ValueError(
            f"expected `leave_out` to name models of the table or their groups ({', '.join(pd.unique(group))}), "
            f"got {', '.join(unknown)}"
        )
    return table[~(table["model"].isin(list(leave_out)) | group.isin(list(leave_out)))]


def group_of(table: pd.DataFrame) -> pd.Series:
    """Return the group of each row's model, with the table's index."""
    return pd.Series(known_models.describe(table["model"])["group"].to_numpy(), table.index, name="group")


def sets(scores: pd.DataFrame, set_apart: Sequence[str] = ("adversarial_training",)) -> dict[str, pd.Series]:
    """Return the three sets of models of Figure 2 as masks over a scores table.

    Args:
        scores: a table with the column group.
        set_apart: the groups that form the set `at`; the paper's is adversarial training.

    Returns:
        total: all models; at: those of the groups `set_apart`, which may be none; other: the rest.

    Raises:
        ValueError: `set_apart` names something that is not a group of the study.
    """
    unknown = [name for name in set_apart if name not in study.GROUPS]
    if unknown:
        raise ValueError(
            f"expected `set_apart` to name groups among {', '.join(study.GROUPS)}, got {', '.join(unknown)}"
        )
    apart = scores["group"].isin(list(set_apart))
    return {"total": pd.Series(True, scores.index), "at": apart, "other": ~apart}


def distinct(sets: Mapping[str, pd.Series]) -> dict[str, pd.Series]:
    """Empty every set that holds all models, except `total`: its correlations would count twice."""
    return {name: mask & (name == "total" or not mask.all()) for name, mask in sets.items()}


def families(scores: pd.DataFrame, by: str = "source") -> pd.Series:
    """Return the family of each row's model.

    Models of one family are not independent observations.

    Args:
        scores: a table with the columns model and group.
        by: what makes a family. `source`: the models of one publication, and those of no publication as by `recipe`.
            `recipe`: the strengths of one adversarial recipe (one norm); every other model is a family by itself. `group`:
            the paper's groups.

    Raises:
        ValueError: `by` is none of these.

    Example:
        >>> table = pd.DataFrame({"model": ["tv_resnet50", "robust_resnet50_l2_eps1", "robust_resnet50_l2_eps3"]})
        >>> families(table.assign(group=""), "recipe").tolist()
        ['tv_resnet50', 'AT L2', 'AT L2']
    """
    if by not in FAMILIES:
        raise ValueError(f"expected `families` to be one of {', '.join(FAMILIES)}, got {by!r}")
    about = known_models.describe(scores["model"])
    if by == "group":
        name = about["group"].map(study.GROUPS).fillna(about["group"])
    else:
        recipe = "AT " + about["norm"].map({"l2": "L2", "linf": "L∞"})
        name = recipe.fillna(about.index.to_series())
        if by == "source":
            name = about["citation"].where(about["citation"] != "", name)
    return pd.Series(name.to_numpy(), scores.index, name="family")
