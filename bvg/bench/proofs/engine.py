"""Proofs of the engine on the miniature: its numbers, batch sizes, waiting for the device, full memory, several workers."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from bvg import results
from bvg.bench.proofs.base import Ground, NotProven, Skipped, at_most
from bvg.datasets.loading import Batch
from bvg.instruments import Instrument
from bvg.measure import progress, run
from bvg.measure.accumulator import Accumulator
from bvg.measure.engine import Engine
from bvg.measure.settings import Settings
from bvg.miniature import zoo
from bvg.miniature.instruments import INSTRUMENTS
from bvg.miniature.source import Synthetic
from bvg.models.inference import answering, arithmetic

NETWORKS = ("mini_standard", "mini_linf_eps4")
DECIDING = {name: instrument for name, instrument in INSTRUMENTS.items() if not instrument.alters}
"""The instruments whose numbers follow from decisions; the others change the network."""

UNSTABLE = ("pgd", "critical-band")  # they amplify differences in the last bits
FLIPS = {True: 0.02, False: 0.002}
"""Share of decisions that may differ between devices, for instruments that amplify differences and for the others."""


def measured(ground: Ground, name: str, instruments, models=NETWORKS, data="miniature", **options):
    """Measure into a folder; return the table and the decisions, sorted."""
    out = ground.folder / name / "run"
    options = {"device": ground.device, "progress": False, "keep_predictions": True} | options
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*channel|.*shape bias")  # too few images to fit one
        table = run(models, instruments, data, out, **options)
    decisions = pd.read_parquet(out / "predictions")
    return table, decisions.sort_values([*results.KEY[:4], "index"], ignore_index=True)


def flips(what: str, one: pd.DataFrame, other: pd.DataFrame, share: float) -> str:
    """State how many decisions on the same images differ."""
    key = [*results.KEY[:4], "index", "label"]
    if not one[key].equals(other[key]):
        raise NotProven(f"expected {what} to have decisions on the same images, got others")
    differ = int((one["prediction"] != other["prediction"]).sum())
    return at_most(f"{what}: flips of {len(one):,} decisions", differ, np.ceil(share * len(one)))


def equal(what: str, one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Raise `NotProven` unless two results tables have the same numbers; their runs may have other names."""
    columns = [*results.KEY, "value", "n"]
    if not one[columns].equals(other[columns]):
        raise NotProven(f"expected {what} to give the same table, got other numbers")


def numbers(ground: Ground) -> str:
    """All instruments: the decisions are those of a plain loop on the CPU, and every number follows from the decisions.

    At most 2 in 1,000 decisions differ, at most 2 % under attack and in critical-band noise. The loop uses the networks as
    they are, one at a time; it shares the stimuli and the scores with the engine.
    """
    limit = ground.size(32, 8)
    table, decisions = measured(ground, "all", list(DECIDING.values()), limit=limit)
    networks, stated, rows = {name: zoo.load(name) for name in NETWORKS}, [], []
    for name, instrument in DECIDING.items():
        expected = pd.DataFrame(
            _plain(instrument, limit, networks), columns=[*results.KEY[:4], "index", "label", "prediction"]
        )
        conditions = expected["benchmark"].unique()
        found = decisions[decisions["benchmark"].isin(conditions)]
        expected = expected.astype(found[expected.columns].dtypes.to_dict())
        expected = expected.sort_values([*results.KEY[:4], "index"], ignore_index=True)
        stated.append(flips(name, found.reset_index(drop=True), expected, FLIPS[name in UNSTABLE]))
        for model, own in found.groupby("model"):
            rows += [
                (model, *condition, metric, value, n) for condition, metric, value, n in _rows(instrument, own, limit)
            ]
    if len(rows) != len(table):
        raise NotProven(f"expected the {len(rows)} numbers that follow from the decisions, got {len(table)}")
    expected = pd.DataFrame(rows, columns=[*results.KEY, "value", "n"]).astype({"level": float})
    merged = table.merge(expected, on=list(results.KEY), how="outer", suffixes=("", "_expected"))
    wrong = merged[(merged["value"] != merged["value_expected"]) | (merged["n"] != merged["n_expected"])]
    if len(wrong):
        raise NotProven(
            f"expected the numbers that follow from the decisions, got {len(wrong)} others:\n{wrong.head()}"
        )
    return f"{len(table)} numbers; " + ", ".join(stated)


