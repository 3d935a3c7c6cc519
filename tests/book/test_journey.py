"""From an empty disk to a report on a model: real photographs, upstream's archives, a local server, and each command of the README."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from archives import development_kit, state_digest
from browser import serve
from bs4 import BeautifulSoup
from builder import report

from bvg import imagenet_classes
from bvg.datasets import __main__ as datasets
from bvg.datasets import layouts, upstream
from bvg.datasets.upstream import RemoteFile
from bvg.measure import __main__ as measure

MODEL = "mine=companion.demo:efficientnet_lite0"


@pytest.fixture
def archives(shared, tmp_path, monkeypatch):
    """Upstream's archives with the images at hand: ImageNet's in a folder, cue conflicts on a local server."""
    photographs = sorted((shared / "stimuli" / "imagenet-sample").rglob("*.JPEG"))
    conflicts = sorted((shared / "stimuli" / "cue-conflict").rglob("*.png"))
    hand, served = tmp_path / "by hand", tmp_path / "served"
    hand.mkdir()
    served.mkdir()
    wnids = imagenet_classes.wnids()
    own = {wnids.index(path.parent.name.partition("_")[0]): path for path in photographs}
    # Every class has an image; of the classes without one at hand it shows something else.
    classes = [*own, *(c for c in range(1000) if c not in own)]
    shown = [own.get(c, photographs[c % len(photographs)]) for c in classes]
    with tarfile.open(hand / "ILSVRC2012_img_val.tar", "w") as file:
        for number, path in enumerate(shown, start=1):
            file.add(path, f"ILSVRC2012_val_{number:08d}.JPEG")
    with tarfile.open(served / "cue-conflict.tar.gz", "w:gz") as file:
        for path in conflicts:
            file.add(path, f"cue-conflict/{path.parent.name}/{path.name}")
    for name, images in (("imagenet", shown), ("cue-conflict", conflicts)):
        monkeypatch.setitem(layouts.LAYOUTS, name, replace(layouts.LAYOUTS[name], images=len(images), per_class=None))
    development_kit(tmp_path / "kit", classes, monkeypatch)
    (tmp_path / "kit" / "imagenet" / "ILSVRC2012_devkit_t12.tar.gz").rename(hand / "ILSVRC2012_devkit_t12.tar.gz")
    state_digest(hand / "ILSVRC2012_img_val.tar", "val", monkeypatch)

    with serve(served) as address:
        known = dict(upstream._upstreams())
        file = RemoteFile(f"{address}/cue-conflict.tar.gz", "cue-conflict.tar.gz")
        known["cue-conflict"] = replace(known["cue-conflict"], files=(file,))
        monkeypatch.setattr(upstream, "_upstreams", lambda: known)
        yield hand


def test_from_an_empty_disk_to_a_report(archives: Path, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BVG_CACHE", str(tmp_path / "cache"))
    data, run = tmp_path / "data", tmp_path / "run"
    instruments = ["--instruments", "imagenet", "cue-conflict", "--limit", "64", "--no-progress"]
    measured = ["--models", MODEL, "--data", str(data), "--out", str(run), *instruments]

    assert datasets.main(["list", "imagenet", "cue-conflict", "--data", str(data)]) == 0
    assert capsys.readouterr().out.count("not fetched") == 1  # ImageNet is to be got by hand
    assert measure.main(measured) != 0
    assert "python -m bvg.datasets fetch" in capsys.readouterr().err

    assert datasets.main(["fetch", "imagenet", "--data", str(data)]) == 1
    said = capsys.readouterr().err
    assert "ILSVRC2012_img_val.tar" in said
    assert str(data / "imagenet") in said
    for path in archives.iterdir():
        (data / "imagenet").mkdir(parents=True, exist_ok=True)
        path.rename(data / "imagenet" / path.name)
    assert datasets.main(["fetch", "imagenet", "cue-conflict", "--data", str(data)]) == 0
    assert datasets.main(["check", "imagenet", "cue-conflict", "--data", str(data)]) == 0
    assert "imagenet: complete, 1,000 images, scored over 1,000 classes" in capsys.readouterr().out

    assert measure.main(measured) == 0
    report.main([str(run)])
    page = BeautifulSoup((run / "report-mine.html").read_text(encoding="utf-8"), "html.parser").get_text()
    assert "another architecture than the 48" in page
    assert "Shape bias" in page
    assert "python -m bvg.measure --like" in page  # what is missing, and the command that adds it
