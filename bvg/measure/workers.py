"""Several workers on one run: each measures a share of the units into its own shard, and the shards are merged.

    OUT/shards/<k>/     the run folder of worker k; only this worker writes there
    OUT/shards/logs/    submitit's files: submissions, logs, results

Nothing writes to OUT itself while the workers run. A preempted worker restarts and resumes in its shard. If a worker is
killed, the next call merges its shard. The folder `shards` is removed when everything is merged.
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

from bvg.measure import progress, ranges, submit
from bvg.measure.engine import MeasureError, Where
from bvg.measure.plan import Plan
from bvg.measure.provenance import session
from bvg.measure.ranges import Units
from bvg.measure.run_folder import Run
from bvg.measure.settings import torch_device
from bvg.measure.unit_store import RunError
from bvg.models.inference import arithmetic

Share = dict[Where, Units]
"""Units of each measurement."""


class Outcome(NamedTuple):
    """Images that a worker could not decode, and the number in their units (see `Engine`). Its results are in its shard."""

    unreadable: dict[str, str]
    tried: int


@dataclass(frozen=True)
class Worker:
    """One worker. Submitit pickles it, calls it, and calls it again after a preemption.

    Attributes:
        plan: the plan of the whole run.
        share: the units of this worker.
        folder: its shard.
        gpu: value of CUDA_VISIBLE_DEVICES; None leaves it unchanged.
        threads: number of torch's CPU threads and of processes that decode; None for one per core of the Slurm job.
    """

    plan: Plan
    share: Share
    folder: Path
    gpu: str | None = None
    threads: int | None = None

    def __call__(self) -> Outcome:
        if self.gpu is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = self.gpu  # torch reads it at the first use of a device
        threads = self.threads or int(os.environ["SLURM_CPUS_ON_NODE"])
        torch.set_num_threads(threads)
        os.environ["LOKY_MAX_CPU_COUNT"] = str(threads)  # joblib.cpu_count, the number of processes that decode
        os.register_at_fork(after_in_child=_ignore_preemption)
        device = torch_device(self.plan.device)
        plan = deepcopy(self.plan)  # a checkpoint must not hold models on a device or running readers
        with Run(self.folder, plan.shared) as shard, arithmetic(plan.settings.precision):
            place = {"host": socket.gethostname(), "job": submitit.JobEnvironment().job_id}
            shard.begin({**session(device), **place})
            *_, engine = plan.measure(shard, dict(plan.load(shard, device)), self.mine)
        return Outcome(engine.unreadable, engine.tried)

    def mine(self, where: Where, pending: Units) -> Units:
        """Return the units of this worker that its shard lacks."""
        return ranges.shared(self.share.get(where, {}), pending)

    def checkpoint(self) -> DelayedSubmission:
        """Resubmit the same work after a preemption; the shard holds what is done."""
        return DelayedSubmission(self)


def _ignore_preemption() -> None:
    """Ignore Slurm's preemption signal in a process that decodes images; the worker handles it."""
    signal.signal(getattr(signal, f"SIG{submitit.JobEnvironment.USR_SIG}"), signal.SIG_IGN)


