"""Tables and sentences of the page that verifies a set-up."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import known_models, study
from companion.tables.base import Table
from companion.text import format_number, listed, plural

AGREES, DIFFERS = "agrees", "differs"


def compared(data: pd.DataFrame, world: study.World = study.STUDY, digits: int = 2) -> Table:
    """Tabulate a comparison by benchmark: counts of the verdicts, and the number nearest to its tolerance or beyond.

    Args:
        data: one row per number with benchmark, difference, tolerance and verdict; `cause` where differences have a known cause.
        world: the benchmarks whose names to print.
        digits: decimals of differences.
    """
    rows = []
    for benchmark, own in data.groupby("benchmark", sort=False):
        ratio = (own["difference"] / own["tolerance"]).abs()
        worst = own.loc[ratio.idxmax()] if ratio.notna().any() else own.iloc[0]
        causes = sorted(set(own.get("cause", pd.Series(dtype=str))) - {""})
        rows.append(
            {
                "Benchmark": world.name(str(benchmark)),
                "Numbers": str(len(own)),
                "Agree": str((own["verdict"] == AGREES).sum()),
                "Differ": str((own["verdict"] == DIFFERS).sum()),
                "Difference": format_number(worst["difference"], digits),
                "Tolerance": format_number(worst["tolerance"], digits, "none"),
                "Known cause": "; ".join(causes),
            }
        )
    displayed = pd.DataFrame(rows)
    if not displayed["Known cause"].any():
        displayed = displayed.drop(columns="Known cause")
    return Table(displayed, data)


def accuracies(data: pd.DataFrame) -> Table:
    """Tabulate stored and measured accuracies of the miniature.

    Args:
        data: from `bvg.measure.self_check.compare_numbers`.
    """
    displayed = pd.DataFrame(
        {
            "Network": known_models.describe(data["what"])["name"].to_list(),
            "Stored [%]": [format_number(v) for v in data["stored"]],
            "Measured [%]": [format_number(v) for v in data["measured"]],
            "Difference [points]": [format_number(v) for v in data["difference"]],
            "Tolerance [points]": [format_number(v) for v in data["tolerance"]],
            "Verdict": data["verdict"],
        }
    )
    return Table(displayed, data)


def without_data(stimuli: pd.DataFrame, numbers: pd.DataFrame) -> str:
    """State whether a set-up makes the stored stimuli and numbers.

    Args:
        stimuli, numbers: from `bvg.measure.self_check`.

    Example:
        >>> row = {"what": "low-pass 0.1", "verdict": "agrees", "identical": True}
        >>> without_data(pd.DataFrame([row]), pd.DataFrame([row | {"verdict": "differs", "what": "mini_standard"}]))
        'This set-up makes 1 of 1 stimulus (1 bit for bit) and 0 of 1 stored accuracy of the miniature; mini_standard differs.'
    """
    parts = []
    for table, one, many in (
        (stimuli, "stimulus", "stimuli"),
        (numbers, "stored accuracy of the miniature", "stored accuracies of the miniature"),
    ):
        parts.append(f"{(table['verdict'] == AGREES).sum()} of {plural(len(table), one, many)}")
    wrong = [row.what for table in (stimuli, numbers) for row in table[table["verdict"] == DIFFERS].itertuples()]
    end = f"; {listed(wrong)} {'differs' if len(wrong) == 1 else 'differ'}" if wrong else ""
    return f"This set-up makes {parts[0]} ({int(np.sum(stimuli['identical']))} bit for bit) and {parts[1]}{end}."


def verdict(data: pd.DataFrame, passed: bool, drawn: bool = False) -> str:
    """State the outcome of a comparison with the published numbers.

    Args:
        data: from `bvg.measure.verify.compare`.
        passed: from `bvg.measure.verify.passed`.
        drawn: whether the numbers were drawn and not measured.

    Example:
        >>> verdict(pd.DataFrame({"verdict": ["agrees", "differs"], "cause": ["", "a known one"]}), True)
        'Of 2 numbers, 1 agrees and 1 differs, for a known cause: the set-up reproduces the published numbers.'
    """
    outcome = f"the set-up {'reproduces' if passed else 'does not reproduce'} the published numbers"
    if drawn:
        outcome = f"a set-up that measured these drawn numbers would {'pass' if passed else 'fail'}"
    if data.empty:
        return f"No number can be compared: {outcome}."
    known = (data["verdict"] == DIFFERS) & (data["cause"] != "")
    unknown = (data["verdict"] == DIFFERS) & (data["cause"] == "")
    parts = []
    for chosen, one, many, why in (
        (data["verdict"] == AGREES, "agrees", "agree", ""),
        (known, "differs", "differ", ", for a known cause"),
        (unknown, "differs", "differ", " for no known cause"),
        (~data["verdict"].isin([AGREES, DIFFERS]), "has", "have", " no tolerance"),
    ):
        if n := int(chosen.sum()):
            parts.append(f"{n} {one if n == 1 else many}{why}")
    return f"Of {plural(len(data), 'number')}, {listed(parts)}: {outcome}."
