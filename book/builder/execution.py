"""Execute one notebook with papermill in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from builder import ROOT
from builder.inputs import key
from builder.notebooks import MEASURE, Notebook


def stored(path: Path) -> str | None:
    """Return the text of a file; None if there is no such file."""
    return path.read_text() if path.is_file() else None


def execute(notebook: Notebook) -> str:
    """Execute a notebook and replace its last run if it succeeds.

    A measurement that was interrupted resumes, provided that nothing it depends on has changed.

    Returns:
        A line that says how long it took.

    Raises:
        SystemExit: the notebook failed.
    """
    fresh, began, start = notebook.run.with_name(f".{notebook.run.name}"), key(notebook), time.monotonic()
    if not (notebook.measures and stored(fresh / "key") == began):
        shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True, exist_ok=True)
    (fresh / "key").write_text(began)
    if notebook.reads_measured:
        (fresh / MEASURE).symlink_to(notebook.root / "_build" / "runs" / MEASURE)
    source, executed = fresh / "source.ipynb", fresh / notebook.executed.name
    python = [sys.executable, "-m"]
    subprocess.run([*python, "jupytext", "--quiet", "--to", "ipynb", "--output", source, notebook.text], check=True)
    quiet = ["--no-progress-bar", "--no-log-output", "--log-level", "ERROR"]
    done = subprocess.run(
        [*python, "papermill", *quiet, source, executed, "--cwd", fresh],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{notebook.text.relative_to(notebook.root)} failed:\n{done.stderr}")
    source.unlink()
    scrub(executed)
    shutil.rmtree(notebook.run, ignore_errors=True)
    fresh.rename(notebook.run)
    return f"  {notebook.name}: executed in {time.monotonic() - start:.1f} s"


def scrub(path: Path) -> None:
    """Remove what papermill and the kernel recorded about this machine and run."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"] = {k: v for k, v in notebook["metadata"].items() if k in ("kernelspec", "language_info")}
    for cell in notebook["cells"]:
        cell["metadata"] = {k: v for k, v in cell["metadata"].items() if k in ("tags", "mystnb")}
    text = json.dumps(notebook, indent=1, ensure_ascii=False).replace(str(ROOT), ".")
    path.write_text(text + "\n", encoding="utf-8")
