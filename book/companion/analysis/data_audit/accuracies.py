"""Looks into the accuracies: of how many images they are fractions, and what they average."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import study
from bvg.results import correlation, scores
from companion.analysis.data_audit.check import Case, Look, Seen
from companion.text import listed, signed

BATCHES = tuple(2**k for k in range(4, 13))
"""Sizes of batches that one would choose."""

EXTRA = ("speckle_noise", "gaussian_blur", "spatter", "saturate")
"""The corruptions that ImageNet-C's authors set apart for validation; the other 15 are its standard."""

FEWEST_VALUES = 4
"""Fewest different accuracies from which a common denominator is told: few numbers fit many by chance."""


def grain(top1: np.ndarray | pd.Series, most: int = 60_000) -> int | None:
    """The smallest n of which all accuracies are fractions k/n; None if there is none up to `most`, or fewer than 4 differ.

    A fraction is k/n if it is so up to the rounding of float32, in which many programs average.

    Args:
        top1: float [models], percent; NaN is left out.

    >>> grain([100 * k / 326 for k in (1, 45, 280, 300)])
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


def grains(case: Case) -> pd.DataFrame:
    """Per benchmark with one condition: models, images that it has, smallest common denominator, its noise, the models' spread.

    standard_error is that of a model of mean accuracy p, sqrt(p (1 - p) / denominator), in points; spread is the standard
    deviation over the models. Images are the benchmark's own or, where it states none, the most that the table gives.
    """
    rows = []
    top1 = case.table[(case.table["metric"] == "top1") & (case.table["variant"] == "")]
    for benchmark in case.world.benchmarks:
        values = case.accuracy.get(benchmark.id, pd.Series(dtype=float)).dropna()
        if benchmark.id in study.CORRUPTIONS or values.empty:
            continue
        stated = top1.loc[top1["benchmark"] == benchmark.id, "n"].max()
        images = benchmark.images or (np.nan if pd.isna(stated) else int(stated))
        denominator, p = grain(values) or np.nan, values.mean() / 100
        noise = 100 * np.sqrt(p * (1 - p) / denominator)
        rows.append((benchmark.id, len(values), images, denominator, noise, values.std()))
    columns = ["benchmark", "models", "images", "denominator", "standard_error", "spread"]
    return pd.DataFrame(rows, columns=columns)


def last_batches(labelled: int, images: int = 50_000) -> pd.DataFrame:
    """Sizes of batches whose last one, of `images` in all, holds at least `labelled`: batch, last, share = labelled / last.

    >>> last_batches(326).round(2).values.tolist()
    [[512.0, 336.0, 0.97], [1024.0, 848.0, 0.38], [2048.0, 848.0, 0.38], [4096.0, 848.0, 0.38]]
    """
    rows = [(batch, images % batch, labelled / (images % batch)) for batch in BATCHES if images % batch >= labelled]
    return pd.DataFrame(rows, columns=["batch", "last", "share"])


def _grain(case: Case, benchmark: str) -> pd.Series | None:
    table = grains(case).set_index("benchmark")
    known = benchmark in table.index and table.loc[benchmark, ["images", "denominator"]].notna().all()
    return table.loc[benchmark] if known else None


def _in_words(row: pd.Series) -> str:
    return (
        f"multiples of 1/{row['denominator']:,.0f} (of {row['images']:,.0f} images): standard error "
        f"{signed(row['standard_error'], 1)} points, beside a standard deviation of {signed(row['spread'], 1)} over the models"
    )


def _without(case: Case, benchmark: str) -> pd.DataFrame | None:
    """The cells with a benchmark left out of its categories; None if no category has it, or one has nothing else."""
    members = {name: [m for m in ids if m != benchmark] for name, ids in case.members.items()}
    if not all(members.values()) or members == {name: list(ids) for name, ids in case.members.items()}:
        return None
    return case.cells(case.rescored(case.table, members))


def real_grain(case: Case) -> Seen:
    """Whether ImageNet-ReaL's accuracies are fractions of fewer images than the set has."""
    row = _grain(case, "imagenet-real")
    if row is None:
        return Seen(None, "no table of four or more accuracies on ImageNet-ReaL whose denominator can be told")
    if row["denominator"] >= row["images"]:
        return Seen(False, _in_words(row))
    labels = row["images"] / study.benchmark("imagenet").images
    batches = last_batches(int(row["denominator"]))
    near = batches[(batches["share"] - labels).abs() < 0.05]
    why = "no usual size of batch leaves a last one that fits"
    if len(near):
        batch = near.iloc[0]
        why = (
            f"batches of {batch['batch']:.0f} leave a last one of {batch['last']:.0f} of the 50,000 images, of which this is "
            f"{100 * batch['share']:.0f} % (of all images {100 * labels:.0f} % have labels)"
        )
    return Seen(True, f"{_in_words(row)}; {why}", _without(case, "imagenet-real"))


def stylized_grain(case: Case) -> Seen:
    """Whether the accuracy on Stylized ImageNet is a fraction of at most 1,000 images."""
    row = _grain(case, "stylized")
    if row is None or case.world is study.MINIATURE:
        return Seen(None, "no table of four or more accuracies on Stylized ImageNet whose denominator can be told")
    if row["denominator"] > 1000:
        return Seen(False, _in_words(row))
    return Seen(
        True, f"{_in_words(row)}; chance is 1/{study.benchmark('stylized').classes}", _without(case, "stylized")
    )


