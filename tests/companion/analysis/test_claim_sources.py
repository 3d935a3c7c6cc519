"""The source of each rule, as the book prints it: with its helpers and constants."""

from __future__ import annotations

import inspect
import re

from companion.analysis import claims
from companion.analysis.claims import rules_methods


def test_the_source_of_a_rule_has_its_helpers_and_constants():
    found = claims.source(next(c for c in claims.CLAIMS if c.id == "shape-fails"))
    assert found.index("def shape_fails") < found.index("def fails_holistically")
    assert "ACCURATE = 0.8" in claims.source(next(c for c in claims.CLAIMS if c.id == "insufficient"))
    assert rules_methods.ACCURATE == claims.ACCURATE


def test_every_rule_lists_the_helpers_and_constants_that_it_uses():
    for claim in claims.CLAIMS:
        for function in (claim.rule, *claim.helpers):
            used = {name: function.__globals__.get(name) for name in function.__code__.co_names}
            module = function.__module__
            helpers = {v for v in used.values() if inspect.isfunction(v) and v.__module__ == module}
            defined = inspect.getsource(inspect.getmodule(function))
            constants = {name for name in used if name.isupper() and re.search(rf"^{name}\b.*=", defined, re.M)}
            assert helpers <= set(claim.helpers), claim.id
            assert constants <= set(claim.constants), claim.id
