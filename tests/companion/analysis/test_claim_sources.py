"""The source of each rule, as the book prints it: with the decisions that it calls and their constants."""

from __future__ import annotations

from companion.analysis import claims
from companion.analysis.claims import rules_methods


def printed(id: str) -> str:
    return claims.source(next(c for c in claims.CLAIMS if c.id == id))


def test_the_source_of_a_rule_has_its_decisions_and_constants():
    found = printed("shape-fails")
    assert found.index("def shape_fails(e") < found.index("def fails_holistically(shown")
    assert printed("insufficient").startswith("ACCURATE = 0.8\n\ndef insufficient(")
    assert rules_methods.ACCURATE == claims.ACCURATE
    found = printed("high-frequency-modestly")
    assert found.startswith("STRONG = 0.7\n\ndef high_frequency_modestly(e")
    assert "return decide((strong == positive, FAILS)" in found


def test_the_source_has_what_a_decision_calls_in_turn_once():
    assert printed("trends-reverse").count("def both_and_opposite(") == 1
    assert printed("groups-differ").count("def groups_differ(") == 2  # the rule and its decision
    assert printed("benchmarks-apart").count("APART = (") == 1