def _plain(instrument: Instrument, limit: int, networks: dict[str, nn.Module]) -> Iterator[tuple]:
    """Decide on the images of an instrument with unmodified networks on the CPU."""
    source = Synthetic()
    for name, network in networks.items():
        for condition in source.check([instrument], limit):
            data = source.open(condition, limit)
            batch = next(source.batches(data, len(data)))
            images, index = torch.from_numpy(batch.images) / 255, torch.from_numpy(batch.index)
            truth = instrument.truth(batch.labels)[:, 0]
            for measured, stimuli in instrument.stimuli(images, index, 0, instrument.conditions(*condition[1:])):
                with torch.no_grad():
                    chosen = instrument.logits(network, stimuli, truth, index, 0).argmax(1)
                for k, label, choice in zip(batch.index, truth.tolist(), chosen.tolist(), strict=True):
                    yield (name, *measured, k, label, choice)


def _rows(instrument: Instrument, decisions: pd.DataFrame, limit: int) -> list:
    """Compute an instrument's rows from the decisions of one model."""
    source, counts = Synthetic(), {}
    for condition in source.check([instrument], limit):
        data = source.open(condition, limit)
        truth = instrument.truth(data.labels)
        for measured in instrument.conditions(*condition[1:]):
            benchmark, variant, level = measured
            own = decisions[(decisions["benchmark"] == benchmark) & (decisions["variant"] == variant)]
            own = own[own["level"].isna() if level is None else np.isclose(own["level"], level)]
            chosen = own.set_index("index")["prediction"].loc[data.index]
            logits = one_hot(torch.tensor(chosen.to_numpy(), dtype=torch.int64), instrument.classes).float()
            counts[measured] = instrument.score(logits, truth).sums()
    return instrument.rows(counts)[0]


