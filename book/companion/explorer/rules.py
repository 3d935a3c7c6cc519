"""The rules of a results table, with the words of `bvg.results` for a table that breaks one, as plain values for a page.

The page checks a file as `bvg.results.load` does. It holds no sentence of its own: each is recorded here by giving
`bvg.results` a table that breaks one rule.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from bvg import study
from bvg.results.schema import (
    ATTACKS,
    BENCHMARK_IDS,
    COLUMNS,
    COUNTS,
    KEY,
    METRICS,
    METRICS_OF_CHANNEL,
    ResultsError,
    validate,
)
from bvg.results.table import ORDINARY, load

GOOD = {"model": "m", "benchmark": "imagenet", "variant": "", "level": None, "metric": "top1", "value": 50.0, "n": None, "source": "s"}  # fmt: skip
"""A row that breaks no rule."""
Test = list[Any]
"""A field, a test and its argument: `in` a list, `out` of one, `like` a regular expression, `within` two numbers,
`most`: at most another field, or `whole`. None stands for an empty number."""


@dataclass(frozen=True)
class Rule:
    """A rule: rows that pass all tests `when` must pass all tests `then`.

    Attributes:
        column: the column that the sentence names.
        bad: fields that, put into the row `GOOD`, break this rule and none before it.
        then, when: tests.
    """

    column: str
    bad: dict[str, Any]
    then: list[Test]
    when: list[Test] = field(default_factory=list)


def rules() -> list[Rule]:
    """Return the rules that a row must follow, in the order in which `bvg.results.validate` checks them."""
    cue, band, noisy = {"benchmark": "cue-conflict"}, {"benchmark": "critical-band"}, [["benchmark", "in", ["critical-band"]], ["metric", "out", METRICS_OF_CHANNEL]]  # fmt: skip
    channel, pgd = ["metric", "in", METRICS_OF_CHANNEL], ["benchmark", "in", ["pgd"]]
    counted, least, largest = [["metric", "in", COUNTS]], sys.float_info.min, sys.float_info.max
    hits = {**cue, "metric": "shape_hits", "n": 1}
    found = [Rule(c, {c: ""}, [[c, "out", [""]]]) for c in ("model", "metric", "source")]
    found += [
        Rule("benchmark", {"benchmark": "?"}, [["benchmark", "in", BENCHMARK_IDS]]),
        Rule("metric", {"metric": "?"}, [["metric", "in", list(METRICS)]]),
        Rule("value", {"value": None}, [["value", "within", [-largest, largest]]]),
        Rule("level", {"level": math.inf}, [["level", "within", [-largest, largest]]], [["level", "out", [None]]]),
        Rule("value", hits | {"value": 0.5}, [["value", "whole", None]], counted),
        Rule("value", hits | {"value": 2}, [["value", "most", "n"]], counted),
    ]
    for metric, (low, high, benchmarks) in METRICS.items():
        of, elsewhere = [["metric", "in", [metric]]], next(b for b in BENCHMARK_IDS[::-1] if b not in benchmarks)
        found.append(Rule("metric", {"metric": metric, "benchmark": elsewhere, "value": low}, [["benchmark", "in", benchmarks]], of))  # fmt: skip
        outside = {"metric": metric, "benchmark": benchmarks[0], "value": low - 1}
        found.append(Rule("value", outside, [["value", "within", [low, min(high, largest)]]], of))
    for corrupted, names in study.CORRUPTIONS.items():
        of, own = ["benchmark", "in", [corrupted]], {"benchmark": corrupted}
        named = [of, ["variant", "out", [""]]]
        found += [
            Rule("variant", own | {"variant": "?"}, [["variant", "in", names]], named),
            Rule("level", own | {"variant": names[0], "level": 9}, [["level", "in", [None, *study.SEVERITIES]]], named),
            Rule("level", own | {"level": 1}, [["level", "in", [None]]], [of, ["variant", "in", [""]]]),
        ]
    filtered, varied = ["low-pass", "high-pass"], ["pgd", "critical-band", *study.CORRUPTIONS]
    clean, noise = ["level", "in", [0]], [["variant", "like", r"(16way-)?band-\d+"]]
    plain, unfiltered = ["benchmark", "out", [*varied, "layer-criticality"]], ["benchmark", "out", [*varied, *filtered]]
    layer = {"benchmark": "layer-criticality", "metric": "criticality", "value": 0.5}
    found += [
        Rule("level", {"benchmark": "low-pass"}, [["level", "within", [0, 1]]], [["benchmark", "in", filtered]]),
        Rule("variant", {"benchmark": "pgd"}, [["variant", "in", ATTACKS]], [pgd]),
        Rule("level", {"benchmark": "pgd", "variant": "linf", "level": 4}, [["level", "within", [least, 1]]], [pgd, ["level", "out", [None]]]),
        Rule("variant", band | {"metric": "bandwidth"}, [["variant", "like", "(16way-)?(relative|raw)"]], [channel]),
        Rule("level", band, [["level", "within", [0, 1]]], noisy),
        Rule("variant", band | {"level": 0, "variant": "?"}, [["variant", "in", ["", "16way"]]], [*noisy, clean]),
        Rule("variant", band | {"level": 0.1, "variant": "?"}, noise, [*noisy, ["level", "within", [least, largest]]]),
        Rule("variant", layer, [["variant", "out", [""]]], [["benchmark", "in", ["layer-criticality"]]]),
        Rule("variant", {"variant": "?"}, [["variant", "in", [""]]], [plain]),
        Rule("level", {"level": 1}, [["level", "in", [None]]], [unfiltered]),
        Rule("level", band | {"metric": "bandwidth", "variant": "raw", "level": 1}, [["level", "in", [None]]], [channel]),
        Rule("n", {"n": 0.5}, [["n", "within", [1, largest]], ["n", "whole", None]], [["n", "out", [None]]]),
    ]  # fmt: skip
    return found


def for_page() -> dict[str, Any]:
    """Return the rules with their sentences.

    Returns:
        `columns`, `key` and `ordinary` (benchmarks whose accuracies must not all be fractions); `rules`, each with column, when,
        then and reason; `sentences`, in which words in braces stand for what the page fills in: `row` (any broken rule), `more`,
        `number` and `repeat` (reasons), `nothing` and `none` (an empty field or list), and those for a whole file.
    """
    wide = {"value": 101.0}
    reason = _reason("value", wide)
    template = _said([GOOD, GOOD | wide, GOOD | wide | {"benchmark": "imagenet-a"}]).partition("; row: ")[0]
    more = template.partition(reason)[2]
    header = ",".join(COLUMNS)
    wrong, exact = (
        _unread(f"{text}\n1") for text in (header.replace("value", "{unknown}"), header.removesuffix(",source"))
    )
    row, long = "m,imagenet,,,top1,0.5,,s", "1," * len(COLUMNS)
    fractions = _unread(f"{header}\n{row}")
    longer = _unread(f"{header}\n{row}\n{long}")
    sentences = {
        "row": template.replace("row 2 (", "row {row} (").replace(f"`value`: 101.0 {reason}{more}", "`{column}`: {field} {reason}{more}; row: {what}"),
        "more": more.replace("1", "{count}"),
        "number": _reason("value", {"value": "?"}),
        "repeat": _said([GOOD, GOOD]).partition("'m' ")[2].partition("; row: ")[0],
        "columns": wrong.replace("missing: value", "missing: {missing}"),
        "none": exact.rpartition("unknown: ")[2],
        "empty": _unread(""),
        "blank": _unread(header),
        "long": _unread(f"{header}\n{long}"),
        "longer": longer.replace(f"{len(COLUMNS)} fields in line 3, saw {len(COLUMNS) + 1}", "{fields} fields in line {line}, saw {found}"),
        "binary": _unread("\0"),
        "html": _unread("<html>"),
        "nothing": _said([GOOD | {"value": None}]).partition("`value`: ")[2].partition(" is not finite")[0],
        "fractions": fractions.replace("got top1 of at most 0.5 in all 1 rows", "got {metric} of at most {most} in all {count} rows"),
    }  # fmt: skip
    found = [{"column": r.column, "when": r.when, "then": r.then, "reason": _reason(r.column, r.bad)} for r in rules()]
    return {"columns": COLUMNS, "key": KEY, "ordinary": sorted(ORDINARY), "rules": found, "sentences": sentences}  # fmt: skip


def _said(rows: list[dict[str, Any]]) -> str:
    """Return the error of `bvg.results.validate` for a table named {name}."""
    try:
        validate(pd.DataFrame(rows, columns=list(COLUMNS)), "{name}")
    except ResultsError as error:
        return str(error)
    raise AssertionError(f"expected bvg.results to reject {rows}: state its rules here as it does")


def _reason(column: str, bad: dict[str, Any]) -> str:
    """Return why a row with the fields `bad` is rejected."""
    text, _, _ = _said([GOOD | bad]).partition("; row: ")
    before, _, after = text.partition(f"`{column}`: ")
    value = bad.get(column, GOOD[column])
    written = "an empty field" if value is None else repr(value) if isinstance(value, str) else str(float(value))
    if not before or not after.startswith(f"{written} "):
        raise AssertionError(f"expected the column {column} and {written} in: {text}")
    return after.removeprefix(f"{written} ")


def _unread(text: str) -> str:
    """Return the error of `bvg.results.load` for a file named {name} with this text."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(text, encoding="utf-8")
        try:
            load(path)
        except ResultsError as error:
            return str(error).replace(str(path), "{name}")
    raise AssertionError(f"expected bvg.results to reject the file {text!r}")
