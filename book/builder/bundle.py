"""Write the downloads: a zip of all tables with a data dictionary, and a zip of all executed notebooks.

`dictionary.toml` gives the meaning and unit of each column. Type and values are computed from the table. A table's description is
the caption of its figure or table. The bytes of a zip depend only on its content.
"""

from __future__ import annotations

import json
import tomllib
import zipfile
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd
from companion.prose import without_roles

import bvg
from builder import ROOT, pages
from bvg.files import atomic

TABLES, NOTEBOOKS = "bvg-tables.zip", "bvg-notebooks.zip"
DICTIONARY = ROOT / "book" / "builder" / "dictionary.toml"
LISTED = 12
"""A column's different texts are listed if there are at most this many and they are short."""

README = """\
{title}

{what}

Source
  An executable companion to: Paul Gavrikov and Janis Keuper, Can Biases in ImageNet Models Explain Generalization?,
  CVPR 2024, arXiv 2404.01509. If you use one of these numbers, please cite the paper.

Licence
  The published numbers, and everything computed from them: by the authors, CC BY-SA 4.0 (see LICENSE-published-numbers.md).
  The code in the notebooks: MIT. Their text: CC BY 4.0.

Version
  bvg {version}

How it was made
  `make book` executes the book's notebooks with papermill. They read the published results in bvg/results/published and the
  miniature's networks in bvg/miniature. Each figure and table saves its numbers at full precision.

{listing}
"""


class Dictionary:
    """Meanings and units of columns, from `dictionary.toml`, and which were used."""

    def __init__(self, path: Path) -> None:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        self.columns, self.tables = content["columns"], content.get("tables", {})
        self.descriptions = content.get("descriptions", {})
        self._used: set[tuple[str, ...]] = set()

    def column(self, table: str, column: str) -> tuple[str, str]:
        """Return meaning and unit of a column; two empty strings if it has no entry."""
        for patterns, own in self.tables.items():
            if column in own and any(fnmatchcase(table, pattern) for pattern in patterns.split()):
                self._used.add((patterns, column))
                return tuple(own[column])
        self._used.add(("", column))
        return tuple(self.columns.get(column, ("", "")))

    def table(self, table: str, captions: Mapping[str, str]) -> str:
        """Return a table's description: its entry, else its caption, else empty."""
        self._used.add(("", "", table))
        return self.descriptions.get(table) or captions.get(table, "")

    def stale(self) -> list[str]:
        """List the unused entries, whose column or table the book no longer makes."""
        entries = [("", column) for column in self.columns] + [("", "", table) for table in self.descriptions]
        entries += [(pattern, column) for pattern, own in self.tables.items() for column in own]
        return [" ".join(filter(None, entry)) for entry in entries if entry not in self._used]


def captions(notebooks: Path) -> dict[str, str]:
    """Return id -> caption of the figures and tables in executed notebooks."""
    found = {}
    for path in sorted(notebooks.glob("*.ipynb")):
        for mark in pages.marks(json.loads(path.read_text(encoding="utf-8"))):
            if "caption" in mark and "see" not in mark:
                found[mark.get("figure") or mark["table"]] = " ".join(without_roles(mark["caption"]).split())
    return found


def values(column: pd.Series) -> tuple[str, str, int]:
    """Return a column's type, its range or values, and its number of empty cells.

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
    short = len(different) <= LISTED and len(listed) <= 300
    return "text", listed if short else f"{len(different)} different texts", empty


def describe(tables: Path, dictionary: Dictionary, found: Mapping[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the data dictionary and the list of tables.

    The dictionary has a row per column of each table. The list has table, description and number of rows.
    """
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
    """Write a zip whose bytes depend only on names and contents."""
    with atomic(target) as path, zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr, entry.create_system = 0o644 << 16, 3
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, compresslevel=9)


def write(build: Path) -> None:
    """Write both zips into the folder `build`, from its `tables` and `notebooks`."""
    licence = {"LICENSE-published-numbers.md": (ROOT / "bvg" / "results" / "published" / "LICENSE.md").read_bytes()}
    columns, tables = describe(build / "tables", Dictionary(DICTIONARY), captions(build / "notebooks"))
    listed = "".join(f"\n  {t.table}.csv ({t.rows} rows)\n    {t.description}" for t in tables.itertuples())
    text = README.format(
        title="All tables of the book",
        what="`tables` holds the numbers behind every figure and table. `dictionary.csv` describes each of their columns.",
        listing="The tables" + listed,
        version=bvg.__version__,
    )
    files = {f"tables/{path.name}": path.read_bytes() for path in (build / "tables").glob("*.csv")}
    files["dictionary.csv"] = columns.to_csv(index=False, lineterminator="\n").encode()
    pack(build / TABLES, files | licence | {"README.txt": text.encode()})

    text = README.format(
        title="All pages of the book as executed notebooks",
        what="They open in JupyterLab with all results. To run them, install `bvg` (README.md of the repository).",
        listing="To run one with other parameters: papermill NAME.ipynb run.ipynb -p PARAMETER VALUE",
        version=bvg.__version__,
    )
    files = {f"notebooks/{path.name}": path.read_bytes() for path in (build / "notebooks").glob("*.ipynb")}
    pack(build / NOTEBOOKS, files | licence | {"README.txt": text.encode()})
