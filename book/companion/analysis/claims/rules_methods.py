"""Rules on methods and prediction, and claims that no results table can decide.

The docstring of a rule is its published description, so it may exceed one line.
"""

from __future__ import annotations

import numpy as np

from bvg import known_models, study
from bvg.results import correlation, cue_counts, scores
from companion.analysis import cue_sensitivity
from companion.analysis.claims import decisions
from companion.analysis.claims.evidence import Evidence, Found
from companion.analysis.claims.verdicts import FAILS, HOLDS, PARTLY, UNKNOWN, name
from companion.analysis.prediction import ALL
from companion.analysis.robustness import OTHER_DEPENDENCE
from companion.text import format_number, listed

ACCURATE = 0.8  # share of a category's variance that a prediction must explain


def models_and_groups(e: Evidence) -> Found:
    """The table has 48 models in seven groups; holds in part if one of the two numbers differs. Depends on results, leave_out and
    highlight."""
    models, groups = len(e.counted), e.counted["group"].nunique()
    right = (models == 48) + (groups == 7)
    return f"{models} models in {groups} groups", (FAILS, PARTLY, HOLDS)[right]


def insufficient(e: Evidence) -> Found:
    """A prediction from all six biases over all models is accurate if its R2 on held-out models is at least 0.8 and significant
    by permutation. Fails if one method, linear or forest, predicts all four categories accurately; holds otherwise. The result
    names the threshold of R2 at which the verdict would change, and the linear R2 with whole publications held out. Depends
    on leave_out, alpha, categories, cut-offs, permutations and seed."""
    of = e.prediction.query(f"features == '{ALL}' and group == 'total'").dropna(subset="r2")
    wide = of.assign(ok=(of["r2"] >= ACCURATE) & (of["p"] < e.alpha)).pivot(
        index="category", columns="method", values=["r2", "ok"]
    )
    if len(wide) < len(scores.CATEGORY_COLUMNS):
        return "too few models to predict all four categories", UNKNOWN
    wide = wide.loc[list(scores.CATEGORY_COLUMNS)]
    r2, ok = wide["r2"].astype(float), wide["ok"].astype(bool)
    found = ", ".join(
        f"{c} {format_number(r2.at[c, 'linear'])} / {format_number(r2.at[c, 'forest'])}" for c in r2.index
    )
    error = of.set_index(["method", "category"])["error"]["forest"]
    value = (
        f"R2 on held-out models (linear / forest): {found}; median error of the forest in percentage points: "
        + ", ".join(f"{c} {format_number(error[c], 1)}" for c in r2.index)
        + f". The claim would fail at a threshold of {format_number(r2.min().max())} or below. Linear R2 with whole publications held out: "
    )
    apart = e.held_out.query("features == 'all six biases' and level == 'source'").set_index("category")["r2"]
    value += ", ".join(f"{c} {format_number(apart[c])}" for c in r2.index)
    return value, FAILS if ok.all().any() else HOLDS


def spearman_blind(e: Evidence) -> Found:
    """Some cell of Figure 2 is not significant by Spearman's r, but significant by the distance correlation of the ranks, which
    detects every kind of dependence (corrected by Benjamini and Hochberg over all cells); holds in part if only without that
    correction. Depends on alpha, set_apart, leave_out, replicates and seed."""
    quiet = e.checked[e.checked["r"].notna() & ~correlation.significant(e.checked)]
    missed, perhaps = quiet[quiet["verdict"] == OTHER_DEPENDENCE], quiet[quiet["p_dcor"] < e.alpha]
    which = [
        f"{study.bias(t.column).plain} with {t.row} ({study.MODEL_SETS[t.group].short})"
        for t in (missed if len(missed) else perhaps).itertuples()
    ]
    value = (
        f"significant distance correlation in {len(missed)} of {len(quiet)} cells that are not significant "
        f"({len(perhaps)} uncorrected): {listed(which)}"
    )
    return value, HOLDS if len(missed) else PARTLY if len(perhaps) else FAILS


def outliers(e: Evidence) -> Found:
    """More than half of the panels of a category against a bias have an outlier: a model whose robust z-score from the panel's
    median line is above 3.5 (see `companion.analysis.claims.panels`); holds in part if any panel has one. The result also
    counts the cells of Figure 2 whose significance or sign depends on a single model. Depends on leave_out, categories and
    cut-offs; the second count also on alpha."""
    found, decided = (e.panels["count"] > 0).to_numpy(), int((e.checked["without_changes"] > 0).sum())
    counts = e.panels["outliers"][e.panels["outliers"] != ""].str.split("; ").explode().value_counts()
    value = f"outliers in {found.sum()} of {len(found)} panels"
    if len(counts):
        value += f", most often {known_models.describe([counts.index[0]])['name'].iloc[0]} (in {counts.iloc[0]})"
    value += f"; cells of Figure 2 whose significance or sign depends on a single model: {decided} of {len(e.checked)}"
    return value, name(decisions.many_panels(found))


