"""What used to give wrong numbers without a word: each is now impossible, or an error that says why."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from colour_reader import ColourReader, flat, picture, probing
from measuring import UNITS, WNIDS, decisions, measure, value
from PIL import Image
from torch import nn

from bvg import results
from bvg.instruments import STUDY
from bvg.measure import engine, planned
from bvg.measure.unit_store import RunError

pytestmark = pytest.mark.usefixtures("empty_cache")


class InPlace(ColourReader):
    """Normalizes its input in place, as many scripts do."""

    def forward(self, images):
        logits = super().forward(images)
        images.sub_(0.5).div_(0.25)
        return logits


class Classifier(nn.Module):
    """A differentiable network with a layer that is not always in evaluation mode."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), layer, nn.Linear(48, 1000))

    def forward(self, images):
        return self.layers(images)


def test_a_model_that_changes_its_input_does_not_change_the_numbers_of_others(small, tmp_path):
    units = [*UNITS, STUDY["imagenet-sketch"]]
    alone = measure({"reader": ColourReader()}, units, small, tmp_path / "alone/run")
    both = measure({"first": InPlace(), "reader": ColourReader()}, units, small, tmp_path / "both/run")
    pd.testing.assert_frame_equal(both[both["model"] == "reader"].reset_index(drop=True), alone)
    first = both[both["model"] == "first"].assign(model="reader").reset_index(drop=True)
    pd.testing.assert_frame_equal(first, alone)


def test_a_model_that_changes_its_input_can_be_attacked(small, tmp_path):
    class Both(Classifier):
        def forward(self, images):
            return super().forward(images.sub_(0.5))

    table = measure({"x": Both(nn.Identity())}, ["pgd"], small, tmp_path / "run", limit=2)
    assert value(table, "pgd", variant="linf", level=0.5 / 255, model="x")[1] == 2


def test_replaced_images_are_decoded_again(small, tmp_path):
    """Another image under the same name, with a file of the same size and the same modification time."""
    name = small / f"imagenet/val/{WNIDS[0]}/0.png"
    before = name.stat()
    first = measure({"reader": ColourReader()}, ["imagenet"], small, tmp_path / "a")
    picture(name, 1, (240, 230))
    assert name.stat().st_size == before.st_size

    os.utime(name, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = measure({"reader": ColourReader()}, ["imagenet"], small, tmp_path / "b")
    assert (value(first, "imagenet"), value(second, "imagenet")) == ((50.0, 10), (40.0, 10))


@pytest.mark.parametrize("benchmark", ["imagenet", "imagenet-sketch"])  # from the cache, and from files
def test_replaced_images_do_not_mix_with_the_old_ones_in_a_run_folder(small, tmp_path, benchmark):
    measure({"reader": ColourReader()}, [benchmark], small, tmp_path / "run")
    (name,) = small.glob(f"{benchmark}/*/{WNIDS[0]}/0.png")
    picture(name, 1, (240, 230) if benchmark == "imagenet" else (224, 224))
    with pytest.raises(RunError, match=f"settings of {benchmark} to be those .* content_sha256"):
        measure({"other": ColourReader()}, [benchmark], small, tmp_path / "run")


def test_a_function_with_other_code_and_the_same_weights_is_another_model(small, tmp_path):
    class Changed(ColourReader):
        def forward(self, images):
            return super().forward(images.flip(1))

    measure({"mine": ColourReader()}, ["imagenet"], small, tmp_path / "run")
    with pytest.raises(RunError, match=r"expected model 'mine' to give the logits .* the same weights: its code"):
        measure({"mine": Changed()}, ["imagenet"], small, tmp_path / "run")


def different(small, tmp_path, other, **options) -> tuple[pd.DataFrame, str]:
    """Measure "mine" on one benchmark each in two run folders, with a change in the second; merge."""
    measure({"mine": ColourReader()}, ["imagenet"], small, tmp_path / "runs/a")
    measure({"mine": other}, ["imagenet-sketch"], small, tmp_path / "runs/b", **options)
    with pytest.warns(UserWarning, match="mine has") as caught:
        table = results.load(tmp_path / "runs")
    return table, str(caught[0].message)


@pytest.mark.parametrize(
    ("other", "options", "why"),
    [
        (ColourReader(1), {}, "different weights"),
        (ColourReader(), {"seed": 1}, "seed 0 and 1"),
        (ColourReader(), {"precision": "bf16"}, "precision fp32 and bf16"),
        (ColourReader(), {"limit": 5}, "limit 700 and 5"),
    ],
)
def test_run_folders_of_different_networks_or_settings_do_not_become_one_model(small, tmp_path, other, options, why):
    table, message = different(small, tmp_path, other, **options)
    assert table.groupby("model")["benchmark"].unique().map(list).to_dict() == {
        "mine": ["imagenet"],
        "mine@b": ["imagenet-sketch"],
    }
    assert why in message


def test_run_folders_of_one_network_become_one_model(small, tmp_path, recwarn):
    measure({"mine": ColourReader()}, ["imagenet"], small, tmp_path / "runs/a")
    measure({"mine": ColourReader()}, ["imagenet-sketch"], small, tmp_path / "runs/b", batch_size=3)
    assert set(results.load(tmp_path / "runs")["model"]) == {"mine"}
    assert not [warning for warning in recwarn if "mine has" in str(warning.message)]


class StaysInTraining(Classifier):
    def train(self, mode: bool = True):
        return super().train(True)


class Random(ColourReader):
    def forward(self, images):
        logits = super().forward(images)
        return logits + torch.randn_like(logits)


class Mixing(ColourReader):
    """Uses statistics of the batch, as batch norm does in training mode."""

    def forward(self, images):
        return super().forward(images) - images.mean() * torch.arange(1000)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (StaysInTraining(nn.Dropout()), "expected mine in evaluation mode after eval.*, got training mode in"),
        (Random(), "expected mine to give the same logits twice"),
        (Mixing(), "expected mine to evaluate each image on its own"),
    ],
)
def test_models_whose_output_is_not_a_function_of_the_image_are_rejected(small, tmp_path, model, message):
    with pytest.raises(ValueError, match=message):
        measure({"mine": model}, ["imagenet"], small, tmp_path / "run")


