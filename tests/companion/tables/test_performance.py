"""Tables of the performance page."""

import pandas as pd
import pytest
from benchmark_rows import benchmark
from companion.tables import performance as tables

from bvg.bench.data import DECODE, HELD


def test_tables_of_a_benchmark_with_round_numbers():
    table = benchmark()
    drift = tables.drift(table).displayed
    assert drift[["Precision", "Decisions", "Flips per 1,000", "Top-1 [points]"]].values.tolist() == [
        ["bf16", "300", "4.0", "−0.25"], ["bf16", "50", "7.0", ""]
    ]  # fmt: skip
    assert tables.decoding(table).displayed["Images per second"].tolist() == ["100", "200", "100,000"]
    assert list(tables.study(table, 48).displayed) == ["Device", "Network", "1 model", "48 models"]
    assert (
        tables.ratios(table)
        == "band-pass, 22 conditions: 10.0 times (NumPy); critical band, 28 conditions: 6.0 times (pyrtools)"
    )


def test_kernels_are_compared_with_the_fastest_forward_pass():
    data = tables.kernels(benchmark()).data.set_index("kernel")
    # 5 ms for 22 images are 4,400 images per second; the fastest form of the network takes 40 images per second.
    assert data.loc["band-pass, 22 conditions", "rate"] == pytest.approx(4_400)
    assert data.loc["band-pass, 22 conditions", "share"] == pytest.approx(40 / 4_400)
    assert data.loc["decision among 16 categories", "rate"] == pytest.approx(2_000)
    assert set(data["network"]) == {"bvg, bf16"}


def test_attacked_images_per_second_count_all_steps():
    data = tables.attack(benchmark()).data.set_index("way")
    assert data.loc["bvg, bf16", "rate"] == pytest.approx(1 / (0.050 * 40))


def test_shares_of_a_profile_add_up():
    data = tables.profile(benchmark()).data
    assert data["share"].tolist() == [0.75, 0.25]


def test_targets_are_compared_with_gpus_only():
    table = benchmark("some GPU")
    held = table[table["name"] == DECODE].iloc[[0]].assign(way=HELD, value=300_000)
    fast = table[table["way"] == "bvg, bf16"].assign(way="bvg, fp16, compiled")
    shown = tables.targets(pd.concat([table, held, fast])).displayed.set_index("What")
    assert shown.loc["images held on the GPU [images/s]", ["Measured", "Of the target"]].tolist() == [
        "300,000",
        "reached",
    ]
    assert shown.loc["ResNet-50 in fp16 [images/s]", ["Measured", "Of the target"]].tolist() == ["40", "0%"]
    assert shown.loc["PGD with 40 steps [images/s]", "Measured"] == "0"  # 0.5
    assert shown.loc["band-pass filtered images [1/s]", "Measured"] == "4,400"
    assert "images from the memory map into the GPU [images/s]" not in shown.index
    assert tables.targets(benchmark("some CPU", "cpu")).data.empty


def test_a_failed_proof_shows_its_last_line():
    found = pd.DataFrame(
        [
            {"device": "A", "proven": "2026-01-01", "name": "p", "outcome": "passed", "seconds": 1.0, "detail": "equal"},
            {"device": "A", "proven": "2026-01-01", "name": "q", "outcome": "failed", "seconds": 1.0, "detail": "Trace\nend"},
        ]
    )  # fmt: skip
    assert tables.proofs(found).displayed["What was compared"].tolist() == ["equal", "end"]
