"""Many workers on one run: real processes and a real Slurm, whose workers are killed and preempted in the middle."""

import json
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from colour_reader import ColourReader, Watched, picture
from measuring import LIMIT, UNITS, WNIDS, decisions
from measuring import one_by_one as measure

from bvg import results
from bvg.datasets.loading import UnreadableImages
from bvg.instruments import STUDY
from bvg.measure.__main__ import main
from bvg.measure.engine import MeasureError
from bvg.measure.run_folder import Run
from bvg.measure.unit_store import RunError
from bvg.miniature.instruments import INSTRUMENTS

pytestmark = pytest.mark.usefixtures("one_thread", "empty_cache", "importable")

SHOWN = 10 * (1 + 4)
"""Images evaluated per model with `UNITS`: three units each, of images 0 to 3, 4 to 7, 8 and 9."""


def calls(folder: Path) -> int:
    return len((folder / "calls").read_text().splitlines())


def equal(one: Path, other: Path) -> None:
    """The two run folders hold the same table and the same decisions, bit for bit."""
    pd.testing.assert_frame_equal(results.load(one), results.load(other), check_exact=True)
    pd.testing.assert_frame_equal(decisions(one), decisions(other), check_exact=True)
    manifests = [json.loads((out / "manifest.json").read_text()) for out in (one, other)]
    for manifest in manifests:
        manifest.pop("sessions")
        for model in manifest["models"].values():
            model.pop("source")
            model.pop("architecture")  # the name of the class, which differs on purpose
    assert manifests[0] == manifests[1]


def test_workers_killed_and_preempted_in_the_middle(engine, small, tmp_path):
    """Two workers with three units each. One is preempted in the middle of its second unit, and does the rest when it is
    started again; the other is killed in the middle of its second unit. The next call does the two that are left.

    Sketches are decoded while they are shown, by processes that hear the signal as well where Slurm sends it."""
    units = [replace(STUDY["imagenet-sketch"], unit=4), UNITS[1]]
    measure({"reader": ColourReader()}, small, tmp_path / "one/run", units, keep_predictions=True)
    events = (signal.SIGUSR2, signal.SIGKILL)
    models, out = {"reader": Watched(tmp_path, events, call=6)}, tmp_path / "many/run"
    options = {"instruments": units, "engine": engine, "keep_predictions": True, "workers": 2}
    with pytest.raises(
        MeasureError, match=r"worker \d left no result: it was killed .* repeat the call to resume"
    ) as caught:
        measure(models, small, out, jobs=2, **options)
    assert Path(str(caught.value).partition("its log is ")[2].partition(". All")[0]).is_file()
    assert (tmp_path / "signal-1").exists()
    assert [path.name for path in (out / "shards").iterdir()] == ["logs"]
    with closing(sqlite3.connect(out / "units.sqlite")) as database:
        [(finished, shown)] = database.execute(
            "select count(*), sum((stop - start) * json_array_length(counts)) from units"
        ).fetchall()
    assert finished == 4
    before = calls(tmp_path)
    assert before == shown + 2 + 2  # of the units that were lost in the middle, two images each
    table = measure(models, small, out, jobs=3, **options)
    assert calls(tmp_path) - before == SHOWN - shown
    pd.testing.assert_frame_equal(results.load(out), table)
    equal(tmp_path / "one/run", out)
    assert not (out / "shards").exists()
    sessions = json.loads((out / "manifest.json").read_text())["sessions"]
    assert len(sessions) == 2 + 1 + 2  # two workers, one of them twice; and two for two units
    assert len({session["job"] for session in sessions}) == 4


@pytest.mark.filterwarnings("ignore:.*no (raw|relative) channel")  # few images
def test_real_networks_give_the_numbers_of_one_process(tmp_path):
    """Shares that are not even: three units of each instrument, the last one small, for 2 and for 4 workers."""
    names = ["cue-conflict", "band-pass", "critical-band", "pgd", "imagenet"]
    instruments = [replace(INSTRUMENTS[name], unit=10) for name in names]
    models = ["mini_standard", "mini_linf_eps4"]
    options = {"limit": 24, "batch_size": None, "keep_predictions": True}
    table = measure(models, "miniature", tmp_path / "one/run", instruments, **options)
    assert 24 in set(table["n"])
    for number in (2, 4):
        out = tmp_path / str(number) / "run"
        measure(models, "miniature", out, instruments, engine="local", jobs=number, **options)
        equal(tmp_path / "one/run", out)
        workers = json.loads((out / "manifest.json").read_text())["sessions"]
        assert len({worker["job"] for worker in workers}) == number


