"""Checks of the accuracies: images behind them, conditions averaged."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import study
from bvg.results import correlation, scores
from companion.analysis.data_audit.check import Case, Check, Outcome
from companion.text import format_number, listed

BATCHES = tuple(2**k for k in range(4, 13))
"""Usual batch sizes."""

EXTRA = ("speckle_noise", "gaussian_blur", "spatter", "saturate")
"""The corruptions that ImageNet-C's authors keep for validation; the other 15 are the standard set."""

FEWEST_VALUES = 4
"""Fewest different accuracies that determine a denominator: fewer fit many denominators by chance."""


def denominator(top1: np.ndarray | pd.Series, most: int = 60_000) -> int | None:
    """Return the smallest denominator consistent with every accuracy.

    Accuracies may be rounded to float32, in which many programs average.

    Args:
        top1: float [models], percent; NaN is left out.
        most: largest denominator to try.

    Returns:
        The smallest n for which every accuracy is a fraction k/n; None if there is none up to `most`, or if fewer than
        `FEWEST_VALUES` accuracies differ.

    Example:
        >>> denominator([100 * k / 326 for k in (1, 45, 280, 300)])
        326
    """
    values = np.unique(np.asarray(top1, float))
    values = values[~np.isnan(values)]
    if len(values) < FEWEST_VALUES:
        return None
    fits = np.arange(1, most + 1)
    for value in values:
        images = value / 100 * fits
        fits = fits[np.abs(images - np.round(images)) < 1e-4 + np.finfo(np.float32).eps * images]
    return int(fits[0]) if len(fits) else None


def denominators(case: Case) -> pd.DataFrame:
    """Find the denominator of every benchmark with a single condition.

    Returns:
        benchmark, models (their number), images (of the benchmark or, if it states none, the most that the table states),
        denominator, standard_error (for a model of mean accuracy p: sqrt(p (1 - p) / denominator), in percentage points),
        spread (standard deviation over the models, in percentage points).
    """
    rows = []
    top1 = case.table[(case.table["metric"] == "top1") & (case.table["variant"] == "")]
    for benchmark in case.world.benchmarks:
        values = case.accuracy.get(benchmark.id, pd.Series(dtype=float)).dropna()
        if benchmark.id in study.CORRUPTIONS or values.empty:
            continue
        stated = top1.loc[top1["benchmark"] == benchmark.id, "n"].max()
        images = benchmark.images or (np.nan if pd.isna(stated) else int(stated))
        n, p = denominator(values) or np.nan, values.mean() / 100
        noise = 100 * np.sqrt(p * (1 - p) / n)
        rows.append((benchmark.id, len(values), images, n, noise, values.std()))
    columns = ["benchmark", "models", "images", "denominator", "standard_error", "spread"]
    return pd.DataFrame(rows, columns=columns)


def last_batches(labelled: int, images: int = 50_000) -> pd.DataFrame:
    """List the batch sizes whose last batch can contain that many labelled images.

    Args:
        labelled: labelled images of the last batch.
        images: all images.

    Returns:
        batch, last (images of the last batch), share (labelled / last).

    Example:
        >>> last_batches(326).round(2).values.tolist()
        [[512.0, 336.0, 0.97], [1024.0, 848.0, 0.38], [2048.0, 848.0, 0.38], [4096.0, 848.0, 0.38]]
    """
    rows = [(batch, images % batch, labelled / (images % batch)) for batch in BATCHES if images % batch >= labelled]
    return pd.DataFrame(rows, columns=["batch", "last", "share"])


def _denominator(case: Case, benchmark: str) -> pd.Series | None:
    """Return the row of `denominators` of a benchmark; None if its denominator or number of images is unknown."""
    table = denominators(case).set_index("benchmark")
    known = benchmark in table.index and table.loc[benchmark, ["images", "denominator"]].notna().all()
    return table.loc[benchmark] if known else None


