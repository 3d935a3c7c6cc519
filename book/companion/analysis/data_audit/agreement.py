"""Published accuracies compared with independent measurements."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bvg import study
from bvg.results import correlation, published, scores
from bvg.results.published.build_crosscheck import TESTBED, TIMM
from companion.analysis.data_audit.check import Case, Check, Outcome
from companion.text import format_number, listed, plural

SIZE, CROP, INTERPOLATION = 224, 0.875, "bilinear"
"""The paper's protocol: shorter side to 256 pixels, centre crop of 224."""


def comparable() -> pd.DataFrame:
    """Return the independent measurements at the paper's image size.

    Returns:
        model, benchmark, variant, source, top1 [%], same_protocol. ImageNet-C is averaged over the severities of each
        corruption (variant) and, if a source has all 95 conditions, over all of them (variant empty). same_protocol: size, crop
        and interpolation are the paper's. Those of imagenet-testbed are, except on ImageNet-C, for which it states none.
    """
    table = published.independent()
    table = table[(table["img_size"] == SIZE) | table["img_size"].isna()]
    same = (table["crop_pct"] == CROP) & (table["interpolation"] == INTERPOLATION)
    table = table.assign(same_protocol=same | ((table["source"] == TESTBED) & table["level"].isna()))
    key = ["model", "benchmark", "variant", "source"]
    plain = table[table["level"].isna()][[*key, "top1", "same_protocol"]]
    conditions = table[table["level"].notna()].groupby(key, sort=False)["top1"].agg(["mean", "count"]).reset_index()
    conditions = conditions[conditions["count"] == len(study.SEVERITIES)].rename(columns={"mean": "top1"})
    whole = (
        conditions.groupby(["model", "benchmark", "source"], sort=False)["top1"].agg(["mean", "count"]).reset_index()
    )
    whole = whole[whole["count"] == whole["benchmark"].map({k: len(v) for k, v in study.CORRUPTIONS.items()})]
    whole = whole.rename(columns={"mean": "top1"}).assign(variant="")
    table = pd.concat([plain, whole, conditions], ignore_index=True).drop(columns="count")
    return table.assign(same_protocol=table["same_protocol"].eq(True))


def agreement(accuracy: pd.DataFrame, by_corruption: pd.DataFrame) -> pd.DataFrame:
    """Join published and independent top-1 where both exist.

    Args:
        accuracy: models (index) x benchmarks, percent.
        by_corruption: models (index) x corruptions of ImageNet-C, percent.

    Returns:
        model, benchmark, variant, source, published, independent [%], difference (published - independent,
        percentage points),
        same_protocol.
    """
    table = comparable().rename(columns={"top1": "independent"})
    whole, single = (t.rename_axis("model").reset_index() for t in (accuracy, by_corruption))
    whole = whole.melt("model", var_name="benchmark", value_name="published").assign(variant="")
    single = single.melt("model", var_name="variant", value_name="published").assign(benchmark="imagenet-c")
    ours = pd.concat([whole, single]).dropna()
    table = table.merge(ours, on=["model", "benchmark", "variant"], how="inner", validate="many_to_one")
    table["difference"] = table["published"] - table["independent"]
    columns = ["model", "benchmark", "variant", "source", "published", "independent", "difference", "same_protocol"]
    return table[columns]


def compared(case: Case) -> pd.DataFrame:
    """Apply `agreement` to the published models of a case."""
    own = case.table.loc[case.table["source"] == "published", "model"]
    accuracy = case.accuracy[case.accuracy.index.isin(own)]
    return agreement(accuracy, scores.corruptions(case.table, "imagenet-c").reindex(accuracy.index))


