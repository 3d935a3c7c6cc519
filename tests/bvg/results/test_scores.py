"""Categories and biases: comparison with values computed by hand, and missing numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bvg import known_models, results, study
from bvg.results import ResultsError, scores


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return results.load("published")


def measured(model: str = "mine") -> pd.DataFrame:
    """Return a full set of numbers for one model, chosen so that every score is easy to compute by hand."""
    rows = []

    def add(benchmark, value, metric="top1", variant="", level=np.nan):
        rows.append((model, benchmark, variant, level, metric, value, 100, "run"))

    for benchmark, value in {"imagenet": 80, "imagenet-v2": 70, "imagenet-real": 90, "imagenet-a": 10}.items():
        add(benchmark, value)
    for benchmark, value in {"imagenet-r": 30, "imagenet-sketch": 20, "stylized": 40}.items():
        add(benchmark, value)
    for benchmark, base in {"imagenet-c": 40, "imagenet-cbar": 50}.items():
        for corruption in study.CORRUPTIONS[benchmark]:
            for severity in study.SEVERITIES:
                add(benchmark, base + 3 - severity, variant=corruption, level=severity)
    add("pgd", 25, variant="linf", level=study.PGD_EPSILON)
    add("pgd", 1, variant="linf", level=4 / 255)
    for kind, slope in {"low-pass": 80, "high-pass": 40}.items():
        for cutoff in study.CUTOFFS:
            add(kind, slope * cutoff, level=cutoff)
    add("cue-conflict", 0.25, "shape_bias")
    for metric, value in {"bandwidth": 2.0, "center_frequency": 28.0, "peak_noise_sensitivity": 0.5}.items():
        add("critical-band", value, metric, "relative")
        add("critical-band", min(value * 2, 1) if metric.startswith("peak") else value * 2, metric, "raw")
    return results.validate(pd.DataFrame(rows, columns=list(results.COLUMNS)))


def test_scores_equal_values_computed_by_hand():
    row = scores.per_model(measured()).iloc[0]
    assert row["group"] == "new"
    assert row["ID"] == pytest.approx((80 + 70 + 90) / 3)
    assert row["Robustness"] == pytest.approx((10 + 40 + 50) / 3)
    assert row["Concepts"] == pytest.approx((30 + 20 + 40) / 3)
    assert row["Adversarial"] == 25
    assert row["shape"] == 0.25
    assert row["low_frequency"] == pytest.approx(0.3)  # 80 c / 80, averaged over 0.1 ... 0.5
    assert row["high_frequency"] == pytest.approx(0.15)
    assert row[["bandwidth", "center_frequency", "peak_noise_sensitivity"]].tolist() == [2.0, 28.0, 0.5]


def test_scores_of_the_baseline_equal_means_of_published_rows(published):
    row = scores.per_model(published).set_index("model").loc["tv_resnet50"]
    number = published[published["model"] == "tv_resnet50"].set_index(["benchmark", "variant", "level", "metric"])[
        "value"
    ]
    clean = [number[b, "", np.nan, "top1"] for b in ("imagenet", "imagenet-v2", "imagenet-real")]
    assert row["ID"] == pytest.approx(sum(clean) / 3)
    low = [number["low-pass", "", c, "relative_top1"] for c in (0.1, 0.2, 0.3, 0.4, 0.5)]
    assert row["low_frequency"] == pytest.approx(sum(low) / 5)


def test_scores_use_the_given_cutoffs_and_categories():
    row = scores.per_model(
        measured(), categories=study.CATEGORIES | {"ID": ["imagenet-v2"]}, low_cutoffs=[0.99], high_cutoffs=[0.2, 0.4]
    ).iloc[0]
    assert (row["ID"], row["low_frequency"], row["high_frequency"]) == pytest.approx((70, 0.99, 0.15))


def test_scores_are_of_the_48_models_and_of_the_others_on_request(published):
    assert len(scores.per_model(published)) == 48
    assert len(scores.per_model(published, outside=True, allow_missing=True)) == 70


@pytest.mark.parametrize(
    ("benchmark", "need"),
    [
        ("imagenet-sketch", "top-1 on imagenet-sketch for the score `Concepts`"),
        ("cue-conflict", "shape_bias on cue-conflict"),
        ("high-pass", "high-pass accuracy"),
        ("critical-band", "bandwidth"),
    ],
)
def test_missing_number_is_rejected_by_name(published, benchmark, need):
    mine = measured()
    table = pd.concat([published, mine[mine["benchmark"] != benchmark]], ignore_index=True)
    with pytest.raises(ResultsError, match=f"model 'mine' lacks {need}"):
        scores.per_model(table)
    lenient = scores.per_model(table, allow_missing=True).set_index("model")
    assert lenient.loc["mine"].isna().any()
    assert not lenient.drop(index="mine").isna().any(axis=None)


def test_only_needed_scores_must_be_complete(published):
    mine = measured()
    table = pd.concat([published, mine[~mine["benchmark"].isin(["cue-conflict", "pgd"])]], ignore_index=True)
    row = scores.per_model(table, needs=["ID", "low_frequency"]).set_index("model").loc["mine"]
    assert row.index[row.isna()].tolist() == ["Adversarial", "shape"]
    with pytest.raises(ResultsError, match="lacks shape_bias on cue-conflict"):
        scores.per_model(table, needs=["ID", "shape"])
    with pytest.raises(ValueError, match=r"expected `needs` to name scores .*got \['colour'\]"):
        scores.per_model(table, needs=["colour"])


def test_score_needs_only_its_own_numbers(published):
    mine = measured()
    attack = pd.concat([published, mine[mine["benchmark"] == "pgd"]], ignore_index=True)
    assert scores.per_model(attack, needs=["Adversarial"]).set_index("model").loc["mine", "Adversarial"] == 25


def test_without_filtered_accuracies_there_are_not_curves_and_no_spectral_biases():
    mine = measured()
    table = mine[~mine["benchmark"].isin(["low-pass", "high-pass"])]
    assert scores.bandpass(table).empty
    assert list(scores.bandpass(table)) == list(scores.bandpass(mine))
    row = scores.per_model(table, allow_missing=True).iloc[0]
    assert row.index[row.isna()].tolist() == ["low_frequency", "high_frequency"]


@pytest.mark.parametrize("allow_missing", [True, False])
def test_filtered_accuracies_with_0_percent_on_imagenet_are_rejected_by_name(published, allow_missing):
    mine = measured()
    mine.loc[mine["benchmark"] == "imagenet", "value"] = 0.0
    table = pd.concat([published, mine], ignore_index=True)
    with pytest.raises(ResultsError, match="model 'mine': expected ImageNet top-1 above 0 %"):
        scores.per_model(table, allow_missing=allow_missing)
    with pytest.raises(ResultsError, match="model 'mine'"):
        scores.bandpass(table)
    rest = scores.per_model(table, needs=["ID"]).set_index("model").loc["mine"]
    assert rest.index[rest.isna()].tolist() == ["low_frequency", "high_frequency"]


def test_incomplete_corruption_benchmark_has_no_mean():
    mine = measured()
    cut = mine[~((mine["variant"] == "fog") & (mine["level"] == 5))]
    assert np.isnan(scores.benchmarks(cut, allow_missing=True)["imagenet-c"].item())
    with pytest.raises(ResultsError, match="lacks top-1 on imagenet-c"):
        scores.benchmarks(cut)


@pytest.mark.parametrize("cutoffs", [[], [30]])
def test_cutoffs_in_percent_or_none_are_rejected(published, cutoffs):
    with pytest.raises(ValueError, match="expected cut-offs in"):
        scores.per_model(published, low_cutoffs=cutoffs)


def test_unknown_benchmarks_in_categories_are_rejected(published):
    with pytest.raises(ValueError, match="imagenet-d"):
        scores.per_model(published, categories={"ID": ["imagenet-d"]})


def test_new_models_are_left_out_of_statistics_next_to_the_study_and_count_alone(published):
    both = scores.per_model(pd.concat([published, measured()], ignore_index=True))
    assert known_models.counted(both).sum() == 48
    assert known_models.counted(both, ["tv_resnet50"]).sum() == 47
    alone = scores.per_model(pd.concat([measured("a"), measured("b")], ignore_index=True))
    assert known_models.counted(alone).all()
    with pytest.raises(ValueError, match="did you mean tv_resnet50"):
        known_models.counted(both, ["tv_resnet5"])
