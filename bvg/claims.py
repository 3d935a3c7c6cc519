"""The paper's checkable statements, each with the rule that decides from a table of scores whether it holds.

A rule knows numbers only: the same one is put to the published table, to the miniature's, and to a reader's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from bvg import scores, stats, study
from bvg.tables import Table
from bvg.text import listed, shown

HOLDS, PARTLY, FAILS, UNKNOWN = "holds", "holds in part", "fails", "not checkable"
VERDICTS = (HOLDS, PARTLY, FAILS, UNKNOWN)
GROUPS = {"total": "all", "at": "AT", "other": "others"}


@dataclass(frozen=True)
class Evidence:
    """The tables that the rules look at.

    Attributes:
        scores: one row per model with categories and biases (`bvg.scores.per_model`).
        accuracy: one row per model with the accuracy on each benchmark (`bvg.scores.benchmarks`).
        alpha: level of significance.
        highlight: models to leave out of the statistics.
    """

    scores: pd.DataFrame
    accuracy: pd.DataFrame
    alpha: float = 0.05
    highlight: Sequence[str] = ()

    @cached_property
    def counted(self) -> pd.DataFrame:
        """The scores of the models that enter statistics."""
        return self.scores[study.counted(self.scores, self.highlight)]

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The correlations of Figure 2."""
        groups = study.figure2_groups(self.counted["group"])
        return stats.correlate(self.counted, scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS, groups, self.alpha)

    @cached_property
    def benchmarks(self) -> pd.DataFrame:
        """The correlations of Figure 3."""
        counted = self.accuracy[study.counted(self.accuracy, self.highlight)]
        ids = [column for column in counted.columns if column not in ("model", "group")]
        return stats.correlate(counted, ids, ids, alpha=self.alpha)

    @cached_property
    def world(self) -> study.World:
        """Whose models these are."""
        return study.world(self.counted["model"])

    def shown(self, category: str, bias: str, group: str = "total") -> float:
        """A correlation of Figure 2, 0 where it is not significant."""
        return float(stats.cell(self.cells, category, bias, group)["shown"])

    def consistent(self, group: str) -> list[str]:
        """Biases that correlate with all four categories, significantly and with one sign, in a group of models."""
        return list(stats.same_sign(self.cells).query("group == @group")["column"])


@dataclass(frozen=True)
class Claim:
    """One statement of the paper.

    Attributes:
        id: short name, for links.
        claim: the statement, in our words.
        source: where the paper makes it.
        how: the rule, in words.
        test: the rule: what was found, as text, and the verdict.
        where: page of the book, and id of the figure or table on it, that shows the numbers.
    """

    id: str
    claim: str
    source: str
    how: str
    test: Callable[[Evidence], tuple[str, str]]
    where: str


def _names(biases: Sequence[str]) -> str:
    return listed([study.bias(b).name.partition(" [")[0] for b in biases])


def _no_single_bias(e: Evidence) -> tuple[str, str]:
    found = {group: e.consistent(group) for group in GROUPS}
    value = "; ".join(f"{GROUPS[group]}: {_names(biases)}" for group, biases in found.items())
    return value, FAILS if found["total"] else PARTLY if any(found.values()) else HOLDS


def _specific(e: Evidence) -> tuple[str, str]:
    related = stats.significant(e.cells).groupby(e.cells["column"]).agg(["any", "all"])
    some, everywhere = related["any"].sum(), related["all"].sum()
    value = f"{some} of {len(related)} biases correlate with something, {everywhere} with everything"
    return value, FAILS if everywhere else HOLDS if some == len(related) else PARTLY if some else FAILS


def _groups_differ(e: Evidence) -> tuple[str, str]:
    flips, one = stats.sign_flips(e.cells, "at", "other"), stats.only_in_one(e.cells, "at", "other")
    wide = e.cells.pivot(index=["row", "column"], columns="group", values="shown")[["at", "other"]]
    either = int((wide.abs() > 0).any(axis=1).sum())
    differ = len(flips) + len(one)
    value = f"of {either} pairs significant in either group, {len(flips)} change sign and {len(one)} are so in one only"
    return value, UNKNOWN if not either else HOLDS if differ > either / 2 else PARTLY if differ else FAILS


