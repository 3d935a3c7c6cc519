"""Write the pages and render those that changed.

Sphinx keeps the pages of the last build. That is safe only if a warning in a page that did not change cannot hide: so the
whole book is rendered anew after a build that failed, and whenever the set of pages, a label, a title, a term, a reference, the
settings, an extension or a style changed. Otherwise no unchanged page can refer to anything that is gone.
"""

from __future__ import annotations

import filecmp
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from companion import prose

from builder import BUILD, ROOT, bundle, launch, listing, offer, pages, provenance
from builder.inputs import Files, digest
from builder.notebooks import Notebook, stored

PAGES = BUILD / "pages"
HTML = BUILD / "html"
STAGED = ("figures", "tables", "notebooks")
JUPYTER_BOOK = "import sys; sys.modules['rfc3987_syntax'] = None; from jupyter_book.cli.main import main; main()"
"""The command `jupyter-book`, without the second and a half that jsonschema takes to import a check that is not used."""
OUTS = ("output", "run")
"""Defaults of the notebooks' parameter `out`."""
PARTS = [ROOT / "book" / "companion" / name for name in ("explorer", "laboratory")]
"""Folders of the parts of pages that have scripts and styles of their own."""


def render(texts: list[Notebook], whole: bool) -> None:
    """Render the book, or only the pages that changed.

    Args:
        texts: its notebooks, executed.
        whole: render all pages in any case.

    Raises:
        SystemExit: Sphinx warns, or two notebooks make a figure of one name.
    """
    for notebook in texts:
        refresh(notebook)
    settings = launch.settings(ROOT)
    collect(texts, settings)
    shared = stage(texts)
    state = json.dumps([settings, shared], sort_keys=True)
    before, labels = stored(BUILD / "shared.json"), inventory()
    whole = whole or state != before or labels is None
    print("book: rendering" + ("" if whole else " what changed"), flush=True)
    sphinx(settings, whole)
    if not whole and inventory() != labels:
        print("book: rendering all pages, since labels or titles changed", flush=True)
        sphinx(settings, True)
    (BUILD / "shared.json").write_text(state)
    offer.withdraw(HTML)
    for kind in STAGED:
        mirror(BUILD / kind, HTML / kind)
    for path in [path for part in PARTS for path in part.iterdir() if path.suffix in (".js", ".css")]:
        shutil.copy2(path, HTML / "_static" / path.name)
    provenance.code_pages(pages.made(*listing.MADE), HTML)
    bundle.write(BUILD)
    for name in (bundle.TABLES, bundle.NOTEBOOKS):
        shutil.copy2(BUILD / name, HTML)
    launch.environment_files(settings, HTML)


