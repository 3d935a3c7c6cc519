"""A run as a whole: batches, workers, resuming, adding, memory."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pytest
import torch
from colour_reader import ColourReader, picture, probing
from measuring import LIMIT, UNITS, WNIDS, decisions, measure, value

from bvg.datasets import open_dataset
from bvg.measure.engine import MeasureError
from bvg.measure.unit_store import RunError

HELPERS = Path(__file__).resolve().parents[2] / "helpers"

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_numbers_do_not_depend_on_batches_workers_or_the_order_of_models(small, tmp_path):
    models = {"one": ColourReader(1), "reader": ColourReader()}
    first = measure(models, UNITS, small, tmp_path / "a/run", keep_predictions=True)
    turned = dict(reversed(models.items()))
    for name, batch_size, workers in (("b", 1, 1), ("c", 3, 4), ("d", 64, 2)):
        again = measure(turned, UNITS[::-1], small, tmp_path / name / "run", batch_size=batch_size, workers=workers,
                        keep_predictions=True)  # fmt: skip
        pd.testing.assert_frame_equal(again, first, check_exact=True)
        pd.testing.assert_frame_equal(decisions(tmp_path / name / "run"), decisions(tmp_path / "a/run"))
    assert value(first, "imagenet") == (50.0, 10)
    assert value(first, "imagenet", model="one") == (0.0, 10)


def test_predictions_per_image(small, tmp_path):
    measure({"reader": ColourReader()}, ["imagenet"], small, tmp_path / "run", keep_predictions=True)
    shown = decisions(tmp_path / "run")
    assert shown["label"].tolist() == [20 * i for i in range(10)]
    assert shown["prediction"].tolist() == [20 * i + i % 2 for i in range(10)]
    assert shown["hit"].tolist() == [True, False] * 5
    assert shown["path"].tolist() == [f"{WNIDS[20 * i]}/{i}.png" for i in range(10)]
    assert set(shown["model"]) == {"reader"}
    assert set(shown["benchmark"]) == {"imagenet"}


KILLED = """
    import os, signal, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    import torch
    from colour_reader import ColourReader, probing
    torch.set_num_threads(1)
    import measuring as here
    from bvg.measure.unit_store import UnitStore
    data, out, where, count = Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])
    class Counting(ColourReader):
        calls = 0
        def forward(self, images):
            Counting.calls += not probing(images)
            if where == "forward" and Counting.calls == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().forward(images)
    write, written = UnitStore.write, 0
    def killing(self, units):
        global written
        written += 1
        def first_alone():
            yield next(units)
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, first_alone() if where == "write" and written == count else units)
    UnitStore.write = killing
    models = {"one": Counting(1), "reader": Counting()}
    here.measure(models, here.UNITS, data, out, batch_size=2, keep_predictions=True)
