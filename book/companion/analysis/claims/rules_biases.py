"""Rules on the correlations of Figure 2.

The docstring of a rule is its published description, so it may exceed one line.
"""

from __future__ import annotations

from bvg import study
from bvg.results import correlation, scores
from companion.analysis.claims.evidence import (
    FAILS,
    HOLDS,
    PARTLY,
    UNKNOWN,
    Evidence,
    Found,
    by_category,
    by_group,
    names,
)
from companion.text import format_number, listed


def no_single_bias(e: Evidence) -> Found:
    """No bias has significant correlations of one sign with all four categories. Fails if a bias has them over all models;
    holds in part if one has them only within the AT models or the others. The result also states which biases have them after
    Holm's correction over all cells. Depends on alpha, set_apart, leave_out, categories and cut-offs."""
    found = {group: e.consistent(group) for group in study.MODEL_SETS}
    value = "; ".join(f"{study.MODEL_SETS[group].short}: {names(biases)}" for group, biases in found.items())
    corrected = correlation.same_sign(e.holm)
    kept = [f"{study.bias(c.column).plain} ({study.MODEL_SETS[c.group].short})" for c in corrected.itertuples()]
    value += f"; after Holm: {listed(kept)}"
    return value, FAILS if found["total"] else PARTLY if any(found.values()) else HOLDS


def specific(e: Evidence) -> Found:
    """More than half of the biases have a significant correlation somewhere in Figure 2, and no bias has all twelve. Holds in part
    if fewer have one. Depends on alpha, set_apart, leave_out, categories and cut-offs."""
    related = correlation.significant(e.cells).groupby(e.cells["column"]).agg(["any", "all"])
    some, everywhere = related["any"].sum(), related["all"].sum()
    value = f"{some} of {len(related)} biases correlate with something, {everywhere} with everything"
    return value, FAILS if everywhere else HOLDS if some > len(related) / 2 else PARTLY if some else FAILS


def groups_differ(e: Evidence) -> Found:
    """More than half of the pairs of bias and category that are significant in either group have different correlations in the two
    groups (Fisher's z, Holm over all pairs); holds in part if any do. That a correlation is significant in one group only does
    not count. Depends on alpha, set_apart and leave_out."""
    one = correlation.only_in_one(e.cells, "at", "other")
    wide = e.cells.pivot(index=["row", "column"], columns="group", values="shown")[["at", "other"]].dropna()
    either = wide.index[(wide.abs() > 0).any(axis=1)]
    tested = e.differences.set_index(["row", "column"])["p_holm"]
    differ = int((tested.reindex(either) < e.alpha).sum())
    value = f"pairs significant in either group: {len(either)}; that differ between the groups: {differ}; significant in one group only: {len(one)}"
    return value, UNKNOWN if not len(either) else HOLDS if differ > len(either) / 2 else PARTLY if differ else FAILS


def trends_reverse(e: Evidence) -> Found:
    """A strict reading that compares no significance: more than half of the pairs that are significant in both groups have
    opposite signs; holds in part if any do. Depends on alpha, set_apart and leave_out."""
    flips = correlation.sign_flips(e.cells, "at", "other")
    wide = e.cells.pivot(index=["row", "column"], columns="group", values="shown")[["at", "other"]]
    both = int((wide.abs() > 0).all(axis=1).sum())
    which = "; ".join(
        f"{names([t.column])} with {t.row} (AT {format_number(t.at)}, others {format_number(t.other)})"
        for t in flips.itertuples()
    )
    value = f"opposite signs in {len(flips)} of {both} pairs significant in both groups" + (
        f": {which}" if which else ""
    )
    return value, UNKNOWN if not both else HOLDS if len(flips) > both / 2 else PARTLY if len(flips) else FAILS


def texture(e: Evidence) -> Found:
    """Shape bias correlates negatively and significantly with ID over all models, and not positively in either group. The claim is
    one of improvement; the rule tests the correlation only, since no model was trained for texture bias with all else equal. Depends on alpha, set_apart, leave_out and categories."""
    found = {group: e.thresholded_r("ID", "shape", group) for group in study.MODEL_SETS}
    value = "as a correlation: r of shape bias and accuracy in distribution " + by_group(found)
    if not found["total"] < 0:
        return value, PARTLY if any(r < 0 for r in found.values()) else FAILS
    return value, PARTLY if any(r > 0 for r in found.values()) else HOLDS


