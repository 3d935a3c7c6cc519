"""The legend figure names every model."""

from __future__ import annotations

from companion import figures
from figure_content import mark_positions, texts

from bvg import known_models, study


def test_legend_names_all_48_models(scores):
    result = figures.legend()
    assert set(known_models.describe(scores["model"])["name"]) | set(study.GROUPS.values()) == set(texts(result.figure))
    assert set(mark_positions(result.figure.axes[0])) == set(scores["model"]) == set(result.data["model"])
    assert "Augmentation (12)" in result.alt
