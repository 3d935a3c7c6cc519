"""Figures of the performance page: their data and alternative texts."""

import numpy as np
import pandas as pd
import pytest
from benchmark_rows import benchmark
from companion.figures import performance as draw

from bvg import bench
from bvg.bench.data import BASELINE
from bvg.bench.network import UNMODIFIED


def test_figures_hold_the_numbers_of_the_benchmark():
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
    assert network.loc[("B", UNMODIFIED), "roofline"] == 25
    cost = draw.cost(table)
    models = cost.data.query("device == 'A' and varied == 'models'")
    assert models["amount"].tolist() == [1, 2, 4, 2]
    assert models["line"].tolist()[:3] == pytest.approx([3, 4, 6])
    assert models["way"].tolist()[-1] == BASELINE
    assert np.isnan(models["line"].tolist()[-1])
    assert cost.data.query("device == 'A' and varied == 'images' and way == 'bvg'")["amount"].tolist() == [8, 16, 32]
    for figure in (stimuli, draw.throughput(table), cost):
        assert len(figure.alt) > 60


def test_committed_results_can_be_drawn():
    for _, rows in bench.load().groupby("device"):
        assert len(draw.cost(rows).data) > 0
