"""The paper's vocabulary: groups of models, benchmarks, categories of generalization, biases and their definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Benchmark:
    """One data set (or attack) whose accuracy enters a category of generalization.

    Attributes:
        id: name in the `benchmark` column of the results table.
        name: name as printed.
        short: name where room is scarce.
        category: ID, Robustness, Concepts or Adversarial.
        images: images behind one accuracy of a full measurement (per condition where there are several).
        classes: classes among which the model decides.
        measured: what the number says, in one phrase.
        citation: BibTeX key in book/references.bib.
    """

    id: str
    name: str
    short: str
    category: str
    images: int
    classes: int
    measured: str
    citation: str


@dataclass(frozen=True)
class Bias:
    """One of the six numbers that describe what a model looks at.

    Attributes:
        id: column of the scores table.
        name: name as printed, with its unit where it has one.
        short: name where room is scarce.
        test: the instrument it comes from: shape, spectral or critical band.
    """

    id: str
    name: str
    short: str
    test: str


BENCHMARKS: tuple[Benchmark, ...] = (
    Benchmark("imagenet", "ImageNet", "IN", "ID", 50_000, 1000,
              "top-1 on the validation images", "russakovsky2015imagenet"),
    Benchmark("imagenet-v2", "ImageNet-V2", "IN-V2", "ID", 10_000, 1000,
              "top-1 on a new draw by the recipe of the old one", "recht2019imagenet"),
    Benchmark("imagenet-real", "ImageNet-ReaL", "IN-ReaL", "ID", 46_837, 1000,
              "top-1 against reassessed labels, any of which counts", "beyer2020imagenet"),
    Benchmark("imagenet-a", "ImageNet-A", "IN-A", "Robustness", 7_500, 200,
              "top-1 among 200 classes on photographs that a ResNet-50 got wrong", "hendrycks2021natural"),
    Benchmark("imagenet-c", "ImageNet-C", "IN-C", "Robustness", 50_000, 1000,
              "mean top-1 over 19 corruptions at 5 severities", "hendrycks2019benchmarking"),
    Benchmark("imagenet-cbar", "ImageNet-C-bar", "IN-C̄", "Robustness", 50_000, 1000,
              "mean top-1 over 10 further corruptions at 5 severities", "mintun2021interaction"),
    Benchmark("imagenet-r", "ImageNet-R", "IN-R", "Concepts", 30_000, 200,
              "top-1 among 200 classes on paintings, toys, sculptures and other renditions", "hendrycks2021many"),
    Benchmark("imagenet-sketch", "ImageNet-Sketch", "IN-S", "Concepts", 50_889, 1000,
              "top-1 on black-and-white sketches", "wang2019learning"),
    Benchmark("stylized", "Stylized ImageNet", "SIN", "Concepts", 800, 16,
              "16-way accuracy on images repainted in the style of paintings", "geirhos2019imagenet"),
    Benchmark("pgd", "PGD", "PGD", "Adversarial", 50_000, 1000,
              "top-1 under a 40-step attack of at most 0.5/255 per pixel", "madry2018towards"),
)  # fmt: skip

CATEGORIES: dict[str, tuple[str, ...]] = {
    name: tuple(b.id for b in BENCHMARKS if b.category == name)
    for name in ("ID", "Robustness", "Concepts", "Adversarial")
}
CATEGORY_NAMES: dict[str, str] = {
    "ID": "In distribution",
    "Robustness": "Robustness",
    "Concepts": "Concepts",
    "Adversarial": "Adversarial",
}

BIASES: tuple[Bias, ...] = (
    Bias("shape", "Shape bias", "Shape", "shape"),
    Bias("low_frequency", "Low-frequency bias", "Low freq.", "spectral"),
    Bias("high_frequency", "High-frequency bias", "High freq.", "spectral"),
    Bias("bandwidth", "Bandwidth [octaves]", "Bandwidth", "critical band"),
    Bias("center_frequency", "Centre frequency [cycles/image]", "Centre freq.", "critical band"),
    Bias("peak_noise_sensitivity", "Peak noise sensitivity", "Peak noise sens.", "critical band"),
)

GROUPS: dict[str, str] = {
    "baseline": "Baseline",
    "training_recipes": "Training recipes",
    "augmentation": "Augmentation",
    "stylized": "Stylized ImageNet",
    "freezing": "Frozen filters",
    "adversarial_training": "Adversarial training",
    "contrastive": "Contrastive learning",
}
"""The paper's seven groups, in the order of its legend. Models it does not know are in `new`, the file's others in `outside`."""

CUTOFFS: tuple[float, ...] = (0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99)
"""Cut-offs at which low- and high-pass accuracy is measured, as fractions of the Nyquist frequency."""

BIAS_CUTOFFS: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Cut-offs over which the two spectral biases average."""

