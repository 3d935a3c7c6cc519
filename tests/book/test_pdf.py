"""The book as a PDF, printed from some pages: page numbers, bookmarks, internal links, nothing cut off."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pypdf
import pytest
import yaml
from builder import chromium, pdf

ROOT = Path(__file__).resolve().parents[2]

PARTS = [
    ("", ["index"]),
    ("The paper", ["biases-and-generalization", "shape-bias"]),
    ("Rest", ["corruptions", "glossary", "references"]),
]
CONFIG = {"title": "The title", "author": "The authors"}
POINTS = 72 / 25.4  # points per millimetre


def test_without_chromium_the_error_says_what_to_install():
    run = subprocess.run(
        [sys.executable, "-m", "builder.pdf"],
        cwd=ROOT / "book",
        env={k: v for k, v in os.environ.items() if k != "CHROMIUM"} | {"PATH": ""},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2
    assert run.stderr == chromium.MISSING + "\n"


def test_pages_follow_the_table_of_contents():
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf-8"))
    parts = pdf.contents(toc)
    names = [name for _, part in parts for name in part]
    assert names[0] == "index"
    assert names == [toc["root"], *re.findall(r"file: (\S+)", (ROOT / "book" / "_toc.yml").read_text())]
    assert [part for part, _ in parts][1:] == [part["caption"] for part in toc["parts"]]


@pytest.fixture(scope="module")
def browser_path() -> str:
    found = chromium.find()
    if found is None:
        pytest.skip("needs Chromium (Debian's package is `chromium`; $CHROMIUM can name another one)")
    return found


@pytest.fixture(scope="module")
def printed(build, browser_path, tmp_path_factory):
    """The PDF of six pages of the built book."""
    out = tmp_path_factory.mktemp("pdf") / "book.pdf"
    pdf.write(browser_path, PARTS, CONFIG, build / "html", out)
    assert os.listdir(out.parent) == ["book.pdf"], "temporary files are removed"
    return pypdf.PdfReader(out)


@pytest.fixture(scope="module")
def starts(printed) -> dict[str, int]:
    """Title -> page number, from 0, of each bookmark."""

    def flat(entries):
        for entry in entries:
            yield from flat(entry) if isinstance(entry, list) else [entry]

    return {entry.title: printed.get_destination_page_number(entry) for entry in flat(printed.outline)}


def links(page) -> list:
    return [mark.get_object() for mark in page.get("/Annots", []) if mark.get_object()["/Subtype"] == "/Link"]


def placed(page) -> list[tuple[float, float, str]]:
    """Pieces of text with their start positions, in points from the lower left."""
    found = []

    def visit(text, cm, tm, *_):
        if text.strip():
            x, y = (tm[4] * cm[i] + tm[5] * cm[i + 2] + cm[i + 4] for i in (0, 1))
            found.append((x, y, text))

    page.extract_text(visitor_text=visit)
    return found


def leads_to(printed, mark) -> int:
    """Number, from 0, of the page that an internal link leads to."""
    return printed.get_page_number(mark["/Dest"][0].get_object())


def test_bookmarks_of_parts_and_pages_lead_to_their_headings(printed, starts):
    parts = {part: starts.pop(part) for part, names in PARTS if part}
    assert len(starts) == 6
    for title, number in starts.items():
        start = " ".join(printed.pages[number].extract_text().split()[:30])
        assert " ".join(title.split()) in start
    assert list(parts.values()) == [list(starts.values())[1], list(starts.values())[3]]


def test_every_page_has_its_number(printed):
    for number, page in enumerate(printed.pages, 1):
        footers = re.findall(rf"{number}\s*The title|The title\s*{number}\b", page.extract_text())
        assert footers, f"page {number}"
        assert {round(side / POINTS) for side in (page.mediabox.width, page.mediabox.height)} == {210, 297}


def test_wide_tables_are_on_landscape_pages_in_legible_type(printed, starts):
    first, end = starts["Every corruption"], starts["Glossary"]
    wide = [page for page in printed.pages[first:end] if page.mediabox.width > page.mediabox.height]
    text = "".join(page.extract_text() for page in wide)
    assert all(name in text for name in ("gaussian", "brightness", "mean", "SIN+IN"))
    sizes = [size for page in printed.pages[first:end] for size in type_sizes(page)]
    assert min(sizes) >= 7


def type_sizes(page) -> list[float]:
    """Sizes of the type on a page, in points."""
    sizes = []

    def area(matrix):  # by which the matrix enlarges
        return abs(matrix[0] * matrix[3] - matrix[1] * matrix[2])

    def visit(text, cm, tm, font, size):
        if text.strip():
            sizes.append(size * (area(tm) * area(cm)) ** 0.5)

    page.extract_text(visitor_text=visit)
    return sizes


def test_the_contents_name_the_pages_where_things_are(printed, starts):
    contents = next(page for page in printed.pages if "\nContents\n" in page.extract_text())
    text = contents.extract_text()
    for title, number in starts.items():
        if title not in [part for part, _ in PARTS]:
            assert re.search(rf"{re.escape(title)}\s+{number + 1}\b", text), title
    assert {leads_to(printed, mark) for mark in links(contents)} == {
        starts[t] for t in starts if t not in [part for part, _ in PARTS]
    }


def test_no_address_of_this_machine_remains_and_links_to_elsewhere_do(printed):
    addresses = [str(mark["/A"]["/URI"]) for page in printed.pages for mark in links(page) if "/A" in mark]
    assert addresses
    assert [a for a in addresses if not a.startswith(("https://", "http://"))] == []
    assert [a for a in addresses if "localhost" in a or "127.0.0.1" in a] == []
    stream = Path(printed.stream.name).read_bytes() if hasattr(printed.stream, "name") else printed.stream.getvalue()
    assert b"file:" not in stream
    assert str(ROOT).encode() not in stream


def test_links_between_pages_lead_to_the_very_place(printed, starts):
    last = len(printed.pages)
    to_references = {
        leads_to(printed, mark)
        for page in printed.pages[: starts["Glossary"]]
        for mark in links(page)
        if "/Dest" in mark and leads_to(printed, mark) >= starts["References"]
    }
    assert to_references, "citations lead to the bibliography"
    (citation,) = (m for m in links(printed.pages[0]) if "/Dest" in m and leads_to(printed, m) >= starts["References"])
    _, kind, _, top, _ = citation["/Dest"]
    lines = [(y, text) for _, y, text in placed(printed.pages[leads_to(printed, citation)]) if y < top]
    assert kind == "/XYZ"
    first = "".join(text for y, text in lines if y > max(lines)[0] - 1)
    assert first.startswith("[Gavrikov and Keuper, 2024]"), "the entry is the first line below"
    assert starts["References"] < last


def test_links_to_files_lead_to_the_published_book_if_there_is_one(build, browser_path, printed, tmp_path):
    assert not any("figure-2" in str(mark["/A"]) for page in printed.pages for mark in links(page) if "/A" in mark)
    config = CONFIG | {"repository": {"url": "https://github.com/someone/companion"}}
    pdf.write(browser_path, [("", ["biases-and-generalization"])], config, build / "html", tmp_path / "book.pdf")
    pages = pypdf.PdfReader(tmp_path / "book.pdf").pages
    addresses = {str(mark["/A"]["/URI"]) for page in pages for mark in links(page) if "/A" in mark}
    assert "https://someone.github.io/companion/tables/scores.csv" in addresses


def test_nothing_is_cut_off(build, printed, starts):
    for number, page in enumerate(printed.pages, 1):
        right = float(page.mediabox.width) - 10 * POINTS
        out = [(x, text) for x, _, text in placed(page) if not 10 * POINTS < x < right]
        assert not out, f"page {number}: {out[:3]}"
    first, end = starts["Biases against generalization"], starts["Shape bias"]
    text = " ".join(" ".join(page.extract_text() for page in printed.pages[first:end]).split())
    assert "Agrees" in text, "the last column of a wide table"


def test_it_says_who_made_it(printed):
    assert (printed.metadata.title, printed.metadata.author) == ("The title", "The authors")
    assert printed.root_object["/Lang"] == "en"


def test_a_missing_page_is_named(browser_path, tmp_path):
    with pytest.raises(SystemExit, match="got no page nowhere: run `make book` first"):
        pdf.write(browser_path, [("", ["nowhere"])], CONFIG, tmp_path, tmp_path / "book.pdf")
