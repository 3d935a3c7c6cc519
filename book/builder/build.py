"""Build the book: execute the notebooks whose inputs changed, write the pages, run Jupyter Book.

    python -m builder             build what is out of date
    python -m builder --force     build everything

1. Execute each notebook whose inputs changed (`inputs.py`, `execution.py`). A notebook that reads measured results waits for
   those that measure.
2. Collect figures, tables and executed notebooks in `_build/`. What no notebook makes any more disappears.
3. Turn the executed notebooks into pages (`pages.py`). Figures and tables become MyST directives, so that Sphinx handles
   captions, cross-references, citations and alternative texts.
4. Render the pages with Jupyter Book. A warning is an error.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from builder import BUILD, ROOT, bundle, launch, notebooks, pages, provenance
from builder.execution import execute_all, stored
from builder.inputs import digest, key
from builder.notebooks import MEASURE, Notebook

RUNS = BUILD / "runs"
PAGES = BUILD / "pages"
STAGED = ("figures", "tables", "notebooks")
OUTS = ("output", "run")
"""Defaults of the notebooks' parameter `out`."""
EXPLORER = ROOT / "book" / "companion" / "explorer"


def collect(texts: list[Notebook]) -> None:
    """Collect figures, tables and executed notebooks in `_build/`."""
    for kind in STAGED:
        shutil.rmtree(BUILD / kind, ignore_errors=True)
        (BUILD / kind).mkdir(parents=True)
    settings = launch.settings(ROOT)
    for notebook in texts:
        content = launch.launchable(pages.readable(notebook.executed), settings)
        (BUILD / "notebooks" / notebook.executed.name).write_text(content, encoding="utf-8")
        for kind in ("figures", "tables"):
            for path in sorted(path for out in OUTS for path in (notebook.run / out / kind).glob("*")):
                if (BUILD / kind / path.name).exists():
                    raise SystemExit(
                        f"expected one notebook to make each figure and table, got {path.name} again from {notebook.name}"
                    )
                shutil.copy2(path, BUILD / kind)


def stage(texts: list[Notebook]) -> None:
    """Write the folder that Jupyter Book reads: all pages and what they include."""
    shutil.rmtree(PAGES, ignore_errors=True)
    tools = ["builder", "companion", "benchmarks"]
    shutil.copytree(ROOT / "book", PAGES, ignore=shutil.ignore_patterns(*tools, "__pycache__"))
    for notebook in texts:
        (PAGES / notebook.executed.name).write_text(pages.page(notebook.executed), encoding="utf-8")
    shutil.copytree(BUILD / "figures", PAGES / "figures")


def render() -> None:
    """Run Jupyter Book on the staged pages and put the downloads next to the result."""
    html, settings = BUILD / "html", launch.settings(ROOT)
    shutil.rmtree(html, ignore_errors=True)
    (BUILD / "config.yml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    command = [Path(sys.executable).with_name("jupyter-book"), "build", PAGES, "--path-output", ROOT, "--all"]
    config = ["--config", BUILD / "config.yml", "--toc", PAGES / "_toc.yml"]
    strict = ["-W", "-n", "--keep-going", "--quiet"]
    done = subprocess.run([*command, *config, *strict], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr))
    for kind in STAGED:
        shutil.copytree(BUILD / kind, html / kind, dirs_exist_ok=True)
    for path in [*EXPLORER.glob("explorer*"), plotting_library()]:
        shutil.copy2(path, html / "_static" / path.name)
    provenance.code_pages(pages.figures(), html)
    bundle.write(BUILD)
    for name in (bundle.TABLES, bundle.NOTEBOOKS):
        shutil.copy2(BUILD / name, html)
    launch.environment_files(settings, html)


def plotting_library() -> Path:
    """Write the explorer's plotting library as one script, once per version."""
    import vl_convert
    from companion.explorer.html import LIBRARY, library

    path = BUILD / f"vega-{vl_convert.__version__}" / LIBRARY
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(library(), encoding="utf-8")
    return path


def page_inputs(texts: list[Notebook]) -> str:
    """Return a digest of everything that the rendered pages depend on."""
    collected = [
        p for n in texts for p in n.run.rglob("*") if p.parent.name in ("figures", "tables") or p == n.executed
    ]
    book = [p for p in (ROOT / "book").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    return digest(
        [*collected, *book, ROOT / "constraints.txt", ROOT / "CITATION.cff"], json.dumps(launch.settings(ROOT))
    )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Execute the notebooks that changed and build the book.")
    parser.add_argument("--force", action="store_true", help="execute and render everything")
    force = parser.parse_args(argv).force
    texts = notebooks.find()
    runs = [notebook.run for notebook in texts]
    for run in [*RUNS.glob("[!.]*"), *(RUNS / MEASURE).glob("[!.]*")]:
        if run not in runs and run != RUNS / MEASURE:
            shutil.rmtree(run)
    stale = [n for n in texts if force or stored(n.run / "key") != key(n)]
    print(f"notebooks: {len(texts)}, to execute: {len(stale)}", flush=True)
    for reads_measured in (False, True):  # these wait for the others
        if now := [n for n in stale if n.reads_measured == reads_measured]:
            execute_all(now, min(os.cpu_count() or 1, 4))
    inputs, stamp = page_inputs(texts), BUILD / "html" / ".inputs"
    if not force and stored(stamp) == inputs:
        print("book: nothing changed")
    else:
        collect(texts)
        stage(texts)
        print("book: rendering", flush=True)
        render()
        stamp.write_text(inputs)
    print("open _build/html/index.html")
