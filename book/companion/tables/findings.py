"""The finding of each page in one computed sentence, for no, one and several cases."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bvg import study
from bvg.results import correlation
from companion.analysis import filtered_accuracy
from companion.text import format_number, listed, plural, set_name

IN_PROSE = {
    "ID": "accuracy in distribution",
    "Robustness": "robustness",
    "Concepts": "accuracy on concepts",
    "Adversarial": "adversarial accuracy",
}
"""Names of the categories within a sentence."""


def single_bias(cells: pd.DataFrame, group: str = "total") -> str:
    """Answer the paper's question for a set of models: does a single bias correlate with all categories?

    Args:
        cells: from `bvg.results.correlation.correlate`, categories by biases.
        group: the set of models.

    Example:
        >>> row = {"row": "ID", "group": "total", "n": 48}
        >>> single_bias(pd.DataFrame([row | {"column": "shape", "shown": 0.0, "r": 0.1}]))
        'No: over all 48 models, no single bias correlates significantly, and with one sign, with every category of generalization.'
    """
    own = cells[cells["group"] == group]
    where = _over(group, own)
    if own["r"].isna().all():
        return f"{where[0].upper()}{where[1:]}, no correlation is defined."
    found = [study.bias(b).plain.lower() for b in correlation.same_sign(own)["column"]]
    if not found:
        return f"No: {where}, no single bias correlates significantly, and with one sign, with every category of generalization."
    verb = "correlates" if len(found) == 1 else "correlate, each for itself,"
    return (
        f"Yes: {where}, {listed(found)} {verb} significantly, and with one sign, with every category of generalization."
    )


def relations(cells: pd.DataFrame, bias: str, group: str = "total") -> str:
    """State with which categories a bias rises, falls, or has no significant correlation.

    Args:
        cells: from `bvg.results.correlation.correlate`, categories by biases.
        bias: id of the bias.
        group: the set of models.

    Example:
        >>> row = {"column": "shape", "group": "total", "n": 48}
        >>> relations(pd.DataFrame([row | {"row": "ID", "shown": -0.76, "r": -0.76}, row | {"row": "Concepts", "shown": 0.0, "r": 0.1}]), "shape")
        'Over all 48 models, a higher shape bias goes with lower accuracy in distribution (r = −0.76); it has no significant correlation with accuracy on concepts.'
    """
    own = cells[(cells["group"] == group) & (cells["column"] == bias)]
    name, where = study.bias(bias).plain.lower(), _over(group, own)
    where = where[0].upper() + where[1:]
    defined = own.dropna(subset="r")
    if defined.empty:
        return f"{where}, no correlation of {name} is defined."
    parts = []
    for word, of in (("higher", defined[defined["shown"] > 0]), ("lower", defined[defined["shown"] < 0])):
        if len(of):
            parts.append(
                f"{word} {listed(f'{IN_PROSE[c.row]} (r = {format_number(c.shown)})' for c in of.itertuples())}"
            )
    rest = [IN_PROSE[c] for c in defined.loc[defined["shown"] == 0, "row"]]
    if not parts:
        return f"{where}, {name} has no significant correlation with {_either(rest)}."
    text = f"{where}, a higher {name} goes with {listed(parts)}"
    return f"{text}; it has no significant correlation with {_either(rest)}." if rest else f"{text}."


def pairs_agree(pairs: pd.DataFrame, of: str) -> str:
    """State how many pairs correlate positively, negatively and not significantly.

    Args:
        pairs: each pair once (see `bvg.results.correlation.pairs`).
        of: what the pairs are of, in the plural, such as `benchmarks`.

    Example:
        >>> row = {"group": "total", "n": 48, "r": 0.1}
        >>> pairs_agree(pd.DataFrame([row | {"shown": 0.5}, row | {"shown": 0.0}]), "benchmarks")
        'Over all 48 models, 1 of 2 pairs of benchmarks correlates positively, none negatively and 1 not significantly.'
    """
    defined = pairs.dropna(subset="r")
    where = _over("total", pairs)
    where = where[0].upper() + where[1:]
    if defined.empty:
        return f"{where}, no correlation between {of} is defined."
    counts = [int((defined["shown"] > 0).sum()), int((defined["shown"] < 0).sum()), int((defined["shown"] == 0).sum())]
    positive, negative, neither = (str(n or "none") for n in counts)
    verb = "correlates" if counts[0] == 1 else "correlate"
    return f"{where}, {positive} of {len(defined)} pairs of {of} {verb} positively, {negative} negatively and {neither} not significantly."


def ledger(verdicts: Sequence[str], order: Sequence[str]) -> str:
    """State how many claims have each verdict.

    Args:
        verdicts: the verdict of each claim.
        order: all verdicts, in the order to name them.

    Example:
        >>> ledger(["holds", "holds", "fails"], ["holds", "fails", "not checkable"])
        'Of 3 claims, 2 hold, 1 fails and none is not checkable.'
    """
    many = {"holds": "hold", "holds in part": "hold in part", "fails": "fail", "not checkable": "are not checkable"}
    single = {"not checkable": "is not checkable"}
    parts = []
    for verdict in order:
        n = list(verdicts).count(verdict)
        verb = many.get(verdict, verdict) if n > 1 else single.get(verdict, verdict)
        parts.append(f"{n or 'none'} {verb}")
    return f"Of {plural(len(verdicts), 'claim')}, {listed(parts)}."


def robust(verdicts: Sequence[str], robust: str, fragile: str) -> str:
    """State how many of the significant correlations are robust.

    Args:
        verdicts: the verdict of each cell.
        robust, fragile: the two verdicts of significant cells.

    Example:
        >>> robust(["robust", "fragile", "fragile", "not significant"], "robust", "fragile")
        'Of 4 correlations, 3 are significant; 1 of them is robust.'
    """
    verdicts = list(verdicts)
    kept, lost = verdicts.count(robust), verdicts.count(fragile)
    n = kept + lost
    if not n:
        return f"Of {plural(len(verdicts), 'correlation')}, none is significant."
    of = "it" if n == 1 else "of them"
    held = (
        f"{kept or 'none'} {of} {'is' if kept <= 1 else 'are'} robust"
        if n > 1
        else f"it is {'' if kept else 'not '}robust"
    )
    return f"Of {plural(len(verdicts), 'correlation')}, {n} {'is' if n == 1 else 'are'} significant; {held}."


def _over(group: str, cells: pd.DataFrame) -> str:
    """Return `over all 48 models` or `among 33 others`."""
    if cells.empty:
        return "over these models"
    name = set_name(group, cells)
    return f"over {name}" if group == "total" else f"among {name}"


def _either(names: Sequence[str]) -> str:
    """Join names after `no`: A; A or B; A, B or C."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


