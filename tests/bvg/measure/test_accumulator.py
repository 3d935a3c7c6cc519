"""Test that sums and decisions stay on the device: the host reads them once per unit, not per batch."""

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bvg.datasets.loading import Batch
from bvg.instruments import STUDY, BandPass, CriticalBand, Instrument
from bvg.measure import progress
from bvg.measure.accumulator import Accumulator
from bvg.measure.engine import Engine, MeasureError
from bvg.measure.settings import Settings

CPU, GPU = torch.device("cpu"), torch.device("cuda")
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICES = [CPU, pytest.param(GPU, marks=gpu)]


class Reads(TorchDispatchMode):
    """Count the operations by which the host reads results of a device."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        if name in ("item", "_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select", "unique"):
            self.seen[name] += 1
        return function(*args, **(kwargs or {}))


@cache
def network(classes: int) -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten(), torch.nn.Linear(48, classes)).eval()


def labels(instrument: Instrument, n: int):
    if instrument.name == "imagenet-real":
        return tuple(frozenset({i, 2 * i + 1}) for i in range(n))
    return np.stack([np.arange(n) % 16] * 2, axis=1) if instrument.name == "cue-conflict" else np.arange(n) % 16


INSTRUMENTS = {
    **{name: STUDY[name] for name in ("imagenet", "imagenet-real", "imagenet-a", "stylized", "cue-conflict")},
    "band-pass": BandPass("band-pass", "imagenet", cutoffs=(0.1, 0.5)),
    "critical-band": CriticalBand("critical-band", "imagenet", size=32),
    "pgd": replace(STUDY["pgd"], steps=2),
}


def engine(device: torch.device, **options) -> Engine:
    made = Engine(None, {}, None, device, 8, Settings(keep_predictions=True, progress=False), **options)
    made.size, made.bar = 8, progress.bar(0, "", False)
    return made


def measured(instrument: Instrument, device: torch.device, batches: int, within=None):
    """Evaluate a small network on batches of random images, inside the context `within`; return the accumulator."""
    made = engine(device)
    made.models = {"net": network(1000).to(device)}
    conditions = instrument.conditions()
    accumulators = {"net": Accumulator(conditions, keep=True)}
    images = np.random.default_rng(0).integers(0, 256, (8, 3, 32, 32), dtype=np.uint8)
    batch = Batch(images, labels(instrument, 8), np.arange(8))
    if device.type == "cuda":  # one-time initialization
        made._evaluate(instrument, batch, {"net": Accumulator(conditions, keep=True)}, conditions)
        torch.cuda.set_sync_debug_mode("error")
    try:
        with within or torch.inference_mode():
            for _ in range(batches):
                assert made._evaluate(instrument, batch, accumulators, conditions)
    finally:
        if device.type == "cuda":
            torch.cuda.set_sync_debug_mode("default")
    return accumulators["net"]


@gpu
@pytest.mark.parametrize("name", INSTRUMENTS)
def test_batches_do_not_wait_for_the_gpu_and_agree_with_the_cpu(name):
    there, here = (measured(INSTRUMENTS[name], device, 3) for device in (GPU, CPU))
    assert there.counts("net").keys() == here.counts("net").keys()
    assert {sums["n"] for sums in there.counts("net").values()} == {24}
    if name not in ("pgd", "critical-band"):  # these amplify differences in the last bits
        assert there.counts("net") == here.counts("net")


@pytest.mark.parametrize("name", ["imagenet", "imagenet-real", "cue-conflict"])
def test_scores_and_sums_are_not_read_per_batch(name):
    # This decision rule reads no values. Those of the kernels do on a CPU, where reading is free.
    instrument = replace(INSTRUMENTS[name], decide=lambda logits: logits.argmax(dim=1) % 16)
    logits, truth = torch.randn(8, 1000), instrument.truth(labels(instrument, 8))
    (condition,) = instrument.conditions()
    accumulator = Accumulator([condition], keep=True)
    with Reads() as reads:
        for _ in range(3):
            accumulator.add(condition, np.arange(8), instrument.score(logits, truth), torch.tensor(0))
    assert reads.seen == {}
    assert accumulator.counts("net")[condition]["n"] == 24


def test_a_batch_reads_one_value_on_the_cpu():
    reads = Reads()
    measured(INSTRUMENTS["imagenet"], CPU, 5, within=reads)
    assert reads.seen == {"item": 5}  # whether the logits are finite, per batch


def test_sums_are_integers_and_decisions_are_in_order():
    accumulator = measured(INSTRUMENTS["imagenet"], CPU, 3)
    (counts,) = accumulator.counts("net").values()
    assert {name: type(value) for name, value in counts.items()} == {"n": int, "top1": int, "top5": int}
    kept = accumulator.predictions()
    assert kept.index.tolist() == list(range(8)) * 3
    assert (kept.prediction.dtype, kept.hit.dtype) == (np.int16, bool)
    assert int(kept.hit.sum()) == counts["top1"]
    assert np.array_equal(kept.hit[0], kept.prediction[0] == kept.index % 16)


def test_logits_that_are_not_finite_are_reported_when_the_unit_is_read():
    instrument = BandPass("band-pass", "imagenet", cutoffs=(0.5,))
    conditions = instrument.conditions()
    accumulator, truth = Accumulator(conditions, keep=False), instrument.truth(np.arange(2))
    for bad_logits in (0, 3, 0):  # counts on a device are not read at once
        for condition in conditions:
            found = torch.tensor(bad_logits if condition[0] == "high-pass" else 0)
            accumulator.add(condition, np.arange(2), instrument.score(torch.zeros(2, 1000), truth), found)
    with pytest.raises(MeasureError, match=r"expected finite logits of net on high-pass 0.5, got NaN or infinity"):
        accumulator.counts("net")
