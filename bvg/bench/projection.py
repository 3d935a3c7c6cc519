"""Projection of the time of the full study on a device: the work of each part, times its measured cost."""

from __future__ import annotations

import pandas as pd

from bvg import study
from bvg.bench.data import DECODE, HELD, MAPPED, STREAMED
from bvg.bench.network import ATTACK, FORWARD
from bvg.bench.record import BVG
from bvg.datasets import layouts
from bvg.instruments import PGD, STUDY, BandPass, CriticalBand


def work() -> pd.DataFrame:
    """Count the work of the study, one row per instrument.

    Returns:
        instrument; decoded, the images decoded once for all models (0 if another instrument decodes them); evaluated, the
        images that each model classifies; steps, the steps of the attack on each of them (0 without one).

    >>> int(work()["evaluated"].sum())
    10047306
    """
    rows, seen = [], set()
    for name, instrument in STUDY.items():
        layout = layouts.LAYOUTS[instrument.dataset]
        conditions = layouts.conditions(instrument.dataset)
        files = layout.images * len(conditions)
        decoded = 0 if layout.folders in seen else files
        seen.add(layout.folders)
        labelled = study.benchmark(name).images if name == "imagenet-real" else files
        evaluated = labelled * len(instrument.conditions(*conditions[0][1:]))
        rows.append((name, decoded, evaluated, instrument.steps if isinstance(instrument, PGD) else 0))
    return pd.DataFrame(rows, columns=["instrument", "decoded", "evaluated", "steps"])


def hours(benchmark: pd.DataFrame, models: int = 48) -> pd.DataFrame:
    """Compute the hours of each part of the study on one device.

    On a GPU, decoding runs in other processes at the same time, so a part takes as long as the slower of the two. On a CPU, the
    two add up.

    Args:
        benchmark: rows of `bvg.bench.load` of one device.
        models: number of models; decoding and stimuli are shared by all.

    Returns:
        One row per measured form of the network and instrument: way, instrument, decoding, stimuli, network (hours each), total.

    Raises:
        ValueError: rows of several devices.
    """
    if benchmark["device"].nunique() != 1:
        raise ValueError(f"expected the rows of one device, got {sorted(set(benchmark['device']))}")
    value = benchmark.set_index(["name", "way"])["value"]
    decode = max(value[DECODE].drop([MAPPED, STREAMED, HELD], errors="ignore"))
    per_image = {  # ms for all conditions of an image
        BandPass: value[_kernel(benchmark, "band-pass"), BVG],
        CriticalBand: value[_kernel(benchmark, "critical band"), BVG],
    }
    parallel = (benchmark["kind"] == "cuda").all()
    rows = []
    for way in [w for w in value[FORWARD].index if w != "work"]:
        for item in work().itertuples(index=False):
            kind = type(STUDY[item.instrument])
            images = layouts.LAYOUTS[STUDY[item.instrument].dataset].images
            decoding = item.decoded / decode
            stimuli = images * per_image.get(kind, 0) / 1e3
            network = models * item.evaluated / value[FORWARD, way]
            network += models * item.evaluated * item.steps * value[ATTACK, way] / 1e3
            total = max(decoding, stimuli + network) if parallel else decoding + stimuli + network
            rows.append((way, item.instrument, *(t / 3600 for t in (decoding, stimuli, network, total))))
    return pd.DataFrame(rows, columns=["way", "instrument", "decoding", "stimuli", "network", "total"])


def _kernel(benchmark: pd.DataFrame, start: str) -> str:
    names = benchmark.loc[benchmark["section"] == "kernels", "name"].unique()
    return next(name for name in names if name.startswith(start))
