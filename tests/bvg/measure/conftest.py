"""Fixtures of the tests of measuring: small data sets of flat images, and an empty cache."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from colour_reader import picture
from measuring import WNIDS
from slurm_cluster import NoSlurm, slurm

from bvg import study
from bvg.measure import submit

HELPERS = Path(__file__).resolve().parents[2] / "helpers"


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BVG_CACHE", str(tmp_path / "cache"))


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


@pytest.fixture
def small(tmp_path) -> Path:
    """Ten validation images and ten sketches, of which a reader gets the even ones right."""
    root = tmp_path / "small"
    for i in range(10):
        picture(root / f"imagenet/val/{WNIDS[20 * i]}/{i}.png", 20 * i + i % 2, (240, 230))
        picture(root / f"imagenet-sketch/sketch/{WNIDS[20 * i]}/{i}.png", 20 * i + i % 2)
    return root


@pytest.fixture
def importable(monkeypatch):
    """Let workers import the models in tests/helpers, and look for results every second."""
    monkeypatch.setenv("PYTHONPATH", f"{HELPERS.parents[1]}{os.pathsep}{HELPERS}")
    monkeypatch.setattr(submit, "POLL", 1)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    try:
        with slurm(tmp_path_factory.mktemp("slurm")) as configuration:
            yield configuration
    except NoSlurm as error:
        pytest.skip(str(error))


@pytest.fixture(params=["local", "slurm"])
def engine(request, monkeypatch) -> str:
    if request.param == "slurm":
        monkeypatch.setenv("SLURM_CONF", str(request.getfixturevalue("cluster")))
    return request.param
