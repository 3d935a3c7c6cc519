"""Cue sensitivity: intervals and differences against statsmodels and scipy, rows by hand, and the page's sentences."""

from __future__ import annotations

from itertools import product
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from companion.analysis import choices, cue_sensitivity
from companion.figures.cue_sensitivity import cue_sensitivity as drawn
from companion.prose import without_roles
from companion.tables import cue_sensitivity as tables
from scipy.stats import spearmanr
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from bvg import known_models, results
from bvg.results import cue_counts, scores

TABLE = results.load("published")
SCORES = scores.per_model(TABLE).join(cue_counts.shares(TABLE), on="model")
COUNTS = cue_counts.counts(TABLE).query("model in @SCORES.model")
IMAGENET = scores.benchmarks(TABLE)["imagenet"]
FAMILIES = choices.families(SCORES, "source")
SETS = choices.sets(SCORES, ["adversarial_training"])


def pearson_of_ranks(x, y, z) -> float:
    """Partial rank correlation from the inverse of the matrix of Spearman's r."""
    inverse = np.linalg.inv(spearmanr(np.column_stack([x, y, z])).statistic)
    return -inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1])


def test_rows_by_hand():
    table = cue_sensitivity.intervals(COUNTS).set_index(["model", "cue"])
    assert len(table) == 3 * 48
    row = table.loc[("tv_resnet50", "shape")]
    assert (row["hits"], row["images"], row["share"]) == (170, 1200, pytest.approx(100 * 170 / 1200))
    # Wilson: (p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n)
    p, n, z = 170 / 1200, 1200, 1.959964
    middle, reach = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert row["low"] == pytest.approx(100 * (middle - reach) / (1 + z**2 / n), abs=1e-4)
    assert row["high"] == pytest.approx(100 * (middle + reach) / (1 + z**2 / n), abs=1e-4)
    frozen = table.loc[("resnet50_frozen_random", "texture")]
    assert (frozen["fewest"], frozen["hits"], frozen["most"]) == (451, 473, 616)
    assert frozen["low"] == pytest.approx(100 * proportion_confint(451, 1200, method="wilson")[0])
    assert frozen["high"] == pytest.approx(100 * proportion_confint(616, 1200, method="wilson")[1])


def test_contrasts_are_those_of_scipy_on_the_same_resamples(monkeypatch):
    category = "Concepts"
    monkeypatch.setattr(cue_sensitivity.resampling, "CLOSE", 0.0)
    cells = cue_sensitivity.contrasts(SCORES, IMAGENET, [category], SETS, FAMILIES, 0.1, replicates=60, seed=5)
    cells = cells.set_index(["group", "given"])
    y = SCORES[category]
    for group, mask in SETS.items():
        use = mask.to_numpy()
        both = [SCORES.loc[use, c] for c in ("shape", "shape_sensitivity")]
        raw, given = cells.loc[(group, "nothing")], cells.loc[(group, "accuracy")]
        assert [raw["bias"], raw["sensitivity"]] == pytest.approx([spearmanr(x, y[use]).statistic for x in both])
        partial = [pearson_of_ranks(x, y[use], IMAGENET[use]) for x in both]
        assert [given["bias"], given["sensitivity"]] == pytest.approx(partial)
        assert given["difference"] == pytest.approx(abs(partial[1]) - abs(partial[0]))
    rng = np.random.default_rng([5, crc32(b"total")])
    codes, names = pd.factorize(FAMILIES)
    differences = []
    for counts in rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=60):
        rows = np.repeat(np.arange(len(SCORES)), counts[codes])
        r = [
            pearson_of_ranks(SCORES[c].iloc[rows], y.iloc[rows], IMAGENET.iloc[rows])
            for c in ("shape", "shape_sensitivity")
        ]
        differences.append(abs(r[1]) - abs(r[0]))
    total = cells.loc[("total", "accuracy")]
    assert [total["low"], total["high"]] == pytest.approx(np.quantile(differences, [0.05, 0.95]))
    assert np.isnan(cells.loc[("at", "accuracy"), "low"])  # one family


def test_all_choices_of_counts_are_tried():
    few = SCORES["model"].isin(
        ["tv_resnet50", "resnet50_dino", "resnet50_swav", "resnet50_frozen_random", "resnet50_prime"]
    )
    own, imagenet = SCORES[few].reset_index(drop=True), IMAGENET[few].reset_index(drop=True)
    row = cue_sensitivity.by_count(own, imagenet, COUNTS, ["Robustness"]).iloc[0]
    counts = COUNTS.set_index("model").loc[own["model"]]
    ends = [sorted({c.shape_low, c.shape_high}) for c in counts.itertuples()]
    found = [spearmanr(x, own["Robustness"]).statistic for x in product(*ends)]
    assert row["choices"] == len(found) == 4
    assert [row["low"], row["high"]] == pytest.approx([min(found), max(found)])
    given = [pearson_of_ranks(x, own["Robustness"], imagenet) for x in product(*ends)]
    assert [row["partial_low"], row["partial_high"]] == pytest.approx([min(given), max(given)])