PGD_EPSILON: float = 0.5 / 255
"""Largest change of a pixel, as a fraction of the pixel range, in the study's attack."""

CORRUPTIONS: dict[str, tuple[str, ...]] = {
    "imagenet-c": (
        "gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise",
        "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur",
        "snow", "frost", "fog", "brightness", "spatter",
        "contrast", "elastic_transform", "pixelate", "jpeg_compression", "saturate",
    ),
    "imagenet-cbar": (
        "blue_noise_sample", "brownish_noise", "caustic_refraction", "checkerboard_cutout", "cocentric_sine_waves",
        "inverse_sparkles", "perlin_noise", "plasma_noise", "single_frequency_greyscale", "sparkles",
    ),
}  # fmt: skip
"""Corruptions of ImageNet-C (the 15 standard and the 4 extra, as the paper averages) and ImageNet-C-bar."""

SEVERITIES: tuple[int, ...] = (1, 2, 3, 4, 5)


def benchmark(id: str) -> Benchmark:
    """The benchmark of that id; a KeyError names the ids that exist."""
    return _lookup({b.id: b for b in BENCHMARKS}, id, "benchmark")


def bias(id: str) -> Bias:
    """The bias of that id; a KeyError names the ids that exist."""
    return _lookup({b.id: b for b in BIASES}, id, "bias")


def _lookup(table: Mapping, id: str, what: str):
    if id not in table:
        raise KeyError(f"expected `{what}` to be one of {', '.join(table)}, got {id!r}")
    return table[id]


@cache
def _models() -> pd.DataFrame:
    with (files("bvg") / "published" / "models.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file, dtype={"epsilon": float}, keep_default_na=False, na_values={"epsilon": [""]})
    return table.set_index("model")


def models() -> pd.DataFrame:
    """What is known of each checkpoint: one row per model of the published file, indexed by model id.

    Columns: group (one of `GROUPS`, or `outside` for models that the file holds and the study does not use), name, method,
    citation (BibTeX key), norm (`l2`, `linf` or empty), epsilon (training strength; in 1/255 for Linf), in_study.
    """
    return _models().copy()


def describe(ids: list[str] | pd.Index) -> pd.DataFrame:
    """`models()` for these ids, in this order; a model that the study does not know gets group `new` and its id as name.

    An id of the form `model@run` (the same checkpoint measured again, see `bvg.results.load`) is described as its model,
    with the run in its name and group `new`: it stands beside the study's own number and is none of them.
    """
    base = [str(i).partition("@") for i in ids]
    table = models().reindex([b for b, _, _ in base])
    known = table["group"].notna()
    again = np.array([run != "" for _, _, run in base], bool)
    table["group"] = table["group"].where(known & ~again, "new")
    table["in_study"] = table["in_study"].eq(True) & ~again
    for column in ("method", "citation", "norm"):
        table[column] = table[column].fillna("")
    table["name"] = [
        (name if ok else b) + (f" @ {run}" if run else "")
        for (b, _, run), name, ok in zip(base, table["name"], known, strict=True)
    ]
    table.index = pd.Index(list(ids), name="model")
    return table


def figure2_groups(group: pd.Series) -> dict[str, pd.Series]:
    """The three sets of models of Figure 2, as masks over `group` (one group name per model).

    total: all models; at: the adversarially trained ones (among them the epsilon = 0 model); other: all the rest.
    """
    trained = group == "adversarial_training"
    return {"total": pd.Series(True, index=group.index), "at": trained, "other": ~trained}


def counted(table: pd.DataFrame, highlight: Sequence[str] = ()) -> pd.Series:
    """Which rows enter statistics, as a mask: a model that is placed among the study's must not move what it is compared with.

    Left out are highlighted models, and models that the study does not know (group `new`) as long as any of the study's is
    there. A table of new models alone counts them all.

    Args:
        table: one row per model with the columns model and group.
        highlight: model ids.

    Raises:
        ValueError: a highlighted model is not in the table, or the table is empty.
    """
    if table.empty:
        raise ValueError("expected a table of at least one model, got an empty one")
    if isinstance(highlight, str):
        raise ValueError(f"expected `highlight` to be a list of model ids, got {highlight!r}")
    absent = [m for m in highlight if m not in set(table["model"])]
    if absent:
        near = [n for m in absent for n in get_close_matches(m, table["model"], 1)]
        hint = f" (did you mean {', '.join(near)}?)" if near else ""
        raise ValueError(f"expected `highlight` to name models of the table, got {', '.join(absent)}{hint}")
    new = table["group"] == "new"
    return ~table["model"].isin(list(highlight)) & (~new | new.all())
