"""Questions of this companion about biases that the paper does not use, with their rules.

The docstring of a rule is its published description, so it may exceed one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bvg import study
from bvg.results import correlation, cue_counts, scores
from companion.analysis import choices, cue_sensitivity, equal_accuracy, layer_criticality, resampling
from companion.analysis.claims.evidence import Evidence, Found, names, thresholded
from companion.analysis.claims.statements import Claim
from companion.analysis.claims.verdicts import FAILS, HOLDS, PARTLY, UNKNOWN
from companion.analysis.multiple_tests import adjusted
from companion.text import format_number, format_range, listed

CUES = tuple(measure.id for measure in study.CUES)
NOT_MEASURED = "not measured for enough of these models"


def criticality_as_a_whole(e: Evidence) -> Found:
    """Mean criticality over all, early or late layers has significant correlations of one sign with all four categories over all
    models; holds in part if only within the AT models or the others. Depends on alpha, correction, set_apart,
    leave_out and categories."""
    return as_a_whole(e, layer_criticality.PARTS)


def criticality_at_equal_accuracy(e: Evidence) -> Found:
    """Given ImageNet top-1, mean criticality over all layers correlates over all models with Robustness, Concepts or Adversarial:
    p is below alpha by Holm's correction over the three, and the bootstrap interval by families excludes 0. Holds in part if only
    one of the two applies. Depends on alpha, families, replicates, seed, leave_out and categories."""
    joined = layer_criticality.added(e.counted, e.results) if e.results is not None else None
    if joined is None or joined["criticality"].notna().sum() < correlation.FEWEST:
        return NOT_MEASURED, UNKNOWN
    cells = equal_accuracy.correlate(
        joined, e.imagenet, equal_accuracy.CATEGORIES, ["criticality"], e.sets, **resamples(e)
    )
    cells = cells[cells["group"] == "total"].reset_index(drop=True)
    significant = pd.Series(adjusted(cells["p"])) < e.alpha
    apart = resampling.excludes_zero(cells["low"], cells["high"])
    value = "r given ImageNet top-1: " + listed(
        f"{c.row} {format_number(c.partial)} ({format_range(c.low, c.high)})" for c in cells.itertuples()
    )
    return value, HOLDS if (significant & apart).any() else PARTLY if (significant | apart).any() else FAILS


def cues_as_a_whole(e: Evidence) -> Found:
    """The share of the cue-conflict images decided by shape, by texture or by neither has significant correlations of one sign with
    all four categories over all models; holds in part if only within the AT models or the others. Depends on alpha, correction,
    set_apart, leave_out and categories."""
    return as_a_whole(e, CUES)


def sensitivity_tells_more(e: Evidence) -> Found:
    """The strength |r| of shape sensitivity exceeds that of shape bias, by an interval that resamples whole families, in more
    than half of the comparisons over all models: the four categories raw, and three given ImageNet top-1; holds in part if with any. Fails does not mean that
    the two are equally strong. Depends on alpha, families, replicates, seed, leave_out and categories."""
    shares = None if e.results is None else cue_counts.shares(e.results)
    if shares is None or len(shares) < correlation.FEWEST:
        return NOT_MEASURED, UNKNOWN
    joined = e.counted.join(shares, on="model")
    found = cue_sensitivity.contrasts(
        joined, e.imagenet, scores.CATEGORY_COLUMNS, {"total": e.sets["total"]}, **resamples(e)
    )
    compared = found.dropna(subset="low")
    if compared.empty:
        return "too few families of models for an interval", UNKNOWN
    apart = compared[resampling.excludes_zero(compared["low"], compared["high"])]
    more, less = int((apart["difference"] > 0).sum()), int((apart["difference"] < 0).sum())
    value = (
        f"of {len(compared)} comparisons, sensitivity is stronger in {more} and weaker in {less} by the interval; "
        f"|r| differs by {format_range(compared['difference'].min(), compared['difference'].max())}"
    )
    return value, HOLDS if more > len(compared) / 2 else PARTLY if more else FAILS


def resamples(e: Evidence) -> dict[str, Any]:
    """Return how whole families are resampled."""
    families = choices.families(e.counted, e.families)
    return {"families": families, "alpha": e.alpha, "replicates": e.replicates, "seed": e.seed}


def as_a_whole(e: Evidence, measures: Sequence[str]) -> Found:
    """Name the measures with four significant correlations of one sign, by set of models."""
    if e.results is None:
        return NOT_MEASURED, UNKNOWN
    joined = layer_criticality.added(e.counted, e.results).join(cue_counts.shares(e.results), on="model")
    if joined[list(measures)].notna().all(axis=1).sum() < correlation.FEWEST:
        return NOT_MEASURED, UNKNOWN
    cells = correlation.correlate(joined, scores.CATEGORY_COLUMNS, measures, e.sets, e.alpha)
    cells = thresholded(cells, adjusted(cells["p"], e.correction), e.alpha)
    found = correlation.same_sign(cells).groupby("group")["column"].agg(list).to_dict()
    value = "; ".join(f"{models.short}: {names(found.get(group, []))}" for group, models in study.MODEL_SETS.items())
    return value, HOLDS if "total" in found else PARTLY if found else FAILS


_CRITICALITY, _CUES = "layer-criticality.html", "cue-sensitivity.html"

FURTHER: tuple[Claim, ...] = (
    Claim("criticality-whole", "Layer criticality correlates with generalization as a whole.", "as statement 2",
          criticality_as_a_whole, f"{_CRITICALITY}#criticality-robustness"),
    Claim("criticality-equal", "At equal accuracy, layer criticality correlates with robustness, concepts or adversarial accuracy.",
          "as statement 8", criticality_at_equal_accuracy, f"{_CRITICALITY}#criticality-equal-accuracy", slow=True),
    Claim("cues-whole", "How often a model decides by shape, by texture or by neither correlates with generalization as a whole.",
          "as statement 2", cues_as_a_whole, f"{_CUES}#cue-equal-accuracy"),
    Claim("sensitivity-more", "Shape sensitivity correlates more strongly with generalization than shape bias.", "as statement 15",
          sensitivity_tells_more, f"{_CUES}#cue-contrasts", slow=True),
)  # fmt: skip
"""Questions that the paper does not ask, put like its claims."""