def test_ordinary_dropout_and_batch_norm_are_accepted(small, tmp_path):
    for name, layer in {"dropout": nn.Dropout(), "norm": nn.BatchNorm1d(48)}.items():
        measure({name: Classifier(layer)}, ["imagenet"], small, tmp_path / "run")


def test_a_limit_that_is_not_smaller_than_the_set_checks_that_it_is_complete(small):
    for limit in (None, 50_000, 10**6):
        with pytest.raises(RuntimeError, match="expected 50,000 images, found 10"):
            planned({"mine": ColourReader()}, ["imagenet"], small, limit=limit, device="cpu")
    planned({"mine": ColourReader()}, ["imagenet"], small, limit=49_999, device="cpu")


def test_an_implausible_accuracy_is_questioned(tmp_path):
    for i in range(100):
        picture(tmp_path / f"data/imagenet/val/{WNIDS[10 * i]}/{i}.png", 10 * i if i < 5 else 10 * i + 1)
    with pytest.warns(UserWarning, match=r"top-1 accuracy of 5.0 % on 100 images is implausibly low: .* normalize"):
        measure({"mine": ColourReader()}, ["imagenet"], tmp_path / "data", tmp_path / "run")


def test_results_are_written_before_a_unit_is_complete(small, tmp_path, monkeypatch):
    """Each batch is written at once; a run that is stopped resumes in the middle of a unit, with equal numbers."""
    units = [STUDY["imagenet"], UNITS[1]]
    whole = measure({"mine": ColourReader()}, units, small, tmp_path / "whole/run", keep_predictions=True)
    monkeypatch.setattr(engine, "WRITE_AFTER", 0.0)
    seen = []

    class Stopping(ColourReader):
        def forward(self, images):
            if not probing(images):
                seen.append(len(images))
                if len(seen) in (3, 9):
                    raise KeyboardInterrupt
            return super().forward(images)

    options = {"keep_predictions": True, "batch_size": 2}
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            measure({"mine": Stopping()}, units, small, tmp_path / "parts/run", **options)
    table = measure({"mine": Stopping()}, units, small, tmp_path / "parts/run", **options)
    pd.testing.assert_frame_equal(table, whole, check_exact=True)
    pd.testing.assert_frame_equal(decisions(tmp_path / "parts/run"), decisions(tmp_path / "whole/run"))
    # What was lost: at the first stop the batch of imagenet that was evaluated, at the second conditions of one batch.
    assert sum(seen) <= 10 * (1 + 4) + 2 + 2 * 4


