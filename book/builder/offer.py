"""The link to the PDF on the pages that name it: it leads somewhere only while the file is there and is of these pages."""

from __future__ import annotations

from pathlib import Path

FILE = "book.pdf"
WITHOUT = '<a class="bvg-pdf">'
"""How a page names the PDF: a link without an address."""
WITH = f'<a class="bvg-pdf" href="{FILE}" download>'


def link(site: Path) -> None:
    """Turn the names of the PDF on the pages in the folder `site` into links.

    Raises:
        SystemExit: the PDF is not there.
    """
    if not (site / FILE).is_file():
        raise SystemExit(f"expected {FILE} in {site}, got none: print it first")
    _replace(site, WITHOUT, WITH)


def withdraw(site: Path) -> None:
    """Remove the PDF, which was printed from older pages, and the links to it."""
    (site / FILE).unlink(missing_ok=True)
    _replace(site, WITH, WITHOUT)


def _replace(site: Path, old: str, new: str) -> None:
    for page in site.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        if old in text:
            page.write_text(text.replace(old, new), encoding="utf-8")
