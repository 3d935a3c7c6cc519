"""Submitit's jobs, as processes of this machine or in Slurm: submit callables, wait for them, collect their results.

Submitit asks Slurm's accounting (sacct) whether a job has ended. Many clusters have no accounting, and the wait for a
killed job would never end. This module asks `squeue`, which always knows the queued and running jobs.
"""

from __future__ import annotations

import math
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import submitit
from submitit.core.utils import UncompletedJobError, pickle_load

from bvg.measure.engine import MeasureError
from bvg.measure.unit_store import RunError

ENGINES = ("local", "slurm")

DEFAULTS = {"local": {"timeout_min": 60 * 24 * 365}, "slurm": {"name": "bvg", "timeout_min": 60}}
"""Default options of the jobs; submitit's own time limit is a few minutes. Local jobs have no limit. Slurm jobs run for an
hour at a time, which fits into the gaps of a schedule, and resume after reaching the limit."""

TIMEOUTS = 1000
"""How often a job may reach its time limit and be requeued."""

POLL = 10
"""Seconds between two queries to Slurm, which is shared with other users."""

PATIENCE = 10
"""Seconds that a cancelled local job has to end."""


def executor(logs: Path, engine: str, options: Mapping[str, Any]) -> submitit.AutoExecutor:
    """Create an executor.

    Args:
        logs: folder for submitit's files: submissions, logs, results.
        engine: one of ENGINES.
        options: options for submitit's `AutoExecutor.update_parameters`.

    Raises:
        ValueError: options that submitit rejects, or no Slurm here.
        RunError: the folder cannot be created.
    """
    limits = {f"{engine}_max_num_timeout": TIMEOUTS, f"{engine}_max_pickle_size_gb": math.inf}
    try:
        made = submitit.AutoExecutor(logs, cluster=engine, **limits)
        made.update_parameters(**DEFAULTS[engine] | dict(options))
    except OSError as error:
        raise RunError(f"expected {logs} to be a folder that can be written to, got: {error.strerror}") from error
    except (AssertionError, NameError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"expected options that submitit accepts on this machine, got: {reason}") from error
    return made


def run(
    executor: submitit.AutoExecutor, works: Sequence[Callable], engine: str, look: Callable[[], Any]
) -> list[tuple[Any, str]]:
    """Call each of `works` in a job and wait for all of them; cancel them if the wait is interrupted.

    Args:
        executor, engine: an executor and its engine.
        works: callables without arguments; one with a method `checkpoint` is requeued when it is preempted.
        look: called every second.

    Returns:
        For each, its result and "", or None and what went wrong, as words that follow "worker 0".

    Raises:
        MeasureError: Slurm rejects the jobs.
    """
    try:
        with executor.batch():
            jobs = [executor.submit(work) for work in works]
    except (UncompletedJobError, submitit.core.utils.FailedSubmissionError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise MeasureError(f"expected {engine} to take {len(works)} jobs, got: {reason}") from error
    try:
        _wait(jobs, engine, look)
    except BaseException:
        for job in jobs:
            job.cancel(check=False)
        end = time.monotonic() + PATIENCE
        while engine == "local" and time.monotonic() < end and not all(job.done() for job in jobs):
            time.sleep(0.1)  # so that their shards are free for the next call
        raise
    return [_outcome(job) for job in jobs]


def queued() -> set[str] | None:
    """Return the ids of this user's queued and running jobs; None if Slurm does not answer."""
    command = ["squeue", "--me", "--array", "--noheader", "--format=%i"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(answer.stdout.split()) if answer.returncode == 0 else None


def unfinished(logs: Path) -> set[str]:
    """Return the ids of the jobs that were submitted with this folder and have left no result in it."""
    submitted = {path.name.removesuffix("_submitted.pkl") for path in logs.glob("*_submitted.pkl")}
    return submitted - {path.name.removesuffix("_0_result.pkl") for path in logs.glob("*_0_result.pkl")}


def _wait(jobs: list[submitit.Job], engine: str, look: Callable[[], Any]) -> None:
    running, missed, asked = list(jobs), Counter(), time.monotonic()
    while running:
        time.sleep(1)
        look()
        if engine == "local":
            running = [job for job in running if not job.done()]
            continue
        there = set(os.listdir(jobs[0].paths.folder))  # on a network file system, fresher than a look at one file
        running = [job for job in running if job.paths.result_pickle.name not in there]
        if running and time.monotonic() - asked >= POLL and (known := queued()) is not None:
            asked = time.monotonic()
            missed.update(job.job_id for job in running if job.job_id not in known)
            running = [job for job in running if missed[job.job_id] < 2]  # its result may arrive a little late


def _outcome(job: submitit.Job) -> tuple[Any, str]:
    log = f"; its log is {job.paths.stderr}"
    if not job.paths.result_pickle.exists():
        return None, "left no result: it was killed (by hand, or because memory was full)" + log
    kind, result = pickle_load(job.paths.result_pickle)
    return (result, "") if kind == "success" else (None, f"failed: {result.strip().splitlines()[-1]}{log}")
