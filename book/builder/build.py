"""Build the book: execute each notebook whose inputs changed, stage the pages, run Jupyter Book.

    python -m builder             everything that is out of date
    python -m builder --force     everything

Steps, each skipped when nothing it depends on has changed:

1. A notebook (`notebooks/*.md`, `notebooks/measure/*.md`) is executed with papermill in a folder of its own. Its key is a
   digest of its text, of the modules of `bvg` that it imports (directly or through others), of the data that these
   read and of the pins. A notebook that reads `results = "measure"` waits for the measuring ones and is keyed on them, too.
2. Figures, tables and executed notebooks are collected in `_build/`; what no notebook makes any more disappears.
3. The executed notebooks become Jupyter Book pages: an output that `companion.page` marked as a figure or table turns into the
   MyST directive of that name, so that captions, cross-references, citations and alt texts are Sphinx's own.
4. Jupyter Book renders the pages, with warnings as errors.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from builder import bundle, launch, provenance

ROOT = Path(__file__).resolve().parents[2]
ROOTS = {"bvg": ROOT, "companion": ROOT / "book"}  # where each package lies
BUILD = ROOT / "_build"
RUNS = BUILD / "runs"
PAGES = BUILD / "pages"
MEASURE = "measure"  # folder of the notebooks that measure, and what others call the results by
STAGED = ("figures", "tables", "notebooks")
OUTS = ("output", "run")  # the notebooks' defaults for `out`, in the working directory of each run


def digest(paths: list[Path], *more: str) -> str:
    """SHA-256 over the names and contents of files, and further strings."""
    state = hashlib.sha256()
    for path in sorted(paths):
        state.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    for text in more:
        state.update(text.encode() + b"\0")
    return state.hexdigest()


def imported_modules(source: str) -> set[str]:
    """Names of `bvg` modules that Python source imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in ROOTS}


def module_files(names: set[str]) -> list[Path]:
    """Files of these modules and of every `bvg` module that they import in turn."""
    files: set[Path] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        stem = ROOTS[name.split(".")[0]].joinpath(*name.split("."))
        found = [p for p in (stem.with_suffix(".py"), stem / "__init__.py") if p.is_file()]
        for path in set(found) - files:
            files.add(path)
            waiting |= imported_modules(path.read_text(encoding="utf-8"))
        parent = name.rpartition(".")[0]
        if parent and ROOTS[parent.split(".")[0]].joinpath(*parent.split("."), "__init__.py") not in files:
            waiting.add(parent)
    return sorted(files)


def key(text: Path) -> str:
    """What a notebook's numbers depend on, as one digest."""
    import jupytext

    code = "\n".join(c.source for c in jupytext.read(text).cells if c.cell_type == "code")
    modules = module_files(imported_modules(code))
    data = [
        *(ROOT / "bvg").glob("*.json"),
        *(ROOT / "bvg" / "results" / "published").glob("*.csv"),
        *(ROOT / "bvg").rglob("*.toml"),
    ]
    miniature = ROOT / "bvg" / "miniature"
    if any(miniature in module.parents for module in modules):
        data += [*miniature.glob("*.json"), *miniature.glob("weights/*")]
    if ROOT / "book" / "companion" / "explorer" / "__init__.py" in modules:
        data += (ROOT / "book" / "companion" / "explorer").glob("explorer*")
    if ROOT / "bvg" / "bench" / "record.py" in modules:
        data += (ROOT / "book" / "benchmarks").glob("*.json")
    before = [key(t) for t in notebooks() if measures(t)] if reads_measured(text) else []
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return digest([text, Path(__file__), *modules, *data, ROOT / "constraints.txt"], version, *before)


def notebooks() -> list[Path]:
    """The text notebooks, those that measure first: they take longest."""
    return [*sorted((ROOT / "notebooks" / MEASURE).glob("*.md")), *sorted((ROOT / "notebooks").glob("*.md"))]


def measures(text: Path) -> bool:
    return text.parent.name == MEASURE


def reads_measured(text: Path) -> bool:
    return re.search(rf'^results = .*"{MEASURE}"', text.read_text(encoding="utf-8"), re.MULTILINE) is not None


def name_of(text: Path) -> str:
    """Name of a notebook's page: `spectral-bias`, `measure-spectral-bias`."""
    return f"{MEASURE}-{text.stem}" if measures(text) else text.stem


def run_of(text: Path) -> Path:
    """Where a notebook is executed: beside each other as in `notebooks/`, so that they find each other's results."""
    return RUNS / text.relative_to(ROOT / "notebooks").with_suffix("")


