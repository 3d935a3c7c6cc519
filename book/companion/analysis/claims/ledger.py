"""The ledger of claims: results, verdicts, comparisons, and the rules' source."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from bvg.results import correlation
from companion.analysis.claims import decisions
from companion.analysis.claims.evidence import Evidence
from companion.analysis.claims.statements import CLAIMS, Claim
from companion.analysis.claims.verdicts import FAILS, HOLDS, UNKNOWN
from companion.analysis.robustness import VERDICTS
from companion.text import listed, plural

COLUMNS = ("id", "claim", "source", "how", "value", "verdict", "where", "behind")


def ledger(evidence: Evidence, claims: Sequence[Claim] = CLAIMS, robust: bool = True) -> pd.DataFrame:
    """Check every claim.

    With fewer than `bvg.results.correlation.FEWEST` models no correlation is defined and no claim can be checked.

    Args:
        evidence: tables of scores, and the choices behind the statistics.
        claims: the claims to check.
        robust: whether to count the verdicts of the cells behind each claim, which takes seconds of resampling.

    Returns:
        One row per claim with the columns `COLUMNS`: its id, words and source, the rule in words (how), the result in words
        (value), the verdict, where the book shows the numbers, and how robust the cells of Figure 2 behind it are (behind;
        empty for a claim that rests on none, and without `robust`).
    """
    n, few = len(evidence.counted), None
    if n < correlation.FEWEST:
        few = (f"{n} models are too few: a correlation takes {correlation.FEWEST}", UNKNOWN)
    rows = [
        (
            c.id,
            c.claim,
            c.source,
            c.how,
            *(few or c.rule(evidence)),
            c.where,
            "" if few or not robust else behind(c, evidence),
        )
        for c in claims
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def behind(claim: Claim, evidence: Evidence) -> str:
    """Count the verdicts on the cells of Figure 2 behind a claim, such as `of 3 cells 1 robust and 2 fragile`."""
    if not claim.cells:
        return ""
    chosen = evidence.checked[
        [
            any(row in (None, c.row) and column in (None, c.column) for row, column in claim.cells)
            for c in evidence.checked.itertuples()
        ]
    ]
    counts = chosen["verdict"].value_counts()
    return f"of {plural(len(chosen), 'cell')} {listed(f'{counts[v]} {v}' for v in VERDICTS if v in counts)}"


def source(claim: Claim) -> str:
    """Return the source of a claim's rule, of the decisions and helpers that it calls, and of their constants."""
    modules, functions = (inspect.getmodule(claim.rule), decisions), [claim.rule]
    for function in functions:  # grows
        called = [getattr(module, name, None) for name in function.__code__.co_names for module in modules]
        functions += [
            f for f in called if inspect.isfunction(f) and inspect.getmodule(f) in modules and f not in functions
        ]
    constants = [text for function in functions for text in _constants(function)]
    return "\n\n".join(dict.fromkeys([*constants, *(inspect.getsource(f).rstrip() for f in functions)]))


def _constants(function: Callable) -> list[str]:
    """Return the statements of the constants of its own module that a function uses."""
    module = inspect.getmodule(function)
    text = inspect.getsource(module)
    return [
        f"{name} = {getattr(module, name)!r}"
        for name in function.__code__.co_names
        if name.isupper() and re.search(rf"^{name}\b.*=", text, re.M)
    ]


def changes(before: pd.DataFrame, after: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare a ledger with the ledgers under other choices.

    Args:
        before: a ledger.
        after: the change, in words -> the ledger after it, of the same claims or some of them.

    Returns:
        change, id, claim, verdict_before, verdict_after, value_before, value_after, moved: every claim under every change.
    """
    parts = [_side_by_side(before, then, ("_before", "_after")).assign(change=change) for change, then in after.items()]
    kept = ["change", "id", "claim", "verdict_before", "verdict_after", "value_before", "value_after"]
    data = pd.concat(parts, ignore_index=True)[kept]
    return data.assign(moved=data["verdict_before"] != data["verdict_after"])


def compare(published: pd.DataFrame, miniature: pd.DataFrame) -> pd.DataFrame:
    """Compare the ledgers of the study and of the miniature.

    Returns:
        The ledger with value and verdict of both, and their agreement: `same`, `reversed` (the claim holds in one and fails in
        the other) or `partly`.
    """
    data = _side_by_side(published, miniature, ("_published", "_miniature"))
    verdicts = zip(data["verdict_published"], data["verdict_miniature"], strict=True)
    agreement = ["same" if a == b else "reversed" if {a, b} == {HOLDS, FAILS} else "partly" for a, b in verdicts]
    return data.assign(agreement=agreement)


def _side_by_side(first: pd.DataFrame, second: pd.DataFrame, suffixes: tuple[str, str]) -> pd.DataFrame:
    """Join the values and verdicts of two ledgers on the claims' ids."""
    return first.merge(second[["id", "value", "verdict"]], on="id", suffixes=suffixes, validate="one_to_one")
