"""The projection multiplies the work of the study by its measured cost."""

import pandas as pd
import pytest
from benchmark_rows import benchmark

from bvg import study
from bvg.bench import projection
from bvg.bench.network import UNMODIFIED


def test_work_of_the_study():
    work = projection.work().set_index("instrument")
    assert work.loc["imagenet-c", ["decoded", "evaluated"]].tolist() == [95 * 50_000, 95 * 50_000]
    assert work.loc["band-pass", ["decoded", "evaluated"]].tolist() == [0, 22 * 50_000]
    assert work.loc["critical-band", "evaluated"] == 29 * 50_000
    assert work.loc["imagenet-real", ["decoded", "evaluated"]].tolist() == [0, study.benchmark("imagenet-real").images]
    assert work["steps"][work["steps"] > 0].to_dict() == {"pgd": 40}


@pytest.mark.parametrize("kind", ["cuda", "cpu"])
def test_hours_of_a_benchmark_with_round_numbers(kind):
    table = projection.hours(benchmark(kind=kind), models=3).set_index(["way", "instrument"])
    row = table.loc["bvg, bf16", "imagenet-c"] * 3600
    assert row["decoding"] == pytest.approx(4_750_000 / 200)
    assert row["network"] == pytest.approx(3 * 4_750_000 / 40)
    assert row["total"] == pytest.approx(max(23_750, 356_250) if kind == "cuda" else 23_750 + 356_250)
    assert table.loc[("bvg, bf16", "band-pass"), "stimuli"] * 3600 == pytest.approx(50_000 * 0.005)
    attack = table.loc[(UNMODIFIED, "pgd"), "network"] * 3600
    assert attack == pytest.approx(3 * 50_000 * (1 / 10 + 40 * 0.2))


def test_rows_of_several_devices_are_rejected():
    with pytest.raises(ValueError, match=r"expected the rows of one device, got \['A', 'B'\]"):
        projection.hours(pd.concat([benchmark("A"), benchmark("B")]))