def corruption_mean(case: Case) -> Seen:
    """Whether the accuracy on ImageNet-C is the mean over 19 corruptions rather than over the standard 15."""
    means = scores.corruptions(case.table, "imagenet-c").reindex(case.scores.index).dropna(how="all")
    given = case.accuracy["imagenet-c"] if "imagenet-c" in case.accuracy else pd.Series(dtype=float)
    if means.isna().any(axis=None) or means.empty or given.isna().any():
        return Seen(None, "no table of all 19 corruptions")
    standard = means.drop(columns=list(EXTRA)).mean(axis=1)
    all_of = (given.reindex(means.index) - means.mean(axis=1)).abs().max()
    apart = given.reindex(means.index) - standard
    number = (
        f"the mean of all {means.shape[1]} but for {all_of:.0e} points; that of the {means.shape[1] - len(EXTRA)} is lower by "
        f"{signed(apart.mean(), 1)} points in the mean, by {signed(apart.max(), 1)} at most"
    )
    return Seen(bool(all_of < apart.abs().max()), number, case.cells(case.with_accuracy({"imagenet-c": standard})))


def recounted(top1: pd.Series, denominator: int, images: int) -> pd.Series:
    """Accuracies [%] over `images`, from ones that counted as many hits more as `denominator` exceeds `images`.

    If p images are missed, the accuracy reads 1 - p / denominator and is 1 - p / images.

    >>> round(recounted(pd.Series([100 * 48 / 50_048]), 50_048, 50_000).item(), 12)
    0.0
    """
    return 100 - (100 - top1) * denominator / images


def attack_grain(case: Case) -> Seen:
    """Whether accuracies under attack are fractions of more images than there are."""
    row = _grain(case, "pgd")
    if row is None:
        return Seen(None, "no table of four or more accuracies under attack whose denominator can be told")
    denominator, images = int(row["denominator"]), int(row["images"])
    if denominator <= images:
        return Seen(False, _in_words(row))
    fit = [b for b in BATCHES if -(-images // b) * b == denominator]
    over = denominator - images
    after = recounted(case.accuracy["pgd"], denominator, images)
    number = (
        f"multiples of 1/{denominator:,}, {over} more than the {images:,} images: whole batches of "
        f"{listed(map(str, fit))} make as many; corrected, they fall by {signed((case.accuracy['pgd'] - after).max(), 3)} points "
        "at most"
    )
    strong = _stronger(case)
    if len(strong) and round(strong.min() / 100 * denominator, 3) == over:
        number += f"; under the stronger attack the lowest accuracy is {over}/{denominator:,}, that is 0"
    return Seen(True, number, case.cells(case.with_accuracy({"pgd": after})))


def _stronger(case: Case) -> pd.Series:
    """Top-1 [%] under the attack whose epsilon is not stated, by model."""
    rows = case.table[(case.table["benchmark"] == "pgd") & (case.table["variant"] == "linf-high")]
    return rows.set_index("model")["value"].reindex(case.scores.index).dropna()


def stronger_attack(case: Case) -> Seen:
    """Whether there is a second attack that not all models have."""
    strong = _stronger(case)
    if strong.empty:
        return Seen(None, "no second attack")
    own = case.accuracy["pgd"].reindex(strong.index)
    r, _, _ = correlation.spearman(own.to_numpy(), strong.to_numpy())
    number = (
        f"{len(strong)} of {len(case.scores)} models have it; among them its ranks agree with the first attack's by r = "
        f"{signed(r)}"
    )
    if list(case.members.get("Adversarial", [])) != ["pgd"]:
        return Seen(len(strong) < len(case.scores), number)
    kept = case.scores.loc[strong.index]
    changed = case.with_accuracy({"pgd": strong}).loc[strong.index]
    return Seen(len(strong) < len(case.scores), number, case.cells(changed), case.cells(kept))


LOOKS: tuple[Look, ...] = (
    Look(
        "real-grain",
        "ImageNet-ReaL is measured on fewer images than it has.",
        "The authors' script (code/eval_imagenet_real.py) averages over all batches, but logs the accuracy of the last one. The images come in the order of "
        "the classes: it holds the last seven: five fungi, ears of maize and toilet tissue.",
        "ID without ImageNet-ReaL",
        real_grain,
    ),
    Look(
        "c-average",
        "ImageNet-C is the mean over 19 corruptions; its standard is 15.",
        "The authors' script (code/eval_imagenet_c.py) lists the four extra corruptions with the others.",
        "ImageNet-C as the mean over the standard 15",
        corruption_mean,
    ),
    Look(
        "stylized-grain",
        "Stylized ImageNet is the smallest set, and a question of 16 classes beside others of 200 and 1,000.",
        "The set is that of model-vs-human, made for the comparison with observers.",
        "Concepts without Stylized ImageNet",
        stylized_grain,
    ),
    Look(
        "pgd-grain",
        "Accuracies under attack are fractions of more images than there are.",
        "The authors' script (code/eval_imagenet_adv.py) counts the images by whole batches and the successes by image: the images that the last batch "
        "lacks count as withstood.",
        "PGD counted over the images there are",
        attack_grain,
    ),
    Look(
        "pgd-stronger",
        "A stronger attack is in the file, without its epsilon and for some models only.",
        "Not stated. The study uses the first attack alone.",
        "Adversarial under the stronger attack, among the models that have it",
        stronger_attack,
    ),
)  # fmt: skip
