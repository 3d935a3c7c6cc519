"""Execute notebooks with papermill, each in a folder and a process of its own."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Mapping
from multiprocessing import connection
from pathlib import Path

from builder import ROOT, kernels, pages
from builder.notebooks import MEASURE, Notebook, stored


def execute_all(keys: Mapping[Notebook, str], jobs: int) -> None:
    """Execute notebooks in processes forked from this one, `jobs` at a time, and print how long each took.

    Args:
        keys: their keys, computed before their modules are imported here: a file that changes later is noticed next time.
        jobs: notebooks at a time.

    Raises:
        SystemExit: a notebook failed; the others that were running have ended.
    """
    kernels.preload()
    waiting, running, failed = list(keys.items()), [], False
    while running or (waiting and not failed):
        while waiting and not failed and len(running) < jobs:
            running.append(kernels.FORK.Process(target=_execute, args=waiting.pop(0)))
            running[-1].start()
        connection.wait([process.sentinel for process in running])
        for process in [process for process in running if process.exitcode is not None]:
            failed |= process.exitcode != 0
            running.remove(process)
    if failed:
        raise SystemExit(1)


def _execute(notebook: Notebook, key: str) -> None:
    try:
        print(execute(notebook, key), flush=True)
    except SystemExit as error:
        print(error, file=sys.stderr, flush=True)
        raise SystemExit(1) from None


def execute(notebook: Notebook, key: str) -> str:
    """Execute a notebook and replace its last run if it succeeds.

    Call it in a process of its own: papermill changes the working directory.

    A measurement that was interrupted resumes, provided that nothing it depends on has changed.

    Returns:
        A line that says how long it took.

    Raises:
        SystemExit: the notebook failed.
    """
    import jupytext
    import papermill

    fresh, start = notebook.run.with_name(f".{notebook.run.name}"), time.monotonic()
    if not (notebook.measures and stored(fresh / "key") == key):
        shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True, exist_ok=True)
    (fresh / "key").write_text(key)
    text = notebook.text.read_text(encoding="utf-8")
    if notebook.reads_measured:
        (fresh / MEASURE).symlink_to(notebook.root / "_build" / "runs" / MEASURE)
    source, executed = fresh / "source.ipynb", fresh / notebook.executed.name
    kernels.use(kernels.Kernel())
    jupytext.write(jupytext.reads(text, fmt="md:myst"), source)
    try:
        papermill.execute_notebook(str(source), str(executed), cwd=str(fresh), progress_bar=False)
    except papermill.PapermillExecutionError as error:
        raise SystemExit(f"{notebook.text.relative_to(notebook.root)} failed:\n{error}") from None
    source.unlink()
    scrub(executed)
    (fresh / "text").write_text(text, encoding="utf-8")
    shutil.rmtree(notebook.run, ignore_errors=True)
    fresh.rename(notebook.run)
    return f"  {notebook.name}: executed in {time.monotonic() - start:.1f} s"


def scrub(path: Path) -> None:
    """Remove what papermill and the kernel recorded about this machine and run."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"] = {k: v for k, v in notebook["metadata"].items() if k in ("kernelspec", "language_info")}
    for cell in notebook["cells"]:
        cell["metadata"] = pages.metadata(cell)
    text = json.dumps(notebook, indent=1, ensure_ascii=False).replace(str(ROOT), ".")
    path.write_text(text + "\n", encoding="utf-8")