"""


def test_a_run_killed_twice_equals_one_that_was_not(small, tmp_path):
    def process(*when) -> int:
        command = [sys.executable, "-c", textwrap.dedent(KILLED), HELPERS, small, tmp_path / "killed/run", *when]
        return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120).returncode

    def here(out: str) -> int:
        """How often the models are asked in a run that nothing kills."""
        calls = []

        class Counting(ColourReader):
            def forward(self, images):
                calls.extend([] if probing(images) else [len(images)])
                return super().forward(images)

        models = {"one": Counting(1), "reader": Counting()}
        measure(models, UNITS, small, tmp_path / out / "run", batch_size=2, keep_predictions=True)
        return len(calls)

    whole = here("whole")
    assert whole == 2 * 5 * (1 + 4)  # models x batches x conditions
    # In the middle of a unit of the second instrument; then in the middle of the write of the unit after.
    for when in (("forward", 25), ("write", 2)):
        assert process(*when) == -signal.SIGKILL
    assert 0 < here("killed") < whole
    tables = [pd.read_parquet(tmp_path / name / "run/results.parquet") for name in ("whole", "killed")]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    pd.testing.assert_frame_equal(decisions(tmp_path / "whole/run"), decisions(tmp_path / "killed/run"))
    manifest = json.loads((tmp_path / "killed/run/manifest.json").read_text())
    assert len(manifest["sessions"]) == 3


def test_models_and_instruments_can_be_added_and_nothing_is_measured_twice(small, tmp_path):
    calls = []

    class Counting(ColourReader):
        def forward(self, images):
            calls.extend([] if probing(images) else [len(images)])
            return super().forward(images)

    measure({"reader": Counting()}, ["imagenet"], small, tmp_path / "run")
    assert sum(calls) == 10
    measure({"reader": Counting()}, ["imagenet"], small, tmp_path / "run")
    assert sum(calls) == 10
    both = measure({"reader": Counting(), "one": ColourReader(1)}, UNITS[1:], small, tmp_path / "run")
    assert sum(calls) == 10 + 4 * 10
    assert value(both, "imagenet") == (50.0, 10)
    assert set(both["model"]) == {"reader", "one"}
    measure({"reader": Counting()}, ["imagenet"], small, tmp_path / "run", keep_predictions=True)
    assert sum(calls) == 50 + 10  # the decisions had not been kept


@pytest.mark.parametrize(
    ("change", "message"),
    [({"seed": 1}, "seed 0 there, 1 here"), ({"precision": "bf16"}, "precision 'fp32' there, 'bf16' here"),
     ({"limit": 5}, f"limit {LIMIT} there, 5 here")],
)  # fmt: skip
def test_units_of_other_settings_are_not_reused(small, tmp_path, change, message):
    measure({"reader": ColourReader()}, ["imagenet"], small, tmp_path / "run")
    with pytest.raises(RunError, match=message):
        measure({"reader": ColourReader()}, ["imagenet"], small, tmp_path / "run", **change)


def test_units_of_other_weights_or_images_are_not_reused(small, tmp_path):
    measure({"reader": ColourReader()}, ["imagenet"], small, tmp_path / "run")
    with pytest.raises(RunError, match="expected model 'reader' to have the weights"):
        measure({"reader": ColourReader(1)}, ["imagenet"], small, tmp_path / "run")
    picture(small / f"imagenet/val/{WNIDS[3]}/new.png", 3)
    with pytest.raises(RunError, match="count 10 there, 11 here"):
        measure({"new": ColourReader()}, ["imagenet"], small, tmp_path / "run")


def test_manifest_says_how(small, tmp_path):
    measure({"reader": ColourReader()}, ["imagenet"], small, tmp_path / "run", limit=6, seed=3)
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    settings = {"seed": 3, "precision": "fp32", "limit": 6, "device": "cpu", "world": "study",
                "bvg": manifest["sessions"][0]["bvg"]}  # fmt: skip
    assert manifest["settings"] == settings
    data = manifest["measurements"]["imagenet"]
    assert {key: data[key] for key in ("count", "sha256")} == open_dataset("imagenet", small, limit=6).fingerprint()
    assert data["preprocessing"] == "resize256-crop224-bilinear"
    assert manifest["sessions"][0]["libraries"]["torch"] == torch.__version__.partition("+")[0]
    about = manifest["models"]["reader"]
    assert len(about["weights_sha256"]) == 64
    assert (about["architecture"], about["mean"]) == ("ColourReader", None)


def test_out_of_memory_halves_the_batch_and_goes_on(small, tmp_path):
    sizes = []

    class Large(ColourReader):
        def forward(self, images):
            sizes.append(len(images))
            if len(images) > 2 and not probing(images):
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return super().forward(images)

    with pytest.warns(UserWarning, match="out of memory on imagenet") as caught:
        table = measure({"reader": Large()}, ["imagenet"], small, tmp_path / "run", batch_size=8)
    assert [str(w.message).partition(": ")[2] for w in caught] == [
        "continuing with 4 per batch",
        "continuing with 2 per batch",
    ]
    assert sizes[-7:] == [8, 4, 2, 2, 2, 2, 2]
    assert value(table, "imagenet") == (50.0, 10)

    class TooLarge(ColourReader):
        def forward(self, images):
            if probing(images):
                return super().forward(images)
            raise torch.OutOfMemoryError("CUDA out of memory.")

    with (
        pytest.warns(UserWarning, match="out of memory"),
        pytest.raises(MeasureError, match="expected one image to fit"),
    ):
        measure({"reader": TooLarge()}, ["imagenet"], small, tmp_path / "other", batch_size=2)