def _benchmarks_agree(e: Evidence) -> tuple[str, str]:
    apart = ("stylized", "pgd")
    pairs = stats.pairs(e.benchmarks)
    rest = pairs[~pairs["row"].isin(apart) & ~pairs["column"].isin(apart)]
    positive = int((rest["shown"] > 0).sum())
    lowest = list(stats.mean_shown(e.benchmarks).index[:2])
    value = (
        f"{positive} of {len(rest)} pairs of the rest correlate positively; least related to the others: "
        f"{listed([e.world.name(b) for b in lowest])}"
    )
    agree, are_apart = positive > len(rest) / 2, set(lowest) == set(apart)
    return value, HOLDS if agree and are_apart else PARTLY if agree or are_apart else FAILS


def _texture(e: Evidence) -> tuple[str, str]:
    found = {group: e.shown("ID", "shape", group) for group in GROUPS}
    value = "r of shape bias and accuracy in distribution: " + _by_group(found)
    return value, _direction(found, wanted=-1)


def _high_frequency(e: Evidence) -> tuple[str, str]:
    found = {category: e.shown(category, "high_frequency") for category in scores.CATEGORY_COLUMNS}
    value = "r of high-frequency bias: " + ", ".join(f"{c} {shown(r)}" for c, r in found.items())
    positive = sum(r > 0 for r in found.values())
    return value, HOLDS if positive > len(found) / 2 else PARTLY if positive else FAILS


def _shape_is_no_remedy(e: Evidence) -> tuple[str, str]:
    found = {group: e.shown("Robustness", "shape", group) for group in GROUPS}
    value = "r of shape bias and robustness: " + _by_group(found)
    return value, FAILS if found["total"] > 0 else PARTLY if any(r > 0 for r in found.values()) else HOLDS


def _narrow_band_is_no_remedy(e: Evidence) -> tuple[str, str]:
    found = {category: e.shown(category, "bandwidth") for category in ("Robustness", "Adversarial")}
    value = "r of bandwidth: " + ", ".join(f"{c} {shown(r)}" for c, r in found.items())
    narrow = sum(r < 0 for r in found.values())
    return value, FAILS if narrow == len(found) else PARTLY if narrow else HOLDS


def _fails_holistically(bias: str) -> Callable[[Evidence], tuple[str, str]]:
    def test(e: Evidence) -> tuple[str, str]:
        found = {category: e.shown(category, bias) for category in scores.CATEGORY_COLUMNS}
        value = "r over all models: " + ", ".join(f"{c} {shown(r)}" for c, r in found.items())
        groups = [group for group in GROUPS if bias in e.consistent(group)]
        return value, FAILS if "total" in groups else PARTLY if groups else HOLDS

    return test


def _test_fails_for_at(e: Evidence) -> tuple[str, str]:
    """Fits that say more than was measured: wider than all bands together, or none at all."""
    wide = ~(e.counted["bandwidth"] <= e.world.bands)
    trained = e.counted["group"] == "adversarial_training"
    among, rest = wide[trained].mean(), wide[~trained].mean()
    value = (
        f"no fit, or one wider than the {e.world.bands} bands measured: {wide[trained].sum()} of {trained.sum()} AT models, "
        f"{wide[~trained].sum()} of {(~trained).sum()} others"
    )
    return value, HOLDS if among > 2 * rest and among > 0.1 else PARTLY if among > rest else FAILS


def _by_group(found: dict[str, float]) -> str:
    return ", ".join(f"{GROUPS[group]} {shown(r)}" for group, r in found.items())


def _direction(found: dict[str, float], wanted: int) -> str:
    """holds: significant with the wanted sign over all models and not with the other sign in a group."""
    if not found["total"] * wanted > 0:
        return PARTLY if any(r * wanted > 0 for r in found.values()) else FAILS
    return PARTLY if any(r * wanted < 0 for r in found.values()) else HOLDS


