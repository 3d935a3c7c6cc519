"""The pins: pyproject.toml, constraints.txt and environment.yml agree, and reading results loads no torch."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import requires, version

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name


@pytest.fixture(scope="module")
def project(root) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def pins(root) -> dict[str, str]:
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    assert all(re.fullmatch(r"[\w.-]+==[\w.!+]+", line) for line in lines), "name==version lines only, no hosts"
    return {canonicalize_name(name): v for name, _, v in (line.partition("==") for line in lines)}


def test_every_direct_dependency_is_pinned_to_an_allowed_version(project, pins):
    extras = project["optional-dependencies"].values()
    for text in [*project["dependencies"], *(r for extra in extras for r in extra)]:
        need = Requirement(text)
        assert pins[canonicalize_name(need.name)] in need.specifier, text


def test_every_installed_dependency_is_pinned(pins):
    waiting, seen = [("bvg", {"measure", "book", "test"})], set()
    while waiting:
        name, extras = waiting.pop()
        for text in requires(name) or []:
            need = Requirement(text)
            wanted = need.marker is None or any(need.marker.evaluate({"extra": e}) for e in extras | {""})
            key = canonicalize_name(need.name)
            if wanted and (key, frozenset(need.extras)) not in seen:
                seen.add((key, frozenset(need.extras)))
                assert pins.get(key) == version(key), f"{key} is not pinned to what is installed"
                waiting.append((key, set(need.extras)))


def test_conda_installs_the_same_environment(root, project):
    conda = yaml.safe_load((root / "environment.yml").read_text())
    python = next(d for d in conda["dependencies"] if isinstance(d, str) and d.startswith("python="))
    assert SpecifierSet(project["requires-python"]).contains(python.removeprefix("python="))
    pip = next(d["pip"] for d in conda["dependencies"] if isinstance(d, dict))
    assert pip == ["--constraint constraints.txt", f"--editable .[{','.join(project['optional-dependencies'])}]"]
    makefile = (root / "Makefile").read_text()
    assert f"--constraint constraints.txt --editable '.[{','.join(project['optional-dependencies'])}]'" in makefile


def test_torch_torchvision_and_jupyter_book_versions(pins):
    assert (pins["torch"], pins["torchvision"], pins["jupyter-book"]) == ("2.12.1", "0.27.1", "1.0.4.post1")


def test_reading_analysing_and_drawing_results_loads_no_torch():
    code = """
import importlib, pkgutil, sys
import bvg.results.published
from companion import analysis, figures, page, tables
for package in (analysis, figures, tables):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(".performance"):  # they read bvg.bench, which measures
            importlib.import_module(module.name)
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
