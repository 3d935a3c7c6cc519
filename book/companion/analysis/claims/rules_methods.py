"""Rules on what the methods see and miss, on prediction, and on what no table of results can tell."""

from __future__ import annotations

import numpy as np

from bvg import study
from bvg.results import correlation, scores
from companion.analysis.claims.evidence import FAILS, GROUPS, HOLDS, PARTLY, UNKNOWN, Evidence, Found
from companion.analysis.prediction import ALL
from companion.analysis.robustness import BENT
from companion.text import listed, signed

MODELS, MODEL_GROUPS = 48, 7
ACCURATE = 0.8  # share of a category's variance that a prediction must explain
NEAR, FAR = 0.01, 20  # shape bias; points of accuracy


def models_and_groups(e: Evidence) -> Found:
    """The table counts 48 models in seven groups; in part if one of the two. Moved by results, leave_out, highlight."""
    models, groups = len(e.counted), e.counted["group"].nunique()
    right = (models == MODELS) + (groups == MODEL_GROUPS)
    return f"{models} models in {groups} groups", (FAILS, PARTLY, HOLDS)[right]


def insufficient(e: Evidence) -> Found:
    """Accurate is a leave-one-out R2 of at least ACCURATE, significantly above what permutation gives; holistic is all four
    categories by one method, linear or forest, from all six biases together over all models. It fails if a method predicts all
    four accurately, holds if no category is predicted accurately by either, and holds in part between. The value names the
    thresholds at which that would change. Moved by leave_out, alpha, categories, cut-offs, permutations and seed."""
    of = e.prediction.query(f"features == '{ALL}' and group == 'total'").dropna(subset="r2")
    wide = of.assign(ok=(of["r2"] >= ACCURATE) & (of["p"] < e.alpha)).pivot(
        index="category", columns="method", values=["r2", "ok"]
    )
    if len(wide) < len(scores.CATEGORY_COLUMNS):
        return "too few models to predict all four categories", UNKNOWN
    wide = wide.loc[list(scores.CATEGORY_COLUMNS)]
    r2, ok = wide["r2"].astype(float), wide["ok"].astype(bool)
    found = ", ".join(f"{c} {signed(r2.at[c, 'linear'])} / {signed(r2.at[c, 'forest'])}" for c in r2.index)
    error = of.set_index(["method", "category"])["error"]["forest"]
    value = (
        f"R2 of models left out (linear / forest): {found}; the forest's typical error in points: "
        + ", ".join(f"{c} {signed(error[c], 1)}" for c in r2.index)
        + f". At thresholds above {signed(r2.max().max())} it would hold, at {signed(r2.min().max())} or below it would fail"
    )
    return value, FAILS if ok.all().any() else PARTLY if ok.any().any() else HOLDS


def spearman_blind(e: Evidence) -> Found:
    """There is a cell of Figure 2 that is not significant by Spearman and significant by distance correlation of the ranks,
    which sees every kind of dependence (Benjamini and Hochberg over all cells); in part if only without that correction.
    Moved by alpha, set_apart, leave_out, replicates, seed."""
    quiet = e.firm[e.firm["r"].notna() & ~correlation.significant(e.firm)]
    missed, perhaps = quiet[quiet["verdict"] == BENT], quiet[quiet["p_dcor"] < e.alpha]
    which = [
        f"{study.bias(t.column).plain} with {t.row} ({GROUPS[t.group]})"
        for t in (missed if len(missed) else perhaps).itertuples()
    ]
    value = f"of {len(quiet)} cells without significance, {len(missed)} depend by distance correlation ({len(perhaps)} uncorrected): {listed(which)}"
    return value, HOLDS if len(missed) else PARTLY if len(perhaps) else FAILS


def outliers(e: Evidence) -> Found:
    """Many: more than half of the panels of a category against a bias have an outlier, a model whose robust z-score from the
    panel's median line is above 3.5 (see `companion.analysis.claims.panels`); in part if any has. The value also counts the cells of Figure 2
    whose significance or sign a single model decides. Moved by leave_out, categories, cut-offs; the second by alpha, too."""
    with_any, decided = int((e.panels["count"] > 0).sum()), int((e.firm["without_changes"] > 0).sum())
    counts = e.panels["outliers"][e.panels["outliers"] != ""].str.split("; ").explode().value_counts()
    value = f"{with_any} of {len(e.panels)} panels have outliers"
    if len(counts):
        value += f", most often {study.describe([counts.index[0]])['name'].iloc[0]} (in {counts.iloc[0]})"
    value += f"; one model decides {decided} of {len(e.firm)} cells of Figure 2"
    return value, HOLDS if with_any > len(e.panels) / 2 else PARTLY if with_any else FAILS