def execute(text: Path) -> str:
    """Execute one notebook with papermill into `_build/runs/NAME`, replacing the last run only on success."""
    name, final = name_of(text), run_of(text)
    fresh = final.with_name(f".{final.name}")
    began, now = key(text), time.monotonic()
    if not (measures(text) and stored(fresh / "key") == began):  # else a measurement goes on where it was stopped
        shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True, exist_ok=True)
    (fresh / "key").write_text(began)
    if reads_measured(text):
        (fresh / MEASURE).symlink_to(RUNS / MEASURE)
    source = fresh / "source.ipynb"
    run = [sys.executable, "-m"]
    subprocess.run([*run, "jupytext", "--quiet", "--to", "ipynb", "--output", source, text], check=True)
    quiet = ["--no-progress-bar", "--no-log-output", "--log-level", "ERROR"]
    done = subprocess.run(
        [*run, "papermill", *quiet, source, fresh / f"{name}.ipynb", "--cwd", fresh],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{text.relative_to(ROOT)} failed:\n{done.stderr}")
    source.unlink()
    scrub(fresh / f"{name}.ipynb")
    shutil.rmtree(final, ignore_errors=True)
    fresh.rename(final)
    return f"  {name}: executed in {time.monotonic() - now:.1f} s"


def scrub(path: Path) -> None:
    """Take out of an executed notebook what papermill and the kernel know of this machine and this moment."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"] = {k: v for k, v in notebook["metadata"].items() if k in ("kernelspec", "language_info")}
    for cell in notebook["cells"]:
        cell["metadata"] = {k: v for k, v in cell["metadata"].items() if k in ("tags", "mystnb")}
    text = json.dumps(notebook, indent=1, ensure_ascii=False).replace(str(ROOT), ".")
    path.write_text(text + "\n", encoding="utf-8")


def collect(texts: list[Path]) -> None:
    """Bring figures, tables and executed notebooks together in `_build/`, without what is no longer made."""
    for kind in STAGED:
        shutil.rmtree(BUILD / kind, ignore_errors=True)
        (BUILD / kind).mkdir(parents=True)
    settings = launch.settings(ROOT)
    for text in texts:
        name, run = name_of(text), run_of(text)
        notebook = launch.launchable(readable(run / f"{name}.ipynb"), settings)
        (BUILD / "notebooks" / f"{name}.ipynb").write_text(notebook, encoding="utf-8")
        for kind in ("figures", "tables"):
            for path in sorted(path for out in OUTS for path in (run / out / kind).glob("*")):
                if (BUILD / kind / path.name).exists():
                    raise SystemExit(
                        f"expected each figure and table to have one maker, got {path.name} again from {name}"
                    )
                shutil.copy2(path, BUILD / kind)


def readable(path: Path) -> str:
    """An executed notebook to carry away: MyST roles in its prose, which only the book resolves, become plain text."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    outputs = [o for c in notebook["cells"] for o in c.get("outputs", [])]
    glued = {k: v for o in outputs for k, v in o.get("metadata", {}).get("bvg", {}).get("glue", {}).items()}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = re.sub(r"\{glue:text\}`([^`]*)`", lambda m: str(glued[m[1]]), text_of(cell["source"]))
            cell["source"] = bundle.without_roles(text)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def page(path: Path) -> str:
    """An executed notebook as a Jupyter Book page: marked outputs become MyST directives in Markdown cells of their own."""
    name = path.stem
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = []
    for cell in notebook["cells"]:
        outputs = cell.get("outputs", [])
        marked = [o for o in outputs if "bvg" in o.get("metadata", {})]
        cell["outputs"] = [o for o in outputs if o not in marked]
        if cell["cell_type"] != "code":
            del cell["outputs"]
            # The book's pages lie side by side: what is beside the folder in JupyterLab is here beside the page.
            cell["source"] = text_of(cell["source"]).replace("](../", "](")
        cells.append(cell)
        for output in marked:
            text = directive(name, output["metadata"]["bvg"], output["data"])
            if text:
                cells.append({"cell_type": "markdown", "id": f"{name}-{len(cells)}", "metadata": {}, "source": text})
    notebook["cells"] = cells
    return json.dumps(notebook, ensure_ascii=False)


def directive(name: str, mark: dict, data: dict) -> str | None:
    """The MyST text of one marked output."""
    if "figure" in mark:
        text = provenance.directive(name, mark)
        other = mark.get("beside")
        return (
            provenance.tabs(text, other, next(m["alt"] for _, m in drawn() if m["figure"] == other)) if other else text
        )
    if "table" in mark:
        id = mark["table"]
        caption = f"{mark['caption']} Data: {provenance.link(f'tables/{id}.csv', 'CSV')}"
        return f"````{{table}} {caption}\n:name: {id}\n:class: bvg-table\n\n{text_of(data['text/markdown'])}\n````"
    if "explorer" in mark:
        from companion.explorer import Explorer

        return f"```{{raw}} html\n{Explorer(mark['explorer']).fragment()}\n```"
    if "text" in mark:
        return text_of(data["text/markdown"])
    if "page" in mark:
        executed = provenance.link(f"notebooks/{name}.ipynb", f"{name}.ipynb")
        return (
            f"````{{admonition}} Parameters of this page\n:class: dropdown bvg-parameters\n\n{text_of(data['text/markdown'])}\n\n"
            f"This page as an executed notebook: {executed}\n````"
        )
    return None


def drawn() -> list[tuple[str, dict]]:
    """Every figure of the executed notebooks: the name of its page and its mark."""
    found = []
    for text in notebooks():
        cells = json.loads((run_of(text) / f"{name_of(text)}.ipynb").read_text(encoding="utf-8"))["cells"]
        marks = [o.get("metadata", {}).get("bvg", {}) for c in cells for o in c.get("outputs", [])]
        found += [(name_of(text), mark) for mark in marks if "figure" in mark]
    return found


def text_of(text: str | list[str]) -> str:
    """Notebook files hold text whole or as a list of lines."""
    return text if isinstance(text, str) else "".join(text)


def stage(texts: list[Path]) -> None:
    """Lay out what Jupyter Book reads: prose pages, executed notebooks, figures, bibliography, table of contents."""
    shutil.rmtree(PAGES, ignore_errors=True)
    tools = ["builder", "companion", "benchmarks"]
    shutil.copytree(ROOT / "book", PAGES, ignore=shutil.ignore_patterns(*tools, "__pycache__"))
    for text in texts:
        name = name_of(text)
        (PAGES / f"{name}.ipynb").write_text(page(run_of(text) / f"{name}.ipynb"), encoding="utf-8")
    shutil.copytree(BUILD / "figures", PAGES / "figures")


def render() -> None:
    """Run Jupyter Book over the staged pages; any warning is an error."""
    shutil.rmtree(BUILD / "html", ignore_errors=True)
    command = [Path(sys.executable).with_name("jupyter-book"), "build", PAGES, "--path-output", ROOT, "--all"]
    settings = launch.settings(ROOT)
    (BUILD / "config.yml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    config = ["--config", BUILD / "config.yml", "--toc", PAGES / "_toc.yml"]
    done = subprocess.run(
        [*command, *config, "-W", "-n", "--keep-going", "--quiet"], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr))
    for kind in STAGED:
        shutil.copytree(BUILD / kind, BUILD / "html" / kind, dirs_exist_ok=True)
    for path in [*(ROOT / "book" / "companion" / "explorer").glob("explorer*"), plotting_library()]:
        shutil.copy2(path, BUILD / "html" / "_static" / path.name)
    provenance.code_pages(drawn(), BUILD / "html")
    bundle.write(ROOT, BUILD)
    for name in (bundle.TABLES, bundle.NOTEBOOKS):
        shutil.copy2(BUILD / name, BUILD / "html")
    launch.environment_files(settings, BUILD / "html")


def plotting_library() -> Path:
    """The explorer's plotting library as one script, made once for each version of the package that has it."""
    import vl_convert
    from companion.explorer import LIBRARY, library

    path = BUILD / f"vega-{vl_convert.__version__}" / LIBRARY
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(library(), encoding="utf-8")
    return path


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Execute the notebooks that changed and build the book.")
    parser.add_argument("--force", action="store_true", help="execute and render everything")
    force = parser.parse_args(argv).force
    texts = notebooks()
    runs = [run_of(t) for t in texts]
    for run in [*RUNS.glob("[!.]*"), *(RUNS / MEASURE).glob("[!.]*")]:
        if run not in runs and run != RUNS / MEASURE:
            shutil.rmtree(run)
    stale = [t for t in texts if force or stored(run_of(t) / "key") != key(t)]
    print(f"notebooks: {len(texts)}, to execute: {len(stale)}", flush=True)
    with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, 4)) as pool:
        for waits in (False, True):  # for what is measured
            for line in pool.map(execute, [t for t in stale if reads_measured(t) == waits]):
                print(line, flush=True)

    kept = ("figures", "tables")
    collected = [p for r, t in zip(runs, texts, strict=True) for p in r.rglob("*")
                 if p.parent.name in kept or p.name == f"{name_of(t)}.ipynb"]  # fmt: skip
    prose = [p for p in (ROOT / "book").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    shown = {ROOT / provenance.source(mark["drawn_by"])[0] for _, mark in drawn()}
    inputs = digest(
        [*collected, *prose, *shown, ROOT / "constraints.txt", ROOT / "CITATION.cff"], json.dumps(launch.settings(ROOT))
    )
    stamp = BUILD / "html" / ".inputs"
    if not force and stored(stamp) == inputs:
        print("book: nothing changed")
    else:
        collect(texts)
        stage(texts)
        print("book: rendering", flush=True)
        render()
        stamp.write_text(inputs)
    print("open _build/html/index.html")


def stored(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


if __name__ == "__main__":
    main()