def test_what_is_there_is_not_measured_again_and_nothing_is_submitted_for_it(small, tmp_path):
    models = {"reader": Watched(tmp_path)}
    first = measure(models, small, tmp_path / "run", engine="local", jobs=1)
    assert calls(tmp_path) == SHOWN
    again = measure(models, small, tmp_path / "run", engine="local", jobs=2)
    pd.testing.assert_frame_equal(first, again)
    both = measure(models | {"other": Watched(tmp_path)}, small, tmp_path / "run", engine="local", jobs=2)
    assert calls(tmp_path) == 2 * SHOWN  # the new model alone
    assert set(both["model"]) == {"reader", "other"}
    assert len(json.loads((tmp_path / "run/manifest.json").read_text())["sessions"]) == 1 + 2


def test_units_that_a_killed_call_left_in_shards_are_merged(small, tmp_path):
    """The process that waits was killed: its workers' shards lie there."""
    models = {"reader": Watched(tmp_path)}
    measure(models, small, tmp_path / "run/shards/0", UNITS[:1])
    measure(models, small, tmp_path / "run/shards/1", UNITS[1:])
    assert calls(tmp_path) == SHOWN
    measure(models, small, tmp_path / "run", engine="local", jobs=1)
    assert calls(tmp_path) == SHOWN
    assert not (tmp_path / "run/shards").exists()


def test_workers_of_a_killed_call_that_still_run_are_not_disturbed(small, tmp_path):
    settings = {"seed": 0, "precision": "fp32", "limit": LIMIT, "device": "cpu"}
    with (
        Run(tmp_path / "run/shards/0", settings),
        pytest.raises(RunError, match=r"expected no other run to write to .*shards/0"),
    ):
        measure({"reader": ColourReader()}, small, tmp_path / "run", engine="local", jobs=1)


def test_an_error_of_a_worker_is_reported_and_the_rest_is_kept(small, tmp_path):
    with pytest.raises(
        MeasureError,
        match=r"worker 0 failed: bvg.measure.accumulator.MeasureError: expected finite logits of .*; its log is",
    ) as caught:
        measure({"reader": Spoilt()}, small, tmp_path / "run", UNITS[:1], engine="local", jobs=3)
    log = Path(str(caught.value).partition("its log is ")[2].partition(". All")[0])
    assert "Traceback" in log.read_text()
    with closing(sqlite3.connect(tmp_path / "run/units.sqlite")) as database:
        assert database.execute("select start from units order by start").fetchall() == [(4,), (8,)]


class Spoilt(ColourReader):
    """Without an answer to the second image."""

    def forward(self, images):
        logits = super().forward(images)
        return logits.where(logits.argmax(dim=1, keepdim=True) != 21, torch.nan)


def test_unreadable_images_are_those_of_one_process(small, tmp_path):
    for i in (1, 8):
        (small / f"imagenet-v2/{i}").mkdir(parents=True)
        (small / f"imagenet-v2/{i}/a.png").write_text("no image")
        picture(small / f"imagenet-v2/{i + 1}/a.png", i)
    (small / f"imagenet/val/{WNIDS[100]}/5.png").write_text("no image")  # of a set that is decoded first, and kept
    instruments = [replace(STUDY["imagenet-v2"], unit=1), UNITS[0], "imagenet-sketch"]
    told = []
    for name, options in (("one", {}), ("many", {"engine": "local", "jobs": 2})):
        with pytest.raises(UnreadableImages) as caught:
            measure({"reader": ColourReader()}, small, tmp_path / name / "run", instruments, **options)
        told.append((str(caught.value).splitlines()[0], caught.value.reasons))
    assert told[0] == told[1]
    assert len(told[0][1]) == 3
    pd.testing.assert_frame_equal(*[results.load(tmp_path / name / "run") for name in ("one", "many")])
    options = {"skip_unreadable": True, "keep_predictions": True}
    measure({"reader": ColourReader()}, small, tmp_path / "one/run", instruments, **options)
    measure({"reader": ColourReader()}, small, tmp_path / "many/run", instruments, engine="local", jobs=2, **options)
    equal(tmp_path / "one/run", tmp_path / "many/run")


def test_the_command_line(small, tmp_path, capfd):
    command = ["--models", "mine=colour_reader:model", "--data", str(small), "--out", str(tmp_path / "run"),
               "--instruments", "imagenet", "--limit", "6", "--device", "cpu", "--engine", "local", "--jobs", "2"]  # fmt: skip
    assert main(command) == 0
    output = capfd.readouterr()
    assert output.out == f"2 numbers of 1 model(s) in {tmp_path / 'run'}\n"
    assert "1 workers: 6 of 6 img (100 %)" in output.err
