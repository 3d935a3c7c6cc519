"""Many workers on one run: each measures a share of the units into a shard of its own, and the shards are merged.

    OUT/shards/<k>/     the run folder of worker k; nobody else writes there
    OUT/shards/logs/    what submitit submitted, what the workers said, how they ended

Nothing writes to OUT itself while they work. A worker that is preempted is started again and goes on in its shard; what
one leaves behind that is killed is merged by the next call. The folder `shards` is gone when all is merged.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import submitit
import torch
from submitit.helpers import DelayedSubmission

from bvg.measure import progress, submit
from bvg.measure.engine import MeasureError, Units, Where
from bvg.measure.plan import Plan
from bvg.measure.provenance import session
from bvg.measure.run_folder import Run
from bvg.measure.settings import torch_device
from bvg.measure.unit_store import RunError
from bvg.models.inference import arithmetic

Share = dict[Where, Units]
"""Units of each measurement, by where they start, with the models to be shown each."""


class Outcome(NamedTuple):
    """What a worker says at its end, as of `bvg.measure.engine.Engine`; what it measured is in its shard."""

    unreadable: dict[str, str]
    tried: int


@dataclass(frozen=True)
class Worker:
    """One worker. Submitit pickles it, calls it, and calls it again after a preemption.

    Attributes:
        plan: of the whole run.
        share: the units that are its own.
        folder: its shard.
        gpu: what CUDA_VISIBLE_DEVICES is to say; None leaves it as it is.
        threads: of torch on the CPU, and processes that decode; None is one per core that Slurm gave the job.
    """

    plan: Plan
    share: Share
    folder: Path
    gpu: str | None = None
    threads: int | None = None

    def __call__(self) -> Outcome:
        if self.gpu is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = self.gpu  # torch reads it when it is first asked for a device
        threads = self.threads or int(os.environ["SLURM_CPUS_ON_NODE"])
        torch.set_num_threads(threads)
        os.environ["LOKY_MAX_CPU_COUNT"] = str(threads)  # what joblib.cpu_count says: so many processes decode
        os.register_at_fork(after_in_child=_unmoved)
        device = torch_device(self.plan.device)
        plan = deepcopy(self.plan)  # models go to the device, and readers start: neither is to be in a checkpoint
        with Run(self.folder, plan.shared) as shard, arithmetic(plan.settings.precision):
            place = {"host": socket.gethostname(), "job": submitit.JobEnvironment().job_id}
            shard.begin({**session(device), **place})
            *_, engine = plan.measure(shard, dict(plan.load(shard, device)), self.mine)
        return Outcome(engine.unreadable, engine.tried)

    def mine(self, where: Where, waiting: Units) -> Units:
        """Of the units that the shard lacks, those of this worker."""
        own = self.share.get(where, {})
        return {start: [model for model in models if model in waiting[start]] for start, models in own.items()}

    def checkpoint(self) -> DelayedSubmission:
        """What is to be done after a preemption: the same. The shard knows how far it came."""
        return DelayedSubmission(self)


def _unmoved() -> None:
    """In a process that reads images: Slurm tells it of a preemption, too, and it is not to act on it as the worker does."""
    signal.signal(getattr(signal, f"SIG{submitit.JobEnvironment.USR_SIG}"), signal.SIG_IGN)


def device_of(engine: str, device: str | torch.device | None) -> torch.device:
    """The kind of device that workers compute on: CUDA unless said otherwise, but locally only where it is there.

    Raises:
        ValueError: no such engine, or a device that is one of several, or not here.
    """
    if engine not in submit.ENGINES:
        raise ValueError(f"expected `engine` to be None, {' or '.join(map(repr, submit.ENGINES))}, got {engine!r}")
    if device is None:
        device = "cuda" if engine == "slurm" or torch.cuda.is_available() else "cpu"
    kind = str(device)
    if kind not in ("cpu", "cuda"):
        raise ValueError(f"expected `device` to be 'cuda' or 'cpu' with an engine, got {kind!r}")
    if kind == "cuda" and engine == "local" and not torch.cuda.is_available():
        raise ValueError("expected `device` to be one that torch has here, got 'cuda' (there is none)")
    return torch.device(kind)  # not tried: the GPUs are the workers'


def run(
    plan: Plan, out: str | Path, engine: str, number: int | None, slurm: Mapping | None
) -> tuple[pd.DataFrame, list[str], Outcome]:
    """Measure a plan by many workers: the table, what is to be said about gaps in it, and what could not be read.

    Args:
        plan: what is to be measured. Modules among its models are moved to the CPU.
        out: the run folder.
        engine, number, slurm: as `engine`, `jobs`, `slurm` of `bvg.measure.run`.

    Raises:
        ValueError: options that cannot be, or a model cannot be loaded; before anything is submitted.
        RunError: the run folder, or a shard in it, is in use, of other settings, or cannot be written to.
        MeasureError: a worker failed or was lost. What all of them measured is kept.
    """
    cuda = plan.device.type == "cuda"
    if slurm is not None and engine != "slurm":
        raise ValueError(f"expected `slurm` with engine='slurm' alone, got it with {engine!r}")
    gpus = _gpus() if cuda and engine == "local" else []
    number = _number(number, engine, len(gpus))
    with Run(out, plan.shared) as folder:
        shards = folder.folder / "shards"
        options = ({"gpus_per_node": 1} if cuda and engine == "slurm" else {}) | dict(slurm or {})
        executor = submit.executor(shards / "logs", engine, options)
        _nobody_works(shards / "logs", engine)
        for _ in plan.load(folder, torch.device("cpu")):
            pass  # one at a time: each is to be what it was, and is fetched once rather than by every worker
        _merge(folder, shards)
        outcome, failures = Outcome({}, 0), []
        if shares := _shares(plan.pending(folder), number):
            threads = max(1, (os.cpu_count() or 1) // len(shares)) if engine == "local" else None
            workers = [
                Worker(plan, share, shards / str(k), gpus[k % len(gpus)] if gpus else None, threads)
                for k, share in enumerate(shares)
            ]
            outcome, failures = _work(executor, workers, engine, plan.settings.progress)
            _merge(folder, shards)
            failures = failures if plan.pending(folder) else []  # one that was killed after its last unit is no loss
        plan.write_predictions(folder)
        table, notes = plan.save(folder)
        if not failures:
            shutil.rmtree(shards, ignore_errors=True)
    if failures:
        raise MeasureError(
            f"expected all {len(shares)} workers to finish, got {failures[0]}. All that was measured is kept; the same "
            "call continues"
        )
    return table, notes, outcome


def _work(
    executor: submitit.AutoExecutor, workers: list[Worker], engine: str, shown: bool
) -> tuple[Outcome, list[str]]:
    """Let the workers work: what those say that finished, and what is to be said of the others."""
    units = [models for worker in workers for units in worker.share.values() for models in units.values()]
    with progress.bar(sum(map(len, units)), f"{len(workers)} workers", shown, "unit", smoothing=0.1) as bar:
        ended = submit.run(executor, workers, engine, lambda: bar.update(_measured(workers) - bar.n))
        bar.update(_measured(workers) - bar.n)
    unreadable, tried, failures = {}, 0, []
    for k, (outcome, failure) in enumerate(ended):
        if failure:
            failures.append(f"from worker {k}: {failure}")
        else:
            unreadable, tried = unreadable | outcome.unreadable, tried + outcome.tried
    return Outcome(unreadable, tried), failures


# --- what is to be done, and by whom ---------------------------------------------------------------------------------


def _shares(waiting: Share, number: int) -> list[Share]:
    """Deal the units out one by one, so that each worker has some of every measurement; as many shares as are not empty.

    >>> _shares({("imagenet", "", ""): {0: ["a"], 1024: ["a"]}, ("pgd", "linf", "0.002"): {0: ["a", "b"]}}, 2)
    [{('imagenet', '', ''): {0: ['a']}, ('pgd', 'linf', '0.002'): {0: ['a', 'b']}}, {('imagenet', '', ''): {1024: ['a']}}]
    """
    shares: list[Share] = [{} for _ in range(number)]
    turn = itertools.cycle(shares)
    for where, units in waiting.items():
        for start, models in units.items():
            next(turn).setdefault(where, {})[start] = models
    return [share for share in shares if share]


def _number(number: int | None, engine: str, gpus: int) -> int:
    if number is None and engine == "local":
        return gpus or min(os.cpu_count() or 1, 8)  # each loads all models, and memory has an end
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"expected `jobs`, the number of workers, to be an integer of at least 1, got {number!r}")
    return number


def _gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES calls each GPU that this process sees: a number, or a UUID if that is how it was set."""
    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "").replace(" ", "").split(",")
    return named[:count] if named != [""] else [str(k) for k in range(count)]


# --- shards ----------------------------------------------------------------------------------------------------------


def _merge(folder: Run, shards: Path) -> None:
    for shard in sorted(shards.glob("[0-9]*")):
        folder.merge(shard)
        shutil.rmtree(shard)


def _measured(workers: list[Worker]) -> int:
    """Units in the shards: a look without locks, which keeps nobody from writing; it may come at a bad moment."""
    total = 0
    for worker in workers:
        path = worker.folder / "units.sqlite"
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
                total += database.execute("select count(*) from units").fetchone()[0]
        except sqlite3.Error:
            continue
    return total


def _nobody_works(logs: Path, engine: str) -> None:
    """Jobs of an earlier call whose process was killed may still wait or run (local ones: then their shard is in use)."""
    if engine == "slurm" and (left := submit.unfinished(logs) & (submit.queued() or set())):
        ids = " ".join(sorted(left))
        raise RunError(
            f"expected no jobs of an earlier call, got {ids}, which wait or run: call again when they have ended, or end "
            f"them by `scancel {ids}`"
        )
