"""The text notebooks: their form, and running them with plain papermill."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import papermill
import pytest
from companion import parameters, prose

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
QUIET = ("--no-progress-bar", "--log-level", "ERROR")
TEXTS = sorted(FOLDER.rglob("*.md"))
names = pytest.mark.parametrize("text", TEXTS, ids=lambda p: name(p))


def name(text: Path) -> str:
    """A notebook's name: its path below `notebooks`, without suffix."""
    return text.relative_to(FOLDER).with_suffix("").as_posix()


def cells(text: Path) -> list:
    """The cells of code."""
    return [c for c in jupytext.read(text).cells if c.cell_type == "code" and prose.template(c.source) is None]


def assigned(source: str) -> dict:
    """name -> literal value of each statement in a parameters cell."""
    return {s.targets[0].id: ast.literal_eval(s.value) for s in ast.parse(source).body}


@names
def test_first_cell_holds_plain_defaults_and_second_cell_declares_them(text):
    first, guard = cells(text)[:2]
    assert "parameters" in first.metadata["tags"]
    defaults = assigned(first.source)
    parameters.check(defaults, list(defaults))
    call = ast.parse(guard.source).body[-1].value
    assert (call.func.id, ast.literal_eval(call.args[0])) == ("Page", name(text))
    assert ast.literal_eval(call.args[2]) == list(defaults)


@names
def test_categories_of_the_paper_are_not_repeated(text):
    assert assigned(cells(text)[0].source).get("categories") is None


@names
def test_text_holds_no_outputs_and_no_loops(text):
    raw = text.read_text(encoding="utf-8")
    assert "image/png" not in raw
    assert not any(c.get("outputs") or c.get("execution_count") for c in jupytext.read(text).cells)
    loops = (ast.For, ast.While, ast.FunctionDef, ast.Lambda)
    for cell in cells(text):
        assert not [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, loops)], "belongs in a package"


@names
def test_numbers_in_prose_are_computed(text):
    whole = jupytext.read(text).cells
    printed = set().union(*(prose.names(prose.template(c.source) or "") for c in whole))
    assert printed == set().union(*(prose.names(c.source) for c in whole)), "only a cell of `%%prose` prints values"
    calls = [
        node
        for cell in cells(text)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "glue"
    ]
    assert printed == {k.arg for call in calls for k in call.keywords}


@names
def test_what_only_the_book_resolves_stands_in_cells_of_prose(text):
    whole = jupytext.read(text).cells
    for cell in whole:
        if cell.cell_type == "markdown":
            assert prose.outside_the_book(cell.source) == cell.source
    live = [prose.outside_the_book(prose.template(c.source) or "") for c in whole]
    links = re.findall(r"\]\(([\w./-]+\.(?:ipynb|md))\)", "\n".join(live))
    assert [link for link in links if not (text.parent / link).with_suffix(".md").is_file()] == []


@names
def test_parameters_are_not_reassigned(text):
    first, *rest = cells(text)
    declared = set(assigned(first.source))
    for cell in rest:
        stores = {
            n.id for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        assert not declared & stores


def test_git_ignores_ipynb_files():
    done = subprocess.run(["git", "check-ignore", "notebooks/any.ipynb"], cwd=ROOT, capture_output=True)
    assert done.returncode == 0
    listed = subprocess.run(["git", "ls-files", "*.ipynb"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert listed.stdout == ""


def test_ipynb_files_match_the_text(ipynbs):
    for text in TEXTS:
        twin = nbformat.read(ipynbs / f"{name(text)}.ipynb", as_version=4)
        assert [c.source for c in twin.cells] == [c.source for c in jupytext.read(text).cells]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["-p", "alhpa", "0.01"], "got `alhpa` (did you mean alpha?)"),
        (["-p", "alpha", "5"], "expected `alpha` to be a number in (0, 1), got 5"),
        (["-y", '{"highlight": "tv_resnet50"}'], "expected `highlight` to be a list"),
        (["-y", '{"highlight": ["tv_resnet5"]}'], "did you mean tv_resnet50"),
        (["-p", "results", "none.csv"], "expected a results table at none.csv"),
        (["-p", "out", "/proc/self/output"], "expected `out` to be a folder that can be written to"),
        (["-p", "out", "/dev/null/output"], "expected `out` to be a folder that can be written to"),
    ],
)
def test_papermill_rejects_wrong_parameters_from_any_folder(ipynbs, papermill_command, tmp_path, given, message):
    done = papermill_command(tmp_path, *QUIET, ipynbs / "bias-correlation.ipynb", tmp_path / "out.ipynb", *given)
    assert done.returncode != 0
    assert message in done.stderr
    assert not (tmp_path / "output").exists()


