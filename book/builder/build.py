"""Build the book: execute the notebooks whose inputs changed, write the pages, run Jupyter Book.

    python -m builder             build what is out of date
    python -m builder --force     build everything

1. Execute each notebook whose inputs changed (`inputs.py`, `execution.py`). A notebook that reads measured results waits for
   those that measure. If only its prose changed, its results are kept.
2. Collect figures, tables and executed notebooks, and turn the notebooks into pages (`rendering.py`).
3. Render the pages that changed with Jupyter Book. A warning is an error.

Where a library's cache was weighed: jupyter-cache keys a notebook on its own code and knows neither imported modules nor data;
doit and snakemake would need every dependency listed or computed as here. Finding them is most of this code.
"""

from __future__ import annotations

import argparse
import os
import shutil

from builder import BUILD, ROOT, notebooks
from builder.inputs import Files, digest, key
from builder.notebooks import MEASURE, Notebook, stored

RUNS = BUILD / "runs"


def page_inputs(texts: list[Notebook], files: Files) -> str:
    """Return a digest of everything that the rendered pages depend on."""
    collected = [
        p for n in texts for p in n.run.rglob("*") if p.parent.name in ("figures", "tables") or p == n.executed
    ]
    book = [p for p in (ROOT / "book").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    own = [ROOT / name for name in ("constraints.txt", "CITATION.cff", "_config.yml")]
    return digest([*collected, *book, *own, *(n.text for n in texts)], files, os.environ.get("BVG_REPOSITORY", ""))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Execute the notebooks that changed and build the book.")
    parser.add_argument("--force", action="store_true", help="execute and render everything")
    force = parser.parse_args(argv).force
    texts, files = notebooks.find(), Files()
    runs = [notebook.run for notebook in texts]
    for run in [*RUNS.glob("[!.]*"), *(RUNS / MEASURE).glob("[!.]*")]:
        if run not in runs and run != RUNS / MEASURE:
            shutil.rmtree(run)
    keys = {n: key(n, files) for n in texts}
    stale = [n for n in texts if force or stored(n.run / "key") != keys[n]]
    print(f"notebooks: {len(texts)}, to execute: {len(stale)}", flush=True)
    if stale:
        from builder.execution import execute_all

        for reads_measured in (False, True):  # these wait for the others
            if now := {n: keys[n] for n in stale if n.reads_measured == reads_measured}:
                execute_all(now, min(os.cpu_count() or 1, 4))
    inputs, stamp = page_inputs(texts, files), BUILD / "html" / ".inputs"
    if not force and stored(stamp) == inputs:
        print("book: nothing changed")
    else:
        from builder import rendering

        whole = force or stored(stamp) is None
        stamp.unlink(missing_ok=True)  # a build that fails is followed by a whole one
        rendering.render(texts, whole)
        files = Files()  # rendering wrote some of the inputs
        stamp.write_text(page_inputs(texts, files))
    files.save()
    print("open _build/html/index.html")
