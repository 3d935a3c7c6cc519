"""Submitting jobs: bad options, jobs that are cancelled or rejected, and the GPU of each worker."""

import os
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from colour_reader import ColourReader
from measuring import one_by_one as measure

from bvg.measure import submit, workers
from bvg.measure.engine import MeasureError
from bvg.measure.run_folder import Run
from bvg.measure.unit_store import RunError

pytestmark = pytest.mark.usefixtures("one_thread", "empty_cache", "importable")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "sge"}, "expected `engine` to be None, 'local' or 'slurm', got 'sge'"),
        ({"jobs": 2}, "expected `jobs` and `slurm` only with an engine, got them with engine=None"),
        ({"engine": "local", "jobs": 0}, "expected `jobs`, the number of workers, to be an integer of at least 1, got 0"),
        ({"engine": "slurm"}, "expected `jobs`, the number of workers, .* got None"),
        ({"engine": "local", "slurm": {}}, "expected `slurm` only with engine='slurm', got it with 'local'"),
        ({"engine": "local", "device": "cuda:1"}, "expected `device` to be 'cuda' or 'cpu' with an engine, got 'cuda:1'"),
        ({"engine": "local", "models": ["mini_standart"]}, "expected"),
        ({"engine": "slurm", "jobs": 2, "slurm": {"partitio": "x"}}, "expected options that submitit accepts .*partitio"),
        ({"engine": "slurm", "jobs": 2, "slurm": {"timeout_min": "x"}}, "expected options that submitit accepts .*timeout_min"),
    ],
)  # fmt: skip
def test_bad_arguments_are_rejected_before_anything_is_submitted(small, tmp_path, monkeypatch, options, message):
    def fail(self, command):
        raise AssertionError("submitted")

    monkeypatch.setattr("submitit.LocalExecutor._submit_command", fail)
    monkeypatch.setattr("submitit.SlurmExecutor._submit_command", fail)
    monkeypatch.setattr("submitit.SlurmExecutor.affinity", classmethod(lambda cls: 2))  # as if srun were here
    models = options.pop("models", {"reader": ColourReader()})
    with pytest.raises(ValueError, match=message) as caught:
        measure(models, small, tmp_path / "run", **options)
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_of_other_settings_is_rejected_before_anything_is_submitted(small, tmp_path):
    with Run(tmp_path / "run", {"seed": 1}):
        pass
    with pytest.raises(RunError, match="expected the settings of the run"):
        measure({"reader": ColourReader()}, small, tmp_path / "run", engine="local", jobs=1)
    assert not (tmp_path / "run/shards").exists()


def test_jobs_that_slurm_rejects(cluster, small, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", str(cluster))
    with pytest.raises(MeasureError, match=r"expected slurm to take 2 jobs, got: .*Invalid partition"):
        measure(
            {"reader": ColourReader()}, small, tmp_path / "run", engine="slurm", jobs=2, slurm={"slurm_partition": "x"}
        )


def test_each_worker_is_shown_one_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for said, expected in (("", ["0", "1"]), ("3,1", ["3", "1"]), ("GPU-a, GPU-b", ["GPU-a", "GPU-b"])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", said)
        assert workers._gpus() == expected


def test_jobs_end_with_the_call_that_waits_for_them(engine, tmp_path):
    """Ctrl-C, or the notebook's stop button, while one job runs and another does, too."""

    def look():
        if len(list(tmp_path.glob("began-?"))) == 2:
            raise KeyboardInterrupt

    works = [partial(sleep, tmp_path / f"{k}") for k in range(2)]
    with pytest.raises(KeyboardInterrupt):
        submit.run(submit.executor(tmp_path / "logs", engine, {}), works, engine, look)
    end = time.monotonic() + 60
    while (running := [path for path in tmp_path.glob("began-?") if alive(int(path.read_text()))]) or jobs_left(engine):
        assert time.monotonic() < end, running
        time.sleep(0.1)


def sleep(place: Path) -> None:
    began = place.with_name(f"began-{place.name}")
    began.with_suffix(".new").write_text(str(os.getpid()))
    began.with_suffix(".new").rename(began)
    time.sleep(600)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def jobs_left(engine: str) -> bool:
    return engine == "slurm" and submit.queued() != set()
