"""Labels in the saved SVG: the model and values of each mark, and the group of each legend entry."""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from companion import figures
from companion.figures import svg_labels
from companion.figures.crosscheck import crosscheck

from bvg import known_models, results, study
from bvg.results import scores

SVG = "{http://www.w3.org/2000/svg}"
MODELS = list(known_models.models().query("in_study").index)


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return results.load("published")


def drawn(result, tmp_path) -> ElementTree.Element:
    result.save(tmp_path / "drawn.svg")
    return ElementTree.parse(tmp_path / "drawn.svg").getroot()


def marks(root) -> list[ElementTree.Element]:
    return [g for g in root.iter(f"{SVG}g") if "data-model" in g.attrib and "data-entry" not in g.attrib]


def entries(root) -> list[ElementTree.Element]:
    return [g for g in root.iter(f"{SVG}g") if "data-entry" in g.attrib]


def title(mark) -> list[str]:
    return mark.find(f"{SVG}title").text.split("\n")


def ids(root) -> list[str]:
    return [e.get("id") for e in root.iter() if e.get("id")]


def test_marks_of_a_scatter_plot_state_name_method_and_both_values(published, tmp_path):
    table = scores.per_model(published)
    root = drawn(figures.scatter(table, ["shape"], scores.CATEGORY_COLUMNS), tmp_path)
    found = marks(root)
    assert Counter(m.get("data-model") for m in found) == dict.fromkeys(MODELS, 4)
    known, values = known_models.models(), table.set_index("model")
    for mark in found:
        model = mark.get("data-model")
        heading, bias, accuracy = title(mark)
        assert heading == f"{known.loc[model, 'name']}: {known.loc[model, 'method']}"
        assert bias == f"Shape bias {values.loc[model, 'shape']:.2f}"
        category = next(c for c in scores.CATEGORY_COLUMNS if accuracy.startswith(study.CATEGORY_NAMES[c]))
        assert accuracy == f"{study.CATEGORY_NAMES[category]} {values.loc[model, category]:.1f} %"


def test_marks_are_at_the_values_they_state(published, tmp_path):
    """Within a panel, the position on the page is a linear function of the value in the title."""
    table = scores.per_model(published)
    found = marks(drawn(figures.scatter(table, ["shape"], ["ID"]), tmp_path))
    at = np.array([float(next(m.iter(f"{SVG}use")).get("x")) for m in found])
    told = table.set_index("model")["shape"][[m.get("data-model") for m in found]].to_numpy()
    slope, start = np.polyfit(told, at, 1)
    np.testing.assert_allclose(at, slope * told + start, atol=0.02)


def test_legend_of_a_scatter_plot_names_its_groups(published, tmp_path):
    table = scores.per_model(published)
    root = drawn(figures.scatter(table, ["shape"], ["ID"], highlight=["resnet50_dino"]), tmp_path)
    told = {e.get("data-group"): "".join(e.itertext()).strip() for e in entries(root) if "data-model" not in e.attrib}
    assert set(told) == {m.get("data-group") for m in marks(root)}
    assert told["augmentation"] == "Augmentation"
    assert told["adversarial_training-l2"].startswith("Adversarial training, L2")
    assert [e.get("data-model") for e in entries(root) if "data-model" in e.attrib] == ["resnet50_dino"] * 2


def test_curves_and_legend_name_all_their_models(published, tmp_path):
    curves = drawn(figures.curves(scores.bandpass(published)), tmp_path)
    assert Counter(m.get("data-model") for m in marks(curves)).keys() == set(MODELS)
    means = scores.per_model(published).set_index("model")
    told = {m.get("data-model"): title(m)[1] for m in marks(curves) if "Low-pass" in title(m)[1]}
    for model in MODELS:
        assert f": {means.loc[model, 'low_frequency']:.2f} of clean" in told[model], (
            "the shaded span is that of the bias"
        )
    legend = drawn(figures.legend(), tmp_path)
    assert sorted(m.get("data-model") for m in marks(legend)) == sorted(MODELS)
    names = {e.get("data-model"): "".join(e.itertext()).strip() for e in entries(legend) if "data-model" in e.attrib}
    assert names == known_models.models().loc[MODELS, "name"].to_dict()


def test_crosscheck_states_both_values(tmp_path):
    row = {"model": "tv_resnet50", "benchmark": "imagenet", "variant": "", "source": "someone"}
    row |= {"published": 76.13, "independent": 75.9, "difference": 0.23, "same_protocol": True}
    root = drawn(crosscheck(pd.DataFrame([row])), tmp_path)
    assert [title(m)[1:] for m in marks(root)] == [["ImageNet 76.1 % published, 75.9 % by someone"]]


def test_ids_are_unique_and_the_same_drawing_gives_the_same_bytes(published, tmp_path):
    table = scores.per_model(published)
    saved = []
    for i in range(2):
        figures.scatter(table, ["shape"], ["ID"]).save(tmp_path / f"{i}.svg")
        saved.append((tmp_path / f"{i}.svg").read_bytes())
    assert saved[0] == saved[1]
    found = ids(ElementTree.fromstring(saved[0]))
    assert [i for i, n in Counter(found).items() if n > 1] == []
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', saved[0].decode())) <= set(found), "a reference has no target"


def test_names_are_escaped(tmp_path):
    table = pd.DataFrame(
        {"model": ["a<b> & \"c\" 'd'", "x@y"], "group": "new", "shape": [0.1, 0.2], "ID": [10.0, 20.0]}
    )
    found = marks(drawn(figures.scatter(table, ["shape"], ["ID"]), tmp_path))
    assert [m.get("data-model") for m in found] == list(table["model"])
    assert title(found[0])[0] == table["model"][0]


def test_photographs_are_saved_as_jpeg_and_flat_colours_exactly(tmp_path):
    rng = np.random.default_rng(0)
    smooth = np.kron(rng.uniform(0.2, 0.8, (14, 14, 3)), np.ones((16, 16, 1)))
    noisy = np.clip(smooth + rng.normal(0, 0.03, smooth.shape), 0, 1)
    flat = np.zeros((64, 64, 3))
    root = drawn(figures.gallery([[noisy, flat]], ["a photograph", "black"], description="Two images."), tmp_path)
    images = [e for e in root.iter(f"{SVG}image")]
    kinds = [e.get("{http://www.w3.org/1999/xlink}href").partition(";")[0] for e in images]
    assert kinds == ["data:image/jpeg", "data:image/png"]
    assert [e.get("id")[:8] for e in images] == ["picture-"] * 2
    assert len({e.get("id") for e in images}) == 2


def test_figure_records_the_function_that_drew_it():
    assert figures.legend().drawn_by == "companion.figures.legend:legend"
    assert svg_labels.legend_group("robust_resnet50_linf_eps8.0") == "adversarial_training-linf"
