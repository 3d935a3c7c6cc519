"""The paper's claims, each with a rule that checks it against tables of numbers.

A rule uses numbers only: it applies to the published table, the miniature's table and a reader's own.
"""

from companion.analysis.claims.evidence import Evidence
from companion.analysis.claims.further import FURTHER
from companion.analysis.claims.ledger import changes, compare, ledger, source
from companion.analysis.claims.rules_methods import ACCURATE
from companion.analysis.claims.statements import CLAIMS, SHARED, Claim
from companion.analysis.claims.verdicts import FAILS, HOLDS, PARTLY, UNKNOWN, VERDICTS

__all__ = [
    "ACCURATE",
    "CLAIMS",
    "FAILS",
    "FURTHER",
    "HOLDS",
    "PARTLY",
    "SHARED",
    "UNKNOWN",
    "VERDICTS",
    "Claim",
    "Evidence",
    "changes",
    "compare",
    "ledger",
    "source",
]