def non_monotonic(e: Evidence) -> Found:
    """Many: more than half of the panels bend, that is, a parabola through the ranks has a significant square (Holm) and turns
    among the inner 80 % of the models (see `companion.analysis.claims.panels`); in part if any does. Moved by alpha, leave_out, categories,
    cut-offs."""
    bent = e.panels[e.panels["bends"]]
    which = listed([f"{study.bias(t.bias).plain} with {t.category}" for t in bent.itertuples()])
    return f"{len(bent)} of {len(e.panels)} panels bend: {which}", (
        HOLDS if len(bent) > len(e.panels) / 2 else PARTLY if len(bent) else FAILS
    )


def band_test_fails_for_at(e: Evidence) -> Found:
    """Fits that say more than was measured: one that is missing, or wider than all bands together, is more than twice as
    frequent among the AT models as among the others, and more than one in ten; in part if it is more frequent. Moved by
    leave_out."""
    wide = ~(e.counted["bandwidth"] <= e.world.bands)
    trained = e.counted["group"] == "adversarial_training"
    if trained.all() or not trained.any():
        return "the table has no models to compare", UNKNOWN
    among, rest = wide[trained].mean(), wide[~trained].mean()
    value = (
        f"no fit, or one wider than the {e.world.bands} bands measured: {wide[trained].sum()} of {trained.sum()} AT models, "
        f"{wide[~trained].sum()} of {(~trained).sum()} others"
    )
    return value, HOLDS if among > 2 * rest and among > 0.1 else PARTLY if among > rest else FAILS


def shape_ignores_accuracy(e: Evidence) -> Found:
    """Two models whose shape bias differs by less than NEAR differ by at least FAR points in some category of accuracy; in part
    if by half of that. Moved by leave_out, categories."""
    shape = e.counted["shape"].to_numpy(float)
    near = np.abs(shape[:, None] - shape) < NEAR
    largest = {}
    for category in scores.CATEGORY_COLUMNS:
        accuracy = e.counted[category].to_numpy(float)
        apart = np.where(near, np.abs(accuracy[:, None] - accuracy), 0.0)
        apart = np.nan_to_num(apart)
        largest[category] = (float(apart.max()), np.unravel_index(apart.argmax(), apart.shape))
    category = max(largest, key=lambda c: largest[c][0])
    most, pair = largest[category]
    a, b = study.describe(e.counted["model"].iloc[list(pair)])["name"]
    value = f"{a} and {b}: shape bias {signed(shape[pair[0]], 3)} and {signed(shape[pair[1]], 3)}, {category} {signed(most, 1)} points apart; "
    value += "largest difference by category: " + ", ".join(f"{c} {signed(d, 1)}" for c, (d, _) in largest.items())
    return value, HOLDS if most >= FAR else PARTLY if most >= FAR / 2 else FAILS


def few_samples(e: Evidence) -> Found:
    """Not checkable: it speaks of the original test's code. The value tells how many images the table states behind its own
    critical bands."""
    rows = None if e.results is None else e.results.query("benchmark == 'critical-band'")
    stated = 0 if rows is None else int(rows["n"].notna().sum())
    images = f", at least {int(rows['n'].min()):,} images each" if stated else ""
    number = (
        "no results table at hand"
        if rows is None
        else f"{stated} of {len(rows)} critical-band rows state their images{images}"
    )
    return f"{number}; the original's samples are not among the results", UNKNOWN


def same_data(e: Evidence) -> Found:
    """Not checkable: a table of results names models, and does not hold their architectures nor what they were trained on.
    (That every checkpoint fits a ResNet-50 is checked where it is loaded, `bvg.models.checkpoints`.)"""
    columns = [] if e.results is None else list(e.results.columns)
    told = [c for c in columns if c in ("architecture", "training_data")]
    return f"columns that tell architecture or training data: {listed(told)}, of {len(columns)}", UNKNOWN


def no_target(e: Evidence) -> Found:
    """Not checkable: advice. A correlation over models that others trained does not say what optimising a bias would do. The
    value looks at the nearest thing to an intervention, training on stylized images, which is meant to raise shape bias."""
    toward = e.counted[e.counted["group"] == "stylized"]
    rest = e.counted.drop(toward.index)
    value = f"{len(toward)} of {len(e.counted)} models were trained on stylized images"
    if len(toward) and len(rest):
        value += (
            " (medians against the rest's: "
            + ", ".join(
                f"{what} {signed(toward[c].median(), d)} against {signed(rest[c].median(), d)}"
                for what, c, d in (("shape bias", "shape", 2), *((c, c, 1) for c in scores.CATEGORY_COLUMNS))
            )
            + ")"
        )
    return value + "; none toward another bias", UNKNOWN