def test_plain_papermill_rejects_a_wrong_parameter(ipynbs, tmp_path):
    done = plain_papermill(ipynbs / "bias-correlation.ipynb", tmp_path, "-p", "alhpa", "0.01")
    assert done.returncode != 0
    assert "got `alhpa` (did you mean alpha?)" in done.stderr
    assert not (tmp_path / "output").exists()


def test_papermill_runs_with_other_parameters_from_any_folder(ipynbs, papermill_command, tmp_path):
    given = ["-p", "alpha", "0.001", "-y", '{"low_cutoffs": [0.1, 0.2], "highlight": ["resnet50_prime"]}']
    done = papermill_command(tmp_path, *QUIET, ipynbs / "bias-correlation.ipynb", tmp_path / "out.ipynb", *given)
    assert done.returncode == 0, done.stderr
    made = {str(p.relative_to(tmp_path / "output")) for p in (tmp_path / "output").rglob("*.*")}
    assert made == {
        "figures/bias-correlation.svg",
        "figures/bias-correlation.png",
        "figures/bias-correlation-narrow.svg",
        "tables/bias-correlation.csv",
    }
    header, first = (tmp_path / "output/tables/bias-correlation.csv").read_text().splitlines()[:2]
    assert header == "row,column,r,p,n,shown"
    assert first.split(",")[4] == "47", "the highlighted model is left out of the correlations"


def plain_papermill(notebook: Path, cwd: Path, *given: str) -> subprocess.CompletedProcess:
    command = [Path(sys.executable).with_name("papermill"), *QUIET]
    return subprocess.run(
        [*command, notebook, cwd / "out.ipynb", *given], cwd=cwd, capture_output=True, text=True, env=dict(os.environ)
    )


def test_the_command_on_the_page_reproduces_the_page(build, ipynbs, tmp_path):
    import shlex

    page = nbformat.read(build / "notebooks" / "bias-correlation.ipynb", as_version=4)
    shown = next(o for c in page.cells for o in c.get("outputs", []) if "page" in o.metadata.get("bvg", {}))
    command = shlex.split(shown["data"]["text/markdown"].split("```bash\n")[1].split("\n```")[0])
    assert command[:2] == ["papermill", "notebooks/bias-correlation.ipynb"]
    done = plain_papermill(ipynbs / "bias-correlation.ipynb", tmp_path, *command[3:])
    assert done.returncode == 0, done.stderr
    ours, book = (p / "tables/bias-correlation.csv" for p in (tmp_path / "output", build))
    assert ours.read_bytes() == book.read_bytes()


@names
def test_ipynb_file_names_the_kernel_for_papermill(ipynbs, text):
    twin = nbformat.read(ipynbs / f"{name(text)}.ipynb", as_version=4)
    assert twin.metadata["kernelspec"]["name"] == "python3"


def test_papermill_reads_parameters_and_their_types(ipynbs):
    seen = papermill.inspect_notebook(str(ipynbs / "biases-and-generalization.ipynb"))
    assert json.loads(seen["low_cutoffs"]["default"]) == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert seen["alpha"]["default"] == "0.05"


def test_a_misspelt_parameter_is_rejected_in_a_live_kernel(tmp_path, monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.chdir(tmp_path)
    shell = InteractiveShell()
    first, guard = (c.source for c in cells(FOLDER / "bias-correlation.md")[:2])
    for source in (first, guard, "other = 3", first, guard):
        shell.run_cell(source, store_history=True).raise_error()
    shell.run_cell(f"{first}\nalhpa = 0.01", store_history=True).raise_error()
    with pytest.raises(parameters.ParameterError, match="did you mean alpha"):
        shell.run_cell(guard, store_history=True).raise_error()
