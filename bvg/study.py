"""The paper's vocabulary: benchmarks, categories of generalization, biases, groups of models and their definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bvg.messages import suggest


@dataclass(frozen=True)
class Benchmark:
    """One data set (or attack) that yields a top-1 accuracy.

    Attributes:
        id: name in the `benchmark` column of the results table.
        name: name as printed.
        short: abbreviated name.
        category: ID, Robustness, Concepts or Adversarial.
        images: number of images behind one accuracy of a full measurement (per condition if there are several); None
            if only the measurement determines it.
        classes: number of classes that the model chooses from.
        measured: what the accuracy measures, in one phrase.
        citation: BibTeX key in book/references.bib; empty for the miniature's.
        paper: whether its accuracy enters a category in the paper. Any other benchmark needs no number for the published
            models; it enters a category only where `categories` names it.
    """

    id: str
    name: str
    short: str
    category: str
    images: int | None
    classes: int
    measured: str
    citation: str
    paper: bool = True


@dataclass(frozen=True)
class Bias:
    """One of the six biases of a model.

    Attributes:
        id: column of the scores table.
        name: name as printed, with its unit if it has one.
        short: abbreviated name.
        test: the test that measures it: shape, spectral or critical band.
    """

    id: str
    name: str
    short: str
    test: str

    @property
    def plain(self) -> str:
        """The printed name without its unit."""
        return self.name.partition(" [")[0]


@dataclass(frozen=True)
class ModelSet:
    """One of the three sets of models that Figure 2 compares.

    Attributes:
        id: value of the column `group` in tables of correlations.
        name: name as printed.
        short: abbreviated name.
        one, many: phrases for a set of one model and of `{}` models.
    """

    id: str
    name: str
    short: str
    one: str
    many: str

    def phrase(self, n: int) -> str:
        """Name the set with its number of models.

        >>> MODEL_SETS["other"].phrase(33), MODEL_SETS["total"].phrase(1)
        ('33 others', 'the one model')
        """
        return (self.one if n == 1 else self.many).format(n)


MODEL_SETS: dict[str, ModelSet] = {
    s.id: s
    for s in (
        ModelSet("total", "All", "all", "the one model", "all {} models"),
        ModelSet("at", "AT", "AT", "{} adversarially trained", "{} adversarially trained"),
        ModelSet("other", "Others", "others", "{} other", "{} others"),
    )
}
"""The three sets of models of Figure 2, by the id in the column `group`."""

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

MINIATURE_BENCHMARKS: tuple[Benchmark, ...] = tuple(
    Benchmark(id, name, short, category, None, 16, measured, "")
    for id, name, short, category, measured in (
        ("imagenet", "Validation", "Val", "ID", "top-1 on images drawn as those of training are"),
        ("imagenet-v2", "Validation V2", "Val-V2", "ID", "top-1 on smaller objects, off the centre of busier images"),
        ("imagenet-a", "Misjudged", "Misj", "Robustness", "top-1 on images of the V2 draw that the baseline gets wrong"),
        ("imagenet-c", "Corruptions C", "C", "Robustness", "mean top-1 over 7 corruptions at 5 severities"),
        ("imagenet-cbar", "Corruptions C-bar", "C̄", "Robustness",
         "mean top-1 over 3 further corruptions at 5 severities"),
        ("imagenet-r", "Silhouettes", "Silh", "Concepts", "top-1 on shapes filled evenly, without texture"),
        ("imagenet-sketch", "Sketches", "Sketch", "Concepts", "top-1 on outlines"),
        ("stylized", "Stylized", "Styl", "Concepts", "top-1 by shape where the texture is drawn at random"),
        ("pgd", "PGD", "PGD", "Adversarial", "top-1 under an attack that changes no value of a pixel by more than ε"),
    )
)  # fmt: skip
"""The miniature's counterparts of the study's benchmarks, under the same ids. ImageNet-ReaL has none."""

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

CRITICALITY: tuple[Bias, ...] = (
    Bias("criticality", "Layer criticality", "Criticality", "layer criticality"),
    Bias("early_criticality", "Early criticality", "Early crit.", "layer criticality"),
    Bias("late_criticality", "Late criticality", "Late crit.", "layer criticality"),
)
"""Mean layer criticality as a further kind of bias, which the paper does not use: over all, early and late layers."""

CUES: tuple[Bias, ...] = (
    Bias("shape_sensitivity", "Shape sensitivity [%]", "Shape sens.", "shape"),
    Bias("texture_sensitivity", "Texture sensitivity [%]", "Texture sens.", "shape"),
    Bias("neither_cue", "Neither cue [%]", "Neither cue", "shape"),
)
"""Shares of the cue-conflict images that are decided by shape, by texture and by neither, which the paper does not use."""

GROUPS: dict[str, str] = {
    "baseline": "Baseline",
    "training_recipes": "Training recipes",
    "augmentation": "Augmentation",
    "stylized": "Stylized ImageNet",
    "freezing": "Frozen filters",
    "adversarial_training": "Adversarial training",
    "contrastive": "Contrastive learning",
}
"""The paper's seven groups, in the order of its legend. `bvg.known_models` adds `outside` and `new` for all other models."""

