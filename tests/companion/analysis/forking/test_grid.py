"""The grid of choices: its verdicts against the rules, its correlations against SciPy, its samples, and which choice decides."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from companion.analysis import choices, claims
from companion.analysis.claims import decisions
from companion.analysis.forking import lookup, shares
from companion.analysis.forking.grid import NOT_ON_GRID, Grid, grid
from companion.analysis.forking.options import axes as choices_around
from scipy.stats import spearmanr

from bvg import results, study
from bvg.results import scores

TABLE = results.load("published")
SCORES, ACCURACIES = scores.per_model(TABLE), scores.benchmarks(TABLE)
RULES = {claim.id: claim for claim in claims.CLAIMS}


@cache
def published() -> Grid:
    return grid(TABLE, SCORES, ACCURACIES)


def drawn(count: int) -> list[dict[str, int]]:
    """Draw combinations: the place of the option of each choice. The first is the paper's."""
    rng = np.random.default_rng(5)
    axes = published().axes
    first = dict.fromkeys(axes, 0)
    return [first, *({id: int(rng.integers(len(c.options))) for id, c in axes.items()} for _ in range(count))]


def evidence(combination: dict[str, int]) -> claims.Evidence:
    """Collect the evidence under a combination as the page `claims` does, from the parameters that the combination states."""
    given = {}
    for id, place in combination.items():
        given |= published().axes[id].options[place].parameters
    table = choices.without(TABLE, given.pop("leave_out", []))
    cutoffs = [given.pop(f"{kind}_cutoffs", study.BIAS_CUTOFFS) for kind in ("low", "high")]
    per_model = scores.per_model(table, given.get("categories"), *cutoffs)
    return claims.Evidence(per_model, scores.benchmarks(table), **given)


@pytest.mark.parametrize("combination", drawn(60), ids=lambda c: "-".join(map(str, c.values())))
def test_verdicts_equal_those_of_the_rules_under_the_same_parameters(combination):
    of = evidence(combination)
    for id, (axes, places) in published().verdicts.items():
        if id == "outliers":  # its words take seconds of resampling
            expected = claims.VERDICTS[int(decisions.many_panels((of.panels["count"] > 0).to_numpy()))]
        else:
            expected = RULES[id].rule(of)[1]
        assert claims.VERDICTS[places[tuple(combination[a] for a in axes)]] == expected, id


@pytest.mark.parametrize("combination", drawn(30), ids=lambda c: "-".join(map(str, c.values())))
def test_correlations_and_their_significance_equal_the_tables(combination):
    of, g = evidence(combination), published()
    at = tuple(combination[a] for a in ("control", "correction", "sample", "benchmark", "low", "high"))
    at_levels = [np.abs(replace(of, alpha=alpha).shown.values) > 0 for alpha in g.axes["alpha"].values]
    levels = g.levels[at][-at_levels[0].shape[0] :]
    np.testing.assert_array_equal(levels, np.sum(at_levels, axis=0))


def test_raw_p_values_equal_scipys():
    rng, g = np.random.default_rng(2), published()
    v, cells = g.variants, g.cells["none"]
    for _ in range(200):
        sample, part, row, bias = (int(rng.integers(size)) for size in cells.r.shape)
        keep = v.masks[sample, part]
        r, p = cells.r[sample, part, row, bias], cells.p[sample, part, row, bias]
        if keep.sum() < 4:
            assert np.isnan(r)
            continue
        category = ACCURACIES[list(v.members[row][1])].mean(axis=1)[keep]
        expected = spearmanr(category, v.biases[keep, bias])
        assert (r, p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9, abs=1e-12)


def test_the_samples_are_different_and_the_first_is_everyone():
    samples = published().axes["sample"].options
    assert samples[0].value.all()
    assert len({option.value.tobytes() for option in samples}) == len(samples)
    sizes = {option.id: option.value.sum() for option in samples}
    assert (sizes["all.none"], sizes["without.none"], sizes["only.none"]) == (48, 33, 15)
    assert "all.adversarial_training" not in sizes, "it is without.none"
    assert "all.salman2020adversarially" not in sizes, "it is without.none"
    assert (sizes["all.stylized"], sizes["without.stylized"]) == (45, 30)
    for option in samples:
        left = choices.without(SCORES, option.parameters.get("leave_out", []))["model"]
        assert left.tolist() == SCORES["model"][option.value].tolist()


def test_every_claim_is_on_the_grid_or_has_a_reason():
    assert {c.id for c in claims.CLAIMS} == set(published().verdicts) | set(NOT_ON_GRID)
    assert not set(published().verdicts) & set(NOT_ON_GRID)


