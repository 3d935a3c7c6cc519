"""What the repository's address turns on: buttons, launchable notebooks, the publishing workflow."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from builder import launch

ROOT = Path(__file__).resolve().parents[2]
URL = "https://github.com/someone/companion"
NOTEBOOK, PROSE = "corruptions", "glossary"


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the repository whose book has one notebook and a few prose pages."""
    root = tmp_path_factory.mktemp("launch")
    quiet = shutil.ignore_patterns("__pycache__", "*.ipynb", "output", "*.safetensors")
    for name in ("bvg", "book"):
        shutil.copytree(ROOT / name, root / name, ignore=quiet)
    for name in ("_config.yml", "CITATION.cff", "constraints.txt", "jupytext.toml"):
        shutil.copy2(ROOT / name, root)
    (root / "notebooks").mkdir()
    shutil.copy2(ROOT / "notebooks" / f"{NOTEBOOK}.md", root / "notebooks")
    (root / "book" / "reproduce.md").unlink()
    (root / "book" / "index.md").write_text('# A small book\n\nDownload <a class="bvg-pdf">book.pdf</a>.\n')
    chapters = "".join(f"  - file: {name}\n" for name in (NOTEBOOK, PROSE, "references"))
    (root / "book" / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{chapters}")
    return root


def built(root: Path, address: str) -> tuple[dict[str, BeautifulSoup], Path]:
    """Build the copy with this address in the environment; returns its pages and their folder."""
    run = subprocess.run(
        [sys.executable, "-m", "builder"],
        cwd=root / "book",
        env=os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{root / 'book'}", "BVG_REPOSITORY": address},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    html = root / "_build" / "html"
    return {p.stem: BeautifulSoup(p.read_text(encoding="utf-8"), "html.parser") for p in html.glob("*.html")}, html


def buttons(page: BeautifulSoup) -> set[str]:
    """Addresses on other hosts that the header's buttons lead to."""
    return {a["href"] for a in page.select(".bd-header-article a[href]") if a["href"].startswith("http")}


def test_buttons_exist_only_with_an_address_and_lead_to_published_files(copy):
    pages, html = built(copy, "")
    assert [buttons(page) for page in pages.values()] == [set()] * len(pages)
    assert not pages["index"].find("a", class_="bvg-pdf").get("href"), "no PDF was printed"
    assert not (html / "requirements.txt").exists()
    notebook = nbformat.read(html / "notebooks" / f"{NOTEBOOK}.ipynb", as_version=4)
    assert "pip install" not in "".join(c.source for c in notebook.cells)

    pages, html = built(copy, URL)  # the setting alone causes a new build
    issue = {a for a in buttons(pages[PROSE]) if a.startswith(f"{URL}/issues/new")}
    assert len(issue) == 1
    assert buttons(pages[PROSE]) == {URL, *issue}, "a prose page is not a notebook to launch"
    launched = buttons(pages[NOTEBOOK]) - {URL}
    launched = {a for a in launched if "/issues/" not in a}
    assert launched == {
        f"https://mybinder.org/v2/gh/someone/companion/gh-pages?urlpath=lab/tree/notebooks/{NOTEBOOK}.ipynb",
        f"https://colab.research.google.com/github/someone/companion/blob/gh-pages/notebooks/{NOTEBOOK}.ipynb",
    }
    assert (html / "notebooks" / f"{NOTEBOOK}.ipynb").is_file(), "published at the path in the buttons"

    notebook = nbformat.read(html / "notebooks" / f"{NOTEBOOK}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert f'%pip install --quiet "bvg[{launch.EXTRAS}] @ git+{URL}"' in notebook.cells[0].source
    assert all(c.execution_count for c in notebook.cells[1:] if c.cell_type == "code")
    assert f"bvg[{launch.EXTRAS}] @ git+{URL}" in (html / "requirements.txt").read_text()
    assert (html / ".nojekyll").exists()


def test_the_install_cell_installs_only_if_bvg_is_missing(monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell

    empty = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    source = json.loads(launch.launchable(empty, {"repository": {"url": URL}}))["cells"][0]["source"]
    shell, asked = InteractiveShell.instance(), []
    try:
        shell.register_magic_function(asked.append, "line", "pip")
        shell.run_cell(source).raise_error()
        assert asked == [], "bvg is installed here"
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        shell.run_cell(source).raise_error()
        assert asked == [f'install --quiet "bvg[{launch.EXTRAS}] @ git+{URL}"']
    finally:
        InteractiveShell.clear_instance()


def test_the_installed_extras_exist():
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(launch.EXTRAS.split(",")) <= set(extras)


def test_the_environment_takes_precedence_over_the_file():
    config = {"repository": {"url": "https://github.com/a/b"}}
    assert launch.effective(config, {})["repository"]["url"] == "https://github.com/a/b"
    assert launch.effective(config, {"BVG_REPOSITORY": f"{URL}.git"})["repository"]["url"] == URL
    assert config == {"repository": {"url": "https://github.com/a/b"}}
    assert launch.site({"repository": {"url": "https://github.com/Me/me.github.io"}}) == "https://me.github.io/"


@pytest.mark.parametrize("url", ["git@github.com:a/b", "https://example.org/a/b", "https://github.com/a"])
def test_addresses_outside_github_are_rejected(url):
    with pytest.raises(SystemExit, match=re.escape("expected the repository's address to be https://github.com/")):
        launch.effective({}, {"BVG_REPOSITORY": url})


def test_no_address_is_committed():
    assert yaml.safe_load((ROOT / "_config.yml").read_text())["repository"] == {"url": ""}


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_workflows_call_existing_targets_with_pinned_actions_and_few_rights(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for step in steps:
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]), step
        else:
            command, *words = step["run"].split()
            assert (command == "make" and set(words) <= targets) or os.access(ROOT / command, os.X_OK), step
    assert set(re.findall(r"secrets\.(\w+)", text)) <= {"GITHUB_TOKEN"}
    assert workflow["permissions"] == {"contents": "write" if path.stem == "publish" else "read"}


def test_the_workflow_publishes_to_the_branch_of_the_buttons():
    workflow = yaml.safe_load((ROOT / ".github/workflows/publish.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    assert launch.VARIABLE in job["env"]
    published = job["steps"][-1]["with"]
    assert (published["publish_branch"], published["publish_dir"]) == (launch.BRANCH, "_build/html")
    assert {"make book", "make test", "make pdf"} <= {step.get("run") for step in job["steps"]}
