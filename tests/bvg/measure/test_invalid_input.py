"""What a run rejects: models, images, data, command lines."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from colour_reader import ColourReader, picture
from measuring import UNITS, WNIDS, decisions, measure, value

from bvg import results
from bvg.datasets.layouts import DataError
from bvg.datasets.loading import UnreadableImages
from bvg.measure import named
from bvg.measure.__main__ import main
from bvg.measure.engine import MeasureError

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        (
            lambda logits: logits * float("nan"),
            "expected finite logits of reader on an image of noise, got NaN or infinity",
        ),
        (lambda logits: logits[:, :100], r"expected logits \[4, 1000\] of reader on an image of noise, got \[4, 100\]"),
        (lambda logits: (logits, logits), r"expected logits \[4, 1000\] of reader on an image of noise, got tuple"),
    ],
)
def test_answers_that_are_not_logits_are_rejected(small, tmp_path, spoilt, message):
    class Spoilt(ColourReader):
        def forward(self, images):
            return spoilt(super().forward(images))

    with pytest.raises(ValueError, match=message):
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
        assert "imagenet: 6 of 6 img (100 %)" in output.err
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
