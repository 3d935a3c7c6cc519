"""Layer criticality: the published table from its raw trials, means over parts of a network, and the error of the trials."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from bvg import results
from bvg.results import criticality
from bvg.results.published import build_criticality


@pytest.fixture(scope="module")
def raw(shared) -> pd.DataFrame:
    return build_criticality.read_raw(shared / "published" / "layer-criticality.csv")


def test_documented_command_rebuilds_the_committed_table(shared, root, tmp_path):
    out = tmp_path / "out.csv"
    command = [sys.executable, "-m", "bvg.results.published.build_criticality"]
    subprocess.run([*command, shared / "published" / "layer-criticality.csv", "--out", out], check=True, cwd=root)
    assert out.read_bytes() == build_criticality.TABLE.read_bytes()


def test_the_table_equals_the_trials(raw):
    ours = criticality.by_layer(results.load("published"))
    assert ours.shape == (48, 54)
    trials = raw.set_index(["model_id", "layer"]).sort_index()
    for model, layer in (("tv_resnet50", "conv1"), ("resnet50_dino", "layer3.2.conv2"), ("resnet50_prime", "fc")):
        one = trials.loc[(model, f"model.{layer}"), "pred_cos_sim"].to_numpy()
        assert len(one) == 3
        assert ours.at[model, layer] == pytest.approx(1 - one.sum() / 3, abs=1e-12)
        spread = criticality.by_layer(results.load("published"), "criticality_sd").at[model, layer]
        assert spread == pytest.approx(np.std(one, ddof=1), abs=1e-12)


def test_published_accuracies_are_those_of_ten_thousand_images(raw):
    """The file states no number of images; every accuracy is a multiple of 0.01 %, and some are not of 0.02 %."""
    steps = raw["top1_acc"].to_numpy() * 100
    assert np.abs(steps - steps.round()).max() < 1e-3
    assert (steps.round() % 2 == 1).any()


def test_a_changed_raw_file_and_missing_trials_are_rejected(raw, shared, tmp_path):
    changed = tmp_path / "raw.csv"
    changed.write_bytes((shared / "published" / "layer-criticality.csv").read_bytes() + b"\n")
    with pytest.raises(ValueError, match="SHA-256"):
        build_criticality.read_raw(changed)
    with pytest.raises(ValueError, match="expected 3 trials of each of 54 layers"):
        build_criticality.convert(raw.drop(index=raw.index[raw["model_id"] == "tv_resnet50"][5]))
    with pytest.raises(ValueError, match="got none of the trials of tv_resnet50"):
        build_criticality.convert(raw[raw["model_id"] != "tv_resnet50"])


def made(values: dict[str, float], spread: float = 0.0) -> pd.DataFrame:
    rows = [("mine", "layer-criticality", layer, np.nan, "criticality", v, 9, "run") for layer, v in values.items()]
    rows += [("mine", "layer-criticality", layer, np.nan, "criticality_sd", spread, 9, "run") for layer in values]
    return results.validate(pd.DataFrame(rows, columns=list(results.COLUMNS)))


def test_means_and_errors_by_hand():
    table = made({"conv1": 0.9, "layer1.0.conv1": 0.5, "layer2.0.conv1": 0.1, "layer4.0.conv1": 0.3, "fc": 0.7}, 0.3)
    row = criticality.per_model(table).loc["mine"]
    assert row.tolist() == pytest.approx([0.5, 0.5, 0.5])
    errors = criticality.trial_errors(table).loc["mine"]
    assert errors.tolist() == pytest.approx([0.3 / np.sqrt(15), 0.3 / np.sqrt(9), 0.3 / np.sqrt(6)])


def test_other_networks_have_a_mean_but_no_early_and_late_layers():
    row = criticality.per_model(made({"features.0": 0.2, "head": 0.6})).loc["mine"]
    assert row["criticality"] == pytest.approx(0.4)
    assert row[["early_criticality", "late_criticality"]].isna().all()


def test_early_and_late_layers_share_the_network():
    layers = criticality.by_layer(results.load("published")).columns
    early, late = (criticality.part(layers, starts) for starts in (criticality.EARLY, criticality.LATE))
    assert [*early, *late] == list(layers)
    assert (len(early), len(late)) == (24, 30)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"variant": ""}, "is not the name of a layer"), ({"level": 1.0}, "must be empty"), ({"value": 1.5}, "outside")],
)
def test_bad_rows_are_rejected(change, message):
    with pytest.raises(results.ResultsError, match=message):
        results.validate(made({"conv1": 0.9}).assign(**change).head(1))
