"""What a notebook's results depend on, as one digest: its text, the code it imports, the data of that code, the pins."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from modulefinder import ModuleFinder
from pathlib import Path

import jupytext

from builder import ROOT, notebooks
from builder.notebooks import Notebook

ALWAYS = ("constraints.txt", "book/builder/execution.py", "bvg/results/published/*.csv")
"""Inputs of every notebook: `bvg.study` reads its models from the published tables."""
OUTSIDE = {"bvg/bench/record.py": "book/benchmarks/*.json"}
"""Data that a module reads from outside its package."""


def digest(paths: Iterable[Path], *more: str, root: Path = ROOT) -> str:
    """Return the SHA-256 of the names and contents of files and of further strings."""
    state = hashlib.sha256()
    for path in sorted(set(paths)):
        state.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    for text in more:
        state.update(text.encode() + b"\0")
    return state.hexdigest()


def modules(source: str, root: Path = ROOT) -> set[Path]:
    """Find the repository's modules that source code imports, also indirectly."""
    finder = ModuleFinder(path=[str(root), str(root / "book")])
    finder.scan_code(compile(source, "<notebook>", "exec"), finder.add_module("__main__"))
    return {Path(module.__file__) for module in finder.modules.values() if module.__file__}


def data(code: Iterable[Path], root: Path = ROOT) -> set[Path]:
    """Find the data files next to modules, and in subfolders such as `weights`."""
    found: set[Path] = set()
    for package in {path.parent for path in code}:
        folders = [f for f in package.iterdir() if f.is_dir() and f.name != "__pycache__"]
        for folder in (package, *(f for f in folders if not any(f.glob("*.py")))):
            found.update(path for path in folder.iterdir() if path.is_file() and path.suffix != ".py")
    for module, pattern in OUTSIDE.items():
        if root / module in code:
            found.update(root.glob(pattern))
    return found


def key(notebook: Notebook) -> str:
    """Return a digest of everything that a notebook's results depend on."""
    root = notebook.root
    source = "\n".join(c.source for c in jupytext.read(notebook.text).cells if c.cell_type == "code")
    code = modules(source, root)
    files = {notebook.text, *code, *data(code, root), *(path for pattern in ALWAYS for path in root.glob(pattern))}
    measured = [key(other) for other in notebooks.find(root) if other.measures] if notebook.reads_measured else []
    return digest(files, f"{sys.version_info.major}.{sys.version_info.minor}", *measured, root=root)