_MAIN = "biases-and-generalization.html#figure-2"
CLAIMS: tuple[Claim, ...] = (
    Claim(
        "no-single-bias",
        "No single bias correlates with generalization as a whole.",
        "abstract",
        "No bias has significant correlations of one sign with all four categories: over all models (else it fails), and "
        "within the AT models and the others (else in part).",
        _no_single_bias,
        _MAIN,
    ),
    Claim(
        "specific",
        "Biases often correlate only with certain aspects of generalization or groups of models.",
        "abstract",
        "Every bias has a significant correlation somewhere in Figure 2, and none has all twelve.",
        _specific,
        _MAIN,
    ),
    Claim(
        "groups-differ",
        "Adversarially trained models and the others often show different trends.",
        "caption of Figure 2",
        "Of the pairs of bias and category that are significant in either group, more than half change sign or are "
        "significant in one group only; in part if any do.",
        _groups_differ,
        _MAIN,
    ),
    Claim(
        "benchmarks-agree",
        "Many benchmarks correlate positively with each other, except SIN and PGD.",
        "caption of Figure 3",
        "More than half of the pairs without these two correlate positively and significantly, and these two have the "
        "lowest mean correlations; in part if one of both.",
        _benchmarks_agree,
        "benchmarks.html#figure-3",
    ),
    Claim(
        "texture",
        "More texture bias goes with more accuracy in distribution.",
        "summary",
        "Shape bias correlates negatively and significantly with ID over all models, and in neither group positively.",
        _texture,
        "shape-bias.html#figure-4",
    ),
    Claim(
        "high-frequency",
        "High-frequency cues can help generalization.",
        "summary",
        "High-frequency bias correlates positively and significantly with more than half of the categories over all models; "
        "in part if with any.",
        _high_frequency,
        "spectral-bias.html#figure-5",
    ),
    Claim(
        "shape-no-remedy",
        "Contrary to earlier findings, shape bias does not go with robustness.",
        "summary",
        "No significant positive correlation of shape bias with Robustness over all models; in part if in one of the groups.",
        _shape_is_no_remedy,
        "shape-bias.html#figure-4",
    ),
    Claim(
        "narrow-band-no-remedy",
        "Contrary to earlier findings, a narrow critical band does not go with robustness.",
        "summary",
        "Bandwidth does not correlate negatively with Robustness nor with Adversarial over all models; in part if with one.",
        _narrow_band_is_no_remedy,
        "critical-band.html#critical-band",
    ),
    Claim(
        "shape-fails",
        "Shape bias fails to predict performance as a whole.",
        "summary",
        "It has not four significant correlations of one sign with the categories over all models; in part if it has them "
        "in a group.",
        _fails_holistically("shape"),
        "shape-bias.html#figure-4",
    ),
    Claim(
        "centre-fails",
        "The critical band's centre frequency fails to, too.",
        "summary",
        "As for shape bias.",
        _fails_holistically("center_frequency"),
        "critical-band.html#critical-band",
    ),
    Claim(
        "critical-band-at",
        "The critical-band test does not work well for adversarially trained models.",
        "text",
        "A fit that is missing, or wider than all bands together, is more than twice as frequent among the AT models as "
        "among the others, and more than one in ten; in part if it is more frequent.",
        _test_fails_for_at,
        "critical-band.html#critical-band",
    ),
)


def ledger(evidence: Evidence, claims: Sequence[Claim] = CLAIMS) -> pd.DataFrame:
    """Every claim with what was found and the verdict: id, claim, source, how, value, verdict, where."""
    rows = [(c.id, c.claim, c.source, c.how, *c.test(evidence), c.where) for c in claims]
    return pd.DataFrame(rows, columns=["id", "claim", "source", "how", "value", "verdict", "where"])


def compare(published: pd.DataFrame, miniature: pd.DataFrame) -> Table:
    """Two worlds' ledgers side by side: what was found in either, the verdicts, and whether these are the same, reversed
    (one holds, the other fails) or partly different (column `agreement` of the data)."""
    on = ["id", "claim", "source", "how", "where"]
    data = published.merge(miniature, on=on, suffixes=("_published", "_miniature"), validate="one_to_one")
    verdicts = zip(data["verdict_published"], data["verdict_miniature"], strict=True)
    data["agreement"] = [
        "same" if a == b else "reversed" if {a, b} == {HOLDS, FAILS} else "partly" for a, b in verdicts
    ]
    shown = pd.DataFrame(
        {
            "Statement": data["claim"],
            "The study": "**" + data["verdict_published"] + ".** " + data["value_published"],
            "The miniature": "**" + data["verdict_miniature"] + ".** " + data["value_miniature"],
        }
    )
    return Table(shown, data)
