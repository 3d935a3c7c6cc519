"""From a device's benchmark to the time that the full study takes on it: what is to be done, times what each part costs."""

from __future__ import annotations

import pandas as pd

from bvg import study
from bvg.bench.data import DECODE
from bvg.bench.network import ATTACK, FORWARD
from bvg.bench.record import BVG
from bvg.datasets import layouts
from bvg.instruments import PGD, STUDY, BandPass, CriticalBand


def work() -> pd.DataFrame:
    """What the study asks for, a row per instrument.

    Returns:
        instrument; decoded, images decoded once for all models (0 where another instrument decodes them); shown, images that
        each model is shown; steps, steps of an attack on each of them (0 without one).

    >>> int(work()["shown"].sum())
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
        shown = labelled * len(instrument.conditions(*conditions[0][1:]))
        rows.append((name, decoded, shown, instrument.steps if isinstance(instrument, PGD) else 0))
    return pd.DataFrame(rows, columns=["instrument", "decoded", "shown", "steps"])


def hours(benchmark: pd.DataFrame, models: int = 48) -> pd.DataFrame:
    """Hours of the study's parts on one device, for each way that its network was measured in.

    Decoding runs in processes of its own beside the device, so that a part takes as long as the slower of the two. Where
    the device is the CPU, the two share it and add up.

    Args:
        benchmark: the rows of one device, of `bvg.bench.load`.
        models: how many are measured; decoding and stimuli are shared by all.

    Returns:
        A row per way and instrument: way, instrument, decoding, stimuli, network (hours each), total.

    Raises:
        ValueError: more than one device.
    """
    if benchmark["device"].nunique() != 1:
        raise ValueError(f"expected the rows of one device, got {sorted(set(benchmark['device']))}")
    value = benchmark.set_index(["name", "way"])["value"]
    decode = max(value[DECODE].drop(f"{BVG}, from the memory map"))
    per_image = {  # ms for all conditions of an image
        BandPass: value[_kernel(benchmark, "band-pass"), BVG],
        CriticalBand: value[_kernel(benchmark, "critical band"), BVG],
    }
    beside = (benchmark["kind"] == "cuda").all()
    rows = []
    for way in [w for w in value[FORWARD].index if w != "work"]:
        for item in work().itertuples(index=False):
            kind = type(STUDY[item.instrument])
            images = layouts.LAYOUTS[STUDY[item.instrument].dataset].images
            decoding = item.decoded / decode
            stimuli = images * per_image.get(kind, 0) / 1e3
            network = models * item.shown / value[FORWARD, way]
            network += models * item.shown * item.steps * value[ATTACK, way] / 1e3
            total = max(decoding, stimuli + network) if beside else decoding + stimuli + network
            rows.append((way, item.instrument, *(t / 3600 for t in (decoding, stimuli, network, total))))
    return pd.DataFrame(rows, columns=["way", "instrument", "decoding", "stimuli", "network", "total"])


def _kernel(benchmark: pd.DataFrame, start: str) -> str:
    names = benchmark.loc[benchmark["section"] == "kernels", "name"].unique()
    return next(name for name in names if name.startswith(start))
