"""book/build.py on a small copy of the book: what is executed when, and what makes a build fail."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEPT = ("bias-correlation", "corruptions")


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A book of two notebooks and two prose pages."""
    root = tmp_path_factory.mktemp("copy")
    quiet = shutil.ignore_patterns("__pycache__", "*.ipynb", "output")
    for name in ("bvg", "book", "notebooks"):
        shutil.copytree(ROOT / name, root / name, ignore=quiet)
    for name in ("_config.yml", "constraints.txt", "jupytext.toml", "CITATION.cff"):
        shutil.copy2(ROOT / name, root)
    for text in (root / "notebooks").rglob("*.md"):
        if text.stem not in KEPT:
            text.unlink()
    (root / "book" / "index.md").write_text("# A small book\n")
    (root / "book" / "reproduce.md").unlink()
    chapters = "".join(f"  - file: {name}\n" for name in (*KEPT, "glossary", "references"))
    (root / "book" / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{chapters}")
    return root


def build(root: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "builder"],
        cwd=root / "book",
        env=os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{root / 'book'}"},
        capture_output=True,
        text=True,
    )


def keys(root: Path) -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("copied_build", root / "book" / "builder" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: module.key(root / "notebooks" / f"{name}.md") for name in KEPT}


@pytest.mark.parametrize(
    ("file", "executed"),
    [
        ("notebooks/corruptions.md", {"corruptions"}),
        ("bvg/results/correlation.py", {"bias-correlation"}),
        ("book/companion/figures/heatmaps.py", {"bias-correlation"}),
        ("bvg/results/scores.py", set(KEPT)),
        ("bvg/results/published/results.csv", set(KEPT)),
        ("bvg/results/published/models.csv", set(KEPT)),
        ("constraints.txt", set(KEPT)),
        ("bvg/kernels/pgd.py", set()),
        ("book/glossary.md", set()),
    ],
)
def test_a_change_executes_again_what_depends_on_it(copy, file, executed):
    before = keys(copy)
    path = copy / file
    text = path.read_bytes()
    path.write_bytes(text + b"\n")
    try:
        after = keys(copy)
    finally:
        path.write_bytes(text)
    assert {name for name in KEPT if before[name] != after[name]} == executed


def test_a_build_from_clean_an_edit_a_failing_cell_and_a_broken_reference(copy):
    first = build(copy)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "to execute: 2" in first.stdout
    index = copy / "_build" / "html" / "index.html"
    assert index.exists()

    text = copy / "notebooks" / "corruptions.md"
    good = text.read_text()
    text.write_text(good.replace("table = load(results)", 'table = load("nowhere.csv")'))
    failed = build(copy)
    assert failed.returncode != 0
    assert "corruptions.md failed" in failed.stderr
    assert "expected a results table at nowhere.csv" in failed.stderr
    assert "to execute: 1" in failed.stdout

    text.write_text(good)
    page = copy / "book" / "index.md"
    page.write_text("# A small book\n\n{ref}`nothing <no-such-label>`\n")
    broken = build(copy)
    assert broken.returncode != 0
    assert "no-such-label" in broken.stderr
    assert "to execute: 0" in broken.stdout, "the run that failed left the good one in place"

    page.write_text("# A small book\n\nMended.\n")
    assert build(copy).returncode == 0
    assert "Mended." in index.read_text()


def test_a_page_that_reads_measurements_is_keyed_on_those_who_make_them(copy):
    spec = importlib.util.spec_from_file_location("measured_build", copy / "book" / "builder" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    measure, page = copy / "notebooks/measure/shape-bias.md", copy / "notebooks/miniature.md"
    try:
        for path in (measure, page):
            shutil.copy2(ROOT / path.relative_to(copy), path)
        assert module.notebooks()[0] == measure
        assert module.measures(measure)
        assert module.reads_measured(page)
        assert not module.reads_measured(copy / "notebooks/corruptions.md")
        assert (module.name_of(measure), module.name_of(page)) == ("measure-shape-bias", "miniature")
        before = {path: module.key(path) for path in (measure, page)}
        measure.write_text(measure.read_text() + "\n")
        assert all(module.key(path) != before[path] for path in (measure, page))
        before = {path: module.key(path) for path in (measure, page)}
        weights = next((copy / "bvg/miniature/weights").glob("*.safetensors"))
        content = weights.read_bytes()
        weights.write_bytes(content + b"0")
        assert all(module.key(path) != before[path] for path in (measure, page))
        weights.write_bytes(content)
    finally:
        measure.unlink(missing_ok=True)
        page.unlink(missing_ok=True)