def refresh(notebook: Notebook) -> None:
    """Take over prose and cell options that changed since the notebook was executed."""
    text = notebook.text.read_text(encoding="utf-8")
    if stored(notebook.run / "text") == text:
        return
    import jupytext

    executed = json.loads(notebook.executed.read_text(encoding="utf-8"))
    written = json.loads(jupytext.writes(jupytext.reads(text, fmt="md:myst"), fmt="ipynb"))
    values = pages.values(executed)
    results = iter([cell for cell in executed["cells"] if _computes(cell)])
    ids = iter([cell["id"] for cell in executed["cells"] if not _computes(cell)])
    for cell in written["cells"]:
        cell["metadata"] = pages.metadata(cell)
        if _computes(cell):
            result = next(results)
            cell |= {"outputs": result["outputs"], "execution_count": result["execution_count"], "id": result["id"]}
        else:
            cell["id"] = next(ids, cell["id"])
        if (words := prose.template(pages.text_of(cell["source"]))) is not None:
            data, metadata = prose.output(words, values)
            cell["outputs"] = [{"output_type": "display_data", "data": data, "metadata": metadata}]
    executed["cells"] = written["cells"]
    notebook.executed.write_text(json.dumps(executed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (notebook.run / "text").write_text(text, encoding="utf-8")


def _computes(cell: dict) -> bool:
    """Return whether a cell has code of a notebook, not prose."""
    return cell["cell_type"] == "code" and prose.template(pages.text_of(cell["source"])) is None


def collect(texts: list[Notebook], settings: dict) -> None:
    """Collect figures, tables and executed notebooks in `_build/`. What no notebook makes any more disappears."""
    for kind in STAGED:
        shutil.rmtree(BUILD / kind, ignore_errors=True)
        (BUILD / kind).mkdir(parents=True)
    for notebook in texts:
        content = launch.launchable(notebook.executed.read_text(encoding="utf-8"), settings)
        (BUILD / "notebooks" / notebook.executed.name).write_text(content, encoding="utf-8")
        for kind in ("figures", "tables"):
            for path in sorted(path for out in OUTS for path in (notebook.run / out / kind).glob("*")):
                if (BUILD / kind / path.name).exists():
                    raise SystemExit(
                        f"expected one notebook to make each figure and table, got {path.name} again from {notebook.name}"
                    )
                shutil.copy2(path, BUILD / kind)


def stage(texts: list[Notebook]) -> list[list[str]]:
    """Write the folder that Jupyter Book reads; a file that did not change is not touched.

    Returns:
        What every page depends on: the names of all files, and the content of those that are not pages or figures.
    """
    fresh = BUILD / "pages.new"
    shutil.rmtree(fresh, ignore_errors=True)
    files = Files()
    makers = [
        *(ROOT / "book" / "builder").glob("*.py"),
        *(path for part in PARTS for path in part.iterdir()),
        ROOT / "book" / "companion" / "text.py",
        ROOT / "book" / "companion" / "prose.py",
    ]
    cited = [ROOT / "CITATION.cff", ROOT / "book" / "references.bib", ROOT / "book" / "glossary.md"]
    shared = digest([p for p in [*makers, *cited] if p.is_file()], files, json.dumps(pages.figures()))
    tools = ["builder", "companion", "benchmarks"]
    shutil.copytree(ROOT / "book", fresh, ignore=shutil.ignore_patterns(*tools, "__pycache__"))
    for notebook in texts:
        (fresh / notebook.executed.name).write_text(page(notebook, files, shared), encoding="utf-8")
    order = re.findall(r"file: (\S+)", (ROOT / "book" / "_toc.yml").read_text(encoding="utf-8"))
    made = sorted(pages.made(*listing.MADE), key=lambda of: order.index(of[0]))
    (fresh / listing.PAGE).write_text(listing.page(made), encoding="utf-8")
    shutil.copytree(BUILD / "figures", fresh / "figures")
    mirror(fresh, PAGES)
    shutil.rmtree(fresh)
    names = sorted(path for path in PAGES.rglob("*") if path.is_file())
    own = (".ipynb", ".md", ".svg", ".png")
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    return [
        [str(path.relative_to(PAGES)) for path in names],
        [path.read_text(encoding="utf-8") for path in names if path.suffix not in own] + [pins],
    ]


def page(notebook: Notebook, files: Files, shared: str) -> str:
    """Return a page as `pages.page` makes it, and remember it in the folder of the run."""
    state, place = digest([notebook.executed], files, shared), notebook.run / "page.json"
    known = json.loads(stored(place) or "[null, null]")
    if known[0] != state:
        known = [state, pages.page(notebook.executed)]
        place.write_text(json.dumps(known), encoding="utf-8")
    return known[1]


def mirror(source: Path, target: Path) -> None:
    """Make a folder equal to another one, without touching files that are equal."""
    wanted = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    for path in [path for path in target.rglob("*") if path.is_file()]:
        if path.relative_to(target) not in wanted:
            path.unlink()
    for name in wanted:
        if not (target / name).is_file() or not filecmp.cmp(source / name, target / name, shallow=False):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


def inventory() -> bytes | None:
    """Return Sphinx's list of all labels, titles and terms of the last build; None if there is none."""
    path = HTML / "objects.inv"
    return path.read_bytes() if path.is_file() else None


def sphinx(settings: dict, whole: bool) -> None:
    """Run Jupyter Book on the staged pages."""
    if whole:
        for folder in (HTML, BUILD / ".doctrees"):
            shutil.rmtree(folder, ignore_errors=True)
    (BUILD / "config.yml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", PAGES, "--path-output", ROOT]
    config = ["--config", BUILD / "config.yml", "--toc", PAGES / "_toc.yml"]
    strict = ["-W", "-n", "--keep-going", "--quiet", *(["--all"] if whole else [])]
    done = subprocess.run([*command, *config, *strict], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr))
