"""Rules on benchmarks: which go together, what depends on the one that is asked, and the attack."""

from __future__ import annotations

import numpy as np
from statsmodels.stats.multitest import multipletests

from bvg.results import correlation, scores
from companion.analysis.claims.evidence import FAILS, HOLDS, PARTLY, UNKNOWN, Evidence, Found, names
from companion.text import listed, signed

APART = ("stylized", "pgd")
WEAK, USUAL = 1 / 255, 4 / 255  # a quarter of the field's usual attack on ImageNet (Linf), and that


def benchmarks_agree(e: Evidence) -> Found:
    """More than half of the pairs without SIN and PGD correlate positively and significantly, and these two have the lowest
    mean correlations; in part if one of both. Moved by alpha, leave_out."""
    pairs = correlation.pairs(e.benchmarks)
    rest = pairs[~pairs["row"].isin(APART) & ~pairs["column"].isin(APART)]
    positive = int((rest["shown"] > 0).sum())
    lowest = list(correlation.mean_shown(e.benchmarks).index[:2])
    value = (
        f"{positive} of {len(rest)} pairs of the rest correlate positively; least related to the others: "
        f"{listed([e.world.name(b) for b in lowest])}"
    )
    agree, are_apart = positive > len(rest) / 2, set(lowest) == set(APART)
    return value, HOLDS if agree and are_apart else PARTLY if agree or are_apart else FAILS


def benchmarks_apart(e: Evidence) -> Found:
    """A stricter reading: SIN and PGD correlate positively and significantly with no other benchmark; in part if each does so
    with fewer than any of the rest. Moved by alpha, leave_out."""
    others = e.benchmarks[e.benchmarks["row"] != e.benchmarks["column"]]
    if others[others["row"].isin(APART)].groupby("row")["r"].count().min() == 0:
        return "the correlations of SIN or PGD are not defined", UNKNOWN
    partners = (others["shown"] > 0).groupby(others["row"]).sum()
    related = correlation.significant(others).groupby(others["row"]).sum()
    rest = partners.drop(list(APART))
    value = "positive partners: " + ", ".join(f"{e.world.name(b)} {partners[b]}" for b in APART)
    value += f", each of the rest {rest.min()} or more; with no other, of either sign: "
    value += listed([e.world.name(b) for b in related.index[related == 0]])
    fewer = all(partners[b] < rest.min() for b in APART)
    return value, HOLDS if not any(partners[b] for b in APART) else PARTLY if fewer else FAILS


def many_benchmarks(e: Evidence) -> Found:
    """The answer depends on the benchmark that is asked: over all models, more than half of the biases correlate positively
    with some benchmarks and negatively with others, both significantly; in part if any does. Moved by alpha, leave_out,
    cut-offs."""
    total = e.by_benchmark.query("group == 'total'")
    by_bias = total.groupby("column", sort=False)["shown"]
    count = by_bias.agg(positive=lambda r: int((r > 0).sum()), negative=lambda r: int((r < 0).sum()))
    mixed = count[(count["positive"] > 0) & (count["negative"] > 0)]
    how = "; ".join(f"{names([b])} {row.positive} positive, {row.negative} negative" for b, row in count.iterrows())
    value = f"{len(mixed)} of {len(count)} biases change sign over {total['row'].nunique()} benchmarks ({how})"
    return value, HOLDS if len(mixed) > len(count) / 2 else PARTLY if len(mixed) else FAILS


def singled_out(e: Evidence) -> Found:
    """No bias goes with all four categories over all models (else it fails), and every bias correlates with some benchmark in
    some set of models, after Holm's correction for having searched all of them (else in part; it fails if none does). Moved by
    alpha, set_apart, leave_out, categories, cut-offs."""
    cells = e.by_benchmark.dropna(subset="p")
    if cells.empty:
        return "no correlation is defined", UNKNOWN
    holm = multipletests(cells["p"], method="holm")[1] < e.alpha
    found = (cells["p"] < e.alpha).groupby(cells["column"]).sum().reindex(scores.BIAS_COLUMNS, fill_value=0)
    firm = cells[holm]["column"].value_counts().reindex(scores.BIAS_COLUMNS, fill_value=0)
    how = ", ".join(f"{names([b])} {found[b]} ({firm[b]})" for b in scores.BIAS_COLUMNS)
    value = f"significant of {len(cells)} correlations with a benchmark in a set of models (after Holm): {how}; "
    value += f"with all categories over all models: {names(e.consistent('total'))}"
    if e.consistent("total") or not firm.any():
        return value, FAILS
    return value, HOLDS if firm.all() else PARTLY


def low_budget(e: Evidence) -> Found:
    """The attack behind the Adversarial score changes no pixel by more than WEAK, a quarter of the field's USUAL epsilon; in
    part if by less than USUAL. Moved by the results and, on pages that have it, epsilon."""
    if e.results is None or (attack := scores.attacks(e.results, e.epsilon)).empty:
        return "the table states no attack of the score's epsilon", UNKNOWN
    accuracy = attack[attack["model"].isin(e.counted["model"])]["value"]
    value = (
        f"ε = {255 * e.epsilon:.4g}/255, against 4/255 that the field is used to; the models keep {signed(accuracy.min(), 1)} to "
        f"{signed(accuracy.max(), 1)} % accuracy, median {signed(np.median(accuracy), 1)} %"
    )
    return value, HOLDS if e.epsilon <= WEAK else PARTLY if e.epsilon < USUAL else FAILS