def halving(medians: pd.DataFrame) -> str:
    """State at which cut-offs the median model falls below half of its accuracy on unfiltered images.

    Args:
        medians: from `companion.analysis.filtered_accuracy.medians`.

    Example:
        >>> row = {"n": 48, "below": 0.1, "above": 0.2}
        >>> halving(pd.DataFrame([row | {"kind": "low", "cutoff": 0.18, "median_share": 0.49}, row | {"kind": "high", "cutoff": 0.1, "median_share": 0.6}]))
        'As the cut-off falls, the median of 48 models drops below half of its accuracy on unfiltered images at 0.18 with the low-pass filter (interpolated between the published 0.1 and 0.2). With the high-pass filter, the median of 48 models stays at half of it or above.'
    """
    count = int(medians["n"].max())
    if not count:
        return "No model has a published accuracy on filtered images."
    models = "the model" if count == 1 else f"the median of {count} models"
    parts, notes = [], []
    for kind in filtered_accuracy.KINDS:
        rows, found = medians[medians["kind"] == kind], filtered_accuracy.half(medians, kind)
        if rows["median_share"].isna().all():
            notes.append(f"Nothing is published for the {kind}-pass filter.")
        elif found is None:
            notes.append(f"With the {kind}-pass filter, {models} stays at half of it or above.")
        else:
            source = "published at this cut-off"
            if found["below"] != found["above"]:
                source = f"interpolated between the published {found['below']:g} and {found['above']:g}"
            parts.append(f"at {found['cutoff']:.2f} with the {kind}-pass filter ({source})")
    start = f"As the cut-off falls, {models} drops below half of its accuracy on unfiltered images"
    never = f"{models[0].upper()}{models[1:]} never drops below half of its accuracy on unfiltered images."
    return " ".join([f"{start} {' and '.join(parts)}." if parts else never, *notes])