def _in_words(row: pd.Series) -> str:
    return (
        f"multiples of 1/{row['denominator']:,.0f} (of {row['images']:,.0f} images): standard error "
        f"{format_number(row['standard_error'], 1)} points, compared with a standard deviation of {format_number(row['spread'], 1)} over the models"
    )


def _without(case: Case, benchmark: str) -> pd.DataFrame | None:
    """Return the cells without a benchmark; None if no category has it, or if a category has no other."""
    members = {name: [m for m in ids if m != benchmark] for name, ids in case.members.items()}
    if not all(members.values()) or members == {name: list(ids) for name, ids in case.members.items()}:
        return None
    return case.cells(case.rescored(case.table, members))


def real_grain(case: Case) -> Outcome:
    """Check whether ImageNet-ReaL is measured on fewer images than it has."""
    row = _denominator(case, "imagenet-real")
    if row is None:
        return Outcome(None, "too few accuracies on ImageNet-ReaL, or accuracies without a common denominator")
    if row["denominator"] >= row["images"]:
        return Outcome(False, _in_words(row))
    labels = row["images"] / study.benchmark("imagenet").images
    batches = last_batches(int(row["denominator"]))
    near = batches[(batches["share"] - labels).abs() < 0.05]
    why = "no usual batch size leaves a last batch that fits"
    if len(near):
        batch = near.iloc[0]
        why = (
            f"batches of {batch['batch']:.0f} leave a last batch of {batch['last']:.0f} of the 50,000 images; these are "
            f"{100 * batch['share']:.0f} % of it ({100 * labels:.0f} % of all images have labels)"
        )
    return Outcome(True, f"{_in_words(row)}; {why}", _without(case, "imagenet-real"))


def stylized_grain(case: Case) -> Outcome:
    """Check whether Stylized ImageNet is measured on at most 1,000 images."""
    row = _denominator(case, "stylized")
    if row is None or case.world is study.MINIATURE:
        return Outcome(None, "too few accuracies on Stylized ImageNet, or accuracies without a common denominator")
    if row["denominator"] > 1000:
        return Outcome(False, _in_words(row))
    return Outcome(
        True, f"{_in_words(row)}; chance is 1/{study.benchmark('stylized').classes}", _without(case, "stylized")
    )


def corruption_mean(case: Case) -> Outcome:
    """Check whether ImageNet-C averages 19 corruptions instead of 15."""
    means = scores.corruptions(case.table, "imagenet-c").reindex(case.scores.index).dropna(how="all")
    given = case.accuracy["imagenet-c"] if "imagenet-c" in case.accuracy else pd.Series(dtype=float)
    if means.isna().any(axis=None) or means.empty or given.isna().any():
        return Outcome(None, "the table lacks some of the 19 corruptions")
    standard = means.drop(columns=list(EXTRA)).mean(axis=1)
    all_of = (given.reindex(means.index) - means.mean(axis=1)).abs().max()
    apart = given.reindex(means.index) - standard
    number = (
        f"the mean over all {means.shape[1]} to within {all_of:.0e} points; the mean over the {means.shape[1] - len(EXTRA)} is lower by "
        f"{format_number(apart.mean(), 1)} points on average, by {format_number(apart.max(), 1)} at most"
    )
    return Outcome(bool(all_of < apart.abs().max()), number, case.cells(case.with_accuracy({"imagenet-c": standard})))


def recounted(top1: pd.Series, counted: int, images: int) -> pd.Series:
    """Correct accuracies that counted more images than there are.

    The surplus counted as correct: with m misses, the accuracy reads 1 - m / counted, but is 1 - m / images.

    Args:
        top1: accuracies [%].
        counted: number of images counted.
        images: actual number of images.

    Example:
        >>> round(recounted(pd.Series([100 * 48 / 50_048]), 50_048, 50_000).item(), 12)
        0.0
    """
    return 100 - (100 - top1) * counted / images


