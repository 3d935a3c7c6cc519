"""`make measure` with a model outside the zoo and real images: executed notebooks, results, the book's figures."""

import json
import os
import subprocess
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from bvg import results

ROOT = Path(__file__).resolve().parents[2]
LITE = "lite=companion.demo:efficientnet_lite0"


def command(words: list, **options) -> subprocess.CompletedProcess:
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | options.pop("environment", {})
    return subprocess.run([*map(str, words)], capture_output=True, text=True, env=environment, **options)


def make(*variables: str, environment: dict | None = None) -> subprocess.CompletedProcess:
    return command(["make", "--silent", "measure", *variables], cwd=ROOT, environment=environment or {})


@pytest.fixture(scope="module")
def data(shared, ipynbs, tmp_path_factory) -> Path:
    """Real images, under a path with characters that are special to make, the shell and YAML."""
    root = tmp_path_factory.mktemp("data") / "it's a root"
    (root / "imagenet").mkdir(parents=True)
    (root / "imagenet/val").symlink_to(shared / "stimuli/imagenet-sample")
    (root / "cue-conflict").symlink_to(shared / "stimuli/cue-conflict")
    return root


@pytest.fixture(scope="module")
def run(data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("measured") / "my run"
    done = make(
        f"MODELS={LITE}", f"DATA={data}", f"RUN={folder}", "MEASURES=shape-bias spectral-bias", "OPTIONS=-p limit 8",
        environment={"BVG_CACHE": str(folder.parent / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def test_the_run_is_a_results_table_of_everything_measured(run):
    table = results.load(run)
    assert set(table["model"]) == {"lite"}
    assert set(table["source"]) == {"my run"}
    assert set(table["n"]) <= {7, 8}  # of 8 cue-conflict images, one has the same shape and texture category
    counts = table.groupby("benchmark").size().to_dict()
    assert counts == {"cue-conflict": 4, "imagenet": 2, "low-pass": 11, "high-pass": 11}
    clean = table[(table["benchmark"] == "imagenet") & (table["metric"] == "top1")]["value"].item()
    assert clean > 50  # the model was trained on photographs


@pytest.mark.parametrize(
    ("page", "bars", "rows"), [("shape-bias", ["cue-conflict"], 4), ("spectral-bias", ["imagenet", "band-pass"], 24)]
)
def test_the_executed_notebooks_show_progress_and_results(run, page, bars, rows):
    notebook = nbformat.read(run / f"{page}.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert {output.output_type for output in outputs} == {"display_data"}
    shown = [output["data"]["text/plain"] for output in outputs if "bvg" not in output["metadata"]]
    for name, text in zip(bars, shown, strict=True):  # only the last state of each progress bar
        assert text.startswith(f"{name}: 100%")
        assert "img/s" in text
    marks = [key for output in outputs for key in output["metadata"].get("bvg", {})]
    assert marks[0] == "page"
    assert "text" in marks
    assert "This took" in outputs[-1]["data"]["text/markdown"]
    saved = pd.read_csv(run / f"tables/measured-{page}.csv")
    assert len(saved) == rows
    everything = json.dumps(notebook)
    for role in ("{doc}", "{ref}", "{cite"):  # only the book resolves them
        assert role not in everything


def test_the_model_appears_in_the_books_figures(run, papermill_command, tmp_path):
    parameters = {"results": ["published", str(run)], "highlight": ["lite"], "allow_missing": True}
    notebook = ROOT / "notebooks/spectral-bias.ipynb"
    done = papermill_command(tmp_path, notebook, tmp_path / "out.ipynb", "-y", json.dumps(parameters))
    assert done.returncode == 0, done.stderr
    curves = pd.read_csv(tmp_path / "output/tables/bandpass-curves.csv")
    mine = curves[curves["model"] == "lite"]
    assert len(mine) == 22
    assert curves["model"].nunique() == 49
    table = results.load(run)
    low = table[(table["benchmark"] == "low-pass") & (table["level"] == 0.5)]["value"].item()
    clean = table[(table["benchmark"] == "imagenet") & (table["metric"] == "top1")]["value"].item()
    drawn = mine[(mine["kind"] == "low-pass") & (mine["cutoff"] == 0.5)]
    assert drawn["relative_top1"].item() == pytest.approx(low / clean)


def test_model_names_with_spaces_arrive_and_missing_data_is_reported(data, tmp_path):
    """The second model's name holds a space. The error lists the missing data."""
    done = make(f"MODELS={LITE} 'other=my models/x.pth'", f"DATA={data}", f"RUN={tmp_path}/run",
                "MEASURES=spectral-bias shape-bias")  # fmt: skip
    assert done.returncode != 0
    assert "imagenet: expected 50,000 images, found 200" in done.stderr
    executed = nbformat.read(tmp_path / "run/spectral-bias.ipynb", as_version=4)
    given = next(cell.source for cell in executed.cells if "injected-parameters" in cell.metadata.get("tags", []))
    assert "'other=my models/x.pth'" in given or '"other=my models/x.pth"' in given
    assert not (tmp_path / "run/shape-bias.ipynb").exists(), "it stops at the first failing notebook"


@pytest.mark.parametrize("variables", [["MODELS=tv_resnet50"], ["DATA=/data"]])
def test_without_models_or_data_the_error_says_what_to_give(variables, tmp_path):
    clean = {"MODELS": "", "DATA": ""}
    done = make(*variables, f"RUN={tmp_path}/run", environment=clean)
    assert done.returncode == 2
    assert done.stderr.startswith('expected MODELS and DATA, as in: make measure MODELS="tv_resnet50 mine=best.pth"')
    assert not (tmp_path / "run").exists()
