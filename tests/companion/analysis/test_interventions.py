"""Interventions on the miniature: paired differences against scipy, and the stored results."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.analysis import interventions
from companion.figures.interventions import interventions as drawn
from companion.tables import miniature as tables
from scipy.stats import ttest_rel

from bvg import miniature, results, study
from bvg.results import scores

COLUMNS = ["shape", "Robustness"]


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    table = results.load(str(interventions.RESULTS))
    return scores.per_model(table, allow_missing=True, needs=[], world=study.MINIATURE)


def test_the_changes_are_those_of_the_networks():
    made = [interventions.name(c, s) for c in interventions.CHANGES for s in interventions.BASELINES]
    assert made == miniature.interventions()
    for seed, baseline in interventions.BASELINES.items():
        assert miniature.entry(baseline).recipe.seed == seed
        for change in interventions.CHANGES:
            changed, before = miniature.entry(interventions.name(change, seed)), miniature.entry(baseline)
            differ = [k for k, v in vars(before.recipe).items() if vars(changed.recipe)[k] != v]
            differ += ["epsilon"] * (changed.epsilon != before.epsilon)
            assert len(differ) == 1


def test_effects_are_paired_t_intervals(stored):
    pairs = interventions.pairs(stored, COLUMNS)
    assert len(pairs) == 2 * 3 * 2
    effects = interventions.effects(pairs).set_index(["change", "column"])
    for (change, column), effect in effects.iterrows():
        of = pairs[(pairs["change"] == change) & (pairs["column"] == column)]
        interval = ttest_rel(of["changed"], of["baseline"]).confidence_interval(0.95)
        assert [effect["low"], effect["high"]] == pytest.approx([interval.low, interval.high])
        assert effect["difference"] == pytest.approx((of["changed"] - of["baseline"]).mean())
    one = interventions.effects(pairs[pairs["seed"] == 1])
    assert one["low"].isna().all()
    with pytest.raises(ValueError, match=r"expected `confidence` in \(0, 1\), got 95"):
        interventions.effects(pairs, 95)


def test_random_textures_raise_shape_bias_in_every_seed(stored):
    pairs = interventions.pairs(stored, COLUMNS).query("change == 'stylized' and column == 'shape'")
    assert (pairs["difference"] > 0.1).all()


def test_the_figure_and_the_sentences_follow_the_numbers(stored):
    pairs = interventions.pairs(stored, COLUMNS)
    figure = drawn(pairs)
    pd.testing.assert_frame_equal(figure.data, pairs)
    assert len(figure.figure.axes) == 4
    effects = interventions.effects(pairs)
    assert tables.answer(effects).startswith(
        "Over 3 seeds: with random textures, shape bias is higher and robustness is "
    )
    mixed = effects.assign(same_sign=False)
    assert "shape bias is higher on average only" in tables.answer(mixed)
    assert tables.answer(effects[:0]) == "No network with a change was measured."
    assert len(tables.effects(effects).displayed) == 4
    assert tables.name_effects(effects, "shape").startswith("random textures +0.")
    assert tables.seeds(effects) == "3 seeds"
    assert interventions.pairs(stored[:1], COLUMNS).empty


def test_a_stored_network_measures_the_same_again(stored, tmp_path):
    """Shape bias, one network: training is reproducible on one processor only, measuring everywhere."""
    from bvg import measure

    name = interventions.name("stylized", 1)
    measure.run([name], ["cue-conflict"], data="miniature", out=tmp_path)
    again = results.load(str(tmp_path)).query("metric == 'shape_bias'")["value"]
    before = stored.set_index("model").at[name, "shape"]
    assert np.asarray(again) == pytest.approx([before], abs=0.005)


def test_definitions_are_read_from_the_instruments():
    shown = tables.definitions([0.5, 0.9]).displayed.set_index("Definition")
    assert shown.loc["Critical band: contrast"].tolist() == ["0.2", "0.6"]
    assert shown.loc["Critical band: bands"].tolist() == ["7", "5"]
    assert shown.loc["Attack: steps"].tolist() == ["40", "10"]
    assert shown.loc["Cut-offs of the high-frequency bias", "Miniature"] == "0.5 and 0.9"
