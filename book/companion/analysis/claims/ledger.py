"""The ledger: every claim with what was found and the verdict, as a table, beside another one, and with its rule's code."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from bvg.results import correlation
from companion.analysis.claims.evidence import FAILS, HOLDS, UNKNOWN, Evidence
from companion.analysis.claims.statements import CLAIMS, Claim
from companion.tables.study import Table

COLUMNS = ("id", "claim", "source", "how", "value", "verdict", "where")


def ledger(evidence: Evidence, claims: Sequence[Claim] = CLAIMS) -> pd.DataFrame:
    """Every claim with what was found and the verdict: id, claim, source, how, value, verdict, where.

    Of fewer than `stats.FEWEST` models no correlation is defined and nothing can be checked.
    """
    n = len(evidence.counted)
    few = (
        (f"{n} models are too few: a correlation takes {correlation.FEWEST}", UNKNOWN)
        if n < correlation.FEWEST
        else None
    )
    rows = [(c.id, c.claim, c.source, c.how, *(few or c.test(evidence)), c.where) for c in claims]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def table(of: pd.DataFrame) -> Table:
    """The ledger to be read, each row with links to the numbers (`where`) and to the rule's code (`rules`)."""
    shown = pd.DataFrame(
        {
            "Statement": of["claim"] + " *(" + of["source"] + ")*",
            "Verdict": "**" + of["verdict"] + "**",
            "Found": of["value"],
            "Follow": [
                f"{{ref}}`numbers <{where.partition('#')[2]}>`, {{ref}}`rule <rule-{id}>`"
                for where, id in zip(of["where"], of["id"], strict=True)
            ],
        }
    )
    return Table(shown, of)


def rules(claims: Sequence[Claim] = CLAIMS) -> str:
    """The source of every claim's rule as MyST text, each below a target `rule-ID` that links lead to."""
    return "\n\n".join(f"(rule-{c.id})=\n**{c.id}.** {c.claim}\n\n```python\n{source(c)}\n```" for c in claims)


def source(claim: Claim) -> str:
    """The source of a claim's rule, after the constants of its module and before the functions of this package that it calls."""
    parts, seen, waiting = [], {}, [claim.test]
    while waiting:
        function = waiting.pop(0)
        if function in parts:
            continue
        parts.append(function)
        used = [(name, function.__globals__.get(name)) for name in function.__code__.co_names]
        seen |= {
            name: _line(function, name)
            for name, value in used
            if name.isupper() and isinstance(value, int | float | tuple)
        }
        waiting += [value for _, value in used if _is_rule(value)]
    constants = "\n".join(dict.fromkeys(line for line in seen.values() if line))
    return "\n\n".join([*filter(None, [constants]), *(inspect.getsource(part).rstrip() for part in parts)])


def _is_rule(value: object) -> bool:
    return inspect.isfunction(value) and value.__module__.startswith("companion.analysis.claims.rules")


def _line(function: Callable, name: str) -> str:
    """The line of a function's module that gives a name its value; empty where another module does."""
    text = inspect.getsource(inspect.getmodule(function))
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and name in {
            n.id for n in ast.walk(node.targets[0]) if isinstance(n, ast.Name)
        }:
            return text.splitlines()[node.lineno - 1]
    return ""


def moved(before: pd.DataFrame, after: Mapping[str, pd.DataFrame]) -> Table:
    """Which verdicts change when a choice is changed.

    Args:
        before: a ledger.
        after: the change, in words -> the ledger under it, of the same claims or some of them.

    Returns:
        `data` with change, id, claim, verdict_before, verdict_after, value_before, value_after, moved: every claim under every
        change. Shown are those that moved, and a line for a change under which none did.
    """
    on = ["id", "claim", "source", "how", "where"]
    parts = [
        before.merge(then, on=on, suffixes=("_before", "_after"), validate="one_to_one").assign(change=change)
        for change, then in after.items()
    ]
    kept = ["change", "id", "claim", "verdict_before", "verdict_after", "value_before", "value_after"]
    data = pd.concat(parts, ignore_index=True)[kept]
    data["moved"] = data["verdict_before"] != data["verdict_after"]
    lines = []
    for change, of in data.groupby("change", sort=False):
        rows = of[of["moved"]]
        for row in rows.itertuples():
            lines.append(
                (change, row.claim, f"**{row.verdict_before}**", f"**{row.verdict_after}.** {row.value_after}")
            )
        if rows.empty:
            lines.append((change, "*none moves*", "", ""))
    return Table(pd.DataFrame(lines, columns=["Change", "Statement", "Before", "After"]), data)


def compare(published: pd.DataFrame, miniature: pd.DataFrame) -> Table:
    """Two worlds' ledgers side by side: what was found in either, the verdicts, and whether these are the same, reversed
    (one holds, the other fails) or partly different (column `agreement` of the data)."""
    on = ["id", "claim", "source", "how", "where"]
    data = published.merge(miniature, on=on, suffixes=("_published", "_miniature"), validate="one_to_one")
    verdicts = zip(data["verdict_published"], data["verdict_miniature"], strict=True)
    data["agreement"] = [
        "same" if a == b else "reversed" if {a, b} == {HOLDS, FAILS} else "partly" for a, b in verdicts
    ]
    shown = pd.DataFrame(
        {
            "Statement": data["claim"],
            "The study": "**" + data["verdict_published"] + ".** " + data["value_published"],
            "The miniature": "**" + data["verdict_miniature"] + ".** " + data["value_miniature"],
        }
    )
    return Table(shown, data)
