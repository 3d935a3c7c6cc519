"""Each recipe of CONTRIBUTING.md, followed to the letter on a copy of the repository; then Figure 2 is drawn."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.S | re.M)
PLACE = re.compile(
    r"# (?P<path>\S+), (a new file|after the imports|a new cell at the end|at the end of (?P<kind>the fields of )?(?P<name>\w+))\n"
)

FIGURE_2 = """
import pandas as pd
from bvg import known_models, results, study
from companion import figures

scores = results.per_model(results.load("published"))
groups = known_models.figure2_groups(scores["group"])
cells = results.correlate(scores, list(study.CATEGORIES), [b.id for b in study.BIASES], groups)
figure = figures.correlation_heatmap(cells)
figure.data.to_csv("figure-2.csv", index=False)
figure.figure.savefig("figure-2.svg")
"""


def recipes() -> dict[str, list[tuple[str, str]]]:
    """Return the fenced blocks of each recipe, as (language, text), by title."""
    sections = re.split(r"^## ", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), flags=re.M)[1:]
    found = {section.partition("\n")[0]: BLOCK.findall(section) for section in sections}
    return {title: blocks for title, blocks in found.items() if blocks}


def edit(root: Path, text: str) -> None:
    """Put a block of code where its first line says."""
    place = PLACE.match(text)
    assert place, f"expected a first line such as '# PATH, at the end of NAME', got {text.splitlines()[0]!r}"
    code, path = text[place.end() :], root / place["path"]
    if place[2] == "a new file":
        assert not path.exists()
        path.write_text(code)
        return
    lines = path.read_text().splitlines(keepends=True)
    if place[2] == "a new cell at the end":
        lines.append(f"\n```{{code-cell}} ipython3\n{code}```\n")
    else:
        lines.insert(line_of(lines, place), code)
    path.write_text("".join(lines))


def line_of(lines: list[str], place: re.Match) -> int:
    """Return the line before which a block of code goes."""
    body = ast.parse("".join(lines)).body
    if place[2] == "after the imports":
        return max(node.end_lineno for node in body if isinstance(node, ast.Import | ast.ImportFrom))
    if place["kind"]:
        (owner,) = (node for node in body if isinstance(node, ast.ClassDef) and node.name == place["name"])
        return next(node.lineno for node in owner.body if isinstance(node, ast.FunctionDef)) - 1
    (value,) = (
        node.value
        for node in body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and place["name"] in [t.id for t in (node.targets if isinstance(node, ast.Assign) else [node.target])]
    )
    assert lines[value.end_lineno - 1].lstrip()[0] in ")}]", f"{place['name']} does not end on a line of its own"
    return value.end_lineno - 1


def run(root: Path, command: list[str]) -> None:
    paths = [root, root / "book", root / "tests" / "helpers"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "MPLBACKEND": "agg"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path) -> Path:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    return tmp_path


def test_the_five_recipes_are_there():
    assert list(recipes())[:5] == [
        "Add a benchmark", "Add an instrument", "Add a setting", "Add a figure", "Change a category",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def figure_2(tmp_path_factory) -> str:
    """The numbers of Figure 2, drawn by the repository itself."""
    untouched = tmp_path_factory.mktemp("untouched")
    done = subprocess.run([sys.executable, "-c", FIGURE_2], cwd=untouched, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return (untouched / "figure-2.csv").read_text()


@pytest.mark.parametrize("title", recipes())
def test_a_recipe_works_to_the_letter_and_figure_2_stays_the_same(title, copy, figure_2):
    for language, text in recipes()[title]:
        if language == "py":
            edit(copy, text)
        elif language == "bash":
            run(copy, ["bash", "-euc", text])
    run(copy, [sys.executable, "-c", FIGURE_2])
    assert (copy / "figure-2.svg").stat().st_size > 10_000
    assert (copy / "figure-2.csv").read_text() == figure_2
