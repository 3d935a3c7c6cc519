"""The page that verifies a set-up: simulated runs, its figure and its sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from companion.analysis import verification
from companion.figures.verification import REACH, agreement
from companion.tables import verification as tables

from bvg import results, study
from bvg.measure import verify

MODEL = "tv_resnet50"


@pytest.fixture(scope="module")
def compared() -> pd.DataFrame:
    return verify.compare(verification.simulated([MODEL], 2000, seed=1))


def test_simulated_runs_are_binomial_and_valid():
    """Mean and spread over 200 draws; the bases of relative accuracies are the published ones."""
    runs = [results.validate(verification.simulated([MODEL], 500, seed)) for seed in range(200)]
    published = (
        results.load("published")
        .query("model == @MODEL")
        .set_index(["benchmark", "variant", "level", "metric"])["value"]
    )
    values = pd.concat([r.set_index(["benchmark", "variant", "level", "metric"])["value"] for r in runs], axis=1)
    top1 = values.xs("top1", level="metric")
    share = published.reindex(values.index).xs("top1", level="metric") / 100
    error = 100 * np.sqrt(share * (1 - share) / 500)
    assert ((top1.mean(axis=1) - 100 * share).abs() <= 4 * error / np.sqrt(200) + 1e-9).all()
    assert top1.std(axis=1).to_numpy() == pytest.approx(error.to_numpy(), rel=0.2, abs=0.05)
    assert not set(runs[0]["metric"]) - set(verification.SHARES)
    with pytest.raises(ValueError, match="expected `models` to name models of the study, got mine"):
        verification.simulated(["mine"])


def test_a_run_is_measured_where_data_are_given(tmp_path, monkeypatch):
    from bvg import measure

    asked = {}
    monkeypatch.setattr(measure, "run", lambda *args, **options: asked.update(args=args, **options))
    verification.measured([MODEL], "/data", tmp_path, limit=5)
    assert asked["args"] == ([MODEL], "all", "/data", tmp_path)
    assert asked["limit"] == 5
    assert verification.describe("/data", 5) == "Here, the numbers are measured, with at most 5 images per condition."


def test_the_figure_shows_every_number_with_a_tolerance(compared):
    wrong = compared.copy()
    wrong.loc[wrong["benchmark"] == "imagenet-r", ["difference", "verdict"]] = [20.0, "differs"]
    drawn = agreement(wrong)
    assert len(drawn.data) == len(wrong)
    axes = drawn.figure.axes[0]
    points = {line.get_label(): line.get_xdata() for line in axes.lines if "(" in str(line.get_label())}
    assert {k: len(v) for k, v in points.items()} == {f"agrees ({len(wrong) - 1})": len(wrong) - 1, "differs (1)": 1}
    assert points["differs (1)"].tolist() == [REACH]
    assert [t.get_text() for t in axes.get_yticklabels()][:2] == ["ImageNet", "ImageNet-V2"]
    assert f"{len(wrong) - 1} within, 1 outside" in drawn.alt
    assert "(ImageNet-R)" in drawn.alt
    assert drawn.narrow is not None
    with pytest.raises(ValueError, match="at least one number with a tolerance"):
        agreement(compared.assign(tolerance=np.nan))


def test_the_table_counts_and_names_the_worst(compared):
    wrong = compared.copy()
    real = wrong["benchmark"] == "imagenet-real"
    wrong.loc[real, ["difference", "verdict", "cause"]] = [9.0, "differs", "a known cause"]
    shown = tables.compared(wrong).displayed.set_index("Benchmark")
    assert shown.loc["ImageNet-ReaL", ["Numbers", "Agree", "Differ", "Difference", "Known cause"]].tolist() == [
        "1",
        "0",
        "1",
        "9.00",
        "a known cause",
    ]
    own = compared[compared["benchmark"] == "imagenet-c"]
    worst = own.loc[(own["difference"] / own["tolerance"]).abs().idxmax()]
    assert shown.at["ImageNet-C", "Difference"].replace("−", "-") == f"{worst['difference']:.2f}"
    assert "Known cause" not in tables.compared(compared).displayed
    assert set(shown.index) >= {study.STUDY.name(b) for b in ("imagenet", "pgd", "stylized")}


@pytest.mark.parametrize(
    ("verdicts", "causes", "passed", "sentence"),
    [
        (["agrees"] * 3, [""] * 3, True, "Of 3 numbers, 3 agree: the set-up reproduces the published numbers."),
        (["agrees", "differs"], ["", ""], False, "Of 2 numbers, 1 agrees and 1 differs for no known cause: the set-up does not reproduce the published numbers."),
        (["agrees", "no tolerance"], ["", ""], True, "Of 2 numbers, 1 agrees and 1 has no tolerance: the set-up reproduces the published numbers."),
        ([], [], False, "No number can be compared: the set-up does not reproduce the published numbers."),
    ],
)  # fmt: skip
def test_the_verdict_reads_well(verdicts, causes, passed, sentence):
    assert tables.verdict(pd.DataFrame({"verdict": verdicts, "cause": causes}, dtype=object), passed) == sentence


def test_drawn_numbers_are_not_said_to_be_reproduced(compared):
    text = tables.verdict(compared, True, drawn=True)
    assert text.endswith("agree: a set-up that measured these drawn numbers would pass.")
