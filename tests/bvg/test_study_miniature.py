"""The miniature in the paper's vocabulary: its networks, benchmarks, and which models enter statistics."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import numpy as np
import pandas as pd
import pytest
from miniature_results import KINDS

from bvg import known_models, study


def test_networks_are_those_of_the_zoo_file(root):
    file = tomllib.loads((root / "bvg/miniature/zoo.toml").read_text(encoding="utf-8"))
    about = known_models.describe([*file, "tv_resnet50", "mine"])
    for name, fields in file.items():
        row = about.loc[name]
        assert (row["name"], row["group"], row["method"]) == (fields["display"], fields["group"], fields["method"])
        assert (row["citation"], row["norm"], row["in_study"]) == ("", fields.get("norm", ""), False)
        assert row["epsilon"] == fields["epsilon"] if "epsilon" in fields else np.isnan(row["epsilon"])
    assert about["group"].tolist()[-2:] == ["baseline", "new"]
    assert set(about["group"]) - {"new"} == set(study.GROUPS)
    assert known_models.miniature()["name"].is_unique
    assert not known_models.models().index.intersection(file).size
    masks = known_models.figure2_groups(about["group"])
    assert about.index[masks["at"]].tolist() == [name for name in file if name.startswith("mini_linf")]


def test_describing_the_networks_does_not_import_torch():
    code = "from bvg import known_models, results; known_models.describe(['mini_blur']); import sys; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"


def test_network_that_is_measured_again_is_new():
    row = known_models.describe(["mini_linf_eps0.5@mine"]).iloc[0]
    assert (row["name"], row["group"], row["norm"]) == ("mini_linf_eps0.5@mine", "new", "")


@pytest.mark.parametrize(
    ("models", "counted"),
    [
        (["tv_resnet50", "mini_standard", "mine"], ["tv_resnet50"]),
        (["resnet18", "mini_standard"], ["resnet18"]),  # outside the study, but of its world
        (["mini_standard", "mini_blur", "mine", "mini_blur@run"], ["mini_standard", "mini_blur"]),
        (["mine", "mini_blur@run"], ["mine", "mini_blur@run"]),
    ],
)
def test_models_of_the_study_the_miniature_and_new_ones_are_never_pooled(models, counted):
    table = pd.DataFrame({"model": models, "group": known_models.describe(models)["group"].to_numpy()})
    assert table["model"][known_models.counted(table)].tolist() == counted
    assert table["model"][known_models.counted(table, counted[:1])].tolist() == counted[1:]


def test_benchmarks_of_the_miniature_have_the_ids_of_the_study():
    from bvg.miniature import CORRUPTIONS

    small = {b.id: b for b in study.MINIATURE.benchmarks}
    assert list(small) == [b.id for b in study.BENCHMARKS if b.id != "imagenet-real"]
    assert all(study.benchmark(id).category == b.category for id, b in small.items())
    assert len({b.name for b in small.values()}) == len({b.short for b in small.values()}) == len(small)
    assert study.STUDY.categories == study.CATEGORIES
    assert study.MINIATURE.categories == study.CATEGORIES | {"ID": ("imagenet", "imagenet-v2")}
    for id in study.CORRUPTIONS:
        kinds = [kind for kind, corruption in CORRUPTIONS.items() if corruption.benchmark == id]
        assert sorted(kinds) == sorted(KINDS[id])
        assert f" {len(kinds)} " in small[id].measured