def by_benchmark(table: pd.DataFrame) -> pd.DataFrame:
    """Summarize the differences and compare the ranks, per benchmark and source.

    Args:
        table: from `agreement`; rows of single corruptions are left out.

    Returns:
        benchmark, source, n (models), same_protocol (how many of them), mean_difference, largest_difference [percentage
        points], model (with the largest difference), r (Spearman's, NaN below 4 models), swapped (pairs of models in opposite
        order), pairs.
    """
    rows = []
    place = {b.id: i for i, b in enumerate(study.BENCHMARKS)}
    whole = table[table["variant"] == ""].sort_values("benchmark", key=lambda s: s.map(place), kind="stable")
    for (benchmark, source), own in whole.groupby(["benchmark", "source"], sort=False):
        most = own.loc[own["difference"].abs().idxmax()]
        x, y = own["published"].to_numpy(), own["independent"].to_numpy()
        r, _, n = correlation.spearman(x, y)
        distance = own["difference"].mean(), most["difference"], most["model"]
        rows.append((benchmark, source, n, own["same_protocol"].sum(), *distance, r, swapped(x, y), n * (n - 1) // 2))
    columns = ["benchmark", "source", "n", "same_protocol", "mean_difference", "largest_difference", "model", "r"]
    return pd.DataFrame(rows, columns=[*columns, "swapped", "pairs"])


def swapped(x: np.ndarray, y: np.ndarray) -> int:
    """Count the pairs of models that two measurements order differently.

    Example:
        >>> swapped(np.array([1, 2, 3]), np.array([1, 3, 2]))
        1
    """
    order = np.sign(x[:, None] - x) * np.sign(y[:, None] - y)
    return int((order < 0).sum() // 2)


def largest(table: pd.DataFrame, **where: object) -> str:
    """State the largest absolute difference [percentage points] among some rows.

    Args:
        table: from `agreement`.
        where: the value of each column that selects the rows.
    """
    own = table[(table[list(where)] == pd.Series(where)).all(axis=1)]
    return format_number(own["difference"].abs().max())


def images_right(table: pd.DataFrame, model: str, benchmark: str, source: str = TESTBED) -> str:
    """State how many images a model gets right, by both measurements."""
    own = table.query("model == @model and benchmark == @benchmark and source == @source and variant == ''")
    if own.empty:
        return "not measured by both"
    images = study.benchmark(benchmark).images
    counts = [f"{round(own[side].iloc[0] / 100 * images):,}" for side in ("published", "independent")]
    return f"{counts[0]} of {images:,} images right, and {counts[1]} as {source} measured it"


def furthest_corruptions(table: pd.DataFrame, most: int = 3) -> str:
    """Name the corruptions with the largest mean differences."""
    own = table[table["variant"] != ""].groupby("variant")["difference"].mean()
    far = own.loc[own.abs().sort_values(ascending=False, kind="stable").index[:most]]
    return listed(f"{name.replace('_', ' ')} ({format_number(d, 1)})" for name, d in far.items())


def _replaced(case: Case, source: str) -> Outcome:
    table = compared(case)
    table = table[(table["variant"] == "") & (table["source"] == source)]
    if table.empty:
        return Outcome(None, "the table has no published accuracy of these checkpoints")
    per_benchmark = {b: own.set_index("model")["independent"] for b, own in table.groupby("benchmark")}
    far = table[table["difference"].abs() > 1]
    on = listed(study.STUDY.name(b) for b in pd.unique(far["benchmark"]))
    number = (
        f"{plural(len(table), 'accuracy', 'accuracies')} of {plural(table['model'].nunique(), 'model')} on "
        f"{plural(len(per_benchmark), 'benchmark')}; {len(far)} differ{'s' * (len(far) == 1)} by more than a point"
        + (f", on {on}" if len(far) else "")
    )
    return Outcome(len(far) > 0, number, case.cells(case.with_accuracy(per_benchmark)))


def pytorch_image_models(case: Case) -> Outcome:
    """Check for differences of more than a point from pytorch-image-models."""
    return _replaced(case, TIMM)


def imagenet_testbed(case: Case) -> Outcome:
    """Check for differences of more than a point from imagenet-testbed."""
    return _replaced(case, TESTBED)


CHECKS: tuple[Check, ...] = (
    Check(
        "timm",
        "Some accuracies differ from those measured by pytorch-image-models.",
        "On ImageNet-ReaL the study has the last batch only. Elsewhere the crops differ: the paper keeps 0.875 of the side for all "
        "models; pytorch-image-models uses the crop that each model was made for.",
        "the numbers of pytorch-image-models where available",
        pytorch_image_models,
    ),
    Check(
        "testbed",
        "Some accuracies differ from those measured by imagenet-testbed.",
        "The study uses the images of ImageNet-C as stored, 224 pixels wide; imagenet-testbed does not state its preprocessing. "
        "Resizing and cropping them again would explain a loss of this size.",
        "the numbers of imagenet-testbed where available",
        imagenet_testbed,
    ),
)  # fmt: skip
