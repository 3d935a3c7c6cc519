"""A benchmark of one device with round numbers."""

import pandas as pd

from bvg.bench.data import BASELINE, DECODE, MEASURE
from bvg.bench.network import ATTACK, FORWARD, LIMIT, PEAK, UNMODIFIED
from bvg.bench.record import Row


def benchmark(device: str = "A", kind: str = "cuda") -> pd.DataFrame:
    """Return a benchmark with round numbers."""
    rows = [
        Row("kernels", "band-pass, 22 conditions", "bvg", 5, "ms/image", 8, conditions=22),
        Row("kernels", "band-pass, 22 conditions", "NumPy", 50, "ms/image", 1, conditions=22, difference=1e-7),
        Row("kernels", "critical band, 28 conditions", "bvg", 20, "ms/image", 8, conditions=28),
        Row("kernels", "critical band, 28 conditions", "pyrtools", 120, "ms/image", 1, conditions=28, difference=2e-7),
        Row("kernels", "decision among 16 categories", "bvg", 0.5, "ms/image", 8, conditions=1),
        Row("network", FORWARD, "work", 8, "GFLOP/image", 1),
        Row("network", PEAK, "fp32", 0.2, "TFLOP/s"),
        Row("network", PEAK, "bf16", 0.4, "TFLOP/s"),
        Row("network", LIMIT, "fp32", 25, "images/s"),
        Row("network", LIMIT, "bf16", 50, "images/s"),
        Row("network", FORWARD, UNMODIFIED, 10, "images/s", 8),
        Row("network", FORWARD, "bvg, bf16", 40, "images/s", 8),
        Row("attack", ATTACK, UNMODIFIED, 200, "ms/image and step", 2),
        Row("attack", ATTACK, "bvg, bf16", 50, "ms/image and step", 2),
        Row("decode", DECODE, "one process", 100, "images/s", 256),
        Row("decode", DECODE, "bvg, 2 processes", 200, "images/s", 256),
        Row("decode", DECODE, "bvg, from the memory map", 100_000, "images/s", 256),
        *(Row("engine", MEASURE, "bvg", 2.0 + m, "s", 16, m, 5) for m in (1, 2, 4)),
        *(Row("engine", MEASURE, "bvg", i / 4, "s", i, 2, 5) for i in (8, 32)),
        *(Row("engine", MEASURE, "bvg", c * 0.8, "s", 16, 2, c) for c in (3, 11)),
        Row("engine", MEASURE, BASELINE, 9, "s", 16, 2, 5),
        Row("profile", "ResNet-50, one batch", "convolutions and matrix products", 30, "ms", 8),
        Row("profile", "ResNet-50, one batch", "everything else", 10, "ms", 8),
        Row("drift", "some network", "bf16", 4, "flips per 1,000", 100, 3),
        Row("drift", "some network", "bf16", -0.25, "top-1, points", 100, 3),
        Row("drift", "another", "bf16", 7, "flips per 1,000", 50, 1),
    ]
    table = pd.DataFrame([vars(row) for row in rows])
    return table.assign(device=device, kind=kind, cores=2, measured="2026-01-01").astype({"difference": float})