def non_monotonic(e: Evidence) -> Found:
    """More than half of the panels bend: a parabola through the ranks has a significant quadratic term (Holm) and turns within the
    central 80 % of the models (see `companion.analysis.claims.panels`); holds in part if any panel bends. Depends on alpha,
    leave_out, categories and cut-offs."""
    bent = e.panels[e.panels["bends"]]
    which = listed([f"{study.bias(t.bias).plain} with {t.category}" for t in bent.itertuples()])
    value = f"bends in {len(bent)} of {len(e.panels)} panels: {which}"
    return value, name(decisions.many_panels(e.panels["bends"].to_numpy()))


def band_test_fails_for_at(e: Evidence) -> Found:
    """A fit is unusable if it is missing or wider than all measured bands together. Unusable fits are more than twice as frequent
    among the AT models as among the others, and more frequent than one in ten; holds in part if they are only more frequent.
    Depends on leave_out."""
    wide = ~(e.counted["bandwidth"] <= e.world.bands)
    trained = e.counted["group"] == "adversarial_training"
    if trained.all() or not trained.any():
        return "the table has only one of the two groups to compare", UNKNOWN
    among, rest = wide[trained].mean(), wide[~trained].mean()
    value = (
        f"no fit, or one wider than the {e.world.bands} measured bands: {wide[trained].sum()} of {trained.sum()} AT models, "
        f"{wide[~trained].sum()} of {(~trained).sum()} others"
    )
    return value, HOLDS if among > 2 * rest and among > 0.1 else PARTLY if among > rest else FAILS


def shape_ignores_accuracy(e: Evidence) -> Found:
    """Two models whose shape bias differs by less than 0.01 differ by at least 20 percentage points in some category; holds in
    part if by at least 10. The result also names the pair of such models that differ most in how many cue-conflict images they
    decide by shape or texture at all, where the counts are known. Depends on leave_out and categories."""
    shape = e.counted["shape"].to_numpy(float)
    largest = {}
    for category in scores.CATEGORY_COLUMNS:
        apart = decisions.apart(shape, e.counted[category].to_numpy(float))
        largest[category] = (float(apart.max()), np.unravel_index(apart.argmax(), apart.shape))
    category = max(largest, key=lambda c: largest[c][0])
    most, pair = largest[category]
    a, b = known_models.describe(e.counted["model"].iloc[list(pair)])["name"]
    value = f"{a} and {b}: shape bias {format_number(shape[pair[0]], 3)} and {format_number(shape[pair[1]], 3)}, {category} {format_number(most, 1)} points apart; "
    value += "largest difference by category: " + ", ".join(
        f"{c} {format_number(d, 1)}" for c, (d, _) in largest.items()
    )
    pairs = None if e.results is None else cue_sensitivity.alike(e.counted, cue_counts.counts(e.results))
    if pairs is not None and len(pairs):
        top = pairs.iloc[0]
        a, b = known_models.describe([top["model"], top["other"]])["name"]
        value += f"; cue-conflict images decided by shape or texture: {a} {format_number(top['decided'], 1)} %, {b} {format_number(top['other_decided'], 1)} %"
    return value, name(decisions.shape_ignores_accuracy(np.asarray(most)))


def few_samples(e: Evidence) -> Found:
    """Not checkable: the claim is about the code of the original test. The result gives the number of images that the table
    states for its own critical bands."""
    rows = None if e.results is None else e.results.query("benchmark == 'critical-band'")
    stated = 0 if rows is None else int(rows["n"].notna().sum())
    images = f", at least {int(rows['n'].min()):,} images each" if stated else ""
    number = (
        "no results table is available"
        if rows is None
        else f"{stated} of {len(rows)} critical-band rows state a number of images{images}"
    )
    return f"{number}; the results do not include the samples of the original test", UNKNOWN


def same_data(e: Evidence) -> Found:
    """Not checkable: a table of results names models, but not their architecture or training data. (`bvg.models.checkpoints`
    checks on loading that every checkpoint is a ResNet-50.)"""
    columns = [] if e.results is None else list(e.results.columns)
    given = [c for c in columns if c in ("architecture", "training_data")]
    return f"columns with architecture or training data: {listed(given)}, of {len(columns)}", UNKNOWN


def no_target(e: Evidence) -> Found:
    """Not checkable: the claim is advice. A correlation over existing models does not show the effect of optimizing a bias. The
    result compares the closest thing to an intervention: training on stylized images, which is meant to raise shape bias."""
    toward = e.counted[e.counted["group"] == "stylized"]
    rest = e.counted.drop(toward.index)
    value = f"{len(toward)} of {len(e.counted)} models were trained on stylized images"
    if len(toward) and len(rest):
        value += (
            " (medians, compared with the other models: "
            + ", ".join(
                f"{what} {format_number(toward[c].median(), d)} against {format_number(rest[c].median(), d)}"
                for what, c, d in (("shape bias", "shape", 2), *((c, c, 1) for c in scores.CATEGORY_COLUMNS))
            )
            + ")"
        )
    return value + "; no model was trained for another bias", UNKNOWN