def high_frequency(e: Evidence) -> Found:
    """High-frequency bias correlates positively and significantly with more than half of the categories over all models; holds
    in part if with any. Depends on alpha, high_cutoffs, categories and leave_out."""
    found = {category: e.thresholded_r(category, "high_frequency") for category in scores.CATEGORY_COLUMNS}
    positive = sum(r > 0 for r in found.values())
    value = "r of high-frequency bias: " + by_category(found)
    return value, HOLDS if positive > len(found) / 2 else PARTLY if positive else FAILS


def high_frequency_modestly(e: Evidence) -> Found:
    """No positive correlation of high-frequency bias over all models reaches 0.7, where r² is about one half. Holds in part if
    some reach it; fails if all do, or if there is no positive correlation. Depends on alpha, high_cutoffs, categories and
    leave_out."""
    strong = 0.7
    found = {category: e.thresholded_r(category, "high_frequency") for category in scores.CATEGORY_COLUMNS}
    positive = [r for r in found.values() if r > 0]
    reached = sum(r >= strong for r in positive)
    value = f"{reached} of {len(positive)} positive correlations reach {strong:g}: " + by_category(found)
    return value, FAILS if reached == len(positive) else PARTLY if reached else HOLDS


def shape_is_no_remedy(e: Evidence) -> Found:
    """Shape bias has no significant positive correlation with Robustness over all models, neither raw nor given ImageNet top-1. Fails
    if it has a raw one; holds in part if it has one at equal accuracy, or a raw one in a group. Depends on alpha, set_apart,
    categories and leave_out."""
    found = {group: e.thresholded_r("Robustness", "shape", group) for group in study.MODEL_SETS}
    cells = e.at_equal_accuracy.query("row == 'Robustness' and column == 'shape'").set_index("group")
    equal = {group: cells.at[group, "partial"] if cells.at[group, "p"] < e.alpha else 0.0 for group in found}
    value = f"r of shape bias and robustness: {by_group(found)}; at equal accuracy: {by_group(equal)}"
    somewhere = any(r > 0 for r in (*found.values(), equal["total"]))
    return value, FAILS if found["total"] > 0 else PARTLY if somewhere else HOLDS


def narrow_band_is_no_remedy(e: Evidence) -> Found:
    """Bandwidth correlates negatively with neither Robustness nor Adversarial over all models; holds in part if with one of
    them. A positive correlation with Adversarial is not contrary to earlier findings: Subramanian et al. (2023) found wider
    bands in adversarially trained networks. Depends on alpha, categories and leave_out."""
    found = {category: e.thresholded_r(category, "bandwidth") for category in ("Robustness", "Adversarial")}
    narrow = sum(r < 0 for r in found.values())
    value = "r of bandwidth: " + by_category(found)
    if found["Adversarial"] > 0:
        value += "; wider bands with more adversarial accuracy, as Subramanian et al. found"
    return value, FAILS if narrow == len(found) else PARTLY if narrow else HOLDS


def shape_fails(e: Evidence) -> Found:
    """Shape bias does not have four significant correlations of one sign with the categories over all models; holds in part if
    it has them in a group. Depends on alpha, set_apart, categories and leave_out."""
    return fails_holistically(e, "shape")


def centre_fails(e: Evidence) -> Found:
    """The centre frequency does not have four significant correlations of one sign with the categories over all models; holds
    in part if it has them in a group. Depends on alpha, set_apart, categories and leave_out."""
    return fails_holistically(e, "center_frequency")


def fails_holistically(e: Evidence, bias: str) -> Found:
    """State a bias's correlations, and whether it fails to correlate with all categories."""
    found = {category: e.thresholded_r(category, bias) for category in scores.CATEGORY_COLUMNS}
    groups = [group for group in study.MODEL_SETS if bias in e.consistent(group)]
    value = "r over all models: " + by_category(found)
    return value, FAILS if "total" in groups else PARTLY if groups else HOLDS
