"""The build on a small copy of the book: which changes execute which notebooks, and what makes a build fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from builder import notebooks
from builder.inputs import Files, data, key, modules

ROOT = Path(__file__).resolve().parents[2]
KEPT = ("bias-correlation", "corruptions")


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the repository whose book has two notebooks and three prose pages."""
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


def find(root: Path) -> dict[str, notebooks.Notebook]:
    """The copy's notebooks by the name of their page."""
    return {notebook.name: notebook for notebook in notebooks.find(root)}


def keys(root: Path) -> dict[str, str]:
    return {name: key(notebook) for name, notebook in find(root).items()}


@pytest.mark.parametrize(
    ("file", "executed"),
    [
        ("notebooks/corruptions.md", set()),  # an empty line at its end, not in its code
        ("bvg/results/correlation.py", set(KEPT)),
        ("book/companion/figures/heatmaps.py", {"bias-correlation"}),
        ("book/companion/figures/scatter.py", set()),  # neither draws one
        ("book/companion/figures/svg_output.py", {"bias-correlation"}),  # which heatmaps imports
        ("bvg/results/scores.py", set(KEPT)),
        ("bvg/results/published/results.csv", set(KEPT)),
        ("bvg/results/published/models.csv", set(KEPT)),
        ("constraints.txt", set(KEPT)),
        ("bvg/kernels/pgd.py", set()),
        ("book/glossary.md", set()),
    ],
)
def test_a_change_executes_the_notebooks_that_depend_on_it(copy, file, executed):
    before = keys(copy)
    path = copy / file
    text = path.read_bytes()
    path.write_bytes(text + b"\n")
    try:
        after = keys(copy)
    finally:
        path.write_bytes(text)
    assert {name for name in KEPT if before[name] != after[name]} == executed


def test_builds_from_scratch_after_an_edit_with_a_failing_cell_and_with_a_broken_reference(copy):
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
    assert "to execute: 0" in broken.stdout, "the failed run left the last good one in place"

    page.write_text("# A small book\n\nFixed.\n")
    prose = copy / "notebooks" / "bias-correlation.md"
    prose.write_text(prose.read_text().replace("**{{finding}}**", "In short: **{{finding}}**"))
    last = build(copy)
    assert last.returncode == 0, last.stdout + last.stderr
    assert "to execute: 0" in last.stdout, "a changed sentence keeps the numbers"
    assert "Fixed." in index.read_text()
    assert "In short: <strong>Over all 48 models" in (index.parent / "bias-correlation.html").read_text()
    assert "In short: **Over all 48 models" in (copy / "_build" / "notebooks" / "bias-correlation.ipynb").read_text()


@pytest.fixture
def measured(copy):
    """The copy with one notebook that measures and one that reads what it measured."""
    paths = copy / "notebooks/measure/shape-bias.md", copy / "notebooks/miniature.md"
    for path in paths:
        shutil.copy2(ROOT / path.relative_to(copy), path)
    yield [find(copy)[name] for name in ("measure-shape-bias", "miniature")]
    for path in paths:
        path.unlink()


def test_notebooks_that_measure_come_first(copy, measured):
    measure, page = measured
    assert notebooks.find(copy)[0] == measure
    assert measure.measures
    assert page.reads_measured
    assert not find(copy)["corruptions"].reads_measured


def test_a_page_that_reads_measurements_depends_on_the_notebooks_that_make_them(copy, measured):
    measure = measured[0].text
    weights = next((copy / "bvg/miniature/weights").glob("*.safetensors"))
    for path in (measure, weights, copy / "bvg/miniature/network.py"):
        before, content = [key(notebook) for notebook in measured], path.read_bytes()
        path.write_bytes(content + (b"\n```{code-cell} ipython3\nx = 1\n```\n" if path == measure else b"\n"))
        after = [key(notebook) for notebook in measured]
        path.write_bytes(content)
        assert not set(before) & set(after), path


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("from companion.explorer import explorer", "book/companion/explorer/explorer.js"),
        ("def f():\n    from bvg.bench import record", "book/benchmarks/amd-epyc.json"),
        ("from bvg import models", "bvg/models/zoo.toml"),
        ("import bvg", "bvg/imagenet_classes.json"),
    ],
)
def test_data_of_imported_packages_is_an_input(code, path):
    assert ROOT / path in data(modules(code, Files()))
    assert ROOT / path not in data(modules("from companion import text", Files())) or path.startswith("bvg/imagenet")
