"""Every number of the study on flat images whose values are known by hand."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import torch
from archives import pack
from colour_reader import Brightness, ColourReader, flat
from measuring import WNIDS, measure, value
from torch import nn

from bvg import results, study
from bvg.results import scores

pytestmark = pytest.mark.usefixtures("empty_cache")


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
    assert [value(table, "cue-conflict", f"{cue}_hits") for cue in ("shape", "texture")] == [(1, 3), (2, 3)]
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
def test_tar_files_give_the_numbers_of_the_folders(world, tmp_path):
    """Every data set in a tar file: the same numbers, and manifests that state the same images."""
    packed = tmp_path / "packed"
    for name in ("imagenet-v2", "imagenet-a", "imagenet-r", "imagenet-sketch", "stylized", "cue-conflict"):
        pack(world / name, packed / f"{name}.tar", name)
    for corruption in ("imagenet-c", "imagenet-cbar"):
        for folder in (world / corruption).iterdir():
            pack(folder, packed / corruption / f"{folder.name}.tar")
    pack(world / "imagenet/val", packed / "imagenet/val.tar")
    (packed / "imagenet/real.json").write_bytes((world / "imagenet/real.json").read_bytes())
    tables, images = [], []
    for data in (world, packed):
        run = tmp_path / "runs" / data.name / "run"
        tables.append(measure({"reader": ColourReader()}, "all", data, run))
        images.append(json.loads((run / "manifest.json").read_text())["measurements"])  # with digests of the images
    pd.testing.assert_frame_equal(*tables)
    assert images[0] == images[1]
    assert all(one["content_sha256"] for one in images[1].values())


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
