"""Tables of the study and of the miniature: summary, comparison of correlations, benchmarks, models, corruptions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.tables import study as tables
from miniature_results import KINDS, measured
from pandas.testing import assert_frame_equal

from bvg import known_models, results, study
from bvg.results import correlation, scores


@pytest.fixture(scope="module")
def zoo() -> pd.DataFrame:
    return measured()


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return results.load("published")


def test_summary_has_a_row_per_model_and_a_row_with_the_number_of_images(zoo):
    ids = ["imagenet", "imagenet-a", "imagenet-c", "pgd", "shape", "low_frequency", "bandwidth"]
    result = tables.summary(zoo, ids, eps=1 / 255, world=study.MINIATURE)
    assert list(result.displayed) == [
        *("Model", "Validation [%]", "Misjudged [%]", "Corruptions C [%]", "PGD, ε = 1/255 [%]"),
        *("Shape bias", "Low-frequency bias", "Bandwidth [octaves]"),
    ]
    assert result.displayed["Model"].tolist() == [*known_models.miniature()["name"], "*images*"]
    assert result.displayed.iloc[-1].tolist()[1:] == ["480", "240", "5,600", "480", "432", "480", "480"]
    row = scores.per_model(zoo, eps=1 / 255, world=study.MINIATURE).set_index("model").loc["mini_blur"]
    shown = result.displayed.set_index("Model").loc["Blur"]
    assert shown["PGD, ε = 1/255 [%]"] == f"{row['Adversarial']:.1f}"
    assert shown["Shape bias"] == f"{row['shape']:.2f}"
    behind = ["critical-band", "cue-conflict", "imagenet", "imagenet-a", "imagenet-c", "low-pass", "pgd"]
    assert_frame_equal(result.data, zoo[zoo["benchmark"].isin(behind)].drop(columns="source").reset_index(drop=True))


def test_summary_of_models_on_imagenet():
    rows = [
        ("mine", "imagenet", "", np.nan, "top1", 76.13, 50_000, "run"),
        ("resnet18", "imagenet", "", np.nan, "top1", 70.0, 5_000, "run"),
        *(("mine", "imagenet-c", kind, s, "top1", 40.0, 10, "run")
          for kind in study.CORRUPTIONS["imagenet-c"] for s in study.SEVERITIES),
    ]  # fmt: skip
    table = results.validate(pd.DataFrame(rows, columns=list(results.COLUMNS)))
    shown = tables.summary(table, ["imagenet", "imagenet-c", "pgd"]).displayed
    assert shown.to_numpy().tolist() == [
        ["ResNet-18", "70.0", "", ""],
        ["mine", "76.1", "40.0", ""],
        ["*images*", "5,000–50,000", "950", ""],
    ]
    assert list(shown) == ["Model", "ImageNet [%]", "ImageNet-C [%]", "PGD, ε = 0.5/255 [%]"]
    own = tables.summary(table.query("model == 'mine'"), ["imagenet"], world=study.MINIATURE).displayed
    assert list(own) == ["Model", "Validation [%]"]


def test_published_summary_does_not_state_images(published):
    shown = tables.summary(published, ["imagenet", "shape"]).displayed
    assert "*images*" not in set(shown["Model"])
    assert len(shown) == 70


@pytest.mark.parametrize("columns", [[], ["imagenet-real"], ["colour"]])
def test_summary_of_unknown_columns_is_rejected(zoo, columns):
    with pytest.raises(
        ValueError, match="expected `columns` to name benchmarks and biases among imagenet, imagenet-v2"
    ):
        tables.summary(zoo, columns, world=study.MINIATURE)


def cells(**values: float) -> pd.DataFrame:
    """Return correlations of ID with these biases, thresholded as given; r is 0.1 where that is 0."""
    rows = [("ID", b, "total", v or 0.1, 0.5 if v == 0 else 0.01, 20, v) for b, v in values.items()]
    return pd.DataFrame(rows, columns=["row", "column", "group", "r", "p", "n", "shown"])


def test_verdict_on_two_correlations():
    nothing = float("nan")
    first = {"shape": -0.7, "low_frequency": 0.6, "high_frequency": -0.5, "bandwidth": 0.0, "center_frequency": 0.0}
    second = {"shape": -0.3, "low_frequency": -0.6, "high_frequency": 0.0, "bandwidth": 0.5, "center_frequency": 0.0}
    result = tables.compare_correlations(
        cells(**first, peak_noise_sensitivity=0.5), cells(peak_noise_sensitivity=nothing, **second).assign(n=9)
    )
    assert result.data.set_index("column")["verdict"].to_dict() == {
        "shape": "same",
        "low_frequency": "opposite",
        "high_frequency": "only published",
        "bandwidth": "only miniature",
        "center_frequency": "neither",
        "peak_noise_sensitivity": "not defined",
    }
    assert list(result.data) == [
        *("row", "column", "group", "r_published", "p_published", "n_published", "shown_published"),
        *("r_miniature", "p_miniature", "n_miniature", "shown_miniature", "verdict"),
    ]
    assert list(result.displayed) == ["Correlation of", "with", "All (n = 20, 9)"]
    assert result.displayed.iloc[3].tolist() == ["In distribution", "Bandwidth", "n.s., 0.50: miniature"]
    assert result.displayed.iloc[5, 2] == "0.50, not defined: not defined"


def test_comparison_of_the_two_figures_2(zoo, published):
    def figure2(table):
        groups = known_models.figure2_groups(table["group"])
        return correlation.correlate(table, scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS, groups)

    result = tables.compare_correlations(
        figure2(scores.per_model(published)), figure2(scores.per_model(zoo, world=study.MINIATURE))
    )
    assert (len(result.data), len(result.displayed)) == (72, 24)
    assert list(result.displayed)[2:] == ["All (n = 48, 21)", "AT (n = 15, 6)", "Others (n = 33, 15)"]
    assert result.displayed.iloc[0, 2].startswith("−0.76, ")
    benchmarks = cells(shape=0.5).assign(row="imagenet-r")
    assert tables.compare_correlations(benchmarks, benchmarks).displayed.iloc[0, 0] == "ImageNet-R / Silhouettes"


def test_correlations_that_only_one_table_has_are_rejected():
    with pytest.raises(ValueError, match=r"the same cells in both tables, got \['ID', 'bandwidth', 'total'\]"):
        tables.compare_correlations(cells(shape=0.5, bandwidth=0.1), cells(shape=0.5))


def test_tables_of_the_miniature(zoo):
    listed = tables.benchmarks(study.MINIATURE).displayed
    assert list(listed) == ["Category", "Data set", "Classes", "Measured"]
    assert listed["Data set"].tolist() == [b.name for b in study.MINIATURE.benchmarks]
    named = tables.models(scores.benchmarks(zoo, world=study.MINIATURE), study.MINIATURE).displayed
    assert list(named) == ["Model", "Training", "Group", "Validation top-1 [%]", "Id"]
    corrupted = tables.corruptions(scores.corruptions(zoo, "imagenet-cbar"))
    assert list(corrupted.displayed) == ["Model", "checkerboard cutout", "cocentric sine waves", "plasma noise"]
    assert set(corrupted.data["corruption"]) == set(KINDS["imagenet-cbar"])
