"""Layer criticality as a bias: correlations against scipy and regressions, the trials' error by simulation, figure and tables."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from companion.analysis import choices, equal_accuracy, layer_criticality
from companion.figures.equal_accuracy import equal_accuracy as equal_accuracy_figure
from companion.figures.layer_criticality import layer_criticality as drawn
from companion.tables import layer_criticality as tables
from matplotlib.backends.backend_agg import FigureCanvasAgg
from scipy.stats import rankdata, spearmanr
from statsmodels.api import OLS

from bvg import results, study
from bvg.results import correlation, criticality, scores

TABLE = results.load("published")


@pytest.fixture(scope="module")
def joined() -> pd.DataFrame:
    return layer_criticality.joined(scores.per_model(TABLE), TABLE)


@pytest.fixture(scope="module")
def cells(joined) -> pd.DataFrame:
    imagenet = scores.benchmarks(TABLE)["imagenet"]
    return equal_accuracy.correlate(
        joined, imagenet, equal_accuracy.CATEGORIES, layer_criticality.PARTS, choices.sets(joined), choices.families(joined),
        replicates=100,
    )  # fmt: skip


def test_correlations_are_those_of_scipy_and_of_a_regression_of_ranks(joined, cells):
    imagenet = scores.benchmarks(TABLE).set_index("model")["imagenet"][joined["model"]].to_numpy()
    sets = choices.sets(joined)
    for cell in cells.itertuples():
        mask = sets[cell.group].to_numpy()
        x, y, z = joined.loc[mask, cell.column].to_numpy(), joined.loc[mask, cell.row].to_numpy(), imagenet[mask]
        assert cell.r == pytest.approx(spearmanr(x, y).statistic)
        fit = OLS(rankdata(y), np.c_[np.ones(len(y)), rankdata(x), rankdata(z)]).fit()
        assert cell.p == pytest.approx(fit.pvalues[1])
        assert np.sign(cell.partial) == np.sign(fit.params[1])


def test_what_the_page_finds(cells):
    by = cells.set_index(["row", "column", "group"])
    assert by.loc[("Robustness", "criticality", "total"), ["r", "partial"]].round(2).tolist() == [-0.36, 0.05]
    assert by.loc[("Adversarial", "early_criticality", "total"), ["r", "partial"]].round(2).tolist() == [0.45, 0.41]
    assert (by["low"].dropna() < 0).all()
    assert (by["high"].dropna() > 0).all()
    assert tables.outside_zero(cells) == "none"
    changed = cells.assign(low=0.1).head(1)
    assert tables.outside_zero(changed) == "Criticality with Robustness (all, 0.05)"


def test_models_without_criticality_are_left_out_and_none_is_an_error(joined):
    some = TABLE[~((TABLE["model"] == "tv_resnet50") & (TABLE["benchmark"] == "layer-criticality"))]
    assert len(layer_criticality.joined(scores.per_model(TABLE), some)) == len(joined) - 1 == 47
    with pytest.raises(ValueError, match="expected results with layer criticality, got none"):
        layer_criticality.joined(scores.per_model(TABLE), TABLE[TABLE["benchmark"] != "layer-criticality"])


def test_the_error_is_that_of_repeated_trials(joined):
    """Draw trials with the published means and spreads: the means over layers scatter as the stated error says."""
    mean, spread = (
        criticality.by_layer(TABLE, m).loc["tv_resnet50"].to_numpy() for m in ("criticality", "criticality_sd")
    )
    rng = np.random.default_rng(0)
    repeated = (mean + spread * rng.normal(size=(4000, 3, 54))).mean(axis=(1, 2))
    error = criticality.trial_errors(TABLE).at["tv_resnet50", "criticality"]
    assert repeated.std() == pytest.approx(error, rel=0.05)
    found = layer_criticality.reliability(joined, TABLE, choices.sets(joined)).set_index(["part", "group"])
    errors = criticality.trial_errors(TABLE)["criticality"]
    assert found.loc[("criticality", "total"), "error"] == pytest.approx(np.sqrt((errors**2).mean()))
    assert found.loc[("criticality", "total"), "spread"] == pytest.approx(joined["criticality"].std())
    assert found["reliability"].between(0.9, 1).all()


def test_layers_are_ordered_by_group_and_depth(joined):
    layers = layer_criticality.by_layer(TABLE)
    assert len(layers) == 48 * 54
    assert list(pd.unique(layers["group"])) == list(study.GROUPS)
    first = layers[layers["model"] == "tv_resnet50"]["layer"].tolist()
    assert (first[0], first[-1]) == ("conv1", "fc")
    assert first == sorted(first, key=lambda name: (name == "fc", name))
    assert set(layer_criticality.by_layer(TABLE, pd.Series(["tv_resnet50"]))["model"]) == {"tv_resnet50"}


def test_the_heat_map_shows_its_numbers():
    layers = layer_criticality.by_layer(TABLE)
    figure = drawn(layers)
    pd.testing.assert_frame_equal(figure.data, layers)
    for canvas in (figure.figure, figure.narrow):
        image = canvas.axes[0].images[0].get_array()
        assert image.shape == (48, 54)
        assert image.ravel().tolist() == layers["criticality"].tolist()
        assert len(canvas.axes[0].get_yticklabels()) == 48
    means = layers.groupby("group")["criticality"].mean()
    assert f"Lowest mean by group: {study.GROUPS[means.idxmin()]}" in figure.alt
    assert [t.get_text() for t in figure.figure.axes[0].get_xticklabels()] == [
        "stem", "stage 1", "stage 2", "stage 3", "stage 4", "class.",
    ]  # fmt: skip


def test_sentences_hold_for_no_one_and_several(joined):
    cell = {"group": "total", "n": 48, "row": "ID"}
    both = pd.DataFrame([cell | {"column": c, "shown": 0.5} for c in layer_criticality.PARTS[:2]])
    assert tables.holistic(both) == (
        "Over all 48 models, layer criticality and early criticality correlate significantly, and with one sign, with every category"
    )
    without = scores.per_model(TABLE)
    lacking = layer_criticality.added(without, TABLE[TABLE["benchmark"] != "layer-criticality"])
    none = correlation.correlate(lacking, scores.CATEGORY_COLUMNS, layer_criticality.PARTS)
    assert tables.holistic(none) == "Layer criticality was not measured for enough of these models"
    some = correlation.correlate(joined, scores.CATEGORY_COLUMNS, layer_criticality.PARTS)
    assert tables.holistic(some).startswith("Over all 48 models, neither layer criticality nor its mean")
    groups = tables.groups(joined)
    assert groups.displayed["Models"].tolist()[:2] == ["Training recipes", "Contrastive learning"]
    assert groups.displayed["n"].astype(int).sum() == 48
    recipes = joined[joined["group"] == "training_recipes"]["late_criticality"].mean()
    assert f"late criticality is lowest for Training recipes ({recipes:.2f})" in tables.group_contrast(joined)
    wide = criticality.by_layer(TABLE).loc[["tv_resnet50", "resnet50_dino"], ["conv1", "fc"]]
    shown = tables.measured(wide)
    assert shown.displayed.columns.tolist() == ["Layer", "ResNet-50 baseline", "DINO"]
    assert shown.displayed["Layer"].tolist() == ["conv1", "fc"]
    assert len(shown.data) == 4


def test_names_of_sets_do_not_overlap_next_to_low_panels(cells):
    figure = equal_accuracy_figure(cells).figure
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    boxes = [a.yaxis.label.get_window_extent(renderer) for a in figure.axes if a.get_ylabel()]
    assert len(boxes) == 3
    assert all(upper.y0 > lower.y1 for upper, lower in pairwise(boxes))


def correlations(**p) -> pd.DataFrame:
    """Make correlations of mean criticality over all models; `Concepts=0.01` sets a p-value."""
    rows = [
        {"row": row, "column": part, "group": "total", "n": 48, "partial": 0.3, "p": value, "low": -0.1, "high": 0.6}
        for row, value in p.items()
        for part in layer_criticality.PARTS
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("p", "answer", "of_parts"),
    [
        (
            {"Robustness": 0.5, "Concepts": 0.6},
            "mean criticality over all layers does not correlate significantly with robustness (r = 0.30, interval −0.10 to 0.60) and "
            "accuracy on concepts (r = 0.30, interval −0.10 to 0.60).",
            "Of the means over early and late layers, none of 4 correlations has p < 0.05.",
        ),
        (
            {"Robustness": 0.01, "Concepts": 0.6},
            "mean criticality over all layers correlates with robustness (r = 0.30, interval −0.10 to 0.60); it does not correlate "
            "significantly with accuracy on concepts (r = 0.30, interval −0.10 to 0.60).",
            "Of the means over early and late layers, 2 of 4 correlations have p < 0.05: early criticality with robustness (r = 0.30, "
            "interval −0.10 to 0.60) and late criticality with robustness (r = 0.30, interval −0.10 to 0.60).",
        ),
    ],
)
def test_the_answer(p, answer, of_parts):
    cells = correlations(**p)
    assert tables.answer(cells) == f"Over all 48 models, given ImageNet top-1, {answer}"
    assert tables.parts_answer(cells) == of_parts
    undefined = cells.assign(partial=np.nan)
    assert (
        tables.answer(undefined)
        == "The correlations of criticality at equal accuracy are not defined for these models."
    )
    without = cells.assign(low=np.nan, high=np.nan)
    assert "(r = 0.30)" in tables.answer(without)
