"""Rules on benchmarks and on the attack.

The docstring of a rule is its published description, so it may exceed one line.
"""

from __future__ import annotations

import numpy as np

from bvg.results import correlation, scores
from companion.analysis.claims import decisions
from companion.analysis.claims.decisions import APART
from companion.analysis.claims.evidence import Evidence, Found, names
from companion.analysis.claims.shown import Shown
from companion.analysis.claims.verdicts import FAILS, HOLDS, PARTLY, UNKNOWN, name
from companion.analysis.multiple_tests import adjusted
from companion.analysis.variants import by_attack
from companion.text import format_number, listed


def benchmarks_agree(e: Evidence) -> Found:
    """More than half of the pairs without SIN and PGD correlate positively and significantly, and SIN and PGD have the lowest
    mean correlations; holds in part if only one of these is true. Depends on alpha and leave_out."""
    pairs = correlation.pairs(e.benchmarks)
    rest = pairs[~pairs["row"].isin(APART) & ~pairs["column"].isin(APART)]
    positive = int((rest["shown"] > 0).sum())
    lowest = list(correlation.mean_shown(e.benchmarks).index[:2])
    value = (
        f"{positive} of {len(rest)} pairs of the other benchmarks correlate positively; the lowest mean correlations: "
        f"{listed([e.world.name(b) for b in lowest])}"
    )
    shown = Shown.of(e.benchmarks)
    return value, name(decisions.benchmarks_agree(shown.pick(group="total"), shown.rows))


def benchmarks_apart(e: Evidence) -> Found:
    """A strict reading: SIN and PGD correlate positively and significantly with no other benchmark; holds in part if each does so
    with fewer benchmarks than any of the rest. Depends on alpha and leave_out."""
    others = e.benchmarks[e.benchmarks["row"] != e.benchmarks["column"]]
    if others[others["row"].isin(APART)].groupby("row")["r"].count().min() == 0:
        return "the correlations of SIN or PGD are not defined", UNKNOWN
    partners = (others["shown"] > 0).groupby(others["row"]).sum()
    related = correlation.significant(others).groupby(others["row"]).sum()
    rest = partners.drop(list(APART))
    value = "benchmarks with a positive correlation: " + ", ".join(f"{e.world.name(b)} {partners[b]}" for b in APART)
    value += f", each of the rest {rest.min()} or more; without any significant correlation: "
    value += listed([e.world.name(b) for b in related.index[related == 0]])
    shown = Shown.of(e.benchmarks)
    return value, name(decisions.benchmarks_apart(shown.pick(group="total"), shown.rows))


def many_benchmarks(e: Evidence) -> Found:
    """The conclusion depends on the benchmark: over all models, more than half of the biases correlate significantly and
    positively with some benchmarks and negatively with others; holds in part if any does. Depends on alpha, leave_out and
    cut-offs."""
    total = e.by_benchmark.query("group == 'total'")
    by_bias = total.groupby("column", sort=False)["shown"]
    count = by_bias.agg(positive=lambda r: int((r > 0).sum()), negative=lambda r: int((r < 0).sum()))
    mixed = count[(count["positive"] > 0) & (count["negative"] > 0)]
    how = "; ".join(f"{names([b])} {row.positive} positive, {row.negative} negative" for b, row in count.iterrows())
    value = f"opposite signs over {total['row'].nunique()} benchmarks for {len(mixed)} of {len(count)} biases ({how})"
    return value, name(decisions.many_benchmarks(Shown.of(e.by_benchmark)))


def singled_out(e: Evidence) -> Found:
    """No bias correlates with one sign with all four categories over all models, but more than half of the biases correlate with
    some benchmark in some set of models, after Holm's correction for all these tests. Holds in part if fewer do. Fails if none
    does, or if a bias correlates with one sign with all four categories over all models. Depends on alpha, set_apart, leave_out, categories and cut-offs."""
    cells = e.by_benchmark.dropna(subset="p")
    if cells.empty:
        return "no correlation is defined", UNKNOWN
    holm = adjusted(cells["p"]) < e.alpha
    found = (cells["p"] < e.alpha).groupby(cells["column"]).sum().reindex(scores.BIAS_COLUMNS, fill_value=0)
    corrected = cells[holm]["column"].value_counts().reindex(scores.BIAS_COLUMNS, fill_value=0)
    how = ", ".join(f"{names([b])} {found[b]} ({corrected[b]})" for b in scores.BIAS_COLUMNS)
    value = (
        f"significant correlations with a benchmark in a set of models, of {len(cells)} in all (after Holm): {how}; "
    )
    value += f"one sign with all categories over all models: {names(e.consistent('total'))}"
    return value, name(decisions.singled_out(e.shown, corrected.to_numpy() > 0))


def low_budget(e: Evidence) -> Found:
    """The attack behind the Adversarial score changes no pixel by more than 1/255, a quarter of the usual 4/255 (Linf, ImageNet);
    holds in part if by less than 4/255. If the results have a stronger attack, the result compares shape bias with both. Depends
    on the results, set_apart and eps."""
    weak, usual = 1 / 255, 4 / 255
    if e.results is None or (attack := scores.attacks(e.results, e.eps)).empty:
        return "the table has no attack of the score's strength", UNKNOWN
    accuracy = attack[attack["model"].isin(e.counted["model"])]["value"]
    value = (
        f"ε = {255 * e.eps:.4g}/255, compared with the usual 4/255; the models keep {format_number(accuracy.min(), 1)} to "
        f"{format_number(accuracy.max(), 1)} % accuracy, median {format_number(np.median(accuracy), 1)} %"
    )
    attacks = by_attack(e.results, e.counted, e.sets, e.alpha).query("column == 'shape' and group == 'at'")
    if len(attacks) > 1:
        value += f"; r of shape bias among the {attacks['n'].max()} AT models: " + ", ".join(
            f"{format_number(c.r)} ({c.attack.replace('linf-high', 'a stronger attack').replace('linf', 'L∞')})"
            for c in attacks.itertuples()
        )
    return value, HOLDS if e.eps <= weak else PARTLY if e.eps < usual else FAILS