CUTOFFS: tuple[float, ...] = (0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99)
"""Cut-offs at which low- and high-pass accuracy is measured, as fractions of the Nyquist frequency."""

BIAS_CUTOFFS: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Cut-offs over which the two spectral biases are averaged."""

PGD_EPSILON: float = 0.5 / 255
"""The largest change of a pixel in the study's attack, as a fraction of the pixel range."""

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


@dataclass(frozen=True)
class World:
    """The images that models are measured on, with the names of benchmarks and groups of models.

    Attributes:
        benchmarks: benchmarks that make up the categories.
        groups: printed name of each group of models.
        bands: number of octave bands in the critical-band test; it follows from the image size.
        further: benchmarks outside the categories.
    """

    benchmarks: tuple[Benchmark, ...]
    groups: Mapping[str, str]
    bands: int
    further: tuple[Benchmark, ...] = ()

    @property
    def categories(self) -> dict[str, tuple[str, ...]]:
        """Ids of the benchmarks in each category of generalization."""
        return {name: tuple(b.id for b in self.benchmarks if b.category == name) for name in CATEGORY_NAMES}

    def name(self, column: str) -> str:
        """Return the printed name of a benchmark, bias or category, and any other name unchanged.

        >>> STUDY.name("imagenet-r"), MINIATURE.name("imagenet-r"), MINIATURE.name("shape")
        ('ImageNet-R', 'Silhouettes', 'Shape bias')
        """
        named = (*self.benchmarks, *self.further, *BIASES, *CUES, *CRITICALITY)
        return ({b.id: b.name for b in named} | CATEGORY_NAMES).get(column, column)

    def plain(self, column: str) -> str:
        """Return the printed name without the unit of a bias."""
        return {b.id: b.plain for b in (*BIASES, *CUES, *CRITICALITY)}.get(column) or self.name(column)

    def short(self, column: str) -> str:
        """Return the abbreviated name of a benchmark or bias, and any other name unchanged."""
        return {b.id: b.short for b in (*self.benchmarks, *self.further, *BIASES, *CUES, *CRITICALITY)}.get(
            column, column
        )


STUDY = World(
    tuple(b for b in BENCHMARKS if b.paper), GROUPS, bands=7, further=tuple(b for b in BENCHMARKS if not b.paper)
)
MINIATURE = World(MINIATURE_BENCHMARKS, GROUPS | {"stylized": "Stylized"}, bands=5)
WORLDS: dict[str, World] = {"study": STUDY, "miniature": MINIATURE}
"""Both worlds, by the name in a run's manifest."""

CATEGORIES: dict[str, tuple[str, ...]] = STUDY.categories


def benchmark(id: str) -> Benchmark:
    """Look up a benchmark by id; an unknown id raises a KeyError that lists the known ones."""
    return _lookup({b.id: b for b in BENCHMARKS}, id, "benchmark")


def bias(id: str) -> Bias:
    """Look up a bias by id; an unknown id raises a KeyError that lists the known ones."""
    return _lookup({b.id: b for b in (*BIASES, *CUES, *CRITICALITY)}, id, "bias")


def _lookup(table: Mapping, id: str, what: str):
    if id not in table:
        raise KeyError(f"expected `{what}` to be one of {', '.join(table)}, got {id!r}{suggest(id, table)}")
    return table[id]