def attack_grain(case: Case) -> Outcome:
    """Check whether accuracies under attack count more images than there are."""
    row = _denominator(case, "pgd")
    if row is None:
        return Outcome(None, "too few accuracies under attack, or accuracies without a common denominator")
    counted, images = int(row["denominator"]), int(row["images"])
    if counted <= images:
        return Outcome(False, _in_words(row))
    fit = [b for b in BATCHES if -(-images // b) * b == counted]
    over = counted - images
    after = recounted(case.accuracy["pgd"], counted, images)
    number = (
        f"multiples of 1/{counted:,}, {over} more than the {images:,} images: whole batches of "
        f"{listed(map(str, fit))} add up to this number; corrected, the accuracies fall by {format_number((case.accuracy['pgd'] - after).max(), 3)} points "
        "at most"
    )
    strong = _stronger(case)
    if len(strong) and round(strong.min() / 100 * counted, 3) == over:
        number += f"; under the stronger attack the lowest accuracy is {over}/{counted:,}, that is 0"
    return Outcome(True, number, case.cells(case.with_accuracy({"pgd": after})))


def _stronger(case: Case) -> pd.Series:
    """Return top-1 [%] by model under the attack without a stated epsilon."""
    rows = case.table[(case.table["benchmark"] == "pgd") & (case.table["variant"] == "linf-high")]
    return rows.set_index("model")["value"].reindex(case.scores.index).dropna()


def stronger_attack(case: Case) -> Outcome:
    """Check whether some models have the results of a second attack."""
    strong = _stronger(case)
    if strong.empty:
        return Outcome(None, "the table has one attack only")
    own = case.accuracy["pgd"].reindex(strong.index)
    r, _, _ = correlation.spearman(own.to_numpy(), strong.to_numpy())
    number = (
        f"{len(strong)} of {len(case.scores)} models have it; their ranks correlate with those under the first attack with r = "
        f"{format_number(r)}"
    )
    if list(case.members.get("Adversarial", [])) != ["pgd"]:
        return Outcome(len(strong) < len(case.scores), number)
    kept = case.scores.loc[strong.index]
    changed = case.with_accuracy({"pgd": strong}).loc[strong.index]
    return Outcome(len(strong) < len(case.scores), number, case.cells(changed), case.cells(kept))


CHECKS: tuple[Check, ...] = (
    Check(
        "real-grain",
        "The accuracies on ImageNet-ReaL come from fewer images than the set has.",
        "The authors' script (code/eval_imagenet_real.py) averages over all batches, but logs the accuracy of the last one. The images are sorted by "
        "class, so the last batch has the last seven classes: five fungi, ears of maize and toilet tissue.",
        "ID without ImageNet-ReaL",
        real_grain,
    ),
    Check(
        "c-average",
        "ImageNet-C is the mean over 19 corruptions; the standard is 15.",
        "The authors' script (code/eval_imagenet_c.py) lists the four extra corruptions together with the others.",
        "ImageNet-C as the mean over the standard 15",
        corruption_mean,
    ),
    Check(
        "stylized-grain",
        "Stylized ImageNet is the smallest set, with 16 classes; the others have 200 or 1,000.",
        "The set comes from model-vs-human, which was made to compare models with human observers.",
        "Concepts without Stylized ImageNet",
        stylized_grain,
    ),
    Check(
        "pgd-grain",
        "Accuracies under attack count more images than there are.",
        "The authors' script (code/eval_imagenet_adv.py) counts images by whole batches, but successful attacks by image: the images that the last batch "
        "lacks count as correct.",
        "PGD counted over the actual images",
        attack_grain,
    ),
    Check(
        "pgd-stronger",
        "The file has a stronger attack, without its epsilon and for some models only.",
        "Not stated. The study uses the first attack only.",
        "Adversarial under the stronger attack, among the models with that attack",
        stronger_attack,
    ),
)  # fmt: skip
