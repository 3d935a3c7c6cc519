"""Marks: models and groups stay distinguishable without colour, and a mark never changes."""

from __future__ import annotations

from itertools import combinations

import matplotlib
import numpy as np
import pytest
from companion import figures
from companion.figures import marks

from bvg import known_models


def test_marks_of_all_48_models_differ_without_colour():
    ids = known_models.models().query("in_study").index
    looks = {m: (str(figures.mark(m).marker), figures.mark(m).fillstyle, figures.mark(m).size) for m in ids}
    assert len(looks) == 48
    assert len(set(looks.values())) == 48, [pair for pair in combinations(looks, 2) if looks[pair[0]] == looks[pair[1]]]


def test_groups_are_distinguishable_without_colour():
    table = known_models.models().query("in_study")
    fills = {g: {figures.mark(m).fillstyle for m in of.index} for g, of in table.groupby("group")}
    assert fills["training_recipes"] == {"full"}
    assert fills["augmentation"] == {"none"}
    assert fills["contrastive"] == {"left"}
    assert fills["stylized"] == {"bottom"}
    filled = [g for g, fill in fills.items() if fill == {"full"}]
    shapes = {g: {str(figures.mark(m).marker) for m in table.index[table["group"] == g]} for g in filled}
    assert shapes["adversarial_training"] == {"o", "s"}
    assert all(shapes[a].isdisjoint(shapes[b]) for a, b in combinations(filled, 2))


@pytest.mark.parametrize(("norm", "marker"), [("l2", "o"), ("linf", "s")])
def test_marks_of_adversarially_trained_models_grow_with_epsilon(norm, marker):
    table = known_models.models().query("norm == @norm").sort_values("epsilon")
    sizes = [figures.mark(m).size for m in table.index]
    assert {figures.mark(m).marker for m in table.index} == {marker}
    assert (np.diff(sizes) > 0).all()


def test_colours_are_tab10_in_the_order_of_the_design():
    order = ("stylized", "adversarial_training", "training_recipes", "freezing", "augmentation", "contrastive")
    tab10 = [tuple(c) for c in matplotlib.colormaps["tab10"].colors]
    assert [matplotlib.colors.to_rgb(marks.COLORS[g]) for g in order] == tab10[:6]
    assert figures.mark("tv_resnet50").color == "black"


@pytest.mark.parametrize("model", ["nobody-knows", "resnet50_dino@my-run"])
def test_unknown_and_remeasured_models_have_the_mark_of_new_models(model):
    assert figures.mark(model) == marks.NEW
    assert marks.NEW not in [figures.mark(m) for m in known_models.models().index]


def test_mark_does_not_depend_on_the_other_models_or_their_order(scores):
    def look(table):
        axes = figures.scatter(table, ["shape"], ["ID"]).figure.axes[0]
        return {
            a.get_label(): (str(a.get_marker()), a.get_markerfacecolor(), a.get_markersize()) for a in axes.get_lines()
        }

    few = look(scores.sample(7, random_state=1).reset_index(drop=True))
    assert few.items() <= look(scores).items()