def device_of(engine: str, device: str | torch.device | None) -> torch.device:
    """Return the kind of device for the workers: by default CUDA, or the CPU for a local engine without CUDA.

    Raises:
        ValueError: unknown engine, or a device that is not "cpu" or "cuda", or not available here.
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
    return torch.device(kind)  # not tested here: the GPUs belong to the workers


def run(
    plan: Plan, out: str | Path, engine: str, number: int | None, slurm: Mapping | None
) -> tuple[pd.DataFrame, list[str], Outcome]:
    """Measure a plan with several workers; return the table, notes about missing numbers, and unreadable images.

    Args:
        plan: what to measure. Modules among its models are moved to the CPU.
        out: the run folder.
        engine, number, slurm: `engine`, `jobs` and `slurm` of `bvg.measure.run`.

    Raises:
        ValueError: invalid options, or a model cannot be loaded; raised before anything is submitted.
        RunError: the run folder, or a shard in it, is in use, has other settings, or cannot be written to.
        MeasureError: a worker failed or was lost. All results so far are kept.
    """
    cuda = plan.device.type == "cuda"
    if slurm is not None and engine != "slurm":
        raise ValueError(f"expected `slurm` only with engine='slurm', got it with {engine!r}")
    gpus = _gpus() if cuda and engine == "local" else []
    number = _number(number, engine, len(gpus))
    with Run(out, plan.shared) as folder:
        shards = folder.folder / "shards"
        options = ({"gpus_per_node": 1} if cuda and engine == "slurm" else {}) | dict(slurm or {})
        executor = submit.executor(shards / "logs", engine, options)
        _reject_running_jobs(shards / "logs", engine)
        for _ in plan.load(folder, torch.device("cpu")):
            pass  # checks the weights of each, one at a time, and downloads it once rather than in every worker
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
            failures = failures if plan.pending(folder) else []  # a worker killed after its last unit loses nothing
        plan.write_predictions(folder)
        table, notes = plan.save(folder)
        if not failures:
            shutil.rmtree(shards, ignore_errors=True)
    if failures:
        raise MeasureError(
            f"expected all {len(shares)} workers to finish, but {failures[0]}. All results so far are kept; "
            "repeat the call to resume"
        )
    return table, notes, outcome


def _work(
    executor: submitit.AutoExecutor, workers: list[Worker], engine: str, visible: bool
) -> tuple[Outcome, list[str]]:
    """Run the workers; return the outcomes of those that finished, and what went wrong with the others."""
    images = sum(ranges.count(units) for worker in workers for units in worker.share.values())
    with progress.bar(images, f"{len(workers)} workers", visible, smoothing=0.1) as bar:
        ended = submit.run(executor, workers, engine, lambda: bar.update(_measured(workers) - bar.n))
        bar.update(_measured(workers) - bar.n)
    unreadable, tried, failures = {}, 0, []
    for k, (outcome, failure) in enumerate(ended):
        if failure:
            failures.append(f"worker {k} {failure}")
        else:
            unreadable, tried = unreadable | outcome.unreadable, tried + outcome.tried
    return Outcome(unreadable, tried), failures


def _shares(pending: Share, number: int) -> list[Share]:
    """Deal out the units one by one, so that each worker gets some of every measurement; leave out empty shares.

    >>> _shares({("imagenet", "", ""): {(0, 8): ["a"], (8, 9): ["a"]}, ("pgd", "linf", "0.002"): {(0, 2): ["a", "b"]}}, 2)
    [{('imagenet', '', ''): {(0, 8): ['a']}, ('pgd', 'linf', '0.002'): {(0, 2): ['a', 'b']}}, {('imagenet', '', ''): {(8, 9): ['a']}}]
    """
    shares: list[Share] = [{} for _ in range(number)]
    turn = itertools.cycle(shares)
    for where, units in pending.items():
        for unit, models in units.items():
            next(turn).setdefault(where, {})[unit] = models
    return [share for share in shares if share]


def _number(number: int | None, engine: str, gpus: int) -> int:
    if number is None and engine == "local":
        return gpus or min(os.cpu_count() or 1, 8)  # each loads all models, and memory is limited
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError(f"expected `jobs`, the number of workers, to be an integer of at least 1, got {number!r}")
    return number


def _gpus() -> list[str]:
    """Return how CUDA_VISIBLE_DEVICES names each visible GPU: by number, or by UUID if it was set so."""
    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "").replace(" ", "").split(",")
    return named[:count] if named != [""] else [str(k) for k in range(count)]


# --- shards ----------------------------------------------------------------------------------------------------------


def _merge(folder: Run, shards: Path) -> None:
    for shard in sorted(shards.glob("[0-9]*")):
        folder.merge(shard)
        shutil.rmtree(shard)


def _measured(workers: list[Worker]) -> int:
    """Count images times models in the shards without a lock, so that no writer waits; a shard that is being written may be missed."""
    total = 0
    for worker in workers:
        path = worker.folder / "units.sqlite"
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
                total += database.execute("select coalesce(sum(stop - start), 0) from units").fetchone()[0]
        except sqlite3.Error:
            continue
    return total


def _reject_running_jobs(logs: Path, engine: str) -> None:
    """Reject a call while Slurm jobs of an earlier call, whose process was killed, are still queued or running."""
    if engine == "slurm" and (left := submit.unfinished(logs) & (submit.queued() or set())):
        ids = " ".join(sorted(left))
        raise RunError(
            f"expected no jobs of an earlier call, got {ids}, which are queued or running: wait until they end, or "
            f"cancel them with `scancel {ids}`"
        )
