"""Rules on the correlations of Figure 2: single biases, groups of models, earlier findings."""

from __future__ import annotations

from bvg.results import correlation, scores
from companion.analysis.claims.evidence import (
    FAILS,
    GROUPS,
    HOLDS,
    PARTLY,
    UNKNOWN,
    Evidence,
    Found,
    by_category,
    by_group,
    names,
)
from companion.text import signed

STRONG = 0.7  # r^2 is then about a half


def no_single_bias(e: Evidence) -> Found:
    """No bias has significant correlations of one sign with all four categories: over all models (else it fails), and
    within the AT models and the others (else in part). Moved by alpha, set_apart, leave_out, categories, cut-offs."""
    found = {group: e.consistent(group) for group in GROUPS}
    value = "; ".join(f"{GROUPS[group]}: {names(biases)}" for group, biases in found.items())
    return value, FAILS if found["total"] else PARTLY if any(found.values()) else HOLDS


def specific(e: Evidence) -> Found:
    """Every bias has a significant correlation somewhere in Figure 2, and none has all twelve. Moved by alpha, set_apart,
    leave_out, categories, cut-offs."""
    related = correlation.significant(e.cells).groupby(e.cells["column"]).agg(["any", "all"])
    some, everywhere = related["any"].sum(), related["all"].sum()
    value = f"{some} of {len(related)} biases correlate with something, {everywhere} with everything"
    return value, FAILS if everywhere else HOLDS if some == len(related) else PARTLY if some else FAILS


def groups_differ(e: Evidence) -> Found:
    """Of the pairs of bias and category that are significant in either group, more than half change sign or are
    significant in one group only; in part if any do. Moved by alpha, set_apart, leave_out. The groups differ in size, so
    that the smaller one needs stronger correlations to be significant."""
    flips, one = correlation.sign_flips(e.cells, "at", "other"), correlation.only_in_one(e.cells, "at", "other")
    wide = e.cells.pivot(index=["row", "column"], columns="group", values="shown")[["at", "other"]]
    either = int((wide.dropna().abs() > 0).any(axis=1).sum())
    differ = len(flips) + len(one)
    value = f"of {either} pairs significant in either group, {len(flips)} change sign and {len(one)} are so in one only"
    return value, UNKNOWN if not either else HOLDS if differ > either / 2 else PARTLY if differ else FAILS


def trends_reverse(e: Evidence) -> Found:
    """A stricter reading, which needs no comparison of significance: of the pairs that are significant in both groups, more
    than half have opposite signs; in part if any. Moved by alpha, set_apart, leave_out."""
    flips = correlation.sign_flips(e.cells, "at", "other")
    wide = e.cells.pivot(index=["row", "column"], columns="group", values="shown")[["at", "other"]]
    both = int((wide.abs() > 0).all(axis=1).sum())
    which = "; ".join(
        f"{names([t.column])} with {t.row} (AT {signed(t.at)}, others {signed(t.other)})" for t in flips.itertuples()
    )
    value = f"{len(flips)} of {both} pairs significant in both groups change sign" + (f": {which}" if which else "")
    return value, UNKNOWN if not both else HOLDS if len(flips) > both / 2 else PARTLY if len(flips) else FAILS


def texture(e: Evidence) -> Found:
    """Shape bias correlates negatively and significantly with ID over all models, and in neither group positively. A
    correlation: that texture bias is what improves accuracy is not tested. Moved by alpha, set_apart, leave_out, categories."""
    found = {group: e.shown("ID", "shape", group) for group in GROUPS}
    value = "r of shape bias and accuracy in distribution: " + by_group(found)
    if not found["total"] < 0:
        return value, PARTLY if any(r < 0 for r in found.values()) else FAILS
    return value, PARTLY if any(r > 0 for r in found.values()) else HOLDS


def high_frequency(e: Evidence) -> Found:
    """High-frequency bias correlates positively and significantly with more than half of the categories over all models; in
    part if with any. Moved by alpha, high_cutoffs, categories, leave_out."""
    found = {category: e.shown(category, "high_frequency") for category in scores.CATEGORY_COLUMNS}
    positive = sum(r > 0 for r in found.values())
    value = "r of high-frequency bias: " + by_category(found)
    return value, HOLDS if positive > len(found) / 2 else PARTLY if positive else FAILS


def high_frequency_modestly(e: Evidence) -> Found:
    """The positive correlations of high-frequency bias over all models are modest: none reaches STRONG; in part if some do;
    it fails if all do or there are none. Moved by alpha, high_cutoffs, categories, leave_out."""
    found = {category: e.shown(category, "high_frequency") for category in scores.CATEGORY_COLUMNS}
    positive = [r for r in found.values() if r > 0]
    strong = sum(r >= STRONG for r in positive)
    value = f"{strong} of {len(positive)} positive correlations reach {STRONG:g}: " + by_category(found)
    return value, FAILS if strong == len(positive) else PARTLY if strong else HOLDS


def shape_is_no_remedy(e: Evidence) -> Found:
    """No significant positive correlation of shape bias with Robustness over all models; in part if in one of the groups.
    Moved by alpha, set_apart, categories, leave_out."""
    found = {group: e.shown("Robustness", "shape", group) for group in GROUPS}
    value = "r of shape bias and robustness: " + by_group(found)
    return value, FAILS if found["total"] > 0 else PARTLY if any(r > 0 for r in found.values()) else HOLDS


def narrow_band_is_no_remedy(e: Evidence) -> Found:
    """Bandwidth does not correlate negatively with Robustness nor with Adversarial over all models; in part if with one.
    Moved by alpha, categories, leave_out."""
    found = {category: e.shown(category, "bandwidth") for category in ("Robustness", "Adversarial")}
    narrow = sum(r < 0 for r in found.values())
    return "r of bandwidth: " + by_category(found), FAILS if narrow == len(found) else PARTLY if narrow else HOLDS


def shape_fails(e: Evidence) -> Found:
    """Shape bias has not four significant correlations of one sign with the categories over all models; in part if it has
    them in a group. Moved by alpha, set_apart, categories, leave_out."""
    return fails_holistically(e, "shape")


def centre_fails(e: Evidence) -> Found:
    """The centre frequency has not four significant correlations of one sign with the categories over all models; in part if
    it has them in a group. Moved by alpha, set_apart, categories, leave_out."""
    return fails_holistically(e, "center_frequency")


def fails_holistically(e: Evidence, bias: str) -> Found:
    """What was found of one bias, and whether it fails to go with everything."""
    found = {category: e.shown(category, bias) for category in scores.CATEGORY_COLUMNS}
    groups = [group for group in GROUPS if bias in e.consistent(group)]
    value = "r over all models: " + by_category(found)
    return value, FAILS if "total" in groups else PARTLY if groups else HOLDS
