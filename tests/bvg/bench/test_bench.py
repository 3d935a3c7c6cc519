"""The benchmark: the plain ways compute the same, files come back as tables, the projection is what it says it is."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from companion.figures import performance as draw
from companion.tables import performance as tables

from bvg import bench, kernels, study
from bvg.bench import __main__ as command
from bvg.bench import baseline, projection
from bvg.bench.data import DECODE, MEASURE, PLAIN
from bvg.bench.kernels import BANDPASS, CRITICAL_BAND, photographs
from bvg.bench.network import AS_IT_IS, ATTACK, FORWARD, PEAK
from bvg.bench.record import Bench, Row, write
from bvg.kernels.randomness import normal

CPU = torch.device("cpu")


def benchmark(device: str = "A", kind: str = "cuda") -> pd.DataFrame:
    """A benchmark with round numbers."""
    rows = [
        Row("kernels", "band-pass, 22 conditions", "bvg", 5, "ms/image", 8, conditions=22),
        Row("kernels", "band-pass, 22 conditions", "NumPy", 50, "ms/image", 1, conditions=22, difference=1e-7),
        Row("kernels", "critical band, 28 conditions", "bvg", 20, "ms/image", 8, conditions=28),
        Row("kernels", "critical band, 28 conditions", "pyrtools", 120, "ms/image", 1, conditions=28, difference=2e-7),
        Row("network", FORWARD, "work", 8, "GFLOP/image", 1),
        Row("network", PEAK, "fp32", 0.2, "TFLOP/s"),
        Row("network", PEAK, "bf16", 0.4, "TFLOP/s"),
        Row("network", FORWARD, AS_IT_IS, 10, "images/s", 8),
        Row("network", FORWARD, "bvg, bf16", 40, "images/s", 8),
        Row("attack", ATTACK, AS_IT_IS, 200, "ms/image and step", 2),
        Row("attack", ATTACK, "bvg, bf16", 50, "ms/image and step", 2),
        Row("decode", DECODE, "one process", 100, "images/s", 256),
        Row("decode", DECODE, "bvg, 2 processes", 200, "images/s", 256),
        Row("decode", DECODE, "bvg, from the memory map", 100_000, "images/s", 256),
        *(Row("engine", MEASURE, "bvg", 2.0 + m, "s", 16, m, 5) for m in (1, 2, 4)),
        *(Row("engine", MEASURE, "bvg", i / 4, "s", i, 2, 5) for i in (8, 32)),
        *(Row("engine", MEASURE, "bvg", c * 0.8, "s", 16, 2, c) for c in (3, 11)),
        Row("engine", MEASURE, PLAIN, 9, "s", 16, 2, 5),
        Row("drift", "some network", "bf16", 4, "flips per 1,000", 100, 3),
        Row("drift", "some network", "bf16", -0.25, "top-1, points", 100, 3),
        Row("drift", "another", "bf16", 7, "flips per 1,000", 50, 1),
    ]
    table = pd.DataFrame([vars(row) for row in rows])
    return table.assign(device=device, kind=kind, cores=2, measured="2026-01-01").astype({"difference": float})


def test_the_plain_filters_are_the_kernels_filters():
    image = photographs(2)[1:]
    for kind, cutoff, filtered in kernels.bandpass_all(image, BANDPASS):
        assert np.abs(baseline.bandpass_numpy(image[0].numpy(), cutoff, kind) - filtered[0].numpy()).max() < 2e-6
        assert (baseline.bandpass_torch(image[0], cutoff, kind) - filtered[0]).abs().max() < 2e-6


@pytest.mark.parametrize("every", [True, False])
def test_the_plain_noise_is_the_kernels_noise(every):
    image, index = photographs(1), torch.tensor([3])
    grey = kernels.low_contrast_grey(image)[0].numpy()
    for noise_sd, band, ours in kernels.critical_band_all(image, CRITICAL_BAND[-7:], 5, index):
        white = normal((224, 224), 5, index, f"critical-band/{band}/{noise_sd!r}")[0].numpy() * noise_sd
        theirs = baseline.critical_band(grey, white, noise_sd, band, np.random.default_rng(0), every)
        drawn_anew = np.abs(baseline.narrowband_pyrtools(white, band)) > 0.9
        assert np.abs(ours[0, 0].numpy() - theirs)[~drawn_anew].max() < 1e-5
        assert ((theirs >= 0) & (theirs <= 1)).all()


def test_what_a_run_writes_is_what_is_loaded(tmp_path):
    rows = [
        Row("decode", DECODE, "one process", 1.5, "images/s", 7),
        Row("kernels", "k", "plain", 2, "ms/image", difference=1e-7),
    ]
    path = write(rows, CPU, tmp_path)
    about = json.loads(path.read_text())
    assert path.stem == path.stem.lower().replace(" ", "-")
    assert about["libraries"]["torch"] == torch.__version__.partition("+")[0]
    table = bench.load(tmp_path)
    assert [Row(**row) for row in table[["section", "name", "way", "value", "unit", "images"]].to_dict("records")] == [
        Row("decode", DECODE, "one process", 1.5, "images/s", 7), Row("kernels", "k", "plain", 2, "ms/image")
    ]  # fmt: skip
    assert table["difference"].isna().tolist() == [True, False]
    assert set(table["kind"]) == {"cpu"}


def test_a_folder_without_benchmarks_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected benchmarks .* got none: run `make bench`"):
        bench.load(tmp_path)


def test_the_command_measures_and_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "SECTIONS", {"kernels": command.kernels})
    path = command.main(["--device", "cpu", "--seconds", "0", "--out", str(tmp_path)])
    table = bench.load(tmp_path)
    assert path.parent == tmp_path
    assert table.groupby("name")["way"].apply(lambda ways: "bvg" in set(ways) and len(ways) == 3).all()
    assert (table["value"] > 0).all()
    assert table.loc[table["way"] != "bvg", "difference"].max() < 1e-5
    assert "band-pass, 22 conditions, bvg:" in capsys.readouterr().out
    assert torch.get_num_threads() >= 1


def test_repetitions_go_on_for_the_time_given_and_the_fastest_counts():
    times = iter([0, 1, 0, 5, 0, 2, 0, 9])
    calls = []
    measured = Bench(CPU, seconds=0).fastest(lambda: calls.append(next(times, None)), least=4)
    assert len(calls) == 5  # the first does not count
    assert 0 < measured < 1


def test_the_studys_work_by_hand():
    work = projection.work().set_index("instrument")
    assert work.loc["imagenet-c", ["decoded", "shown"]].tolist() == [95 * 50_000, 95 * 50_000]
    assert work.loc["band-pass", ["decoded", "shown"]].tolist() == [0, 22 * 50_000]
    assert work.loc["critical-band", "shown"] == 29 * 50_000
    assert work.loc["imagenet-real", ["decoded", "shown"]].tolist() == [0, study.benchmark("imagenet-real").images]
    assert work["steps"][work["steps"] > 0].to_dict() == {"pgd": 40}


@pytest.mark.parametrize("kind", ["cuda", "cpu"])
def test_the_projection_by_hand(kind):
    table = projection.hours(benchmark(kind=kind), models=3).set_index(["way", "instrument"])
    row = table.loc["bvg, bf16", "imagenet-c"] * 3600
    assert row["decoding"] == pytest.approx(4_750_000 / 200)
    assert row["network"] == pytest.approx(3 * 4_750_000 / 40)
    assert row["total"] == pytest.approx(max(23_750, 356_250) if kind == "cuda" else 23_750 + 356_250)
    assert table.loc[("bvg, bf16", "band-pass"), "stimuli"] * 3600 == pytest.approx(50_000 * 0.005)
    attack = table.loc[(AS_IT_IS, "pgd"), "network"] * 3600
    assert attack == pytest.approx(3 * 50_000 * (1 / 10 + 40 * 0.2))


def test_a_projection_is_of_one_device():
    with pytest.raises(ValueError, match=r"expected the rows of one device, got \['A', 'B'\]"):
        projection.hours(pd.concat([benchmark("A"), benchmark("B")]))


def test_the_figures_data():
    table = pd.concat([benchmark("A"), benchmark("B")], ignore_index=True)
    stimuli = draw.stimuli(table)
    assert stimuli.data.set_index(["device", "way"])["ratio"].loc["A"].to_dict() == {
        "bvg": 1,
        "NumPy": 10,
        "pyrtools": 6,
    }
    assert "pyrtools 120 ms" in stimuli.alt
    network = draw.throughput(table).data.set_index(["device", "way"])
    assert network.loc[("A", "bvg, bf16"), ["value", "roofline"]].tolist() == [40, 50]
    assert network.loc[("B", AS_IT_IS), "roofline"] == 25
    cost = draw.cost(table)
    models = cost.data.query("device == 'A' and varied == 'models'")
    assert models["amount"].tolist() == [1, 2, 4, 2]
    assert models["line"].tolist()[:3] == pytest.approx([3, 4, 6])
    assert models["way"].tolist()[-1] == PLAIN
    assert np.isnan(models["line"].tolist()[-1])
    assert cost.data.query("device == 'A' and varied == 'images' and way == 'bvg'")["amount"].tolist() == [8, 16, 32]
    for figure in (stimuli, draw.throughput(table), cost):
        assert len(figure.alt) > 60


def test_the_tables():
    table = benchmark()
    drift = tables.drift(table).displayed
    assert drift[["Precision", "Decisions", "Flips per 1,000", "Top-1 [points]"]].values.tolist() == [
        ["bf16", "300", "4.0", "−0.25"], ["bf16", "50", "7.0", ""]
    ]  # fmt: skip
    assert tables.decoding(table).displayed["Images per second"].tolist() == ["100", "200", "100,000"]
    assert list(tables.study(table, 48).displayed) == ["Device", "Network", "1 model [hours]", "48 models [hours]"]
    assert (
        tables.ratios(table)
        == "band-pass, 22 conditions: 10.0 times (NumPy); critical band, 28 conditions: 6.0 times (pyrtools)"
    )


def test_what_is_committed_is_complete():
    table = bench.load()
    for device, rows in table.groupby("device"):
        assert {"kernels", "network", "attack", "decode", "engine", "drift"} == set(rows["section"]), device
        assert (rows.loc[rows["section"] != "drift", "value"] > 0).all()
        assert rows.loc[rows["section"] == "kernels", "difference"].max() < 1e-5, "nothing is lost in accuracy"
        draw.cost(rows)
        projection.hours(rows)
