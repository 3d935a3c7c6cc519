"""The downloads: the zips are complete, and every column of every table is described."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from builder import bundle

import bvg

ROOT = Path(__file__).resolve().parents[2]


def tables_zip(build: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(build / "html" / bundle.TABLES)


def test_zip_holds_every_table_byte_for_byte(build):
    with tables_zip(build) as archive:
        packed = {n.removeprefix("tables/"): archive.read(n) for n in archive.namelist() if n.startswith("tables/")}
        assert archive.testzip() is None
    assert packed == {p.name: p.read_bytes() for p in (build / "tables").glob("*.csv")}
    assert (build / bundle.TABLES).read_bytes() == (build / "html" / bundle.TABLES).read_bytes()


def test_dictionary_has_a_meaning_for_every_column_of_every_table(build):
    with tables_zip(build) as archive:
        dictionary = pd.read_csv(io.BytesIO(archive.read("dictionary.csv")), keep_default_na=False)
        columns = [
            (name[7:-4], column)
            for name in archive.namelist()
            if name.startswith("tables/")
            for column in pd.read_csv(io.BytesIO(archive.read(name)), nrows=0).columns
        ]
    assert list(dictionary[["table", "column"]].itertuples(index=False, name=None)) == columns
    undescribed = dictionary[dictionary["meaning"] == ""]
    assert undescribed[["table", "column"]].values.tolist() == [], (
        "describe these columns in book/builder/dictionary.toml"
    )


def test_dictionary_gives_types_ranges_and_units(build):
    with tables_zip(build) as archive:
        dictionary = pd.read_csv(io.BytesIO(archive.read("dictionary.csv")), keep_default_na=False)
    rows = dictionary.set_index(["table", "column"])
    assert tuple(rows.loc[("figure-2", "group"), ["type", "values", "empty"]]) == ("text", "at | other | total", 0)
    assert rows.loc[("figure-2", "n"), "values"] == "15 to 48"
    assert rows.loc[("scores", "bandwidth"), "unit"] == "octaves"
    assert rows.loc[("measured-benchmarks", "n"), "unit"] == "images"
    assert rows.loc[("figure-2", "n"), "unit"] == "models"


def test_every_table_has_a_description_and_no_entry_is_stale(build):
    dictionary = bundle.Dictionary(bundle.DICTIONARY)
    found = bundle.captions(build / "notebooks")
    _, tables = bundle.describe(build / "tables", dictionary, found)
    assert tables.loc[tables["description"] == "", "table"].tolist() == []
    assert dictionary.stale() == []
    with tables_zip(build) as archive:
        text = archive.read("README.txt").decode()
    assert [t for t in tables["table"] if f"\n  {t}.csv (" not in text] == []
    assert "{" not in text, "a role or a placeholder is left"
    assert f"bvg {bvg.__version__}" in text


def test_zip_holds_the_licence_of_the_published_numbers(build):
    with tables_zip(build) as archive:
        licence = archive.read("LICENSE-published-numbers.md")
    assert licence == (ROOT / "bvg/results/published/LICENSE.md").read_bytes()


def test_zip_holds_every_notebook(build):
    with zipfile.ZipFile(build / "html" / bundle.NOTEBOOKS) as archive:
        names = {n for n in archive.namelist() if n.endswith(".ipynb")}
        for name in names:
            nbformat.validate(nbformat.reads(archive.read(name).decode(), as_version=4))
    assert names == {f"notebooks/{p.name}" for p in (build / "notebooks").glob("*.ipynb")}


def test_pages_link_the_downloads(build):
    for page in ("index.html", "reproduce.html"):
        text = (build / "html" / page).read_text(encoding="utf-8")
        assert all(f'href="{name}"' in text for name in (bundle.TABLES, bundle.NOTEBOOKS)), page


def test_bytes_of_a_zip_depend_only_on_its_content(tmp_path):
    files = {"b.txt": b"2", "a.txt": b"1" * 1000}
    digests = set()
    for name, order in (("one", files), ("two", dict(reversed(files.items())))):
        bundle.pack(tmp_path / name, order)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1
    with zipfile.ZipFile(tmp_path / "one") as archive:
        assert {i.filename: archive.read(i) for i in archive.infolist()} == files
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.fixture
def dictionary(tmp_path) -> bundle.Dictionary:
    path = tmp_path / "dictionary.toml"
    path.write_text('[columns]\nr = ["everywhere", ""]\ngone = ["", ""]\n[tables."my-* other"]\nr = ["mine", "m"]\n')
    return bundle.Dictionary(path)


def test_a_tables_own_entry_takes_precedence(dictionary):
    assert dictionary.column("my-run", "r") == dictionary.column("other", "r") == ("mine", "m")
    assert dictionary.column("figure-2", "r") == ("everywhere", "")
    assert dictionary.column("figure-2", "new") == ("", "")


def test_an_unused_entry_is_stale(dictionary):
    dictionary.column("figure-2", "r")
    assert dictionary.stale() == ["gone", "my-* other r"]


def test_the_book_has_less_than_2000_lines_of_javascript(root):
    """Lines of its own code: without comments, blank lines and the bundled FFT."""
    scripts = [p for p in (root / "book").rglob("*.js") if "_build" not in p.parts and not p.name.startswith("kissfft")]
    lines = [line.strip() for path in scripts for line in path.read_text(encoding="utf-8").splitlines()]
    code = [line for line in lines if line and not line.startswith(("//", "/*", "*"))]
    assert 1000 < len(code) < 2000
