"""Choices: models left out, sets of models, families."""

from functools import cache

import pandas as pd
import pytest
from companion.analysis import choices

from bvg import known_models, results
from bvg.results import scores


@cache
def published() -> pd.DataFrame:
    return scores.per_model(results.load("published"))


def test_models_and_groups_are_left_out_of_any_table():
    table = results.load("published")
    rest = choices.without(table, ["contrastive", "tv_resnet50"])
    gone = set(table["model"]) - set(rest["model"])
    known = known_models.models()
    assert gone == {"tv_resnet50", *known.index[known["group"] == "contrastive"]}
    assert choices.without(table, []).equals(table)


def test_the_paper_s_sets_are_the_default():
    table = published()
    expected = known_models.figure2_groups(table["group"])
    got = choices.sets(table)
    assert list(got) == list(expected) == ["total", "at", "other"]
    assert all(got[name].equals(expected[name]) for name in expected)
    assert choices.sets(table[table["group"] == "contrastive"])["at"].sum() == 0
    apart = choices.sets(table, ["contrastive", "stylized"])
    assert (apart["total"].sum(), apart["at"].sum(), apart["other"].sum()) == (48, 9, 39)


@pytest.mark.parametrize(("by", "count", "largest"), [("recipe", 35, 10), ("source", 18, 15), ("group", 7, 15)])
def test_families_of_the_study(by, count, largest):
    """33 models and two adversarial recipes: L2 with ten strengths (0 to 5), Linf with five."""
    sizes = choices.families(published(), by).value_counts()
    assert (len(sizes), sizes.iloc[0]) == (count, largest)


def test_families_of_the_miniature_and_of_new_models():
    networks = known_models.miniature().reset_index()[["model", "group"]]
    trained = networks["group"] == "adversarial_training"
    assert choices.families(networks)[trained].nunique() <= 2
    assert choices.families(networks)[~trained].nunique() == (~trained).sum()
    new = pd.DataFrame({"model": ["mine", "yours"], "group": "new"})
    assert choices.families(new, "source").tolist() == ["mine", "yours"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda t: choices.without(t, ["contrastiv"]),
            "expected `leave_out` to name models of the table or their groups",
        ),
        (lambda t: choices.sets(t, ["new"]), "expected `set_apart` to name groups among baseline, .*got new"),
        (lambda t: choices.families(t, "epsilon"), "expected `families` to be one of recipe, source, group"),
    ],
)
def test_wrong_names_are_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call(published())
