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
PLACE = re.compile(r"# (?P<path>\S+), (?P<place>a new file|at the end|at the end of (?P<name>\w+))\n")

FIGURE_2 = """
import pandas as pd
from bvg import results, study
from companion import figures

scores = results.per_model(results.load("published"))
groups = study.figure2_groups(scores["group"])
cells = results.correlate(scores, list(study.CATEGORIES), [b.id for b in study.BIASES], groups)
figure = figures.correlation_heatmap(cells)
figure.data.to_csv("figure-2.csv", index=False)
figure.figure.savefig("figure-2.svg")
"""


def recipes() -> dict[str, list[tuple[str, str]]]:
    """Title of each recipe -> its fenced blocks, as (language, text)."""
    sections = re.split(r"^## ", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), flags=re.M)[1:]
    found = {section.partition("\n")[0]: BLOCK.findall(section) for section in sections}
    return {title: blocks for title, blocks in found.items() if any(language == "py" for language, _ in blocks)}


def edit(root: Path, text: str) -> None:
    """Put a block where its first line says: in a new file, at the end of a file, or at the end of a tuple or dict there."""
    place = PLACE.match(text)
    assert place, f"expected a first line such as '# PATH, at the end of NAME', got {text.splitlines()[0]!r}"
    code, path = text[place.end() :], root / place["path"]
    if place["place"] == "a new file":
        assert not path.exists()
        path.write_text(code)
        return
    source = path.read_text()
    if place["name"] is None:
        path.write_text(f"{source.rstrip()}\n\n\n{code}")
        return
    (value,) = (
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and place["name"] in [t.id for t in getattr(node, "targets", [getattr(node, "target", None)])]
    )
    lines = source.splitlines(keepends=True)
    last = lines[value.end_lineno - 1]
    assert last.lstrip()[0] in ")}]", f"{place['name']} does not end on a line of its own"
    lines.insert(value.end_lineno - 1, code)
    path.write_text("".join(lines))


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


def test_there_are_the_five_recipes():
    assert {title.removeprefix("Add a ").removeprefix("Add an ") for title in recipes()} >= {
        "benchmark", "instrument", "setting", "figure", "category",
    }  # fmt: skip


@pytest.mark.parametrize("title", recipes())
def test_a_recipe_works_to_the_letter_and_figure_2_stays(title, copy):
    for language, text in recipes()[title]:
        if language == "py":
            edit(copy, text)
        elif language == "bash":
            run(copy, ["bash", "-euc", text])
    run(copy, [sys.executable, "-c", FIGURE_2])
    assert (copy / "figure-2.svg").stat().st_size > 10_000
    untouched = copy / "untouched"
    untouched.mkdir()
    done = subprocess.run([sys.executable, "-c", FIGURE_2], cwd=untouched, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (copy / "figure-2.csv").read_text() == (untouched / "figure-2.csv").read_text()