class Watched(nn.Module):
    """A network that keeps the logits of every call."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.calls = network, []

    def forward(self, images: Tensor) -> Tensor:
        logits = self.network(images)
        self.calls.append((len(images), logits.detach().cpu()))
        return logits


def logits(ground: Ground) -> str:
    """The network gets the same stimuli from the engine as from a plain loop on the CPU: logits are equal to 1 in 1,000.

    Decisions hide small changes of the images; logits show them. One image in a hundred may differ more in critical-band
    noise, where a device may decide differently whether to move a pixel.
    """
    limit, stated = ground.size(32, 16), []
    for name in ("imagenet", "imagenet-cbar", "cue-conflict", "band-pass", "critical-band"):
        there, here = (Watched(zoo.load(NETWORKS[0])) for _ in range(2))
        instrument = replace(INSTRUMENTS[name], needs=())
        measured(ground, name, [instrument], {"watched": there}, limit=limit, batch_size=limit)
        deque(_plain(instrument, limit, {"watched": here}), maxlen=0)
        calls = there.calls[-len(here.calls) :]  # the first were made to check the model
        if [n for n, _ in calls] != [n for n, _ in here.calls]:
            raise NotProven(f"expected {len(here.calls)} calls of the network under {name}, got others")
        found, expected = (torch.cat([one for _, one in each]) for each in (calls, here.calls))
        differ = (found - expected).abs().amax(1) / expected.abs().max()
        share = 0.99 if name in UNSTABLE else 1.0
        worst = float(differ.quantile(share) if differ.isfinite().all() else torch.inf)
        stated.append(at_most(f"{name}: relative difference", worst, 1e-3) + f" of {len(found)} images")
    return ", ".join(stated)


def batch_sizes(ground: Ground) -> str:
    """Batches of 1, 16 and 256 images give the same decisions; at most 2 in 1,000 differ, 2 % under attack."""
    chosen = [INSTRUMENTS["imagenet"], replace(INSTRUMENTS["band-pass"], cutoffs=(0.1, 0.5))]
    chosen.append(replace(INSTRUMENTS["pgd"], steps=3))
    limit, stated = ground.size(288, 24), []
    runs = {
        size: measured(ground, f"batches-{size}", chosen, NETWORKS[:1], batch_size=size, limit=limit)[1]
        for size in (256, 16, 1)
    }
    for size in (16, 1):
        for attacked in (False, True):
            one, other = (runs[s][(runs[s]["benchmark"] == "pgd") == attacked] for s in (256, size))
            what = f"batches of {size}" + (", attacked" if attacked else "")
            stated.append(flips(what, one.reset_index(drop=True), other.reset_index(drop=True), FLIPS[attacked]))
    return ", ".join(stated)


def no_waiting(ground: Ground) -> str:
    """Within a unit the host never waits for the device, under any instrument."""
    network = answering(zoo.load(NETWORKS[0]).to(ground.device), "fp32")
    engine = Engine(None, {"net": network}, None, ground.device, 16, Settings(keep_predictions=True, progress=False))
    engine.size, engine.bar = 16, progress.bar(0, "", False)
    kinds = list(DECIDING.values())
    with arithmetic("fp32"):
        for instrument in kinds:
            source = Synthetic()
            condition = next(iter(source.check([instrument], 16)))
            data = source.open(condition, 16)
            batch = Batch(next(source.batches(data, 16)).images, data.labels, data.index)
            conditions = instrument.conditions(*condition[1:])
            engine._evaluate(instrument, batch, {"net": Accumulator(conditions, True)}, conditions)  # initialization
            sums = {"net": Accumulator(conditions, True)}
            if ground.cuda:
                torch.cuda.synchronize(ground.device)
                torch.cuda.set_sync_debug_mode("error")
            try:
                if not engine._evaluate(instrument, batch, sums, conditions):
                    raise NotProven(f"expected a batch of {instrument.name} to fit into memory, got an error")
            finally:
                if ground.cuda:
                    torch.cuda.set_sync_debug_mode("default")
            if {one["n"] for one in sums["net"].counts("net").values()} != {16}:
                raise NotProven(f"expected the sums of 16 images under {instrument.name}, got others")
    if not ground.cuda:
        raise Skipped(f"needs CUDA (evaluated {len(kinds)} instruments without watching the device)")
    return f"{len(kinds)} instruments"


class Hungry(nn.Module):
    """A network that takes additional memory for each image; on the CPU it raises the error of a GPU itself."""

    EACH, ROOM = 2**26, 2**29

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        if images.device.type == "cpu" and len(images) * self.EACH > self.ROOM:
            raise torch.OutOfMemoryError("simulated")
        taken = torch.empty(
            len(images) * self.EACH * (images.device.type != "cpu"), dtype=torch.uint8, device=images.device
        )
        return self.network(images) + taken[:1].sum() * 0


def full_memory(ground: Ground) -> str:
    """An out-of-memory error halves the batch, and the measurement goes on with the same table as in small batches.

    On a GPU the error is real: the process may take 768 MB more than it has, and a batch of 32 images takes 2 GB.
    """
    chosen, limit = [INSTRUMENTS["imagenet"], replace(INSTRUMENTS["band-pass"], cutoffs=(0.5,))], 32
    models = {"hungry": Hungry(zoo.load(NETWORKS[0]))}
    small = measured(ground, "small", chosen, models, batch_size=2, limit=limit)[0]
    if ground.cuda:
        torch.cuda.empty_cache()
        number = torch.cuda.current_device() if ground.device.index is None else ground.device.index
        room = torch.cuda.memory_reserved(number) + Hungry.ROOM + 2**28
        total = torch.cuda.get_device_properties(number).total_memory
        torch.cuda.set_per_process_memory_fraction(room / total, number)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            halved = measured(ground, "halved", chosen, models, batch_size=32, limit=limit)[0]
    finally:
        if ground.cuda:
            torch.cuda.set_per_process_memory_fraction(1.0, number)
            torch.cuda.empty_cache()
    said = [str(one.message) for one in caught if str(one.message).startswith("out of memory")]
    if not said:
        raise NotProven("expected an out-of-memory error, got none")
    equal("halved batches", halved, small)
    return f"{len(said)} halvings ({said[-1]})" + ("" if ground.cuda else "; raised by the network itself")


def two_workers(ground: Ground) -> str:
    """Two workers on one device give the table and the decisions of one process."""
    if find_spec("submitit") is None:
        raise Skipped("needs submitit")
    chosen = [replace(INSTRUMENTS[name], unit=8) for name in ("imagenet", "cue-conflict", "pgd")]
    alone = measured(ground, "one", chosen, NETWORKS[:1], limit=32)
    kind = torch.device(ground.device.type)
    both = measured(ground, "two", chosen, NETWORKS[:1], limit=32, engine="local", jobs=2, device=kind)
    equal("two workers", both[0], alone[0])
    if not both[1].equals(alone[1]):
        raise NotProven("expected two workers to decide as one process, got other decisions")
    return f"{len(alone[0])} numbers and {len(alone[1])} decisions equal"
