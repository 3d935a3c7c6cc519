"""Effective robustness: accuracy beyond the line of accuracy against clean accuracy (Taori et al. 2020; Miller et al. 2021)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import linregress, norm, pearsonr, rankdata

from bvg import study
from bvg.results import correlation
from companion.analysis import equal_accuracy, resampling

STANDARD = ("baseline", "training_recipes")
"""Groups whose models the line is fitted to: models without a change meant to make them robust, as Taori et al. fit it."""


@dataclass(frozen=True)
class Scale:
    """A scale on which accuracies are compared.

    Attributes:
        forward: accuracy in (0, 1) -> value on the scale.
        inverse: value on the scale -> accuracy in (0, 1).
    """

    forward: Callable[[np.ndarray], np.ndarray]
    inverse: Callable[[np.ndarray], np.ndarray]


SCALES: dict[str, Scale] = {
    "probit": Scale(norm.ppf, norm.cdf),
    "logit": Scale(logit, expit),
    "raw": Scale(np.asarray, np.asarray),
}
"""The scales, by name; `raw` is the accuracy itself."""


def images_of(world: study.World) -> dict[str, int]:
    """Return the images behind one accuracy of each benchmark; 50,000 where the world does not state them."""
    return {b.id: b.images or 50_000 for b in world.benchmarks}


def transform(accuracy: np.ndarray, images: int, scale: str = "probit") -> np.ndarray:
    """Return accuracies on a scale.

    The probit and the logit of 0 and of 1 are infinite. An accuracy below half an image of n counts as 0.5 / n, and one above
    n - 0.5 images as 1 - 0.5 / n, on every scale.

    Args:
        accuracy: in percent, of any shape.
        images: number n of images behind each accuracy.
        scale: a name in `SCALES`.

    Raises:
        ValueError: an unknown scale, accuracies outside [0, 100], or no image.

    Example:
        >>> transform(np.array([0.0, 50.0, 97.5]), 1000).round(2).tolist()
        [-3.29, 0.0, 1.96]
    """
    if scale not in SCALES:
        raise ValueError(f"expected `scale` to be one of {', '.join(SCALES)}, got {scale!r}")
    if not images >= 1:
        raise ValueError(f"expected `images` of 1 or more, got {images}")
    share = np.asarray(accuracy, float) / 100
    if (share < 0).any() or (share > 1).any():
        raise ValueError(
            f"expected `accuracy` in [0, 100], got {np.nanmin(share) * 100:g} to {np.nanmax(share) * 100:g}"
        )
    return SCALES[scale].forward(np.clip(share, 0.5 / images, 1 - 0.5 / images))


def residuals(
    accuracies: pd.DataFrame, fitted: Sequence[bool], world: study.World = study.STUDY, scale: str = "probit"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fit a line of each benchmark's accuracy against ImageNet top-1, and return every model's distance from it.

    Args:
        accuracies: one row per model with model and one column per benchmark [%] (see `bvg.results.scores.benchmarks`).
        fitted: whether the line is fitted to each model.
        world: the benchmarks with their numbers of images.
        scale: a name in `SCALES`; both axes of the line are on it.

    Returns:
        Two tables. Models: model, benchmark, accuracy, expected (by the line), effective = accuracy - expected (all three in
        percent and percentage points) and residual (the difference on the scale). Lines: benchmark, scale, slope, intercept,
        error (standard error of the slope), n, low, high (range of ImageNet top-1 of the fitted models [%]), leftover
        (Spearman's r of the residuals of all models with ImageNet top-1).

    Raises:
        ValueError: fewer than 3 fitted models have both accuracies, or as in `transform`.
    """
    chosen = np.asarray(fitted, bool)
    clean = accuracies["imagenet"].to_numpy(float)
    images = images_of(world)
    x = transform(clean, images["imagenet"], scale)
    models, lines = [], []
    for name in [b.id for b in world.benchmarks if b.category != "ID" and b.id in accuracies]:
        accuracy = accuracies[name].to_numpy(float)
        y = transform(accuracy, images[name], scale)
        use = chosen & ~np.isnan(x + y)
        if use.sum() < 3:
            raise ValueError(
                f"expected 3 or more models to fit a line to for {name}, got {use.sum()}: name more groups in `standard`"
            )
        line = linregress(x[use], y[use])
        along = line.intercept + line.slope * x
        expected = 100 * SCALES[scale].inverse(along)
        left = y - along
        models.append(
            pd.DataFrame({"model": accuracies["model"].to_numpy(), "benchmark": name, "accuracy": accuracy}).assign(
                expected=expected, effective=accuracy - expected, residual=left
            )
        )
        leftover = correlation.spearman(left, clean)[0]
        lines.append(
            (
                name,
                scale,
                line.slope,
                line.intercept,
                line.stderr,
                int(use.sum()),
                clean[use].min(),
                clean[use].max(),
                leftover,
            )
        )
    names = ["benchmark", "scale", "slope", "intercept", "error", "n", "low", "high", "leftover"]
    return pd.concat(models, ignore_index=True), pd.DataFrame(lines, columns=names)


