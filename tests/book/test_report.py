"""The report on a model: numbers by hand, predictions against statsmodels, and the file to send."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from builder import report as built
from companion.analysis import choices, layer_criticality, report
from companion.tables import report as tables
from statsmodels.api import OLS
from statsmodels.stats.proportion import proportion_confint

from bvg import results, study
from bvg.results import criticality, scores

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
    shown = tables.numbers(numbers.reset_index()).displayed.set_index("Measure")
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
        f"Given its ImageNet top-1, Mine has {sentence}" if sentence else "Mine lacks the accuracies to compare it by."
    )
    assert tables.summary(table, "Mine") == expected


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
    assert not re.findall(r"\{glue:text\}", text)
    assert str(tmp_path) not in text
    assert 'href="report-mine/tables/report-numbers.csv"' in text
    assert "data:image/svg+xml" in text
    assert not re.findall(r"""(?:src|href)=["']https?://(?!www.w3.org|arxiv|github)""", text)
    numbers = pd.read_csv(tmp_path / "reports" / "report-mine" / "tables" / "report-numbers.csv").set_index("measure")
    assert numbers.at["imagenet", "of"] == 49
    assert np.isnan(numbers.at["pgd", "value"])
    assert numbers.at["imagenet-a", "high"] > numbers.at["imagenet-a", "value"]
    assert set(study.CATEGORIES) <= set(numbers.index)
