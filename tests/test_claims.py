"""The paper's statements as rules: what they say of the published table, and that made-up tables turn each verdict."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from bvg import claims, results, scores, study

IDS = [claim.id for claim in claims.CLAIMS]


@cache
def published() -> claims.Evidence:
    table = results.load("published")
    return claims.Evidence(scores.per_model(table), scores.benchmarks(table))


def verdict(evidence: claims.Evidence, claim: str) -> str:
    return claims.ledger(evidence).set_index("id").loc[claim, "verdict"]


def changed(**columns) -> claims.Evidence:
    """The published scores with columns replaced; a callable gets the published table."""
    before = published()
    table = before.scores.assign(**columns)
    return claims.Evidence(table, before.accuracy)


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("no-single-bias", "holds in part"),  # none over all models; high-frequency bias among the others
        ("specific", "holds in part"),  # centre frequency with nothing at all
        ("groups-differ", "holds"),
        ("benchmarks-agree", "holds"),
        ("texture", "holds"),
        ("high-frequency", "holds"),
        ("shape-no-remedy", "holds"),
        ("narrow-band-no-remedy", "holds in part"),  # with robustness, not with adversarial accuracy
        ("shape-fails", "holds"),
        ("centre-fails", "holds"),
        ("critical-band-at", "holds"),
    ],
)
def test_the_published_table(claim, expected):
    assert verdict(published(), claim) == expected


def test_every_claim_is_looked_at_above_and_leads_to_a_page():
    assert len(set(IDS)) == len(IDS) == 11
    pages = {f"{page}.html" for page in ("biases-and-generalization", "benchmarks", "shape-bias", "spectral-bias", "critical-band")}  # fmt: skip
    assert {claim.where.partition("#")[0] for claim in claims.CLAIMS} <= pages
    assert set(claims.ledger(published())["verdict"]) <= set(claims.VERDICTS)


def one_order(t: pd.DataFrame) -> pd.DataFrame:
    """Scores in which all categories rank the models alike."""
    return t.assign(Robustness=t["ID"], Concepts=t["ID"], Adversarial=t["ID"])


@pytest.mark.parametrize(
    ("claim", "expected", "columns"),
    [
        ("texture", "fails", {"shape": lambda t: t["ID"] / 100}),
        ("shape-no-remedy", "fails", {"shape": lambda t: t["Robustness"] / 100}),
        ("narrow-band-no-remedy", "fails",
         {"Adversarial": lambda t: t["Robustness"], "bandwidth": lambda t: 200 - t["Robustness"]}),
        ("narrow-band-no-remedy", "holds", {"bandwidth": lambda t: t["Robustness"] + t["Adversarial"]}),
        ("high-frequency", "fails", {"high_frequency": lambda t: 1 - t["ID"] / 100 - t["Concepts"] / 1000}),
        ("critical-band-at", "fails", {"bandwidth": 1.0}),
        ("critical-band-at", "holds", {"bandwidth": lambda t: t["bandwidth"].where(t["group"] != "adversarial_training")}),
    ],
)  # fmt: skip
def test_made_up_scores_turn_a_verdict(claim, expected, columns):
    assert verdict(changed(**columns), claim) == expected


def test_a_bias_that_goes_with_everything_is_found():
    before = published()
    table = one_order(before.scores)
    everything = claims.Evidence(table.assign(shape=table["ID"] / 100), before.accuracy)
    assert verdict(everything, "no-single-bias") == "fails"
    assert verdict(everything, "shape-fails") == "fails"
    assert verdict(everything, "specific") == "fails"
    trained = table["group"] == "adversarial_training"
    noise = np.random.default_rng(0).random(len(table))
    within = claims.Evidence(table.assign(shape=(table["ID"] / 100).where(trained, noise)), before.accuracy)
    assert verdict(within, "shape-fails") in ("holds in part", "fails")
    assert "shape" in within.consistent("at")


def test_unrelated_benchmarks_do_not_agree():
    before = published()
    ids = [b.id for b in study.BENCHMARKS]
    shuffled = pd.DataFrame(np.random.default_rng(1).random((len(before.accuracy), len(ids))), columns=ids)
    assert verdict(claims.Evidence(before.scores, before.accuracy.assign(**shuffled)), "benchmarks-agree") != "holds"


def test_ledgers_side_by_side():
    here, there = claims.ledger(published()), claims.ledger(changed(shape=lambda t: t["ID"] / 100))
    compared = claims.compare(here, there)
    agreement = compared.data.set_index("id")["agreement"]
    assert agreement["texture"] == "reversed"
    assert agreement["high-frequency"] == "same"
    assert len(compared.shown) == len(IDS)