def by_category(models: pd.DataFrame, world: study.World = study.STUDY) -> pd.DataFrame:
    """Return the mean residual of each model over the benchmarks of each category: one row per model, one column per category."""
    wide = models.pivot(index="model", columns="benchmark", values="residual")
    means = {
        category: wide[[b for b in benchmarks if b in wide]].mean(axis=1, skipna=False)
        for category, benchmarks in world.categories.items()
        if category != "ID"
    }
    return pd.DataFrame(means).reset_index()


def sensitivity(
    scores: pd.DataFrame,
    accuracies: pd.DataFrame,
    columns: Sequence[str],
    sets: Mapping[str, pd.Series],
    standard: Sequence[bool],
    world: study.World = study.STUDY,
) -> pd.DataFrame:
    """Compute the association of each bias with each category at equal accuracy in several ways.

    Args:
        scores: one row per model with model, the categories and the biases.
        accuracies: the benchmarks of the same models in the same order.
        columns: biases.
        sets: name -> mask over `scores`.
        standard: the models of the standard line.
        world: the benchmarks.

    Returns:
        row, column, group, method, r, p, n. Methods: `rank` is the partial Spearman correlation; `raw`, `probit` and `logit`
        the partial Pearson correlation given ImageNet top-1, with all accuracies on that scale and averaged over the
        benchmarks of the category; `line, all` and `line, standard` Spearman's r of the bias with the mean probit residual
        from a line fitted to all and to the standard models.
    """
    clean = accuracies["imagenet"].to_numpy(float)
    values = {("rank", c): scores[c].to_numpy(float) for c in equal_accuracy.CATEGORIES}
    controls = {"rank": clean}
    sizes = images_of(world)
    for scale in ("raw", "probit", "logit"):
        controls[scale] = transform(clean, sizes["imagenet"], scale)
        for category in equal_accuracy.CATEGORIES:
            parts = [
                transform(accuracies[b].to_numpy(float), sizes[b], scale)
                for b in world.categories[category]
                if b in accuracies
            ]
            values[scale, category] = np.mean(parts, axis=0)
    for name, fitted in {"line, all": np.ones(len(scores), bool), "line, standard": standard}.items():
        means = by_category(residuals(accuracies, fitted, world)[0], world).set_index("model").loc[scores["model"]]
        values |= {(name, category): means[category].to_numpy() for category in means}
    found = []
    for (method, row), y in values.items():
        for column in columns:
            for group, mask in sets.items():
                x, z = scores[column].to_numpy(float), controls.get(method, clean)
                use = np.asarray(mask, bool) & ~np.isnan(x + y + z)
                if method in controls:
                    found.append((row, column, group, method, *_partial(x[use], y[use], z[use], method == "rank")))
                else:
                    found.append((row, column, group, method, *correlation.spearman(x[use], y[use])))
    return pd.DataFrame(found, columns=["row", "column", "group", "method", "r", "p", "n"])


def _partial(x, y, z, ranks: bool) -> tuple[float, float, int]:
    """Return the partial correlation of values or of their ranks, its p and n."""
    n = len(x)
    if n < correlation.FEWEST or min(np.ptp(v) for v in (x, y, z)) == 0:
        return np.nan, np.nan, n
    if ranks:
        x, y, z = map(rankdata, (x, y, z))
    r = equal_accuracy.partial(*(np.array(pearsonr(*pair).statistic) for pair in ((x, y), (x, z), (y, z))))
    return float(r), float(resampling.p_value(r, n - 1)), n
