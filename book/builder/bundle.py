"""What a reader carries away: all tables with a data dictionary as one zip, all executed notebooks as another.

The meaning and unit of a column are ours (`book/dictionary.toml`), its type and values are computed from the table, and a table's
description is the caption of its figure or table. The bytes of a zip depend on its content only.
"""

from __future__ import annotations

import json
import re
import tomllib
import zipfile
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

import bvg
from bvg.files import atomic

TABLES, NOTEBOOKS = "bvg-tables.zip", "bvg-notebooks.zip"
FEW = 12
"""Up to so many different texts of a column are listed, if they are short."""

README = """\
{title}

{what}

Source
  An executable companion to: Paul Gavrikov and Janis Keuper, Can Biases in ImageNet Models Explain Generalization?,
  CVPR 2024, arXiv 2404.01509. If you use a number from here, please cite the paper.

Licence
  The published numbers, and what is computed from them: the authors', CC BY-SA 4.0 (see LICENSE-published-numbers.md).
  The code in the notebooks: MIT. Their text: CC BY 4.0.

Version
  bvg {version}

How it was made
  `make book` executes the book's notebooks (papermill) from the published results in bvg/results/published and the miniature's
  networks in bvg/miniature; each figure and table leaves its numbers behind, at full precision.

{listing}
"""


def without_roles(text: str) -> str:
    """MyST text without its roles.

    >>> without_roles("as in the {ref}`legend <legend>` {cite:p}`key`")
    'as in the legend key'
    """
    return re.sub(r"\{[a-z:]+\}`(?:([^`<]*?) ?<[^`>]*>|([^`]*))`", lambda m: m[1] or m[2], text)


class Dictionary:
    """The meanings in a file like `book/dictionary.toml`, and which of them were asked for."""

    def __init__(self, path: Path) -> None:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        self.columns, self.tables = content["columns"], content.get("tables", {})
        self.descriptions = content.get("descriptions", {})
        self._asked: set[tuple[str, ...]] = set()

    def column(self, table: str, column: str) -> tuple[str, str]:
        """Meaning and unit of a table's column; two empty texts where the file has none."""
        for pattern, own in self.tables.items():
            if fnmatchcase(table, pattern) and column in own:
                self._asked.add((pattern, column))
                return tuple(own[column])
        self._asked.add(("", column))
        return tuple(self.columns.get(column, ("", "")))

    def table(self, table: str, captions: Mapping[str, str]) -> str:
        """Description of a table: the file's own, else the caption; empty where there is neither."""
        self._asked.add(("", "", table))
        return self.descriptions.get(table) or captions.get(table, "")

    def stale(self) -> list[str]:
        """Entries that nothing asked for: the column or table is no longer made."""
        entries = [("", column) for column in self.columns] + [("", "", table) for table in self.descriptions]
        entries += [(pattern, column) for pattern, own in self.tables.items() for column in own]
        return [" ".join(filter(None, entry)) for entry in entries if entry not in self._asked]


def captions(notebooks: Path) -> dict[str, str]:
    """Figure and table ids with their captions, as plain text, from the executed notebooks in a folder."""
    found = {}
    for path in sorted(notebooks.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for mark in (output.get("metadata", {}).get("bvg", {}) for output in cell.get("outputs", [])):
                if "caption" in mark:
                    found[mark.get("figure") or mark["table"]] = " ".join(without_roles(mark["caption"]).split())
    return found


def values(column: pd.Series) -> tuple[str, str, int]:
    """Type of a column, what is in it, and how many cells are empty.

    >>> values(pd.Series([1, 2, 4]))
    ('whole number', '1 to 4', 0)
    >>> values(pd.Series(["b", "a", None, "b"]))
    ('text', 'a | b', 1)
    """
    known = column.dropna()
    empty = len(column) - len(known)
    if known.empty:
        return "empty", "", empty
    if pd.api.types.is_bool_dtype(known):
        return "true or false", " | ".join(sorted({str(v) for v in known})), empty
    if pd.api.types.is_numeric_dtype(known):
        kind = "whole number" if pd.api.types.is_integer_dtype(known) else "number"
        return kind, f"{known.min():.6g} to {known.max():.6g}", empty
    different = sorted({str(v) for v in known})
    listed = " | ".join(different)
    short = len(different) <= FEW and len(listed) <= 300
    return "text", listed if short else f"{len(different)} different texts", empty


def describe(tables: Path, dictionary: Dictionary, found: Mapping[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The data dictionary, a row per column of each table; and a row per table: table, description, rows."""
    columns, described = [], []
    for path in sorted(tables.glob("*.csv")):
        table = pd.read_csv(path)
        described.append((path.stem, dictionary.table(path.stem, found), len(table)))
        for name in table:
            meaning, unit = dictionary.column(path.stem, name)
            columns.append((path.stem, name, meaning, unit, *values(table[name])))
    names = ["table", "column", "meaning", "unit", "type", "values", "empty"]
    return pd.DataFrame(columns, columns=names), pd.DataFrame(described, columns=["table", "description", "rows"])


def pack(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a zip whose bytes depend on names and contents only."""
    with atomic(target) as path, zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr, entry.create_system = 0o644 << 16, 3
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, compresslevel=9)


def write(root: Path, build: Path) -> None:
    """Write both zips into the folder `build`.

    Args:
        root: the repository: licence and dictionary.
        build: holds `tables` and `notebooks` as `book/build.py` collects them.
    """
    dictionary = Dictionary(root / "book" / "dictionary.toml")
    columns, tables = describe(build / "tables", dictionary, captions(build / "notebooks"))
    listed = "".join(f"\n  {t.table}.csv ({t.rows} rows)\n    {t.description}" for t in tables.itertuples())
    licence = (root / "bvg" / "published" / "LICENSE.md").read_bytes()
    common = {"version": bvg.__version__}
    text = README.format(
        title="All tables of the book",
        what="`tables` holds the numbers behind every figure and table, `dictionary.csv` says of each of their columns what it is.",
        listing="The tables" + listed,
        **common,
    )
    files = {f"tables/{path.name}": path.read_bytes() for path in (build / "tables").glob("*.csv")}
    files["dictionary.csv"] = columns.to_csv(index=False, lineterminator="\n").encode()
    pack(build / TABLES, files | {"README.txt": text.encode(), "LICENSE-published-numbers.md": licence})

    text = README.format(
        title="All pages of the book as executed notebooks",
        what="They open in JupyterLab with all results. To run them, install `bvg` (README.md of the repository).",
        listing="To run one with other parameters: papermill NAME.ipynb run.ipynb -p PARAMETER VALUE",
        **common,
    )
    files = {f"notebooks/{path.name}": path.read_bytes() for path in (build / "notebooks").glob("*.ipynb")}
    pack(build / NOTEBOOKS, files | {"README.txt": text.encode(), "LICENSE-published-numbers.md": licence})
