"""The sentences and tables on other choices, for none, one and many, and with other first options."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from companion.analysis.forking.grid import Grid, grid
from companion.analysis.forking.options import axes
from companion.analysis.forking.shares import shares
from companion.tables import forking as tables

from bvg import results
from bvg.results import scores

TABLE = results.load("published")
SCORES, ACCURACIES = scores.per_model(TABLE), scores.benchmarks(TABLE)


@cache
def published() -> Grid:
    return grid(TABLE, SCORES, ACCURACIES)


def made(verdict: int, significant: bool) -> Grid:
    """Return a grid with one verdict on the single bias everywhere, and all correlations positive, significant or not."""
    of = published()
    own, places = of.verdicts["no-single-bias"]
    cells = {way: replace(c, r=np.abs(c.r)) for way, c in of.cells.items()}
    levels = np.full_like(of.levels, 3 if significant else 0)
    return replace(
        of, verdicts=of.verdicts | {"no-single-bias": (own, np.full_like(places, verdict))}, cells=cells, levels=levels
    )


def test_the_finding():
    _, places = published().verdicts["no-single-bias"]
    count = int((places != 2).sum())
    assert tables.finding(published()) == (
        f"In {count:,} of 309,600 combinations of choices ({100 * count / 309_600:.0f} %), no single bias correlates significantly, and with one "
        "sign, with every category of generalization, over all models that the combination keeps (15 to 48 of 48 models). With the paper's "
        "choices, none does."
    )
    assert tables.finding(made(2, True)).startswith("In none of 309,600 combinations of choices (0 %), ")
    assert tables.finding(made(2, True)).endswith("With the paper's choices, one does.")
    assert tables.finding(made(0, True)).startswith("In all of 309,600 combinations of choices (100 %), ")


def test_whether_no_single_bias_survives_a_correction():
    assert tables.survives(published()) == (
        "Yes: with the correction of Holm over 72 correlations, the verdict is “holds”; without it, “holds in part”. No bias then correlates with "
        "every category, in any of these sets: all 48 models, 15 adversarially trained and 33 others."
    )
    everything = tables.survives(made(2, True), "fdr_bh")
    assert everything.startswith(
        "No: with the correction of Benjamini–Hochberg over 72 correlations, the verdict is “fails”; without it, “fails”."
    )
    assert everything.count("shape bias, low-frequency bias, ") == 3
    assert "(33 others)." in everything


def test_what_changes_without_a_benchmark():
    found = tables.without(published())
    assert found.startswith(
        "Without ImageNet-C, 3 of 72 correlations have another significance or sign: robustness with shape bias (others: n.s. → −0.38), "
    )
    assert found.endswith("Of 19 verdicts, none changes.")
    nothing = tables.without(made(0, False))
    assert (
        nothing
        == "Without ImageNet-C, none of 72 correlations has another significance or sign. Of 19 verdicts, none changes."
    )
    assert tables.without(published(), "stylized").count("“") >= 1, "some verdicts change"
    assert tables.without(published(), "pgd") == "PGD cannot be left out: it is in no category, or alone in one."


def test_the_table_of_shares():
    table = tables.shares(shares(published()), published())
    row = table.displayed.set_index("Statement").loc["No single bias correlates with generalization as a whole."]
    assert row[["Holds", "With the paper's choices"]].tolist() == ["36 %", "{verdict}`holds in part`"]
    always = table.displayed[table.displayed["Holds"] == "100 %"]
    assert set(always["Explains most"]) == {"*none*"}
    assert tables.decided(table.data).startswith("equal accuracy (10 claims), ")


def test_other_first_options_are_not_called_the_papers():
    few = SCORES.index < 20
    choices = axes(SCORES[few], alpha=0.01)
    own = grid(TABLE, SCORES[few], ACCURACIES[few], choices)
    assert tables.finding(own).endswith("With the first options, none does.")
    assert "With the first options" in tables.shares(shares(own), own).displayed
    options = tables.choices(own).displayed.set_index("Choice")["Options"]
    assert options["Level"] == "p < 0.01; p < 0.05; p < 0.1"


def test_every_claim_without_a_grid_has_its_reason():
    lines = tables.not_on_grid().splitlines()
    assert len(lines) == 7
    assert all(line.startswith("- ") and line.endswith(")*") for line in lines)
