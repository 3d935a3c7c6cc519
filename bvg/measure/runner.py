"""Models x instruments -> results table, resumably. Also a command: `python -m bvg.measure --help`."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from bvg import study
from bvg.datasets.layouts import DataError
from bvg.datasets.loading import UnreadableImages
from bvg.instruments import INSTRUMENTS, Instrument, choose, settings
from bvg.kernels.randomness import check_seed
from bvg.measure import sources
from bvg.measure.engine import Engine, MeasureError
from bvg.measure.forecast import announce, forecast
from bvg.measure.plan import Plan, torch_device
from bvg.measure.provenance import session
from bvg.measure.run_folder import Run, RunError
from bvg.models import zoo
from bvg.models.inference import PRECISIONS, arithmetic, check_precision


def run(
    models: str | Sequence[str] | Mapping[str, str | Path | nn.Module],
    instruments: str | Sequence[str | Instrument],
    data: str | Path,
    out: str | Path,
    *,
    device: str | torch.device | None = None,
    batch_size: int | None = None,
    precision: str = "fp32",
    seed: int = 0,
    limit: int | None = None,
    workers: int | None = None,
    skip_unreadable: bool = False,
    keep_predictions: bool = False,
    cache: str | Path | None = None,
    progress: bool = True,
    engine: str | None = None,
    jobs: int | None = None,
    slurm: Mapping[str, Any] | None = None,
    **settings: Any,
) -> pd.DataFrame:
    """Measure models and give the results table of the run folder.

    Each batch is decoded, and filtered or made noisy, once, and shown to all models before the next. What is measured is
    written unit by unit (a model, a condition, a range of images): call again with the same arguments and a run that was
    killed continues where it stopped. Models and instruments can be added to a run folder at any time; seed, precision,
    limit, the images and a model's weights are fixed by its first run. Decoded ImageNet is kept in `cache` (7.5 GB).

    The numbers do not depend on batch size, workers, order or interruption: random numbers belong to the image, and sums
    are of whole numbers. One thing is outside our hands: libraries may add up a convolution in another order at
    another batch size or on another device, which moves logits in their last bits. A decision can flip only where two
    logits agree to about seven digits.

    Args:
        models: names that `bvg.models.zoo.load` takes, each also as `id=name`; or a mapping from ids to names or modules on
            inputs in [0, 1] (they are moved to the device and into evaluation mode). The id of a checkpoint file is its
            name without ending, of anything else the name itself.
        instruments: names of `bvg.instruments.INSTRUMENTS`, or "all" for those of the study. What one needs comes along
            (band-pass: clean ImageNet accuracy).
        data: the folder that holds the data sets, laid out as `bvg.datasets.layouts` says; or "miniature" for the drawn images of
            `bvg.miniature`, which its own networks answer to ("miniature" among `models` stands for all of them).
        out: the run folder; its name is the run's id.
        device: such as "cuda" or "cpu"; None is CUDA where there is one.
        batch_size: images per batch; None is 128 on CUDA, 8 elsewhere, 32 for the miniature's small images. Halved where memory does not suffice.
        precision: "fp32", "tf32", "fp16" or "bf16".
        seed: of the noise and the random starts.
        limit: measure at most so many images per condition, evenly spread; then data sets may be incomplete.
        workers: processes that decode; None is one per core, or none where there is little to decode.
        skip_unreadable: leave out images that cannot be decoded; n then says so. Otherwise the run ends with an error
            that lists them, after all else is measured.
        keep_predictions: write the decision on every image to the run folder's `predictions/`.
        cache: folder of decoded images; None is `decoded` under $BVG_CACHE, by default ~/.cache/bvg.
        progress: show progress bars and, before what takes more than a minute, what will be done (`bvg.measure.forecast`).
        engine: where it is measured: None in this process; "local" by several workers on this machine; "slurm" by jobs that
            are submitted to Slurm, from a folder that the cluster shares. This process waits, and the table is the same.
            Each worker has one GPU, loads all models, and works on images that are its own.
        jobs: how many workers; None is one per GPU (without one, per core, at most 8), and has to be said for Slurm.
        slurm: options of the jobs, as submitit's `update_parameters` takes them, such as `slurm_partition`,
            `cpus_per_task`, `timeout_min`; unless said otherwise a GPU and an hour at a time, as often as it takes.
        settings: settings of the instruments (see `bvg.instruments.settings`), such as `eps`, `cutoffs` and `noise_sds`; None
            stands for the instrument's own value.

    Returns:
        The results table: all that is complete in the run folder, sorted.

    Raises:
        ValueError: an argument is not what it should be, or a model cannot be loaded (see `bvg.models.zoo.load`).
        bvg.datasets.layouts.DataError: data sets are not complete; before anything is measured.
        bvg.datasets.loading.UnreadableImages: see `skip_unreadable`.
        bvg.measure.run_folder.RunError: the run folder is in use, of other settings, or cannot be written to.
        bvg.measure.engine.MeasureError: a model does not give finite logits, or one image does not fit into memory.

    Warns:
        UserWarning: a number is not defined for a model (no channel can be fitted, …), or memory did not suffice.
    """
    if engine is None and (jobs, slurm) != (None, None):
        raise ValueError("expected `jobs` and `slurm` with an engine alone, got them with engine=None")
    if engine is not None:
        from bvg.measure import workers as scale  # here, since a measurement in this process needs no submitit

        device = scale.device_of(engine, device)
    plan = planned(models, instruments, data, device=device, batch_size=batch_size, precision=precision, seed=seed,
                   limit=limit, workers=workers, skip_unreadable=skip_unreadable, keep_predictions=keep_predictions,
                   cache=cache, progress=progress, **settings)  # fmt: skip
    table, notes, lost = _alone(plan, out) if engine is None else scale.run(plan, out, engine, jobs, slurm)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    if lost.unreadable:
        raise UnreadableImages(lost.unreadable, lost.tried)
    return table


def planned(
    models: str | Sequence[str] | Mapping[str, str | Path | nn.Module],
    instruments: str | Sequence[str | Instrument],
    data: str | Path,
    *,
    device: str | torch.device | None = None,
    batch_size: int | None = None,
    precision: str = "fp32",
    seed: int = 0,
    limit: int | None = None,
    workers: int | None = None,
    skip_unreadable: bool = False,
    keep_predictions: bool = False,
    cache: str | Path | None = None,
    progress: bool = True,
    **settings: Any,
) -> Plan:
    """The plan of a measurement: arguments as of `run`, checked, and the data sets with them. No model is loaded.

    `bvg.measure.forecast.forecast` says what it will do, for how long.

    Raises:
        ValueError, bvg.datasets.layouts.DataError: as `run`.
    """
    if not isinstance(device, torch.device):
        device = torch_device(device)
    check_precision(precision, device)
    check_seed(seed)
    source = sources.source(data, workers, skip_unreadable, device, cache)
    if batch_size is None:
        batch_size = 128 if device.type == "cuda" else source.batch_size
    if batch_size < 1:
        raise ValueError(f"expected `batch_size` to be at least 1, got {batch_size}")
    chosen, wanted = choose(instruments, settings, source.instruments), named(models)
    counts = source.check(chosen, limit)
    return Plan(wanted, chosen, counts, source, device, batch_size, precision, seed, limit, keep_predictions, progress)


def _alone(plan: Plan, out: str | Path) -> tuple[pd.DataFrame, list[str], Engine]:
    """Measure a plan in this process: the table, what is to be said about gaps in it, and what could not be read."""
    with Run(out, plan.settings) as folder, arithmetic(plan.precision), closing(plan.source):
        folder.begin(session(plan.device))
        models = dict(plan.load(folder, plan.device))
        if plan.progress:
            announce(plan, folder, models)
        for engine in plan.measure(folder, models):
            measured = (*plan.save(folder), engine)
    return measured


def named(models: str | Sequence[str] | Mapping) -> dict[str, str | Path | nn.Module]:
    """Models by id.

    >>> named(["tv_resnet50", "runs/best.pth", "mine=runs/best.pth"])
    {'tv_resnet50': 'tv_resnet50', 'best': 'runs/best.pth', 'mine': 'runs/best.pth'}
    >>> list(named("miniature"))[:2]
    ['mini_standard', 'mini_standard_b']

    Raises:
        ValueError: no model, an id twice, or one that is empty or has an "@" (which `bvg.results.load` uses).
    """
    if isinstance(models, Mapping):
        pairs = list(models.items())
    else:
        given = [str(name) for name in ([models] if isinstance(models, str | Path) else models)]
        everyone = list(study.miniature().index)
        pairs = [_named(one) for name in given for one in (everyone if name == sources.MINIATURE else [name])]
    ids = [id for id, _ in pairs]
    if not ids:
        raise ValueError("expected at least one model, got none")
    if twice := [id for id, n in Counter(ids).items() if n > 1]:
        raise ValueError(f"expected each id once, got {twice[0]!r} twice: name the models by ID=NAME")
    if bad := [id for id in ids if not isinstance(id, str) or not id.strip() or "@" in id]:
        raise ValueError(f"expected ids that are not empty and have no '@', got {bad[0]!r}: name the model by ID=NAME")
    return dict(pairs)


def _named(name: str) -> tuple[str, str]:
    id, equals, rest = name.partition("=")
    if equals and rest and os.sep not in id and not Path(name).exists():
        return id, rest
    id = name
    if Path(name).is_file() or name.endswith(zoo.SUFFIXES):
        id = Path(name).name
        while id.endswith(zoo.SUFFIXES):
            id = Path(id).stem
    return id, name


def main(argv: list[str] | None = None) -> int:
    """The command line. Returns the exit status: 0, or 2 after a sentence that says what is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m bvg.measure",
        description="Measure ImageNet models on the study's instruments. Run the same command again to continue a run.",
        epilog=f"instruments: {', '.join(INSTRUMENTS)}",
    )
    add = parser.add_argument
    add("--models", nargs="+", required=True, metavar="MODEL", help="zoo id, checkpoint path, timm:NAME, torchvision:NAME "
        "or package.module:function; each also as ID=MODEL")  # fmt: skip
    add("--data", required=True, metavar="ROOT", help="folder that holds the data sets")
    add("--out", required=True, metavar="RUN", help="run folder; its name is the run's id")
    add("--instruments", nargs="+", default=["all"], metavar="NAME", help="default: all those of the study")
    add("--device", help="such as cuda or cpu; default: CUDA where there is one")
    add("--batch-size", type=int, help="images per batch; default: 128 on CUDA, 8 elsewhere")
    add("--precision", default="fp32", help=f"{', '.join(PRECISIONS)}; default: %(default)s")
    add("--seed", type=int, default=0, help="of noise and random starts; default: %(default)s")
    add("--limit", type=int, help="at most so many images per condition; data sets may then be incomplete")
    add("--workers", type=int, help="processes that decode; default: one per core")
    add("--skip-unreadable", action="store_true", help="leave out images that cannot be decoded")
    add("--keep-predictions", action="store_true", help="write the decision on every image, too")
    add("--plan", action="store_true", help="say what would be decoded and measured, for how long, and measure nothing")
    add("--engine", choices=["local", "slurm"], help="several workers, on this machine or as jobs of Slurm (whose own "
        "SBATCH_... variables say more, such as SBATCH_PARTITION); default: this process")  # fmt: skip
    add("--jobs", type=int, help="how many workers; default: one per GPU")
    for setting in settings().values():
        default = setting.default if setting.several else [setting.default]
        add(f"--{setting.name.replace('_', '-')}", type=setting.type, nargs="+" if setting.several else None,
            help=f"{setting.help}; default: {' '.join(f'{value:.4g}' for value in default)}")  # fmt: skip
    options = vars(parser.parse_args(argv))
    positional = [options.pop(name) for name in ("models", "instruments", "data", "out")]
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *rest, **more: print(f"warning: {message}", file=sys.stderr)
            if options.pop("plan"):
                del options["engine"], options["jobs"]
                print(forecast(planned(*positional[:3], **options), positional[3]))
                return 0
            table = run(*positional, **options)
    except (ValueError, OSError, DataError, RunError, MeasureError) as error:
        print(f"bvg.measure: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bvg.measure: stopped; the same command continues", file=sys.stderr)
        return 130
    print(f"{len(table)} numbers of {table['model'].nunique()} model(s) in {positional[-1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