def test_pairs_of_equal_bias():
    pairs = cue_sensitivity.alike(SCORES, COUNTS)
    assert (pairs["bias"] - pairs["other_bias"]).abs().max() < cue_sensitivity.EQUAL
    assert (pairs["difference"] >= 0).all()
    assert pairs["difference"].is_monotonic_decreasing
    known = COUNTS[COUNTS["solutions"] == 1].set_index("model")
    assert set(pairs["model"]) | set(pairs["other"]) <= set(known.index)
    bias = SCORES.set_index("model")["shape"][known.index].to_numpy()
    assert len(pairs) == (np.abs(bias[:, None] - bias) < cue_sensitivity.EQUAL)[np.triu_indices(len(bias), 1)].sum()
    first = pairs.iloc[0]
    k, m = (1200 - known.loc[first[who], "neither"] for who in ("model", "other"))
    assert (first["decided"], first["other_decided"]) == (100 * k / 1200, 100 * m / 1200)
    ends = confint_proportions_2indep(k, 1200, m, 1200, method="newcomb")
    assert [first["low"], first["high"]] == pytest.approx([100 * e for e in ends])


@pytest.mark.parametrize(
    ("lows", "expected"),
    [
        (
            (-0.1, -0.1, -0.1, -0.1),
            "Not detectably: over all 48 models, there is no category with which shape sensitivity correlates more strongly than shape bias, raw or at equal accuracy,",
        ),
        (
            (0.1, -0.1, -0.1, -0.1),
            "In part: over all 48 models, shape sensitivity correlates more strongly than shape bias with robustness (raw) and with no category (at equal accuracy),",
        ),
        (
            (0.1, 0.1, 0.1, 0.1),
            "Yes: over all 48 models, shape sensitivity correlates more strongly than shape bias with robustness and accuracy on concepts (raw) and with robustness and accuracy on concepts (at equal accuracy),",
        ),
        ((np.nan,) * 4, "Too few families of models for an interval"),
    ],
)
def test_the_answer(lows, expected):
    cells = [(row, given) for given in ("nothing", "accuracy") for row in ("Robustness", "Concepts")]
    data = pd.DataFrame(cells, columns=["row", "given"]).assign(
        group="total", n=48, families=18, difference=0.1, low=lows, high=0.3
    )
    assert tables.answer(data).startswith(expected)


def test_the_plausible_counts():
    known = COUNTS[COUNTS["solutions"] == 1]["agreeing"]
    several = COUNTS[COUNTS["solutions"] > 1]
    inside = sum(known.min() <= a <= known.max() for a in several["agreeing"])
    assert tables.plausible(COUNTS) == (
        f"The exactly known models name the category of {100 * known.min():.0f} to {100 * known.max():.0f} % of the images with agreeing "
        f"cues; so would {inside} of the {len(several)} others with their likely count."
    )
    one = pd.concat([COUNTS[COUNTS["solutions"] == 1], several.head(1)])
    assert tables.plausible(one).endswith("1 of the 1 other with their likely count.")


def test_tables_have_a_row_per_model_and_per_cell():
    shares = cue_sensitivity.intervals(COUNTS)
    displayed = tables.models(shares, SCORES.set_index("model")["shape"]).displayed
    assert [without_roles(name) for name in displayed["Model"]] == list(known_models.describe(SCORES["model"])["name"])
    assert displayed["Shape"].iloc[0] == "170"
    cells = cue_sensitivity.contrasts(SCORES, IMAGENET, ["ID", "Concepts"], SETS, FAMILIES, replicates=50)
    assert len(tables.contrasts(cells).displayed) == 3 * 3  # in distribution has no row at equal accuracy
    assert tables.most_apart(pd.DataFrame()).startswith("No two models")
    assert tables.most_apart(cue_sensitivity.alike(SCORES, COUNTS)).startswith("NoisyMix and MoCo v3 (1000 ep)")


def test_the_figure_has_its_data_and_one_mark_per_model():
    shares = cue_sensitivity.intervals(COUNTS)
    figure = drawn(shares)
    pd.testing.assert_frame_equal(figure.data, shares)
    tagged = [artist for artist in figure.figure.axes[0].lines if (artist.get_gid() or "").startswith("bvg:")]
    assert len(tagged) == 48
    places = {(x.get_xdata()[0], x.get_ydata()[0]) for x in tagged}
    wide = shares.pivot(index="model", columns="cue", values="share")
    assert places == set(zip(wide["shape"], wide["texture"], strict=True))
    assert figure.narrow is not None
    assert figure.alt.startswith("Scatter plot of texture sensitivity against shape sensitivity of 48 models.")


def test_no_models_give_an_empty_figure():
    assert drawn(cue_sensitivity.intervals(COUNTS.iloc[:0])).alt.endswith("of 0 models.")
