"""The known models: the miniature's networks, models measured again, and which models enter statistics."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import numpy as np
import pandas as pd
import pytest

from bvg import known_models, study


def test_networks_of_the_miniature_are_those_of_the_zoo_file(root):
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


@pytest.mark.parametrize("model", ["resnet50_prime", "mini_linf_eps0.5"])
def test_model_that_was_measured_again_is_new(model):
    about = known_models.describe([model, f"{model}@run7", "mine"])
    assert about["group"].tolist() == [about["group"].iloc[0], "new", "new"]
    assert about["name"].tolist()[1:] == [f"{model}@run7", "mine"]
    assert about["norm"].tolist()[1:] == ["", ""]
    assert about["in_study"].tolist() == [model == "resnet50_prime", False, False]
    assert about["group"].iloc[0] in study.GROUPS


@pytest.mark.parametrize(
    ("models", "counted"),
    [
        (["tv_resnet50", "mini_standard", "mine"], ["tv_resnet50"]),
        (["resnet18", "mini_standard"], ["resnet18"]),  # not in the study, but measured on its images
        (["mini_standard", "mini_blur", "mine", "mini_blur@run"], ["mini_standard", "mini_blur"]),
        (["mine", "mini_blur@run"], ["mine", "mini_blur@run"]),
    ],
)
def test_statistics_never_pool_the_study_the_miniature_and_new_models(models, counted):
    table = pd.DataFrame({"model": models, "group": known_models.describe(models)["group"].to_numpy()})
    assert table["model"][known_models.counted(table)].tolist() == counted
    assert table["model"][known_models.counted(table, counted[:1])].tolist() == counted[1:]