def test_shares_and_the_choice_that_decides_against_a_count_by_hand():
    found = shares.shares(published()).set_index("claim")
    _, places = published().verdicts["texture"]
    assert found.at["texture", "combinations"] == places.size == published().combinations
    assert (places[1:] == claims.VERDICTS.index("not checkable")).all(), "ID contains what is held fixed"
    assert found.at["texture", "checkable"] == places[0].size
    assert found.at["texture", "share"] == pytest.approx((places[0] == 0).mean())
    by_option = shares.levels(published()).query("claim == 'no-single-bias'")
    own, places = published().verdicts["no-single-bias"]
    holds = places == 0
    explained = {}
    for axis, id in enumerate(own):
        parts = [np.take(holds, k, axis) for k in range(places.shape[axis])]
        if id == "sample":
            kinds = [option.parts[0] for option in published().axes[id].options]
            parts = [
                np.take(holds, [k for k, kind in enumerate(kinds) if kind == one], axis) for one in dict.fromkeys(kinds)
            ]
        id = "models" if id == "sample" else id
        assert by_option.query("choice == @id")["share"].tolist() == pytest.approx([of.mean() for of in parts])
        explained[id] = sum(of.size * (of.mean() - holds.mean()) ** 2 for of in parts) / holds.size / holds.var()
    row = found.loc["no-single-bias"]
    assert row["decides"] == max(explained, key=explained.get)
    assert row["explains"] == pytest.approx(max(explained.values()))
    assert row["from"] == by_option.query("choice == @row.decides")["share"].min()
    assert found.at["centre-fails", "decides"] == "", "it holds in all combinations"
    assert found["here"].to_dict() == {
        id: claims.VERDICTS[places.flat[0]] for id, (_, places) in published().verdicts.items()
    }


def test_an_incomplete_table_with_other_first_options_has_a_grid():
    """A missing number concerns its own pairs only."""
    lost = (TABLE["model"] == "resnet50_prime") & (TABLE["metric"] == "bandwidth") & (TABLE["variant"] == "relative")
    table = TABLE[~lost]
    counted = scores.per_model(table, allow_missing=True)
    options = choices_around(counted, low_cutoffs=[0.2, 0.6], alpha=0.02)
    g = grid(table, counted, ACCURACIES, options)
    assert g.axes["alpha"].values == [0.02, 0.05, 0.01, 0.1]
    assert g.axes["low"].options[0].id == "0.2+0.6"
    of = claims.Evidence(scores.per_model(table, None, [0.2, 0.6], allow_missing=True), ACCURACIES, alpha=0.02)
    for id in ("no-single-bias", "narrow-band-no-remedy", "groups-differ", "non-monotonic", "many-benchmarks"):
        assert claims.VERDICTS[g.verdicts[id][1].flat[0]] == RULES[id].rule(of)[1], id
    bandwidth = [g.cells[way].n[0, 0, 0, list(scores.BIAS_COLUMNS).index("bandwidth") - 2] for way in ("none", "logit")]
    assert bandwidth == [47, 47]


@pytest.mark.parametrize("combination", drawn(10), ids=lambda c: "-".join(map(str, c.values())))
def test_a_combination_is_looked_up(combination):
    of, found = evidence(combination), lookup.figure2(published(), combination)
    both = found.merge(of.cells, on=["row", "column", "group"], how="left", suffixes=("", "_expected"))
    np.testing.assert_allclose(both["r"], both["r_expected"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(both["shown"], both["shown_expected"], rtol=1e-9, atol=1e-12)
    whole = lookup.combinations(published())
    row = np.ravel_multi_index(tuple(combination.values()), [len(c.options) for c in published().axes.values()])
    assert whole.iloc[row].to_dict() == {
        id: published().axes[id].options[place].id for id, place in combination.items()
    } | lookup.verdicts(published(), combination)


def test_a_combination_is_named_by_ids():
    at = lookup.places(published(), correction="holm", benchmark="imagenet-c")
    assert lookup.parameters(published(), at)["correction"] == "holm"
    assert lookup.parameters(published(), at)["categories"]["Robustness"] == ["imagenet-a", "imagenet-cbar"]
    assert lookup.verdicts(published(), at)["no-single-bias"] == "holds"
    with pytest.raises(KeyError, match="expected an option of `correction` among none, holm, fdr_bh, got 'sidak'"):
        lookup.places(published(), correction="sidak")
