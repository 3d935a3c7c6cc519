"""Parameters: accepted and rejected values of each."""

from __future__ import annotations

import html
import json

import pytest
from companion.analysis.control import CONTROLS
from companion.analysis.multiple_tests import METHODS
from companion.page import Page
from companion.parameters import PARAMETERS, ParameterError, check

from bvg import study

CATEGORIES = {name: list(members) for name, members in study.CATEGORIES.items()}
GOOD = {
    "results": ["published", ["published", "mine.csv"]],
    "highlight": [[], ["tv_resnet50"]],
    "allow_missing": [True, False],
    "controls": [True, False],
    "alpha": [0.05, 0.5],
    "low_cutoffs": [[0.1], [0.1, 0.99]],
    "high_cutoffs": [[0.01, 0.5]],
    "categories": [None, CATEGORIES, CATEGORIES | {"ID": ["imagenet"]}],
    "correction": [*METHODS],
    "control": [*CONTROLS],
    "replicates": [100, 2000],
    "permutations": [19],
    "families": ["recipe", "source", "group"],
    "set_apart": [["adversarial_training"], ["contrastive", "stylized"]],
    "standard": [["baseline"], ["baseline", "training_recipes"]],
    "leave_out": [[], ["contrastive", "tv_resnet50"]],
    "seed": [0, 7],
    "cutoff": [0, 0.2, 1],
    "noise_sd": [0.16],
    "models": [["tv_resnet50", "mine=best.pth"]],
    "report_on": [["tv_resnet50"], ["mine", "yours"]],
    "data": ["data", "miniature"],
    "cutoffs": [None, [0.5], [0, 0.37, 1]],
    "noise_sds": [None, [0, 0.02, 0.04, 0.08, 0.16], [0.0, 0.1, 0.2, 0.4, 0.8]],
    "device": [None, "cuda:0"],
    "limit": [None, 1, 50_000],
    "precision": ["fp32", "bf16"],
    "eps": [0.5 / 255],
    "benchmarks": [None, "book/benchmarks"],
    "study_models": [1, 48],
    "out": ["output"],
}
BAD = {
    "results": ["", [], 3, ["published", "published"]],
    "highlight": ["tv_resnet50", [1], ["a", "a"]],
    "allow_missing": [1, "True", None],
    "controls": [1, "True", None],
    "alpha": [0, 1, 5, "0.05", True, float("nan")],
    "low_cutoffs": [[], [0.15], [30], 0.1, [0.1, 0.1], ["0.1"]],
    "high_cutoffs": [[1.5], {0.1}],
    "categories": [{}, {"ID": ["imagenet"]}, {name: [] for name in study.CATEGORIES}, ["imagenet"]],
    "correction": ["bonferroni", None, True],
    "control": ["ranks", None],
    "replicates": [0, 99, 2000.0, True],
    "permutations": [0, "49"],
    "families": ["epsilon", None, ["recipe"]],
    "set_apart": [[], "contrastive", ["robust"], ["contrastive", "contrastive"]],
    "standard": [[], "baseline", ["tv_resnet50"]],
    "leave_out": ["contrastive", [1], ["a", "a"]],
    "seed": [-1, 0.5, True, "0"],
    "cutoff": [30, -0.1, "0.2"],
    "noise_sd": [16, None],
    "models": [[], "tv_resnet50", ["a", "a"]],
    "report_on": [[], "tv_resnet50", ["a", "a"]],
    "data": ["", None],
    "cutoffs": [[], [30], 0.5, [0.1, 0.1], ["0.1"], [[0.1]]],
    "noise_sds": [
        [],
        [0, 1, 2, 4, 8],
        [0.02, 0.04, 0.08, 0.16, 0.32],
        [0, 0.1, 0.2, 0.3, 0.4],
        0.02,
        [0, "a", 1, 2, 3],
    ],
    "device": [0, ""],
    "limit": [0, -5, 1.5, True],
    "precision": ["float32", 32, None],
    "eps": [0, 8, "0.5/255"],
    "benchmarks": ["", 3],
    "study_models": [0, 1.5, "48", True],
    "out": ["", 3],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in GOOD.items() for v in values])
def test_good_values_pass(name, value):
    check({name: value}, [name])


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in BAD.items() for v in values])
def test_bad_values_are_rejected_by_an_error_that_names_the_parameter(name, value):
    with pytest.raises(ParameterError, match=rf"expected `{name}` to be .*, got "):
        check({name: value}, [name])


def test_unknown_and_unset_parameters_are_rejected():
    with pytest.raises(
        ParameterError, match=r"expected parameters among alpha, out, got `alhpa` \(did you mean alpha\?\)"
    ):
        check({"alpha": 0.05, "out": "output", "alhpa": 0.01}, ["alpha", "out"])
    with pytest.raises(ParameterError, match="expected a value of `out`, got none"):
        check({"alpha": 0.05}, ["alpha", "out"])


@pytest.mark.parametrize(("given", "displayed"), [(None, CATEGORIES), (CATEGORIES | {"ID": ["imagenet"]},) * 2])
def test_page_displays_the_categories_that_none_stands_for(monkeypatch, tmp_path, given, displayed):
    outputs = []
    monkeypatch.setattr("companion.page.display", lambda data, **_: outputs.append(data))
    page = Page("any", {"categories": given, "out": str(tmp_path)}, ["categories", "out"])
    assert f"`{json.dumps(displayed)}`" in outputs[0]["text/markdown"]
    assert html.escape(json.dumps(displayed)) in outputs[0]["text/html"]
    assert json.dumps({"categories": displayed}) in page.command()


def test_every_parameter_is_tested_above():
    assert set(GOOD) == set(BAD) == set(PARAMETERS)


def test_the_command_names_only_what_differs_from_the_notebooks_defaults(monkeypatch, tmp_path):
    monkeypatch.setattr("companion.page.display", lambda *a, **k: None)
    cells = ["", "import numpy", 'alpha = 0.05\nleave_out = []\nout = "output"', "alpha = 0.01"]
    given = {"In": cells, "alpha": 0.01, "leave_out": [], "out": str(tmp_path)}
    page = Page("any", given, ["alpha", "leave_out", "out"])
    assert page.command() == f"papermill notebooks/any.ipynb any-run.ipynb -p alpha 0.01 -p out {tmp_path}"
    plain = Page("any", given | {"alpha": 0.05}, ["alpha", "leave_out", "out"])
    assert plain.command() == f"papermill notebooks/any.ipynb any-run.ipynb -p out {tmp_path}"
    assert "-y '{\"leave_out\": []}'" in Page("any", {k: v for k, v in given.items() if k != "In"}, ["alpha", "leave_out", "out"]).command()  # fmt: skip
