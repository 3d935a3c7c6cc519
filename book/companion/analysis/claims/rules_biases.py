"""Rules on the correlations of Figure 2.

The docstring of a rule is its published description, so it may exceed one line.
"""

from __future__ import annotations

import numpy as np

from bvg import study
from bvg.results import correlation
from companion.analysis.claims import decisions
from companion.analysis.claims.evidence import Evidence, Found, by_category, by_group, names
from companion.analysis.claims.shown import Shown
from companion.analysis.claims.verdicts import name
from companion.text import format_number, listed


def no_single_bias(e: Evidence) -> Found:
    """No bias has significant correlations of one sign with all four categories. Fails if a bias has them over all models;
    holds in part if one has them only within the AT models or the others. The result also states which biases have them after
    Holm's correction over all cells. Depends on alpha, set_apart, leave_out, categories and cut-offs."""
    found = {group: e.consistent(group) for group in study.MODEL_SETS}
    value = "; ".join(f"{study.MODEL_SETS[group].short}: {names(biases)}" for group, biases in found.items())
    holm = Shown.of(e.holm)
    kept = [f"{study.bias(b).plain} ({s.short})" for g, s in study.MODEL_SETS.items() for b in holm.consistent_in(g)]
    value += f"; after Holm: {listed(kept)}"
    return value, name(decisions.no_single_bias(e.shown))


def specific(e: Evidence) -> Found:
    """More than half of the biases have a significant correlation somewhere in Figure 2, and no bias has all twelve. Holds in part
    if fewer have one. Depends on alpha, set_apart, leave_out, categories and cut-offs."""
    some, everywhere = (of.sum() for of in decisions.related(e.shown))
    value = f"{some} of {len(e.shown.biases)} biases correlate with something, {everywhere} with everything"
    return value, name(decisions.specific(e.shown))


def groups_differ(e: Evidence) -> Found:
    """More than half of the pairs of bias and category that are significant in either group have different correlations in the two
    groups (Fisher's z, Holm over all pairs); holds in part if any do. That a correlation is significant in one group only does
    not count. Depends on alpha, set_apart and leave_out."""
    one = correlation.only_in_one(e.cells, "at", "other")
    tested = Shown.of(e.differences.assign(group="both"), "p_holm").pick(group="both")
    either, differ = decisions.either_and_differ(e.shown, tested < e.alpha)
    value = f"pairs significant in either group: {either}; that differ between the groups: {differ}; significant in one group only: {len(one)}"
    return value, name(decisions.groups_differ(e.shown, tested < e.alpha))


def trends_reverse(e: Evidence) -> Found:
    """A strict reading that compares no significance: more than half of the pairs that are significant in both groups have
    opposite signs; holds in part if any do. Depends on alpha, set_apart and leave_out."""
    flips = correlation.sign_flips(e.cells, "at", "other")
    both, _ = decisions.both_and_opposite(e.shown)
    which = "; ".join(
        f"{names([t.column])} with {t.row} (AT {format_number(t.at)}, others {format_number(t.other)})"
        for t in flips.itertuples()
    )
    value = f"opposite signs in {len(flips)} of {both} pairs significant in both groups" + (
        f": {which}" if which else ""
    )
    return value, name(decisions.trends_reverse(e.shown))


def texture(e: Evidence) -> Found:
    """Shape bias correlates negatively and significantly with ID over all models, and not positively in either group. The claim is
    one of improvement; the rule tests the correlation only, since no model was trained for texture bias with all else equal. Depends on alpha, set_apart, leave_out and categories."""
    if "ID" not in e.shown.rows:
        return "ImageNet top-1 is held fixed, and accuracy in distribution contains it", name(
            decisions.texture(e.shown)
        )
    found = {group: e.thresholded_r("ID", "shape", group) for group in study.MODEL_SETS}
    value = "as a correlation: r of shape bias and accuracy in distribution " + by_group(found)
    return value, name(decisions.texture(e.shown))


def high_frequency(e: Evidence) -> Found:
    """High-frequency bias correlates positively and significantly with more than half of the categories over all models; holds
    in part if with any. Depends on alpha, high_cutoffs, categories and leave_out."""
    found = {category: e.thresholded_r(category, "high_frequency") for category in e.shown.rows}
    return "r of high-frequency bias: " + by_category(found), name(decisions.high_frequency(e.shown))


def high_frequency_modestly(e: Evidence) -> Found:
    """No positive correlation of high-frequency bias over all models reaches 0.7, where r² is about one half. Holds in part if
    some reach it; fails if all do, or if there is no positive correlation. Depends on alpha, high_cutoffs, categories and
    leave_out."""
    found = {category: e.thresholded_r(category, "high_frequency") for category in e.shown.rows}
    positive = [r for r in found.values() if r > 0]
    reached = sum(r >= decisions.STRONG for r in positive)
    value = f"{reached} of {len(positive)} positive correlations reach {decisions.STRONG:g}: " + by_category(found)
    return value, name(decisions.high_frequency_modestly(e.shown))


def shape_is_no_remedy(e: Evidence) -> Found:
    """Shape bias has no significant positive correlation with Robustness over all models, neither raw nor given ImageNet top-1. Fails
    if it has a raw one; holds in part if it has one at equal accuracy, or a raw one in a group. Depends on alpha, set_apart,
    categories and leave_out."""
    found = {group: e.thresholded_r("Robustness", "shape", group) for group in study.MODEL_SETS}
    at_equal_accuracy = Shown.of(e.controlled).pick("Robustness", "shape")
    equal = dict(zip(found, at_equal_accuracy.tolist(), strict=True))
    value = f"r of shape bias and robustness: {by_group(found)}; at equal accuracy: {by_group(equal)}"
    return value, name(decisions.shape_is_no_remedy(e.shown, np.asarray(equal["total"])))


def narrow_band_is_no_remedy(e: Evidence) -> Found:
    """Bandwidth correlates negatively with neither Robustness nor Adversarial over all models; holds in part if with one of
    them. A positive correlation with Adversarial is not contrary to earlier findings: Subramanian et al. (2023) found wider
    bands in adversarially trained networks. Depends on alpha, categories and leave_out."""
    found = {category: e.thresholded_r(category, "bandwidth") for category in ("Robustness", "Adversarial")}
    value = "r of bandwidth: " + by_category(found)
    if found["Adversarial"] > 0:
        value += "; wider bands with more adversarial accuracy, as Subramanian et al. found"
    return value, name(decisions.narrow_band_is_no_remedy(e.shown))


def shape_fails(e: Evidence) -> Found:
    """Shape bias does not have four significant correlations of one sign with the categories over all models; holds in part if
    it has them in a group. Depends on alpha, set_apart, categories and leave_out."""
    return e.correlations_of("shape"), name(decisions.fails_holistically(e.shown, "shape"))


def centre_fails(e: Evidence) -> Found:
    """The centre frequency does not have four significant correlations of one sign with the categories over all models; holds
    in part if it has them in a group. Depends on alpha, set_apart, categories and leave_out."""
    bias = "center_frequency"
    return e.correlations_of(bias), name(decisions.fails_holistically(e.shown, bias))
