"""Fetching data sets from a local server: small archives of each upstream layout, damaged, hostile and interrupted ones."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from archives import archive, development_kit, state_digest
from browser import serve

from bvg import datasets, imagenet_classes, study
from bvg.datasets import __main__ as command
from bvg.datasets import fetch, layouts, unpack, upstream
from bvg.datasets.layouts import DataError, FolderLayout
from bvg.datasets.upstream import RemoteFile, Upstream
from bvg.downloads import ChecksumError, DownloadError


@pytest.fixture
def server(tmp_path):
    """Address of a server for the folder `upstream`."""
    (tmp_path / "upstream").mkdir()

    with serve(tmp_path / "upstream") as address:
        yield address


def source(monkeypatch, name: str, server: str, *archives: Path, **changes) -> Upstream:
    """Point a data set at archives of the local server."""
    files = [RemoteFile(f"{server}/{p.name}", p.name, p.stat().st_size) for p in archives]
    known = dict(upstream._upstreams())
    known[name] = Upstream(**(vars(known[name]) | {"files": tuple(files)} | changes))
    monkeypatch.setattr(upstream, "_upstreams", lambda: known)
    return known[name]


def cue_conflict(top: str = "cue-conflict/") -> list[str]:
    names = imagenet_classes.SIXTEEN
    return [f"{top}{shape}/{shape}{k}-{names[k % 16]}{k}.png" for shape in names for k in range(1, 81)]


def per_class(top: str, folders: Iterable[str], n: int) -> list[str]:
    return [f"{top}/{folder}/{k}.JPEG" for folder in folders for k in range(n)]


WNIDS = imagenet_classes.wnids()


def small(monkeypatch, name: str, images: int, per: int | None = None) -> None:
    """State another number of images for a data set."""
    layout = layouts.LAYOUTS[name]
    monkeypatch.setitem(layouts.LAYOUTS, name, FolderLayout(**(vars(layout) | {"images": images, "per_class": per})))


@pytest.mark.parametrize(
    ("name", "file", "names", "images"),
    [
        ("cue-conflict", "cue-conflict.tar.gz", cue_conflict(), None),
        ("imagenet-v2", "v2.tar.gz", per_class("imagenetv2-matched-frequency-format-val", map(str, range(1000)), 1), (1000, 1)),
        ("imagenet-a", "imagenet-a.tar", ["imagenet-a/README.txt", *per_class("imagenet-a", [WNIDS[i] for i in imagenet_classes.subset("imagenet-a")], 1)], (200, None)),
        ("imagenet-r", "imagenet-r.tar", per_class("imagenet-r", [WNIDS[i] for i in imagenet_classes.subset("imagenet-r")], 1), (200, None)),
        ("imagenet-sketch", "ImageNet-Sketch.zip", per_class("sketch", WNIDS, 1), (1000, None)),
    ],
)  # fmt: skip
def test_each_layout_is_fetched_arranged_and_counted(monkeypatch, tmp_path, server, name, file, names, images):
    if images:
        small(monkeypatch, name, *images)
    packed = archive(tmp_path / "upstream" / file, names)
    digest = "sha256:" + hashlib.sha256(packed.read_bytes()).hexdigest()
    made = source(monkeypatch, name, server, packed)
    source(monkeypatch, name, server, packed, files=(RemoteFile(made.files[0].url, file, 0, digest),))
    counts = datasets.prepare(name, tmp_path / "data", progress=False)
    assert counts == {(name, "", ""): images[0] if images else 1280}
    assert sorted(p.name for p in (tmp_path / "data" / "archives").iterdir() if p.suffix != ".lock") == []
    packed.unlink()  # nothing is asked for again
    assert datasets.prepare(name, tmp_path / "data", progress=False) == counts
    assert not list((tmp_path / "data").glob(f".{name}-*"))


def corrupted(names: Iterable[str]) -> list[str]:
    return [f"{c}/{s}/{wnid}/1.JPEG" for c in names for s in study.SEVERITIES for wnid in WNIDS[:2]]


def test_a_set_of_several_archives_continues_with_those_that_are_missing(monkeypatch, tmp_path, server):
    small(monkeypatch, "imagenet-c", 2)
    stated = upstream.upstream("imagenet-c")
    assert sorted(h for f in stated.files for h in f.holds) == sorted(study.CORRUPTIONS["imagenet-c"])
    packed = [archive(tmp_path / "upstream" / f.name, corrupted(f.holds)) for f in stated.files]
    files = tuple(
        RemoteFile(f"{server}/{p.name}", p.name, 0, "md5:" + hashlib.md5(p.read_bytes()).hexdigest(), f.holds)
        for p, f in zip(packed, stated.files, strict=True)
    )
    source(monkeypatch, "imagenet-c", server, files=files)
    last = packed[-1].rename(tmp_path / "later.tar")
    with pytest.raises(DownloadError, match="404"):
        datasets.prepare("imagenet-c", tmp_path / "data", progress=False)
    for path in packed[:-1]:
        path.unlink()
    last.rename(packed[-1])
    with pytest.raises(DataError, match="imagenet-c"):  # two classes of a thousand
        datasets.prepare("imagenet-c", tmp_path / "data", progress=False)
    assert sorted(p.name for p in (tmp_path / "data" / "imagenet-c").iterdir()) == sorted(
        study.CORRUPTIONS["imagenet-c"]
    )


def test_a_wrong_digest_is_rejected_and_leaves_nothing(monkeypatch, tmp_path, server):
    packed = archive(tmp_path / "upstream" / "cue-conflict.tar.gz", cue_conflict())
    for digest in ("sha256:" + "0" * 64, "md5:" + "0" * 32):
        file = RemoteFile(f"{server}/{packed.name}", packed.name, 0, digest)
        source(monkeypatch, "cue-conflict", server, files=(file,))
        with pytest.raises(ChecksumError, match="0000"):
            datasets.prepare("cue-conflict", tmp_path / "data", progress=False)
        assert not (tmp_path / "data" / "cue-conflict").exists()
        assert not (tmp_path / "data" / "archives" / packed.name).exists()


@pytest.mark.parametrize(
    ("file", "names", "link", "message"),
    [
        ("a.tar.gz", ["cue-conflict/../../evil.png"], "", "expected paths inside the folder"),
        ("a.tar", ["/evil/evil.png"], "", "expected paths inside the folder"),
        ("a.zip", ["../evil.png"], "", "expected paths inside the folder"),
        ("a.zip", ["..\\evil.png"], "", "expected paths inside the folder"),
        ("a.tar", ["cue-conflict/a.png"], "cue-conflict/link", "got a link or device 'cue-conflict/link'"),
        ("a.tar", ["other/a.png"], "", "expected a folder cue-conflict in a.tar, got other: upstream has changed"),
    ],
)
def test_hostile_and_changed_archives_are_rejected(monkeypatch, tmp_path, server, file, names, link, message):
    packed = archive(tmp_path / "upstream" / file, names, link)
    source(monkeypatch, "cue-conflict", server, packed)
    with pytest.raises(DataError, match=message):
        datasets.prepare("cue-conflict", tmp_path / "data", progress=False)
    assert not list(tmp_path.rglob("evil.png"))
    assert not list((tmp_path / "data").glob(".cue-conflict-*"))


def test_damaged_and_foreign_files_are_rejected(monkeypatch, tmp_path, server):
    packed = archive(tmp_path / "upstream" / "cue-conflict.tar.gz", cue_conflict())
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    source(monkeypatch, "cue-conflict", server, packed)
    with pytest.raises(DataError, match=r"expected .* to be a complete archive, got .*Delete it and fetch it again"):
        datasets.prepare("cue-conflict", tmp_path / "data", progress=False)
    other = tmp_path / "upstream" / "text.tar"
    other.write_bytes(b"no archive")
    source(monkeypatch, "cue-conflict", server, other)
    with pytest.raises(DataError, match="got another kind of file"):
        datasets.prepare("cue-conflict", tmp_path / "data", progress=False)


def test_a_full_disk_is_noticed_first(monkeypatch, tmp_path, server):
    packed = archive(tmp_path / "upstream" / "cue-conflict.tar.gz", cue_conflict())
    source(monkeypatch, "cue-conflict", server, packed)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(unpack.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(DataError, match=r"expected 1.1 GB free on the disk of .* to download cue-conflict, got 0.0 MB"):
        datasets.prepare("cue-conflict", tmp_path / "data", progress=False)


def test_imagenet_is_arranged_from_the_two_archives(monkeypatch, tmp_path):
    """The development kit gives the wnid of each image, in the order of the file names."""
    root = tmp_path / "data" / "imagenet"
    with pytest.raises(DataError, match=r"needs a log-in; ILSVRC2012_img_val.tar and ILSVRC2012_devkit"):
        datasets.prepare("imagenet", tmp_path / "data")
    small(monkeypatch, "imagenet", 1000, 1)
    order = np.random.default_rng(0).permutation(1000)
    images = archive(root / "ILSVRC2012_img_val.tar", [f"ILSVRC2012_val_{k + 1:08d}.JPEG" for k in range(1000)])
    development_kit(tmp_path / "data", order, monkeypatch)
    assert datasets.prepare("imagenet", tmp_path / "data", as_tar=True) == {("imagenet", "", ""): 1000}
    assert not (root / "val").exists()
    with pytest.raises(DataError, match="complete and unchanged, got: The archive"):
        datasets.prepare("imagenet", tmp_path / "data")
    state_digest(images, "val", monkeypatch)
    assert datasets.prepare("imagenet", tmp_path / "data") == {("imagenet", "", ""): 1000}
    for k in (0, 7, 999):
        assert (root / "val" / WNIDS[order[k]] / f"ILSVRC2012_val_{k + 1:08d}.JPEG").is_file()


def test_tar_files_can_stay_as_they_are(monkeypatch, tmp_path, server, capsys):
    """One file for ImageNet-A, five for ImageNet-C: downloaded, counted, and not unpacked."""
    small(monkeypatch, "imagenet-a", 200)
    classes = [WNIDS[i] for i in imagenet_classes.subset("imagenet-a")]
    packed = archive(tmp_path / "upstream" / "imagenet-a.tar", per_class("imagenet-a", classes, 1))
    source(monkeypatch, "imagenet-a", server, packed)
    data = tmp_path / "data"
    assert datasets.prepare("imagenet-a", data, as_tar=True, progress=False) == {("imagenet-a", "", ""): 200}
    small(monkeypatch, "imagenet-c", 1000, 1)
    stated = upstream.upstream("imagenet-c").files
    files = [
        archive(tmp_path / "upstream" / f.name, [f"{c}/{s}/{w}/1.JPEG" for c in f.holds for s in study.SEVERITIES for w in WNIDS])
        for f in stated
    ]  # fmt: skip
    remote = tuple(RemoteFile(f"{server}/{f.name}", f.name, 0, "", s.holds) for f, s in zip(files, stated, strict=True))
    source(monkeypatch, "imagenet-c", server, files=remote)
    counts = datasets.prepare("imagenet-c", data, as_tar=True, progress=False)
    assert counts == dict.fromkeys(layouts.conditions("imagenet-c"), 1000)
    assert sorted(p.name for p in (data / "imagenet-c").iterdir()) == sorted(f.name for f in stated)
    assert not any(p.is_dir() for p in (data / "imagenet-c").iterdir())
    for path in (packed, *files):
        path.unlink()  # nothing is asked for again
    assert datasets.prepare("imagenet-c", data, progress=False) == counts
    assert command.main(["list", "--data", str(data)]) == 0
    listed = capsys.readouterr().out
    assert "imagenet-a       there as tar" in listed
    assert "imagenet-c       there as tar" in listed


def test_labels_of_imagenet_real_need_imagenet(monkeypatch, tmp_path, server):
    labels = tmp_path / "upstream" / "real.json"
    labels.write_text("[[1], [2]]")
    source(monkeypatch, "imagenet-real", server, labels)
    with pytest.raises(DataError, match="imagenet needs a log-in"):
        datasets.prepare("imagenet-real", tmp_path / "data", progress=False)
    source(monkeypatch, "imagenet-real", server, labels, needs="")
    with pytest.raises(DataError, match="imagenet"):  # placed, but there are no images
        datasets.prepare("imagenet-real", tmp_path / "data", progress=False)
    assert (tmp_path / "data" / "imagenet-real" / "real.json").read_text() == "[[1], [2]]"


def test_the_command_lists_fetches_and_checks(monkeypatch, tmp_path, server, capsys):
    packed = archive(tmp_path / "upstream" / "cue-conflict.tar.gz", cue_conflict())
    source(monkeypatch, "cue-conflict", server, packed)
    data = ["--data", str(tmp_path / "data")]
    assert command.main(["check", "cue-conflict", *data]) == 1
    assert "expected a folder cue-conflict under" in capsys.readouterr().err
    assert command.main(["fetch", "cue-conflict", "imagenet-cbar", *data]) == 1
    out, err = capsys.readouterr()
    assert "cue-conflict: complete, 1,280 images, scored over 16 classes" in out
    assert "imagenet-cbar cannot be downloaded from" in err
    assert "make_imagenet_c_bar.py" in err
    assert "64 sampled images as fetched" in out
    assert command.main(["check", "cue-conflict", *data]) == 0
    (record,) = (tmp_path / "data").glob(".*.sha256")
    sampled = record.read_text().splitlines()[5].partition("  ")[2]
    (tmp_path / "data/cue-conflict" / sampled).write_bytes(b"y")
    assert command.main(["check", "cue-conflict", *data]) == 1
    assert f"got 1 of 64 sampled images with another content: {sampled}. Remove" in capsys.readouterr().err
    record.unlink()
    assert command.main(["check", "cue-conflict", *data]) == 0
    assert "no digests recorded" in capsys.readouterr().out
    assert command.main(["list", *data]) == 0
    listed = capsys.readouterr().out
    assert "cue-conflict     there" in listed
    assert "imagenet-v2      not fetched" in listed
    assert command.main(["fetch", "imagenet-z", *data]) == 2
    assert "expected one of imagenet, " in capsys.readouterr().err


def test_every_data_set_of_the_layouts_has_a_source():
    from bvg.instruments import INSTRUMENTS

    assert set(upstream.names()) == set(layouts.LAYOUTS) - {"imagenet-16class"}
    for name in upstream.names():
        stated = upstream.upstream(name)
        assert stated.files or stated.by_hand
        assert list(stated.used_by) == [i.name for i in INSTRUMENTS.values() if i.dataset == name]
        assert all(f.url.startswith("https://") for f in stated.files)
        assert fetch.in_place(stated, Path("/nowhere")) is False
