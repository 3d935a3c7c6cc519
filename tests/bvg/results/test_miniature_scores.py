"""Scores of the miniature: categories, mean over corruptions, strength of the attack."""

from __future__ import annotations

import pandas as pd
import pytest
from miniature_results import EPSILONS, measured
from pandas.testing import assert_frame_equal

from bvg import study
from bvg.results import ResultsError, scores


@pytest.fixture(scope="module")
def zoo() -> pd.DataFrame:
    return measured()


def test_scores_average_the_benchmarks_of_the_miniature(zoo):
    table = scores.per_model(zoo, world=study.MINIATURE).set_index("model")
    accuracy = scores.benchmarks(zoo, world=study.MINIATURE).set_index("model")
    assert len(table) == 21
    assert not table.isna().any(axis=None)
    assert list(accuracy) == ["group", *(b.id for b in study.MINIATURE.benchmarks)]
    assert table["ID"].to_numpy() == pytest.approx((accuracy["imagenet"] + accuracy["imagenet-v2"]).to_numpy() / 2)
    assert table["Adversarial"].tolist() == accuracy["pgd"].tolist()
    assert_frame_equal(
        scores.per_model(zoo, study.MINIATURE.categories, world=study.MINIATURE).set_index("model"), table
    )


def test_scores_use_the_mean_over_corruptions_of_the_table(zoo):
    changed = zoo.copy()
    mean = (changed["benchmark"] == "imagenet-c") & (changed["variant"] == "")
    changed.loc[mean, "value"] = 12.5
    assert set(scores.benchmarks(changed, world=study.MINIATURE)["imagenet-c"]) == {12.5}
    with pytest.raises(ResultsError, match="lacks top-1 on imagenet-c "):
        scores.benchmarks(
            changed[~mean], world=study.MINIATURE
        )  # seven of the study's nineteen are not enough for a mean


def test_eps_selects_the_attack_behind_the_score(zoo):
    for eps in (*EPSILONS, 0.003922):  # the last is 1/255, rounded
        rows = zoo[(zoo["benchmark"] == "pgd") & (abs(zoo["level"] - eps) < 1e-5)]
        assert scores.per_model(zoo, eps=eps, world=study.MINIATURE)["Adversarial"].tolist() == rows["value"].tolist()
        assert scores.benchmarks(zoo, eps=eps, world=study.MINIATURE)["pgd"].tolist() == rows["value"].tolist()
    default = zoo[(zoo["benchmark"] == "pgd") & (zoo["level"] == study.PGD_EPSILON)]
    assert scores.per_model(zoo, world=study.MINIATURE)["Adversarial"].tolist() == default["value"].tolist()


@pytest.mark.parametrize("scored", [scores.per_model, scores.benchmarks])
def test_eps_that_was_not_measured_is_rejected_with_a_list_of_those_that_were(zoo, scored):
    with pytest.raises(ResultsError, match=r"`eps`.*\(0\.5/255, 1/255, 2/255\), got 3/255"):
        scored(zoo, eps=3 / 255, allow_missing=True, world=study.MINIATURE)
    with pytest.raises(ValueError, match=r"`eps` in \(0, 1\), got 4"):
        scored(zoo, eps=4, world=study.MINIATURE)
    others = zoo[~((zoo["benchmark"] == "pgd") & (zoo["level"] == EPSILONS[0]))]
    with pytest.raises(ResultsError, match=r"'mini_standard' lacks top-1 on pgd at eps 0\.5/255 .*1/255, 2/255\)"):
        scored(others, world=study.MINIATURE)
    assert scored(others, allow_missing=True, world=study.MINIATURE).iloc[:, 2:].isna().any(axis=None)


def test_category_with_a_benchmark_that_the_miniature_lacks_is_rejected(zoo):
    with pytest.raises(ResultsError, match=r"imagenet-real \(the miniature has none: leave it out of `categories`\)"):
        scores.per_model(zoo, study.CATEGORIES, world=study.MINIATURE)
