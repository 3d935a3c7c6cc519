"""The report on models: numbers by hand, predictions against statsmodels, what is missing, and the files to send."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builder import report as built
from companion.analysis import choices, effective_robustness, layer_criticality, report, report_models
from companion.tables import report as tables
from statsmodels.api import OLS
from statsmodels.stats.proportion import proportion_confint

from bvg import results, study
from bvg.measure import __main__ as measure
from bvg.results import criticality, cue_counts, scores

MODEL = "resnet50_prime"


@pytest.fixture(scope="module")
def published() -> tuple[pd.DataFrame, pd.DataFrame]:
    table = results.load("published")
    return scores.per_model(table), scores.benchmarks(table)


def test_numbers_have_intervals_ranks_and_neighbours(published):
    numbers = report.numbers(*published, MODEL, {"imagenet-a": 7500}).set_index("measure")
    assert len(numbers) == 6 + 4 + 10
    value = published[1].set_index("model").at[MODEL, "imagenet-a"]
    assert numbers.at["imagenet-a", "value"] == value
    low, high = proportion_confint(value * 75, 7500, 0.05, "wilson")
    assert numbers.loc["imagenet-a", ["low", "high"]].tolist() == pytest.approx([100 * low, 100 * high])
    assert np.isnan(numbers.at["imagenet", "low"])
    shape = published[0].set_index("model")["shape"]
    assert numbers.at["shape", "rank"] == (shape > shape[MODEL]).sum() + 1
    assert numbers.at["shape", "of"] == 48
    near = (shape - shape[MODEL]).abs().drop(MODEL).nsmallest(2).index
    assert numbers.at["shape", "neighbours"] == "; ".join(near)
    shares = cue_counts.shares(results.load("published"))
    more = report.numbers(published[0].join(shares, on="model"), published[1], MODEL).set_index("measure")
    assert list(more.index[6:9]) == [measure.id for measure in study.CUES]
    assert more.at["texture_sensitivity", "value"] == shares.at[MODEL, "texture_sensitivity"]
    assert "criticality" not in numbers.index
    with pytest.raises(
        ValueError, match="expected `model` to be a model of the results, got 'mine': is its run among `results`"
    ):
        report.numbers(*published, "mine")


def test_criticality_stands_in_the_report_like_any_other_bias(published):
    table = results.load("published")
    numbers = report.numbers(layer_criticality.added(published[0], table), published[1], MODEL).set_index("measure")
    values = criticality.by_layer(table).mean(axis=1)
    assert numbers.at["criticality", "value"] == pytest.approx(values[MODEL])
    assert numbers.at["criticality", "rank"] == (values > values[MODEL]).sum() + 1
    shown = tables.numbers(numbers.reset_index().assign(model=MODEL)).displayed.set_index("Measure")
    assert shown.at["Layer criticality", "Value"] == f"{values[MODEL]:.2f}"


def test_expected_values_come_from_other_publications(published):
    per_model, accuracies = published
    imagenet = accuracies["imagenet"]
    model = "robust_resnet50_l2_eps3"
    found = report.expected(per_model, imagenet, model).set_index(["category", "features"])
    rest = (choices.families(per_model) != "salman2020adversarially").to_numpy()
    cell = found.loc[("Concepts", "ImageNet top-1 + shape bias")]
    assert cell["n"] == rest.sum() == 33
    x = np.c_[np.ones(48), imagenet, per_model["shape"]]
    fit = OLS(per_model["Concepts"][rest].to_numpy(), x[rest]).fit()
    own = per_model["model"].tolist().index(model)
    frame = fit.get_prediction(x[own][None]).summary_frame(alpha=0.1)
    assert cell["predicted"] == pytest.approx(frame["mean"].item())
    assert [cell["low"], cell["high"]] == pytest.approx([frame["obs_ci_lower"].item(), frame["obs_ci_upper"].item()])
    half = (cell["high"] - cell["low"]) / 2
    assert cell["surprise"] == pytest.approx((cell["measured"] - cell["predicted"]) / half)
    for bad in ({"coverage": 90}, {"model": "mine"}):
        with pytest.raises(ValueError, match="expected `"):
            report.expected(**({"scores": per_model, "imagenet": imagenet, "model": model} | bad))


@pytest.mark.parametrize(
    ("surprise", "sentence"),
    [
        ([0.1, -0.2, 0.9], "robustness, accuracy on concepts and adversarial accuracy as expected."),
        ([1.5, 1.2, 3.0], "more robustness, accuracy on concepts and adversarial accuracy than 90 % of such models would have."),
        ([1.5, -1.2, 0.0], "more robustness than 90 % of such models would have and less accuracy on concepts than 90 % of such models would have; adversarial accuracy as expected."),
        ([np.nan] * 3, None),
    ],
)  # fmt: skip
def test_the_summary(surprise, sentence):
    table = pd.DataFrame(
        {"category": ["Robustness", "Concepts", "Adversarial"], "features": "ImageNet top-1", "surprise": surprise}
    )
    expected = (
        f"Given its ImageNet top-1, mine has {sentence}" if sentence else "mine lacks the accuracies to compare it by."
    )
    assert tables.summary(table.assign(model="mine")) == expected
    several = tables.summary(pd.concat([table.assign(model="mine"), table.assign(model="yours")]))
    assert several == f"{expected} {expected.replace('mine', 'yours')}"


CUTOFFS, STANDARD = [0.1, 0.2, 0.3, 0.4, 0.5], ["baseline", "training_recipes"]


def run_of(
    folder: Path, ids: dict[str, str], benchmarks: list[str], n: int = 2000, architecture: str = "ResNet-50"
) -> Path:
    """Write a run folder with the published numbers of models of the study under other ids."""
    table = results.load("published").query("model in @ids and benchmark in @benchmarks")
    folder.mkdir()
    results.write(table.assign(model=table["model"].map(ids), n=n, source=folder.name), folder / "results.csv")
    about = {
        "weights_sha256": "ab" * 32,
        "probe": [],
        "architecture": architecture,
        "parameters": 25_557_032,
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
    }
    models = {id: {"source": f"{id}.pth", **about} for id in ids.values()}
    settings = {"world": "study", "precision": "fp16", "seed": 0, "limit": n}
    manifest = {"run": folder.name, "settings": settings, "models": models, "measurements": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_who_the_models_are_and_what_they_lack(tmp_path):
    """Two models of a run, of another architecture, without the attack and ImageNet-A."""
    have = [b.id for b in study.BENCHMARKS if b.id not in ("pgd", "imagenet-a")] + ["cue-conflict"]
    run = run_of(tmp_path / "my run", {MODEL: "mine", "resnet50_dino": "yours"}, have, architecture="ConvNeXt")
    found = report.collect(["published", str(run)], ["mine", "yours"], CUTOFFS, CUTOFFS, STANDARD)
    who = found.who.set_index("model").loc["mine"]
    assert who[["source", "architecture", "other_architecture", "precision", "mean"]].tolist() == [
        "mine.pth",
        "ConvNeXt",
        True,
        "fp16",
        "0.5 0.5 0.5",
    ]
    assert (who["fewest"], who["most"]) == (2000, 2000)
    assert (
        tables.marked(found.who)
        == "mine (ConvNeXt, another architecture than the 48) and yours (ConvNeXt, another architecture than the 48)"
    )
    shown = tables.who(found.who).displayed.set_index("Model")["mine"]
    assert shown["Architecture"] == "ConvNeXt, 25.6 million parameters: another architecture than the 48"
    assert shown["SHA-256 of the weights"] == "`abababababab…`"
    (command,) = found.commands
    assert shlex.split(command)[3:] == [
        "--like", "my run", "--out", "my run", "--data", "DATA", "--instruments", "band-pass", "critical-band", "imagenet-a", "pgd",
    ]  # fmt: skip
    lacks = tables.missing(found.numbers)
    assert lacks.startswith("mine lacks Low-frequency bias, High-frequency bias, Bandwidth [octaves]")
    assert "yours lacks" in lacks
    assert command in tables.to_add(found.commands, lacks)
    side = tables.numbers(found.numbers).displayed.set_index("Measure")
    assert list(side.columns) == ["mine", "Rank of mine", "yours", "Rank of yours"]
    assert side.at["ImageNet-A", "mine"] == "not measured"
    assert re.fullmatch(r"\d+\.\d \(\d+\.\d to \d+\.\d\)", side.at["ImageNet-R", "yours"])
    lines = tables.effective(found.effective).displayed.set_index("Benchmark")
    assert list(lines.columns) == [
        "mine [%] (line)",
        "Difference, mine [points]",
        "yours [%] (line)",
        "Difference, yours [points]",
    ]
    assert tables.expected(found.expected).displayed["Model"].unique().tolist() == ["mine", "yours"]
    with pytest.raises(ValueError, match=r"got 'mime' \(did you mean mine\?\): is its run among `results`"):
        report.collect(["published", str(run)], ["mime"], CUTOFFS, CUTOFFS, STANDARD)


def test_published_models_lack_nothing():
    found = report.collect("published", [MODEL], CUTOFFS, CUTOFFS, STANDARD)
    assert found.commands == []
    assert tables.to_add(found.commands, tables.missing(found.numbers)) == "Nothing is missing."
    assert (
        tables.who(found.who).displayed.set_index("Model")["PRIME"]["Images behind an accuracy"] == "the complete sets"
    )
    assert not found.who["other_architecture"].any()


def test_the_line_leaves_out_the_models_of_the_report():
    found = report.collect("published", [MODEL], CUTOFFS, CUTOFFS, ["baseline", "augmentation"])
    table = scores.benchmarks(results.load("published"))
    fitted = table["group"].isin(["baseline", "augmentation"]) & (table["model"] != MODEL)
    rows, _ = effective_robustness.residuals(table, fitted)
    pd.testing.assert_frame_equal(found.effective, rows[rows["model"] == MODEL].reset_index(drop=True))


def test_the_command_adds_what_is_missing(tmp_path, monkeypatch):
    """On a network of the miniature: the report names a command, and after it the number is there."""
    monkeypatch.chdir(tmp_path)
    words = ["--data", "miniature", "--out", "run", "--instruments", "imagenet", "--limit", "32", "--no-progress"]
    assert measure.main(["--models", "mini_standard", *words]) == 0
    high = [0.5, 0.6, 0.7, 0.8, 0.9]

    def lacks() -> tuple[set[str], list[str]]:
        frame = numbers_of("run")
        return set(frame.loc[frame["value"].isna() & (frame["kind"] != "category"), "measure"]), report_models.commands(
            frame, results.manifests("run")
        )

    def numbers_of(run: str) -> pd.DataFrame:
        table = results.load(run)
        own = scores.per_model(table, None, CUTOFFS, high, allow_missing=True, world=study.MINIATURE)
        accuracies = scores.benchmarks(table, allow_missing=True, world=study.MINIATURE)
        return report.numbers(own, accuracies, "mini_standard", {}, study.MINIATURE).assign(model="mini_standard")

    before, (command,) = lacks()
    assert {"shape", "pgd", "imagenet-r"} <= before
    argv = shlex.split(command.replace("DATA", "miniature"))[3:]
    wanted = argv.index("--instruments")
    assert {"cue-conflict", "band-pass", "critical-band", "imagenet-c", "pgd"} <= set(argv[wanted:])
    assert measure.main([*argv[:wanted], "--instruments", "cue-conflict", "imagenet-r", "--no-progress"]) == 0
    after, _ = lacks()
    assert before - after == {"shape", "imagenet-r"}


def test_a_report_of_a_model_with_some_numbers_is_one_file(tmp_path):
    """A model of one's own that lacks the attack and the critical band."""
    table = results.load("published").query("model == @MODEL and benchmark not in ['pgd', 'critical-band']")
    table.assign(model="mine", n=2000, source="run").to_csv(tmp_path / "my.csv", index=False)
    assert built.models_of(tmp_path / "my.csv") == ["mine"]
    built.main([str(tmp_path / "my.csv"), "--out", str(tmp_path / "reports")])
    text = (tmp_path / "reports" / "report-mine.html").read_text(encoding="utf-8")
    assert "mine has robustness" in text
    assert "and accuracy on concepts as expected" in text
    assert "Not measured: Bandwidth [octaves], Centre frequency [cycles/image], Peak noise sensitivity and PGD." in text
    assert "not stated" in text  # a table without a manifest
    assert not re.findall(r"\{\{\w+\}\}", text)
    assert str(tmp_path) not in text
    assert 'href="report-mine/tables/report-numbers.csv"' in text
    assert "data:image/svg+xml" in text
    assert not re.findall(r"""(?:src|href)=["']https?://(?!www.w3.org|arxiv|github)""", text)
    numbers = pd.read_csv(tmp_path / "reports" / "report-mine" / "tables" / "report-numbers.csv").set_index("measure")
    assert numbers.at["imagenet", "of"] == 49
    assert np.isnan(numbers.at["pgd", "value"])
    assert numbers.at["imagenet-a", "high"] > numbers.at["imagenet-a", "value"]
    assert set(study.CATEGORIES) <= set(numbers.index)


def test_several_models_get_a_file_each_and_one_side_by_side(tmp_path):
    run = run_of(
        tmp_path / "run", {MODEL: "mine", "resnet50_dino": "yours"}, ["imagenet", "imagenet-r", "pgd", "cue-conflict"]
    )
    built.main([str(run)])
    assert sorted(p.name for p in run.glob("*.html")) == [
        "report-mine.html",
        "report-side-by-side.html",
        "report-yours.html",
    ]
    text = (run / "report-side-by-side.html").read_text(encoding="utf-8")
    assert "Rank of yours" in text
    assert "python -m bvg.measure --like run --out run --data DATA" in re.sub(r"<[^>]+>", "", text)
    assert "mine.pth" in text
    assert str(tmp_path) not in text
