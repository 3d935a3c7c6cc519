"""The paper's statements, each with the rule that decides from tables of numbers whether it holds.

A rule knows numbers only: the same one is put to the published table, to the miniature's, and to a reader's own.
"""

from companion.analysis.claims.evidence import FAILS, GROUPS, HOLDS, PARTLY, UNKNOWN, VERDICTS, Evidence
from companion.analysis.claims.ledger import compare, ledger, moved, rules, source, table
from companion.analysis.claims.rules_methods import ACCURATE
from companion.analysis.claims.statements import CLAIMS, LIGHT, SHARED, Claim

__all__ = [
    "ACCURATE",
    "CLAIMS",
    "FAILS",
    "GROUPS",
    "HOLDS",
    "LIGHT",
    "PARTLY",
    "SHARED",
    "UNKNOWN",
    "VERDICTS",
    "Claim",
    "Evidence",
    "compare",
    "ledger",
    "moved",
    "rules",
    "source",
    "table",
]