def test_a_batch_that_takes_long_on_a_cpu_is_made_smaller(small, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "WRITE_AFTER", 1e-9)
    sizes = []

    class Slow(ColourReader):
        def forward(self, images):
            sizes.append(len(images))
            return super().forward(images)

    table = measure({"mine": Slow()}, ["imagenet"], small, tmp_path / "run", batch_size=4)
    assert sizes[-7:] == [4, 1, 1, 1, 1, 1, 1]
    assert value(table, "imagenet", model="mine") == (50.0, 10)


def test_an_image_that_is_skipped_at_the_end_of_a_part_counts_once(small, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "WRITE_AFTER", 0.0)
    for k in (1, 4, 9):
        (small / f"imagenet-sketch/sketch/{WNIDS[20 * k]}/{k}.png").write_text("no image")
    table = measure({"mine": ColourReader()}, ["imagenet-sketch"], small, tmp_path / "run", batch_size=1,
                    skip_unreadable=True)  # fmt: skip
    assert value(table, "imagenet-sketch", model="mine") == (400 / 7, 7)
    assert len(json.loads((tmp_path / "run/manifest.json").read_text())["unreadable"]) == 3


@pytest.mark.parametrize("out", ["", "  "])
def test_an_empty_out_is_rejected(small, out):
    with pytest.raises(ValueError, match="expected `out` to name a run folder, got an empty text"):
        measure({"mine": ColourReader()}, ["imagenet"], small, out)


def test_a_folder_of_other_files_is_rejected_and_keeps_them(small, tmp_path):
    project = tmp_path / "project"
    files = ["analysis.py", ".results.parquet.old", "data/.table.parquet.x", "predictions/.mine.parquet.y"]
    for name in files:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("precious")
    with pytest.raises(RunError, match=r"to be empty or a run folder, got analysis\.py, data, predictions"):
        measure({"mine": ColourReader()}, ["imagenet"], small, project)
    assert sorted(str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()) == sorted(files)


def test_foreign_hidden_files_below_a_run_folder_survive(small, tmp_path):
    measure({"mine": ColourReader()}, ["imagenet"], small, tmp_path / "run")
    (tmp_path / "run/deep").mkdir()
    for name in ("deep/.x.parquet.y", ".other.parquet.z"):
        (tmp_path / "run" / name).write_text("precious")
    measure({"mine": ColourReader()}, ["imagenet"], small, tmp_path / "run")
    assert (tmp_path / "run/deep/.x.parquet.y").exists()
    assert (tmp_path / "run/.other.parquet.z").exists()


def test_an_executed_notebook_may_lie_in_a_run_folder(small, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/benchmarks.ipynb").write_text("{}")
    measure({"mine": ColourReader()}, ["imagenet"], small, tmp_path / "run")


def test_images_of_more_than_8_bits_are_not_measured(small, tmp_path):
    (name,) = small.glob(f"imagenet/*/{WNIDS[0]}/0.png")
    Image.fromarray(np.full((240, 240), 30_000, np.uint16)).save(name)
    with pytest.raises(
        RuntimeError, match=r"1 cannot be decoded .*\n.*expected 8 bits per channel, got Pillow's format I;16"
    ):
        measure({"mine": ColourReader()}, ["imagenet"], small, tmp_path / "run")


def test_a_copy_of_a_data_set_at_another_place_is_the_same_data_set(small, tmp_path):
    measure({"mine": ColourReader()}, ["imagenet"], small, tmp_path / "run")
    shutil.copytree(small, tmp_path / "copy")
    flat(tmp_path / "copy/imagenet-r/n01443537/0.png", (0, 0, 0))  # another set does not matter
    measure({"mine": ColourReader()}, ["imagenet", UNITS[1]], tmp_path / "copy", tmp_path / "run")
