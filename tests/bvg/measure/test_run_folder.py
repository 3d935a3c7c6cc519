"""The run folder: one writer, units whole or not at all, settings that cannot be mixed, nothing lost."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bvg.measure.run_folder import Run
from bvg.measure.unit_store import Predictions, RunError, Unit

SETTINGS = {"seed": 0, "precision": "fp32", "limit": None}
CLEAN = ("imagenet", "", None)


def unit(measurement: int, start: int, hits: int, size: int = 10, kept: int = 0) -> Unit:
    rng = np.random.default_rng(start)
    predictions = None
    if kept:
        shown = rng.integers(0, 1000, (1, kept))
        predictions = Predictions([CLEAN], np.arange(kept), shown.astype(np.int16), shown % 2 == 0)
    return Unit(measurement, start, start + size, {CLEAN: {"n": size, "top1": hits}}, {}, predictions)


def rows(run: Run) -> list[tuple]:
    return [
        (model, *condition, "top1", 100 * sums["top1"] / sums["n"], sums["n"])
        for model, _, counts in run.store.complete()
        for condition, sums in counts.items()
    ]


def python(code: str, *arguments, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def test_units_add_up_and_only_what_is_complete_becomes_a_row(tmp_path):
    with Run(tmp_path / "mine", SETTINGS) as run:
        whole = run.add_measurement("a", ("imagenet", "", ""), 20, {})
        part = run.add_measurement("b", ("imagenet", "", ""), 20, {})
        run.store.write([unit(whole, 0, 3), unit(part, 0, 1)])
        run.store.write([unit(whole, 10, 4)])
        assert run.store.done(whole, predictions=False) == [(0, 10), (10, 20)]
        assert run.store.done(part, predictions=False) == [(0, 10)]
        table = run.save(rows(run))
    assert table.drop(columns="variant").to_dict("records") == [
        {"model": "a", "benchmark": "imagenet", "level": pytest.approx(np.nan, nan_ok=True), "metric": "top1",
         "value": 35.0, "n": 20, "source": "mine"}
    ]  # fmt: skip
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "mine/results.parquet"), table)


def test_a_unit_counts_as_done_only_if_all_of_it_was_measured(tmp_path):
    with Run(tmp_path / "run", SETTINGS) as run:
        id = run.add_measurement("a", ("imagenet", "", ""), 20, {})
        run.store.write([unit(id, 0, 3)._replace(unreadable={"x.JPEG": "damaged"}), unit(id, 10, 3, kept=5)])
        assert run.store.done(id, predictions=False) == [(10, 20)]
        assert run.store.done(id, predictions=True) == [(10, 20)]
        run.store.write([unit(id, 10, 3)])
        assert run.store.done(id, predictions=True) == []
        assert run.manifest()["unreadable"] == {"x.JPEG": "damaged"}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("seed", 1, "seed 0 there, 1 here"), ("precision", "bf16", "precision 'fp32' there, 'bf16' here")],
)
def test_other_settings_are_rejected(tmp_path, key, value, message):
    with Run(tmp_path / "run", SETTINGS):
        pass
    with (
        pytest.raises(RunError, match=f"{message}: give another `out`"),
        Run(tmp_path / "run", SETTINGS | {key: value}),
    ):
        pass
    with Run(tmp_path / "run", SETTINGS):  # the rejected one has released the lock
        pass


def test_other_weights_and_other_images_are_rejected(tmp_path):
    with Run(tmp_path / "run", SETTINGS) as run:
        run.add_model("mine", "a.pth", "1111", [10.0, -3.0])
        run.add_model("mine", "moved/a.pth", "1111", [10.0001, -3.0])  # on another device
        with pytest.raises(RunError, match=r"expected model 'mine' to have the weights .* as in NEW-ID=b.pth"):
            run.add_model("mine", "b.pth", "2222", [10.0, -3.0])
        with pytest.raises(
            RunError, match=r"expected model 'mine' to give the logits .* its code or its normalization"
        ):
            run.add_model("mine", "a.pth", "1111", [10.0, -2.9])
        run.add_measurement("mine", ("imagenet", "", ""), 20, {"sha256": "x"})
        with pytest.raises(RunError, match=r"of imagenet to be those .* sha256 'x' there, 'y' here"):
            run.add_measurement("other", ("imagenet", "", ""), 20, {"sha256": "y"})


def test_one_process_writes_at_a_time_and_a_killed_one_frees_the_folder(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(f"""
            import sys, time
            from bvg.measure.run_folder import Run
            with Run({str(tmp_path / "run")!r}, {SETTINGS!r}):
                print("held", flush=True)
                time.sleep(60)
        """)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunError, match="expected no other run to write to"), Run(tmp_path / "run", SETTINGS):
            pass
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    with Run(tmp_path / "run", SETTINGS):
        pass


def test_two_runs_in_one_process_do_not_share_a_folder(tmp_path):
    with Run(tmp_path / "run", SETTINGS):
        with pytest.raises(RunError, match="expected no other run"), Run(tmp_path / "run", SETTINGS):
            pass
        with pytest.raises(RunError, match="expected no other run"), Run(tmp_path / "run", SETTINGS):
            pass


def test_a_kill_in_the_middle_of_a_transaction_leaves_none_of_it(tmp_path):
    killed = python(
        """
        import os, signal, sys
        sys.path.insert(0, sys.argv[2])
        from test_run_folder import SETTINGS, unit
        from bvg.measure.run_folder import Run
        run = Run(sys.argv[1], SETTINGS).__enter__()
        id = run.add_measurement("a", ("imagenet", "", ""), 30, {})
        run.store.write([unit(id, 0, 1)])
        run.store.database.execute("pragma cache_size = 1")  # so that pages reach the file before the commit
        def units():
            yield unit(id, 10, 2, kept=200_000)
            print(os.path.getsize(sys.argv[1] + "/units.sqlite"), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        run.store.write(units())
        """,
        tmp_path / "run",
        Path(__file__).parent,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert int(killed.stdout) > 200_000, "the transaction was not being written"
    assert (tmp_path / "run/units.sqlite-journal").exists()
    with Run(tmp_path / "run", SETTINGS) as run:
        id = run.add_measurement("a", ("imagenet", "", ""), 30, {})
        assert run.store.done(id, predictions=False) == [(0, 10)]
        run.store.write([unit(id, 10, 2), unit(id, 20, 3)])
        assert rows(run) == [("a", *CLEAN, "top1", 20.0, 30)]


def test_a_kill_in_the_middle_of_the_table_leaves_the_old_one(tmp_path):
    with Run(tmp_path / "run", SETTINGS) as run:
        table = run.save([("a", *CLEAN, "top1", 50.0, 4)])
    killed = python(
        """
        import os, signal, sys
        import pandas as pd
        sys.path.insert(0, sys.argv[2])
        from test_run_folder import CLEAN, SETTINGS
        from bvg.measure.run_folder import Run
        def half(self, path, **options):
            open(path, "wb").write(b"PAR1 half of a table")
            os.kill(os.getpid(), signal.SIGKILL)
        pd.DataFrame.to_parquet = half
        Run(sys.argv[1], SETTINGS).__enter__().save([("a", *CLEAN, "top1", 75.0, 4)])
        """,
        tmp_path / "run",
        Path(__file__).parent,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(list((tmp_path / "run").glob(".results*"))) == 1
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "run/results.parquet"), table)
    with Run(tmp_path / "run", SETTINGS):
        assert list((tmp_path / "run").glob(".results*")) == []


@contextmanager
def disk_full(after: int):
    """No file can grow beyond so many bytes: what a full disk does, without filling one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_a_clear_error_and_loses_nothing(tmp_path):
    with Run(tmp_path / "run", SETTINGS) as run:
        id = run.add_measurement("a", ("imagenet", "", ""), 30, {})
        run.store.write([unit(id, 0, 1)])
        size = os.path.getsize(tmp_path / "run/units.sqlite")
        with disk_full(size + 4096), pytest.raises(RunError, match=r"with room .* What was written before is kept"):
            run.store.write([unit(id, 10, 2, kept=100_000)])
        assert run.store.done(id, predictions=False) == [(0, 10)]
        run.store.write([unit(id, 10, 2, kept=100_000), unit(id, 20, 3)])
        assert rows(run) == [("a", *CLEAN, "top1", 20.0, 30)]
        table = run.save(rows(run))
        with disk_full(64), pytest.raises(RunError, match="with room"):
            run.save([*rows(run), ("b", *CLEAN, "top1", 1.0, 3)])
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "run/results.parquet"), table)


@pytest.mark.parametrize("folder", ["file/run", "file", "damaged"])
def test_a_folder_that_cannot_be_one(tmp_path, folder):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged/units.sqlite").write_text("no database " * 100)
    with pytest.raises(RunError, match=r"expected .* to be a run folder"), Run(tmp_path / folder, SETTINGS):
        pass


def test_a_folder_without_permission(tmp_path):
    folder = tmp_path / "locked" if os.geteuid() else Path("/proc/bvg-run")  # root may write wherever files can be
    if os.geteuid():
        folder.mkdir(mode=0o500)
    with pytest.raises(RunError, match="can be written to, got:"), Run(folder, SETTINGS):
        pass
