"""The commands and code in README, CONTRIBUTING and the book's prose pages work (recipes: test_recipes.py)."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import jupytext
import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
from companion import figures, parameters
from companion.page import Page

from bvg import results

ROOT = Path(__file__).resolve().parents[2]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "book").glob("*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    """(document, code) of every fenced block in a language."""
    return [
        (path.name, code)
        for path in DOCS
        for code in re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.S | re.M)
    ]


def commands(program: str) -> list[list[str]]:
    """Every documented command of a program, in blocks and in text, as a list of words."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCS)
    found = re.findall(rf"(?:^|`)((?:\.venv/bin/)?{program} [^`\n]+)", text, re.M)
    return [shlex.split(c, comments=True) for c in found if "NAME" not in c]


@pytest.mark.parametrize(("document", "code"), blocks("python"))
def test_python_examples_run(document, code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, f"{document}: {done.stderr}"


def test_every_documented_make_target_exists():
    targets = {words[1] for words in commands("make")}
    assert {"book", "test", "lab", "notebooks"} <= targets
    for target in targets:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)
    helped = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert targets <= set(re.findall(r"^make ([\w-]+)", helped, re.M))


def test_every_documented_papermill_command_is_valid():
    seen = 0
    for words in commands("papermill"):
        text = ROOT / words[1].replace(".ipynb", ".md")
        cell = next(c for c in jupytext.read(text).cells if "parameters" in c.metadata.get("tags", []))
        values: dict = {}
        exec(cell.source, values)
        declared = [k for k in values if k != "__builtins__"]
        given = {k: values[k] for k in declared}
        for flag, *rest in zip(words[3:], words[4:], [*words[5:], ""], strict=False):
            if flag == "-y":
                given |= json.loads(rest[0])
            elif flag == "-p":
                given[rest[0]] = json.loads(rest[1]) if re.fullmatch(r"[\d.]+", rest[1]) else rest[1]
        parameters.check(given, declared)
        seen += 1
    assert seen >= 4


def test_a_page_saves_a_new_figure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    canvas = matplotlib.figure.Figure()
    canvas.subplots().plot([0, 1])
    drawn = figures.Figure(canvas, pd.DataFrame({"x": [0, 1]}), "A line that rises from 0 to 1.")
    Page("mine", {"out": "output"}, ["out"]).figure("my-figure", drawn, "Caption.")
    made = {str(p) for p in Path("output").rglob("*.*")}
    assert made == {"output/figures/my-figure.svg", "output/figures/my-figure.png", "output/tables/my-figure.csv"}


def test_a_new_model_appears_in_a_figure(ipynbs, papermill_command, tmp_path):
    rows = [
        ("mine", "imagenet", "", np.nan, "top1", 70.0),
        ("mine", "imagenet-v2", "", np.nan, "top1", 60.0),
        ("mine", "imagenet-real", "", np.nan, "top1", 80.0),
        ("mine", "cue-conflict", "", np.nan, "shape_bias", 0.5),
    ]
    table = pd.DataFrame(rows, columns=list(results.COLUMNS[:6])).assign(n=100, source="run")
    results.write(table, tmp_path / "mine.csv")
    (documented,) = [c for c in commands("papermill") if "mine.csv" in " ".join(c)]
    (tmp_path / "notebooks").symlink_to(ipynbs)
    done = papermill_command(tmp_path, *documented[1:])
    assert done.returncode == 0, done.stderr
    data = pd.read_csv(tmp_path / "output" / "tables" / "figure-4.csv")
    mine = data[data["model"] == "mine"].set_index("y")
    assert mine["y_value"].to_dict() == {"ID": 70.0}
    assert not mine["in_statistics"].any()
    alt = (tmp_path / documented[2]).read_text()
    assert "Highlighted: mine" in alt
