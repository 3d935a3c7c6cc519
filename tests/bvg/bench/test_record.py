"""Rows of the benchmark are timed, written and read; a measurement uses its own cache."""

import json

import pytest
import torch
from torch import nn

from bvg import bench
from bvg.bench import __main__ as command
from bvg.bench import data, precision, projection, record
from bvg.bench.data import DECODE
from bvg.bench.record import Bench, Row, write

CPU = torch.device("cpu")


def test_written_rows_are_loaded_again(tmp_path):
    rows = [
        Row("decode", DECODE, "one process", 1.5, "images/s", 7),
        Row("kernels", "k", "NumPy", 2, "ms/image", difference=1e-7),
    ]
    path = write(rows, CPU, tmp_path)
    about = json.loads(path.read_text())
    assert path.stem == path.stem.lower().replace(" ", "-")
    assert about["libraries"]["torch"] == torch.__version__.partition("+")[0]
    table = bench.load(tmp_path)
    assert [Row(**row) for row in table[["section", "name", "way", "value", "unit", "images"]].to_dict("records")] == [
        Row("decode", DECODE, "one process", 1.5, "images/s", 7), Row("kernels", "k", "NumPy", 2, "ms/image")
    ]  # fmt: skip
    assert table["difference"].isna().tolist() == [True, False]
    assert set(table["kind"]) == {"cpu"}


def test_a_folder_without_results_is_rejected(tmp_path):
    with pytest.raises(ValueError, match=r"expected benchmarks .* got none: run `make bench`"):
        bench.load(tmp_path)


def test_command_measures_and_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "SECTIONS", {"kernels": command.kernels})
    assert command.main(["--device", "cpu", "--seconds", "0", "--out", str(tmp_path)]) == 0
    table = bench.load(tmp_path)
    ways = table.groupby("name")["way"].apply(set)
    assert all("bvg" in of for of in ways)
    assert ways.map(len).value_counts().to_dict() == {3: 2, 1: 3}
    assert (table["spread"] >= 1).all()
    assert (table["value"] > 0).all()
    assert table.loc[table["way"] != "bvg", "difference"].max() < 1e-5
    assert "band-pass, 22 conditions, bvg:" in capsys.readouterr().out
    assert torch.get_num_threads() >= 1
    rows = [row for row in record.read(record.file(CPU, tmp_path)) if row.name.startswith("band")]
    record.write([*rows, Row("drift", "some network", "bf16", 4, "flips per 1,000")], CPU, tmp_path)
    assert command.main(["--device", "cpu", "--seconds", "0", "--out", str(tmp_path), "--sections", "kernels"]) == 0
    kept = bench.load(tmp_path)["section"].value_counts()
    assert kept["drift"] == 1  # not measured again
    assert kept["kernels"] == len(table)


def test_the_fastest_repetition_counts():
    times = iter([0, 1, 0, 5, 0, 2, 0, 9])
    calls = []
    measured = Bench(CPU, seconds=0).time(lambda: calls.append(next(times, None)), least=4)
    assert len(calls) == 5  # the first does not count
    assert 0 < measured.seconds < 1
    assert measured.spread >= 1


def test_committed_results_are_complete():
    table = bench.load()
    for device, rows in table.groupby("device"):
        assert {"kernels", "network", "attack", "profile", "decode", "engine", "drift"} <= set(rows["section"]), device
        assert (rows.loc[rows["section"] != "drift", "value"] > 0).all()
        assert rows.loc[rows["section"] == "kernels", "difference"].max() < 1e-5, (
            "the results are as accurate as the baseline"
        )
        projection.hours(rows)


class Shades(nn.Module):
    """Classifies images by their mean: the logit of shade s is s * mean - s * s / 2, which is largest at the mean."""

    def __init__(self):
        super().__init__()
        shades = torch.linspace(0, 1, 1000)[:, None]
        self.layer = nn.Linear(1, 1000)
        self.layer.load_state_dict({"weight": shades, "bias": -(shades[:, 0] ** 2) / 2})

    def forward(self, images):
        return self.layer(images.mean((1, 2, 3))[:, None])


def test_a_timed_measurement_decodes_into_a_cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("BVG_CACHE", str(tmp_path / "shared"))
    data.write_images(tmp_path, 8)
    measurement = data.Measurement(Bench(CPU, seconds=0), Shades(), tmp_path)
    assert measurement(models=2, images=4, cutoffs=1) > 0
    assert not (tmp_path / "shared").exists()
    assert list((tmp_path / "cache-1").iterdir())


def test_the_drift_of_a_network_counts_flips_on_photographs():
    rows = list(precision.drift_on_photographs(Bench(CPU, seconds=0), "Shades", Shades()))
    assert [row.way for row in rows] == ["fp32", "fp16", "bf16"]
    assert {row.name for row in rows} == {"Shades, clean and filtered images"}
    assert {row.images for row in rows} == {8 * 23}
    flips = {row.way: row.value for row in rows}
    assert flips["fp32"] == 0 < flips["bf16"]
