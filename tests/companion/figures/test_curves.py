"""Curves draw the accuracies they are given, in the rows of their groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion import figures
from companion.figures import marks
from figure_content import texts

from bvg import known_models, study


def test_curves_draw_each_of_the_48_models_in_its_row(bandpass, scores):
    result = figures.curves(bandpass)
    groups = scores.set_index("model")["group"]
    for column, kind in enumerate(["low-pass", "high-pass"]):
        seen = set()
        for axes in result.figure.axes[column::2]:
            for line in axes.get_lines():
                model = line.get_label().lstrip("_")
                own = bandpass[(bandpass["model"] == model) & (bandpass["kind"] == kind)]
                np.testing.assert_array_equal(line.get_ydata(), own["relative_top1"])
                np.testing.assert_array_equal(line.get_xdata(), study.CUTOFFS)
                if not line.get_label().startswith("_"):
                    seen.add(model)
                    assert line.get_color() == marks.COLORS[groups[model]]
        assert seen == set(scores["model"])
    assert list(result.data.columns) == ["model", "group", "kind", "cutoff", "relative_top1"]
    assert len(result.data) == 48 * 22


def test_alt_text_states_which_models_keep_most_and_least(bandpass):
    at = (bandpass["kind"] == "low-pass") & (bandpass["cutoff"] == 0.3)
    bandpass.loc[at & (bandpass["model"] == "resnet50_dino"), "relative_top1"] = 1.23
    bandpass.loc[at & (bandpass["model"] == "resnet50_prime"), "relative_top1"] = -0.0
    assert "Low-pass at cut-off 0.3: from 0 (PRIME) to 1.23 (DINO) of clean accuracy" in figures.curves(bandpass).alt


def test_curves_shade_the_given_cutoffs_and_name_highlighted_models(bandpass):
    new = bandpass[bandpass["model"] == "resnet50_dino"].assign(model="mine")
    result = figures.curves(pd.concat([bandpass, new]), low_cutoffs=(0.2, 0.4), highlight=["mine", "resnet50_prime"])
    low, high = result.figure.axes[:2]
    spans = [(p.get_x(), round(p.get_x() + p.get_width(), 6)) for p in (low.patches[0], high.patches[0])]
    assert spans == [(0.2, 0.4), (0.1, 0.5)]
    assert {"mine", "PRIME"} <= set(texts(result.figure))
    assert all("mine" in {line.get_label() for line in axes.get_lines()} for axes in result.figure.axes)
    assert result.alt.endswith("Highlighted: mine and PRIME.")
    with pytest.raises(ValueError, match="expected `highlight` to be a list"):
        figures.curves(bandpass, highlight="resnet50_prime")


def test_highlighted_model_without_curve_is_not_drawn(bandpass):
    result = figures.curves(bandpass, highlight=["only-shape-bias", "resnet50_prime"])
    assert not any("only-shape-bias" in t for t in [*texts(result.figure), result.alt])
    assert "PRIME" in texts(result.figure)
    lost = bandpass.assign(relative_top1=bandpass["relative_top1"].where(bandpass["model"] != "resnet50_prime"))
    assert "PRIME" not in texts(figures.curves(lost, highlight=["resnet50_prime"]).figure)


@pytest.mark.parametrize("id", ["tv_resnet50@again", "robust_resnet50_linf_eps8.0@again", "resnet18@again"])
def test_remeasured_model_is_in_every_row(bandpass, id):
    again = bandpass[bandpass["model"] == "resnet50_dino"].assign(model=id)
    name = known_models.describe([id])["name"].iloc[0]
    result = figures.curves(pd.concat([bandpass, again]), highlight=[id])
    assert all(id in {line.get_label() for line in axes.get_lines()} for axes in result.figure.axes)
    assert name in texts(result.figure)
    assert result.alt.endswith(f"Highlighted: {name}.")


def test_curves_of_new_models_only_and_of_no_models(bandpass):
    one = bandpass[bandpass["model"] == "tv_resnet50"].assign(model="mine")
    assert len(figures.curves(one).data) == 22
    none = figures.curves(bandpass.head(0), highlight=["mine"])
    assert "of 0 models" in none.alt
    none.figure.draw_without_rendering()


def test_curves_without_adversarially_trained_models(bandpass):
    groups = known_models.describe(list(bandpass["model"]))["group"].to_numpy()
    result = figures.curves(bandpass[groups != "adversarial_training"])
    assert not any("Adversarial" in t or "ε" in t for t in texts(result.figure))
