"""The paper's claims in our words, with their rules and where their numbers are.

The claims are numbered in the order of abstract, summary, captions and poster.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from companion.analysis.claims import rules_benchmarks as b
from companion.analysis.claims import rules_biases as r
from companion.analysis.claims import rules_methods as m
from companion.analysis.claims.evidence import Evidence, Found


@dataclass(frozen=True)
class Claim:
    """One claim of the paper.

    Attributes:
        id: short name, for links.
        claim: the claim, in our words.
        source: number of the statement, and where the paper makes it, if known.
        rule: returns the result in words, and the verdict. Its docstring describes it.
        where: page of the book, and id of the figure or table that shows the numbers.
        slow: whether the rule takes seconds, because it resamples or grows forests.
        cells: the cells of Figure 2 behind the rule, as pairs of category and bias; None stands for all of them.
    """

    id: str
    claim: str
    source: str
    rule: Callable[[Evidence], Found]
    where: str
    slow: bool = False
    cells: tuple[tuple[str | None, str | None], ...] = ()

    @property
    def how(self) -> str:
        """The rule in words: its docstring."""
        return " ".join(inspect.getdoc(self.rule).split())


_MAIN = "biases-and-generalization.html#figure-2"
_SHAPE, _BAND = "shape-bias.html#figure-4", "critical-band.html#critical-band"
_SPECTRAL, _EACH = "spectral-bias.html#figure-5", "per-benchmark.html#per-benchmark-shape"
_MODELS, _PANELS = "models.html#table-models", "claims.html#claims-panels"

_ALL = ((None, None),)

CLAIMS: tuple[Claim, ...] = (
    Claim("models", "48 models, in seven groups by training method.", "statement 1", m.models_and_groups, _MODELS),
    Claim("no-single-bias", "No single bias correlates with generalization as a whole.", "statement 2; abstract", r.no_single_bias, _MAIN, cells=_ALL),
    Claim("specific", "Biases often correlate only with certain aspects of generalization or groups of models.",
          "statement 3; abstract", r.specific, _MAIN, cells=_ALL),
    Claim("groups-differ", "Adversarially trained models and the others often show different trends.",
          "statement 4; caption of Figure 2", r.groups_differ, _MAIN, cells=_ALL),
    Claim("trends-reverse", "Adversarially trained models and the others often show opposite trends.",
          "statement 4, strict reading", r.trends_reverse, _MAIN, cells=_ALL),
    Claim("spearman-blind", "Spearman's r does not capture non-monotonic relations.", "statement 5", m.spearman_blind,
          "how-firm.html#firmness", slow=True),
    Claim("benchmarks-agree", "Many benchmarks correlate positively with each other, except SIN and PGD.",
          "statement 6; caption of Figure 3", b.benchmarks_agree, "benchmarks.html#figure-3"),
    Claim("benchmarks-apart", "SIN and PGD correlate positively with no other benchmark.", "statement 6, strict reading",
          b.benchmarks_apart, "benchmarks.html#figure-3"),
    Claim("insufficient", "The biases do not suffice to predict the generalization of a model accurately and as a whole.",
          "statement 7", m.insufficient, "claims.html#prediction", slow=True),
    Claim("shape-no-remedy", "Contrary to earlier findings, shape bias does not correlate with robustness.", "statement 8; summary",
          r.shape_is_no_remedy, _SHAPE, cells=(("Robustness", "shape"),)),
    Claim("narrow-band-no-remedy", "Contrary to earlier findings, a narrow critical band does not correlate with robustness.",
          "statement 8; summary", r.narrow_band_is_no_remedy, _BAND, cells=(("Robustness", "bandwidth"), ("Adversarial", "bandwidth"))),
    Claim("high-frequency", "High-frequency cues can help generalization.", "statement 9; summary", r.high_frequency, _SPECTRAL, cells=((None, "high_frequency"),)),
    Claim("high-frequency-modestly", "High-frequency cues relate to generalization modestly.", "statement 9",
          r.high_frequency_modestly, _SPECTRAL, cells=((None, "high_frequency"),)),
    Claim("shape-fails", "Shape bias fails to predict performance as a whole.", "statement 10; summary", r.shape_fails, _SHAPE,
          cells=((None, "shape"),)),
    Claim("centre-fails", "The critical band's centre frequency also fails to predict performance as a whole.", "statement 11; summary", r.centre_fails, _BAND,
          cells=((None, "center_frequency"),)),
    Claim("texture", "More texture bias comes with more accuracy in distribution.", "statement 12; summary", r.texture, _SHAPE, cells=(("ID", "shape"),)),
    Claim("outliers", "There are many outliers.", "statement 13", m.outliers, _PANELS, slow=True),
    Claim("non-monotonic", "There are many non-monotonic relations.", "statement 13", m.non_monotonic, _PANELS),
    Claim("critical-band-at", "The critical-band test does not work well for adversarially trained models.", "statement 14",
          m.band_test_fails_for_at, _BAND),
    Claim("shape-ignores-accuracy", "Shape bias as defined does not consider accuracy.", "statement 15", m.shape_ignores_accuracy, _SHAPE),
    Claim("few-samples", "The original critical-band test uses few random samples per condition.", "statement 16", m.few_samples, _BAND),
    Claim("low-budget", "The adversarial attack has a low budget.", "statement 17", b.low_budget, "benchmarks.html#table-benchmarks"),
    Claim("same-data", "The models share architecture and training data and differ in the training method.", "statement 18",
          m.same_data, _MODELS),
    Claim("singled-out", "At best, biases correlate if certain training methods or benchmarks are singled out.", "statement 19",
          b.singled_out, _EACH),
    Claim("many-benchmarks", "A wide range of benchmarks is needed.", "statement 20", b.many_benchmarks, _EACH),
    Claim("no-target", "Optimizing for a single bias is not advised.", "statement 21", m.no_target, _MAIN),
)  # fmt: skip

_STUDY_ONLY = ("models", "few-samples", "low-budget", "same-data", "no-target")
SHARED = tuple(c for c in CLAIMS if not c.slow and c.id not in _STUDY_ONLY)
"""The claims with fast rules that apply to other models as well: those not about the set-up of the study."""
