"""Measure models on instruments into a results table, resumably."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

from bvg.datasets.loading import UnreadableImages
from bvg.instruments import Instrument
from bvg.measure.engine import Engine
from bvg.measure.forecast import announce
from bvg.measure.plan import Models, Plan, planned
from bvg.measure.provenance import session
from bvg.measure.run_folder import Run
from bvg.measure.settings import Settings
from bvg.models.inference import arithmetic


# Longer than 60 lines, because the docstring of the public entry point describes every argument, error and warning.
def run(
    models: Models,
    instruments: str | Sequence[str | Instrument],
    data: str | Path,
    out: str | Path,
    *,
    settings: Settings | None = None,
    engine: str | None = None,
    jobs: int | None = None,
    slurm: Mapping[str, Any] | None = None,
    **changes: Any,
) -> pd.DataFrame:
    """Measure models and return the results table of the run folder.

    Each batch is decoded, filtered or made noisy once, then evaluated by all models. Results are written unit by unit (a
    model, a condition, a range of images), so the same call resumes a run that was stopped. Models and instruments can be
    added to a run folder at any time. Its first run fixes seed, precision, limit, images, and each model's weights.

    Numbers do not depend on batch size, workers, order or interruption: random numbers belong to the image, and sums are
    integers. One exception: libraries may add up a convolution in another order at another batch size or on another
    device, which changes the last bits of logits. A decision can change only where two logits agree to about seven digits.

    Args:
        models: names that `bvg.models.load` accepts, each also as `id=name`; or a mapping from ids to names or modules on
            inputs in [0, 1] (moved to the device and set to evaluation mode). The id of a checkpoint file is its name
            without suffix, otherwise the name itself. "miniature" stands for all networks of the miniature.
        instruments: names of `bvg.instruments.INSTRUMENTS`, or "all" for those of the study. An instrument brings those
            that it needs (band-pass: clean ImageNet accuracy).
        data: the folder of the data sets (layout: `bvg.datasets.layouts`), or "miniature" for its synthetic images.
        out: the run folder; its name is the run's id.
        settings: the settings of the run (see `Settings`); None for the defaults.
        engine: where to measure: None for this process; "local" for several workers on this machine; "slurm" for jobs
            submitted to Slurm from a folder that the cluster shares. This process waits, and the table is the same. Each
            worker has one GPU, loads all models, and measures its own units.
        jobs: number of workers; None for one per GPU (without a GPU one per core, at most 8). Required for Slurm.
        slurm: options of the jobs for submitit's `update_parameters`, such as `slurm_partition`, `cpus_per_task` or
            `timeout_min`. Default: one GPU and one hour at a time, as often as needed.
        changes: fields of `Settings` that differ from `settings`, and settings of instruments (see
            `bvg.instruments.settings`) such as `eps`, `cutoffs` and `noise_sds`; None for an instrument's own value.

    Returns:
        The results table: everything that is complete in the run folder, sorted.

    Raises:
        ValueError: an argument is not valid, or a model cannot be loaded (see `bvg.models.load`).
        bvg.datasets.layouts.DataError: data sets are incomplete; raised before anything is measured.
        bvg.datasets.loading.UnreadableImages: images cannot be decoded; raised after everything else is measured.
        bvg.measure.unit_store.RunError: the run folder is in use, has other settings, or cannot be written to.
        bvg.measure.accumulator.MeasureError: logits are not finite, or one image does not fit into memory.

    Warns:
        UserWarning: a number is not defined for a model (no channel can be fitted, …), or memory did not suffice.
    """
    if engine is None and (jobs, slurm) != (None, None):
        raise ValueError("expected `jobs` and `slurm` only with an engine, got them with engine=None")
    settings = (settings or Settings()).changed(**changes)
    if engine is None:
        table, notes, lost = _run_here(planned(models, instruments, data, settings), out)
    else:
        from bvg.measure import workers  # submitit is needed only here

        settings = settings.changed(device=workers.device_of(engine, settings.device))
        table, notes, lost = workers.run(planned(models, instruments, data, settings), out, engine, jobs, slurm)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    if lost.unreadable:
        raise UnreadableImages(lost.unreadable, lost.tried)
    return table


def _run_here(plan: Plan, out: str | Path) -> tuple[pd.DataFrame, list[str], Engine]:
    """Measure a plan in this process; return the table, notes about missing numbers, and the engine."""
    with Run(out, plan.shared) as folder, arithmetic(plan.settings.precision), closing(plan.source):
        folder.begin(session(plan.device))
        models = dict(plan.load(folder, plan.device))
        if plan.settings.progress:
            announce(plan, folder, models)
        for engine in plan.measure(folder, models):
            measured = (*plan.save(folder), engine)
    return measured
