"""Repeating a run by its manifest."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from bvg import results
from bvg.measure import __main__ as command
from bvg.measure.like import options

FIRST = [
    "--models",
    "mini_standard",
    "other=mini_long",
    "--data",
    "miniature",
    "--no-progress",
    "--limit",
    "32",
    "--seed",
    "5",
]
SETTINGS = ["--instruments", "band-pass", "pgd", "--cutoffs", "0.3", "0.5", "--eps", "0.01"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("like") / "first"
    assert command.main([*FIRST, *SETTINGS, "--out", str(folder)]) == 0
    return folder


def test_the_manifest_states_the_options(run):
    assert options(run) == {
        "models": ["mini_standard=mini_standard", "other=mini_long"], "instruments": ["imagenet", "band-pass", "pgd"],
        "seed": 5, "precision": "fp32", "limit": 32, "cutoffs": [0.3, 0.5], "eps": 0.01,
    }  # fmt: skip
    assert options(run / "manifest.json") == options(run)


def test_a_repeated_run_gives_the_same_table_and_options_change_it(run, tmp_path):
    again = ["--like", str(run), "--data", "miniature", "--no-progress"]
    assert command.main([*again, "--out", str(tmp_path / "again")]) == 0
    tables = [results.load(str(folder)).drop(columns="source") for folder in (run, tmp_path / "again")]
    pd.testing.assert_frame_equal(*tables)
    assert command.main([*again, "--out", str(tmp_path / "less"), "--limit", "16", "--models", "mini_long"]) == 0
    manifest = json.loads((tmp_path / "less" / "manifest.json").read_text())
    assert (manifest["settings"]["limit"], manifest["settings"]["seed"], list(manifest["models"])) == (
        16,
        5,
        ["mini_long"],
    )


def test_another_file_is_rejected(tmp_path, capsys):
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match=r"expected `like` to be a run folder or its manifest.json"):
        options(tmp_path)
    assert command.main(["--like", str(tmp_path / "none"), "--data", "miniature", "--out", str(tmp_path / "x")]) == 2
    assert "expected `like` to be a run folder" in capsys.readouterr().err


def test_a_yaml_file_holds_the_options(run, tmp_path):
    """The same numbers as with the options on the command line, which change those of the file."""
    (tmp_path / "settings.yaml").write_text(
        "models: [mini_standard, other=mini_long]\ndata: miniature\ninstruments: [band-pass, pgd]\ncutoffs: [0.3, 0.5]\n"
        "eps: 0.01\nlimit: 32\nseed: 5\nprogress: false\ndevice: null\nskip_unreadable: true\n"
    )
    like = ["--like", str(tmp_path / "settings.yaml")]
    assert command.main([*like, "--out", str(tmp_path / "again")]) == 0
    tables = [results.load(str(folder)).drop(columns="source") for folder in (run, tmp_path / "again")]
    pd.testing.assert_frame_equal(*tables)
    assert command.parsed([*like, "--out", "x", "--limit", "16", "--models", "mini_long"])["limit"] == 16
    assert command.parsed([*like, "--out", "x"])["skip_unreadable"] is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limt: 5", "expected options among .*got 'limt' .did you mean limit."),
        ("like: other.yaml", "got 'like'"),
        ("- 5", "YAML file of lines like `limit: 2000`, got list in"),
        ("a: [", "expected `like` to be a YAML file of options"),
        (None, "expected `like` to be a YAML file of options"),
    ],
)
def test_a_wrong_yaml_file_is_rejected(tmp_path, capsys, text, message):
    path = tmp_path / "settings.yml"
    if text is not None:
        path.write_text(text)
    assert (
        command.main(
            ["--like", str(path), "--data", "miniature", "--out", str(tmp_path / "x"), "--models", "mini_long"]
        )
        == 2
    )
    assert re.search(message, capsys.readouterr().err)
