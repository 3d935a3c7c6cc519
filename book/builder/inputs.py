"""What a notebook's results depend on, as one digest: its code, the modules it imports, the data of those, the pins.

Prose is not among them: a changed sentence does not execute a notebook again. Digests and imports are remembered with the size
and time of each file, so that a build in which nothing changed reads no file twice.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from companion.prose import template

from builder import ROOT, notebooks
from builder.notebooks import Notebook

ALWAYS = ("constraints.txt", "book/builder/execution.py", "bvg/results/published/*.csv")
"""Inputs of every notebook: `bvg.study` reads its models from the published tables."""
OUTSIDE = {"bvg/bench/record.py": "book/benchmarks/*.json"}
"""Data that a module reads from outside its package."""
LARGE = ("companion.figures",)
"""Packages of many independent modules, of which a notebook depends only on those that it uses."""
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONS = re.compile(r"\A(:[^\n]*\n)*")


class Files:
    """Digests and imports of files, remembered in `_build/files.json`.

    Args:
        root: the repository.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.root, self._store = root, root / "_build" / "files.json"
        try:
            self._known: dict[str, list] = json.loads(self._store.read_text())
        except (OSError, ValueError):
            self._known = {}
        self._seen: dict[str, list] = {}

    def digest(self, path: Path) -> str:
        """Return the SHA-256 of a file's content."""
        return self._entry(path)[2]

    def imports(self, path: Path) -> list[str]:
        """Return the modules that a Python file imports anywhere, by name."""
        entry = self._entry(path)
        if entry[3] is None:
            entry[3] = imported(path.read_text(encoding="utf-8"))
        return entry[3]

    def save(self) -> None:
        """Remember what was looked up."""
        self._store.parent.mkdir(exist_ok=True)
        temporary = self._store.with_suffix(".new")
        temporary.write_text(json.dumps(self._seen))
        temporary.replace(self._store)

    def _entry(self, path: Path) -> list:
        name = str(path.relative_to(self.root))
        if name not in self._seen:
            stat = path.stat()
            stamp, known = [stat.st_size, stat.st_mtime_ns], self._known.get(name)
            if known and known[:2] == stamp:
                self._seen[name] = known
            else:
                self._seen[name] = [*stamp, hashlib.sha256(path.read_bytes()).hexdigest(), None]
        return self._seen[name]


def digest(paths: Iterable[Path], files: Files, *more: str) -> str:
    """Return the SHA-256 of the names and contents of files and of further strings."""
    state = hashlib.sha256()
    for path in sorted(set(paths)):
        state.update(f"{path.relative_to(files.root)}\0{files.digest(path)}\0".encode())
    for text in more:
        state.update(text.encode() + b"\0")
    return state.hexdigest()


def code(text: str) -> str:
    """Return the code of a text notebook, without prose (text, cells of `%%prose`) and without the options of its cells.

    >>> code("A word.\\n\\n```{code-cell} ipython3\\n:tags: [hide-input]\\n\\nx = 1\\n```\\n")
    'x = 1\\n'
    """
    cells = [OPTIONS.sub("", cell).strip("\n") + "\n" for cell in CELL.findall(text)]
    return "\n".join(cell for cell in cells if template(cell) is None)


def imported(source: str) -> list[str]:
    """Return the names of the modules that source code may import, wherever it does.

    >>> imported("import a.b\\ndef f():\\n    from c import d")
    ['a.b', 'c', 'c.d']
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return sorted(names)


def used_names(source: str) -> dict[str, set[str]]:
    """Return the names that a notebook uses of the packages in `LARGE`, if it uses them as `figures.NAME`.

    >>> used_names("from companion import figures; figures.heatmap(figures.heatmap)")
    {'companion.figures': {'heatmap'}}
    """
    tree = ast.parse(source)
    used: dict[str, set[str]] = {}
    for package in LARGE:
        parent, _, name = package.rpartition(".")
        imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == parent]
        aliases = {a.asname or a.name for n in imports for a in n.names if a.name == name}
        attributes = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]
        names = {n.attr for n in attributes if n.value.id in aliases}
        bare = sum(isinstance(n, ast.Name) and n.id in aliases for n in ast.walk(tree))
        if aliases and bare == sum(n.value.id in aliases for n in attributes):
            used[package] = names
    return used


def exported(init: str) -> dict[str, str]:
    """Return the module that each name of a package comes from, by its `__init__.py`; empty if that does more than import.

    >>> exported("from companion.figures.heatmaps import heatmap")
    {'heatmap': 'companion.figures.heatmaps'}
    """
    body = ast.parse(init).body
    imports = [node for node in body if isinstance(node, ast.ImportFrom) and node.module]
    others = [node for node in body if node not in imports and not isinstance(node, ast.Expr | ast.Assign)]
    return {} if others else {a.asname or a.name: node.module for node in imports for a in node.names}


def modules(source: str, files: Files) -> set[Path]:
    """Find the repository's modules that source code imports, also indirectly."""
    found: set[Path] = set()
    waiting, inert = imported(source), set()
    used = used_names(source)
    for package in LARGE:
        *_, init = _paths(package, files.root)
        homes = exported(init.read_text(encoding="utf-8"))
        if used.get(package, set()) <= homes.keys() and (package not in waiting or package in used):
            # A changed figure concerns the notebooks that draw it, not all that draw.
            waiting = [name for name in waiting if name != package] + [homes[name] for name in used.get(package, ())]
            inert.add(init)
    while waiting:
        for path in _paths(waiting.pop(), files.root):
            if path not in found:
                found.add(path)
                waiting += [] if path in inert else files.imports(path)
    return found


def _paths(module: str, root: Path) -> list[Path]:
    """Return the file of a module of the repository, and those of the packages around it."""
    parts = module.split(".")
    if parts[0] not in ("bvg", "companion"):
        return []
    base = root if parts[0] == "bvg" else root / "book"
    inner = [base.joinpath(*parts[:k], "__init__.py") for k in range(1, len(parts) + 1)]
    return [path for path in [*inner, base.joinpath(*parts).with_suffix(".py")] if path.is_file()]


def data(modules: Iterable[Path], root: Path = ROOT) -> set[Path]:
    """Find the data files next to modules, and in subfolders such as `weights`."""
    found: set[Path] = set()
    chosen = set(modules)
    for package in {path.parent for path in chosen}:
        folders = [f for f in package.iterdir() if f.is_dir() and f.name != "__pycache__"]
        for folder in (package, *(f for f in folders if not any(f.glob("*.py")))):
            found.update(path for path in folder.iterdir() if path.is_file() and path.suffix != ".py")
    for module, pattern in OUTSIDE.items():
        if root / module in chosen:
            found.update(root.glob(pattern))
    return found


def key(notebook: Notebook, files: Files | None = None) -> str:
    """Return a digest of everything that a notebook's results depend on."""
    root = notebook.root
    files = files or Files(root)
    source = code(notebook.text.read_text(encoding="utf-8"))
    used = modules(source, files)
    paths = {*used, *data(used, root), *(path for pattern in ALWAYS for path in root.glob(pattern))}
    measured = (
        [key(other, files) for other in notebooks.find(root) if other.measures] if notebook.reads_measured else []
    )
    return digest(paths, files, source, f"{sys.version_info.major}.{sys.version_info.minor}", *measured)
