"""Questions about biases that the paper does not use: verdicts on the published table, and made-up tables that change each."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from companion.analysis import claims, layer_criticality
from companion.analysis.claims import further

from bvg import results
from bvg.results import cue_counts, scores

RULES = {claim.id: claim.rule for claim in claims.FURTHER}
HOLDS, PARTLY, FAILS, UNKNOWN = claims.VERDICTS
CATEGORIES = list(scores.CATEGORY_COLUMNS)


@cache
def published() -> claims.Evidence:
    table = results.load("published")
    return claims.Evidence(scores.per_model(table), scores.benchmarks(table), replicates=199, results=table)


def with_categories(values, only=None) -> claims.Evidence:
    """Replace all four categories by values, one per model; where `only` is False, by values around their mean, in random order."""
    own = published().scores
    values = np.asarray(values, float)
    if only is not None:
        noise = np.random.default_rng(1).standard_normal(len(values)) * values[only].std()
        values = np.where(only, values, values[only].mean() + noise)
    return replace(published(), scores=own.assign(**dict.fromkeys(CATEGORIES, values)))


@cache
def measured():
    """Mean criticality and the shares of decisions, one row per model of the scores."""
    own = layer_criticality.added(published().scores, published().results)
    return own.join(cue_counts.shares(published().results), on="model")


def test_verdicts_on_the_published_table():
    ledger = claims.ledger(published(), claims.FURTHER, robust=False).set_index("id")
    assert ledger["verdict"].to_dict() == dict.fromkeys(RULES, FAILS)
    assert ledger["value"]["cues-whole"] == "all: none; AT: none; others: none"


@pytest.mark.parametrize(
    ("claim", "measure"), [("criticality-whole", "early_criticality"), ("cues-whole", "neither_cue")]
)
def test_a_measure_that_goes_with_all_categories(claim, measure):
    values = measured()[measure].to_numpy()
    assert RULES[claim](with_categories(values))[1] == HOLDS
    trained = (published().scores["group"] == "adversarial_training").to_numpy()
    value, verdict = RULES[claim](with_categories(values, only=trained))
    assert "AT: none" not in value
    assert verdict == PARTLY


def test_criticality_at_equal_accuracy():
    goes = with_categories(measured()["criticality"])
    assert RULES["criticality-equal"](goes)[1] == HOLDS
    assert RULES["criticality-equal"](replace(goes, replicates=0))[1] == PARTLY  # no interval: significance alone


def test_sensitivity_that_tells_more():
    rule = RULES["sensitivity-more"]
    less_bias = measured()["shape_sensitivity"] - 30 * measured()["shape"]  # the two alone rank models almost alike
    assert rule(with_categories(less_bias))[1] == HOLDS
    assert rule(with_categories(measured()["shape"]))[1] == FAILS
    one = replace(published(), scores=published().scores.assign(ID=less_bias))
    assert rule(one)[1] == PARTLY


def test_models_without_the_measures_are_not_checkable():
    table = published().results
    fewer = table[~table["benchmark"].isin(["layer-criticality", "cue-conflict"])]
    for evidence in (replace(published(), results=None), replace(published(), results=fewer)):
        for rule in RULES.values():
            assert rule(evidence) == (further.NOT_MEASURED, UNKNOWN)


def test_every_question_leads_to_a_figure_and_prints_its_rule(root):
    for claim in claims.FURTHER:
        page, _, id = claim.where.partition("#")
        assert f'"{id}"' in (root / "notebooks" / page.replace(".html", ".md")).read_text(encoding="utf-8")
        assert f"def {claim.rule.__name__}(" in claims.source(claim)
        assert claim.how.endswith(".")
    assert "def as_a_whole(" in claims.source(next(c for c in claims.FURTHER if c.id == "cues-whole"))
