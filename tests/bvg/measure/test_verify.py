"""Verifying a set-up: tolerances by hand and by simulation, known causes, and the command on real numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bvg import results
from bvg.measure import __main__ as command
from bvg.measure import verify

MODEL = "tv_resnet50"


def measured(n: int = 50_000, **changes) -> pd.DataFrame:
    """Make a run that repeats the published numbers of a model; `imagenet=1.5` adds to one benchmark."""
    table = results.load("published").query("model == @MODEL").assign(n=n, source="run")
    for benchmark, more in changes.items():
        table.loc[table["benchmark"] == benchmark.replace("_", "-"), "value"] += more
    return table


def test_the_published_numbers_agree_with_themselves():
    compared = verify.compare(measured())
    assert len(compared) == len(measured())
    assert set(compared["verdict"]) == {verify.AGREES, verify.UNKNOWN}
    unknown = set(compared.loc[compared["verdict"] == verify.UNKNOWN, "benchmark"])
    assert unknown == {"critical-band", "layer-criticality"}  # a fit, and other random draws
    assert verify.passed(compared)
    assert verify.missing(compared) == []


def test_tolerances_by_hand():
    rows = verify.compare(measured(2000)).set_index(["benchmark", "variant"])
    row = rows.loc[("imagenet-a", "")]
    share = max(row["measured"] / 100, 0.5 / 2000)
    assert row["tolerance"] == pytest.approx(100 * (3 * np.sqrt(share * (1 - share) / 2000) + 0.5 / 2000))
    real = rows.loc[("imagenet-real", "")]
    share = real["measured"] / 100
    assert real["tolerance"] == pytest.approx(
        100 * (3 * np.sqrt(share * (1 - share) * (1 / 2000 + 1 / 326)) + 0.5 / 2000)
    )
    shape = rows[rows["metric"] == "shape_bias"].loc[("cue-conflict", "")]
    share = shape["measured"]
    assert shape["tolerance"] == pytest.approx(3 * np.sqrt(share * (1 - share) / 1280) + 0.5 / 1280)


def test_the_tolerance_of_a_shape_bias_comes_from_the_decided_images():
    run = measured(200)
    row = run[run["metric"] == "shape_bias"].iloc[0]
    hits = [dict(row, metric=metric, value=value) for metric, value in (("shape_hits", 30), ("texture_hits", 90))]
    run = pd.concat([run, pd.DataFrame(hits)], ignore_index=True)
    shape = verify.compare(run).query("metric == 'shape_bias'").iloc[0]
    share = shape["measured"]
    assert shape["tolerance"] == pytest.approx(3 * np.sqrt(share * (1 - share) / 120) + 0.5 / 120)


def test_the_tolerance_holds_for_random_samples():
    """Accuracies of 500 images: outside three standard errors in about 3 of 1,000 cases."""
    rng = np.random.default_rng(0)
    plain = measured(500)
    plain = plain[(plain["metric"] == "top1") & (plain["benchmark"] != "imagenet-real")]
    differs = 0
    for _ in range(200):
        drawn = 100 * rng.binomial(500, plain["value"] / 100) / 500
        compared = verify.compare(plain.assign(value=drawn))
        differs += (compared["verdict"] == verify.DIFFERS).sum()
    assert differs / (200 * len(plain)) < 0.006


def test_a_difference_is_named_and_fails():
    compared = verify.compare(measured(imagenet=2.0, imagenet_real=20.0))
    assert not verify.passed(compared)
    text = verify.report(compared)
    assert f"{MODEL}: imagenet, top1: published " in text
    assert "2 apart, tolerance" in text
    assert "326 images, the last batch" in text
    assert text.endswith(f"of {len(compared)} numbers")
    assert verify.passed(verify.compare(measured(imagenet_real=20.0)))  # a known cause


def test_other_models_cannot_be_compared(tmp_path):
    compared = verify.compare(measured().assign(model="mine"))
    assert compared.empty
    assert not verify.passed(compared)
    assert "are the models ids of the study?" in verify.report(compared)
    assert "imagenet" in verify.missing(compared)


def test_the_command_without_data_repeats_stored_numbers(capsys):
    assert command.main(["verify"]) == 0
    out = capsys.readouterr().out
    assert "54 stimuli of a photograph: 54 agree, " in out
    assert out.count(": agrees") == 3
    assert "python -m bvg.measure verify --models tv_resnet50 --data ROOT" in out


def test_the_command_measures_and_compares(monkeypatch, tmp_path, capsys):
    """The miniature's numbers under an id of the study are no numbers of the study."""
    words = [
        "--models",
        f"{MODEL}=mini_standard",
        "--data",
        "miniature",
        "--out",
        str(tmp_path / "run"),
        "--instruments",
        "imagenet",
    ]
    assert command.main(["verify", *words, "--limit", "64", "--no-progress"]) == 1
    out = capsys.readouterr().out
    stored = results.load("published").query("model == @MODEL and benchmark == 'imagenet'")["value"].item()
    assert f"{MODEL}: imagenet, top1: published {stored:.4g}, measured " in out
    assert "not compared: imagenet-v2" in out
    assert command.main(["verify", "--models", "no-such", "--data", "miniature", "--out", str(tmp_path / "x")]) == 2
