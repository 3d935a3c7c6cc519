"""Figures of the miniature: marks, legend, names, and which models enter statistics."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from companion import figures
from companion.figures import marks
from figure_size import overhang
from miniature_results import NETWORKS, measured
from pandas.testing import assert_frame_equal

from bvg import known_models, results, study
from bvg.results import correlation, scores


@pytest.fixture(scope="module")
def zoo() -> pd.DataFrame:
    return measured()


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return results.load("published")


def texts(figure) -> set[str]:
    return {t.get_text() for t in figure.findobj(matplotlib.text.Text) if t.get_text()}


def test_21_marks_differ_pairwise_without_colour_and_look_like_their_group():
    about = known_models.miniature()
    looks = {m: figures.mark(m) for m in NETWORKS}
    assert len({(str(k.marker), k.fillstyle, k.size) for k in looks.values()}) == 21
    example = known_models.models().reset_index().groupby("group")["model"].first()
    for network, group in about["group"].items():
        theirs = figures.mark(example[group])
        assert (looks[network].color, looks[network].fillstyle) == (theirs.color, theirs.fillstyle)
    trained = about[about["norm"] == "linf"].sort_values("epsilon").index
    assert {looks[m].marker for m in trained} == {"s"}
    assert (np.diff([looks[m].size for m in trained]) > 0).all()
    assert looks["mini_standard"] == figures.mark("tv_resnet50")
    assert figures.mark("mini_simclr@run") == marks.NEW


def test_legend_of_the_miniature():
    result = figures.legend(NETWORKS, study.MINIATURE)
    names = {name.replace("Stylized ImageNet", "Stylized") for name in study.GROUPS.values()}
    assert texts(result.figure) == set(known_models.miniature()["name"]) | names
    assert result.data["model"].tolist() == NETWORKS
    assert result.alt.startswith("Legend of the 21 models, one mark each, by group: Baseline (1), Training recipes (4)")
    assert overhang(result.figure) < 0.01


def drawings(zoo) -> dict[str, figures.Figure]:
    """Draw each kind of figure for the miniature alone."""
    world = study.MINIATURE
    table, accuracy = scores.per_model(zoo, world=world), scores.benchmarks(zoo, world=world)
    ids = [b.id for b in world.benchmarks]
    groups = known_models.figure2_groups(table["group"])
    cells = correlation.correlate(table, scores.CATEGORY_COLUMNS, scores.BIAS_COLUMNS, groups)
    return {
        "categories": figures.scatter(table, ["shape", "bandwidth"], scores.CATEGORY_COLUMNS, world=world),
        "benchmarks": figures.scatter(table.merge(accuracy, on=["model", "group"]), ["shape"], ids, world=world),
        "heatmap": figures.correlation_heatmap(cells, world),
        "matrix": figures.correlation_matrix(correlation.correlate(accuracy, ids, ids), ids, world.categories, world),
        "curves": figures.curves(scores.bandpass(zoo), world=world),
        "legend": figures.legend(NETWORKS, world),
    }


def test_figures_of_the_miniature_use_its_names_and_fit_the_page(zoo):
    for name, result in drawings(zoo).items():
        words = " ".join(texts(result.figure)) + result.alt
        assert "ImageNet" not in words, name
        assert "IN-" not in words, name
        assert "L2" not in words, name
        assert overhang(result.figure) < 0.01, name


def test_figures_of_the_miniature_state_numbers_and_names_of_models_and_benchmarks(zoo):
    drawn = drawings(zoo)
    over = "Spearman's r over 21 models, 6 adversarially trained (AT) and 15 others"
    displayed = texts(drawn["categories"].figure)
    assert {over, "Adversarial training, L∞, ε = 0 to 8/255", "Stylized", "Frozen filters"} <= displayed
    assert drawn["categories"].data["in_statistics"].all()
    names = {b.name for b in study.MINIATURE.benchmarks}
    assert names <= texts(drawn["benchmarks"].figure)
    assert names - {"Validation"} <= texts(drawn["matrix"].figure)
    assert {"Val", "Silh", "Styl"} <= texts(drawn["matrix"].figure)
    titles = [a.get_title(loc="left") for a in drawn["heatmap"].figure.axes if a.texts]
    assert titles == ["All 21 models", "6 adversarially trained", "15 others"]
    rows = [a.get_title(loc="left") for a in drawn["curves"].figure.axes[::2]]
    assert rows == [
        "Augmentation",
        "Adversarial training",
        "Training recipes, Stylized, Frozen filters, Contrastive learning",
    ]
    assert {"Standard", "Wider: larger ε"} <= texts(drawn["curves"].figure)


def test_own_network_is_drawn_with_the_miniatures_but_left_out_of_statistics(zoo):
    table = scores.per_model(pd.concat([zoo, measured("mine", seed=1)], ignore_index=True), world=study.MINIATURE)
    result = figures.scatter(table, ["shape"], ["ID"], world=study.MINIATURE)
    alone = figures.scatter(scores.per_model(zoo, world=study.MINIATURE), ["shape"], ["ID"], world=study.MINIATURE)
    assert_frame_equal(result.statistics, alone.statistics)
    assert "mine" in set(result.data["model"])
    assert "of 22 models" in result.alt
    assert "15 others; new models are left out" in result.alt


def test_miniature_is_drawn_with_the_study_but_left_out_of_statistics(zoo, published):
    table = scores.per_model(pd.concat([published, zoo], ignore_index=True), allow_missing=True, needs=["Concepts"])
    result = figures.scatter(table, ["shape", "bandwidth"], ["Concepts"], highlight=["mini_linf_eps8"])
    displayed = {t.replace("\n", " ") for t in texts(result.figure)}
    over = "Spearman's r over 48 models, 15 adversarially trained (AT) and 33 others; highlighted and miniature models"
    assert f"{over} are left out" in displayed
    assert {"Augmentation", "Augmentation (mini)", "Stylized ImageNet", "Stylized (mini)"} <= displayed
    assert {"Adversarial training, L2, ε = 0 to 5", "Adversarial training (mini), L∞, ε = 0 to 8/255"} <= displayed
    assert overhang(result.figure) < 0.01
