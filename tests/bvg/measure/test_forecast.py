"""What a measurement says it will do: counts by hand, linear in what they should be, and of no influence on the numbers."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from colour_reader import ColourReader, picture, probing
from torch import nn

from bvg import imagenet_classes, study
from bvg.instruments import STUDY, BandPass
from bvg.instruments.layer_criticality import LayerCriticality
from bvg.measure import forecast, planned, run
from bvg.measure.__main__ import main
from bvg.measure.forecast import count, timed
from bvg.measure.timing import Pace
from bvg.results import sampling_error

WNIDS = imagenet_classes.wnids()
BAND_PASS = BandPass("band-pass", "imagenet", unit=4, cutoffs=(0.1, 0.5))


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """Ten validation images, and two images of each corruption and severity of ImageNet-C-bar."""
    monkeypatch.setenv("BVG_CACHE", str(tmp_path / "cache"))
    for i in range(10):
        picture(tmp_path / f"data/imagenet/val/{WNIDS[20 * i]}/ILSVRC2012_val_{i + 1:08}.png", 20 * i + i % 2)
    for corruption in study.CORRUPTIONS["imagenet-cbar"]:
        for severity in study.SEVERITIES:
            for i in range(2):
                picture(tmp_path / f"data/imagenet-cbar/{corruption}/{severity}/{WNIDS[i]}/0.png", i)
    return tmp_path / "data"


OPTIONS = {"limit": 100, "device": "cpu", "progress": False}


def counted(data, instruments, models=1, finished=None, **options) -> pd.DataFrame:
    readers = {f"reader{i}": ColourReader(i) for i in range(models)}
    return count(planned(readers, instruments, data, **OPTIONS | options), finished or {}).table.set_index("instrument")


def test_counts_by_hand(data):
    table = counted(data, ["imagenet", BAND_PASS, "pgd", "imagenet-cbar"], models=3)
    expected = {  # images, decoded, conditions, made, shown, done, passes
        "imagenet": (10, 10, 1, 10, 30, 0, 30),
        "imagenet-cbar": (100, 100, 50, 100, 300, 0, 300),
        "band-pass": (10, 0, 4, 40, 120, 0, 120),  # imagenet has decoded them
        "pgd": (10, 0, 1, 10, 30, 0, 30 * 41),  # forty steps, and the attacked image
    }
    for name, numbers in expected.items():
        columns = ["images", "decoded", "conditions", "made", "evaluated", "done", "passes"]
        assert tuple(table.loc[name, columns]) == numbers, name


def test_cost_is_linear_in_models_images_and_conditions_and_decoding_is_shared(data):
    chosen = ["imagenet", BAND_PASS, "pgd", "imagenet-cbar"]
    one, four = counted(data, chosen), counted(data, chosen, models=4)
    shared, each = ["images", "decoded", "conditions", "made"], ["evaluated", "passes"]
    pd.testing.assert_frame_equal(four[shared], one[shared])
    pd.testing.assert_frame_equal(four[each], 4 * one[each])
    five, ten = (counted(data, ["imagenet", BAND_PASS, "pgd"], limit=limit) for limit in (5, 10))
    columns = ["images", "decoded", "made", "evaluated", "passes"]
    pd.testing.assert_frame_equal(ten[columns], 2 * five[columns])
    twice = counted(data, [BandPass("band-pass", "imagenet", cutoffs=(0.1, 0.2, 0.5, 0.6))]).loc["band-pass"]
    once = counted(data, [BAND_PASS]).loc["band-pass"]
    assert [twice[c] / once[c] for c in ("conditions", "made", "evaluated", "passes", "decoded")] == [2, 2, 2, 2, 1]


def test_an_instrument_that_alters_the_model_counts_a_pass_per_layer_and_draw(data, tmp_path):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1000))
    plan = planned({"small": network}, [LayerCriticality("layer-criticality", "imagenet", trials=2)], data, **OPTIONS)
    table = forecast.forecast(plan, tmp_path / "run").table.set_index("instrument")
    # the usual pass, the intact model again, and two draws of each of two layers
    assert table.at["layer-criticality", "passes"] == 10 * (1 + 1 + 2 * 2)


def test_what_a_run_has_is_not_counted_again(data, tmp_path):
    readers = {f"reader{i}": ColourReader(i) for i in range(3)}
    out, chosen = tmp_path / "run", ["imagenet", BAND_PASS, "imagenet-cbar"]
    run({"reader1": readers["reader1"]}, chosen, data, out, **OPTIONS)
    table = forecast.forecast(planned(readers, chosen, data, **OPTIONS), out).table.set_index("instrument")
    assert table["done"].to_dict() == {"imagenet": 10, "imagenet-cbar": 100, "band-pass": 40}
    assert table["evaluated"].to_dict() == {"imagenet": 20, "imagenet-cbar": 200, "band-pass": 80}
    assert table["decoded"].to_dict() == {"imagenet": 0, "imagenet-cbar": 100, "band-pass": 0}  # imagenet's are kept
    run(readers, chosen, data, out, **OPTIONS)
    after = forecast.forecast(planned(readers, chosen, data, **OPTIONS), out)
    assert after.table[["decoded", "made", "evaluated", "passes"]].to_numpy().sum() == 0
    assert after.seconds == 0


def test_units_of_one_model_are_read_for_it_alone(data):
    finished = {("reader0", "band-pass", "", ""): [(0, 8)], ("reader1", "band-pass", "", ""): [(0, 4)]}
    row = counted(data, [BAND_PASS], models=2, finished=finished).loc["band-pass"]  # units of 4, 4 and 2 images
    assert (row["evaluated"], row["done"], row["made"]) == (4 * (2 + 2 + 4), 4 * (4 + 4 + 4), 4 * (4 + 2))


def test_imagenet_is_decoded_once_also_for_its_other_labels(data):
    import json

    (data / "imagenet/real.json").write_text(json.dumps([[1]] * 50_000))
    table = counted(data, ["imagenet", "imagenet-real"])
    assert table["decoded"].to_dict() == {"imagenet": 10, "imagenet-real": 0}
    assert counted(data, ["imagenet-real"])["decoded"].item() == 10


def test_times_are_sums_of_a_pace(data):
    plan = planned({"a": ColourReader(), "b": ColourReader(1)}, ["imagenet", BAND_PASS], data, **OPTIONS)
    pace = Pace(
        3.0, 1.0, {"imagenet": 0.0, "band-pass": 0.5}, {"imagenet": 1.0, "band-pass": 1.0}, {"it": 2 * 10**9}, 0
    )
    expected = timed(count(plan, {}), plan, pace)
    assert expected.table["seconds"].tolist() == [10 * 3 + 2 * 10, 2 * 40 + 40 * 0.5]
    assert expected.seconds == 150
    text = str(expected)
    assert text.startswith("To be measured: 2 models on cpu\n")
    assert [line.split("  ")[-1].strip() for line in text.splitlines()[2:5]] == [
        "50 s to 60 s",
        "2 min",
        "2 min to 3 min",
    ]
    assert "2.0 GB for it" in text
    assert f"will take {forecast.size(10 * 150_528)}" in text


def test_a_forecast_leaves_nothing_behind_and_its_times_are_there(data, tmp_path):
    plan = planned({"reader": ColourReader()}, ["imagenet", BAND_PASS, "imagenet-cbar"], data, **OPTIONS)
    before = sorted(tmp_path.rglob("*"))
    expected = forecast.forecast(plan, tmp_path / "run")
    assert sorted(tmp_path.rglob("*")) == before
    assert expected.table["seconds"].gt(0).all()
    assert expected.pace.memory["this process, at most so far"] > 10**7
    assert expected.pace.make["band-pass"] > 0


@pytest.mark.filterwarnings("ignore:.*no (raw|relative) channel")  # few images
def test_a_run_that_says_what_it_will_do_gives_the_same_numbers(data, tmp_path, monkeypatch, capsys):
    chosen = ["imagenet", BAND_PASS, "critical-band", "imagenet-cbar"]
    silent = run({"reader": ColourReader()}, chosen, data, tmp_path / "a/run", **OPTIONS | {"progress": True})
    assert capsys.readouterr().out == ""  # it is short
    monkeypatch.setattr(forecast, "FEW", 0)
    monkeypatch.setattr(forecast, "LONG", 0)
    state = torch.get_rng_state()
    told = run({"reader": ColourReader()}, chosen, data, tmp_path / "b/run", **OPTIONS | {"progress": True})
    assert "To be measured: 1 model on cpu" in capsys.readouterr().out
    pd.testing.assert_frame_equal(silent, told, check_exact=True)
    assert torch.equal(torch.get_rng_state(), state)


def test_what_cannot_be_timed_is_counted_all_the_same(data, tmp_path):
    class Broken(ColourReader):
        def forward(self, images):
            if probing(images):
                return super().forward(images)
            raise RuntimeError("broken")

    expected = forecast.forecast(planned({"x": Broken()}, ["imagenet"], data, **OPTIONS), tmp_path / "run")
    assert expected.pace is None
    assert expected.table["evaluated"].tolist() == [10]
    assert str(expected).splitlines()[2].split() == ["imagenet", "10", "10", "1", "10", "0", "10"]


def test_pgd_is_timed_by_its_steps(data, tmp_path):
    steps = []

    class Differentiable(ColourReader):
        def forward(self, images):
            steps.append(bool(images.requires_grad))  # which no tracer gets past
            return super().forward(images) + images.mean((1, 2, 3))[:, None]

    plan = planned({"x": Differentiable()}, [STUDY["pgd"]], data, **OPTIONS)
    assert forecast.forecast(plan, tmp_path / "run").pace is not None
    assert 1 <= sum(steps) <= 6  # not forty


def test_command_line_plans_without_measuring(data, tmp_path, capfd):
    command = ["--models", "mine=colour_reader:model", "--data", str(data), "--out", str(tmp_path / "run"),
               "--instruments", "imagenet", "--limit", "6", "--device", "cpu", "--plan"]  # fmt: skip
    assert main(command) == 0
    printed = capfd.readouterr().out
    assert "To be measured: 1 model on cpu" in printed
    assert sampling_error.text(6) in printed
    assert not (tmp_path / "run").exists()
