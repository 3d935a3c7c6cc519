"""The PDF is offered on the pages while it is there, and only then."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from builder import offer

NAMING = ("index", "reproduce")
"""Pages that name the PDF."""


def test_the_pdf_is_offered_exactly_while_it_is_there(build):
    there = (build / "html" / offer.FILE).is_file()
    for name in NAMING:
        text = (build / "html" / f"{name}.html").read_text(encoding="utf-8")
        assert text.count(offer.WITH if there else offer.WITHOUT) == 1, name
        assert (offer.WITHOUT if there else offer.WITH) not in text, name


def test_the_offer_is_made_and_withdrawn(build, tmp_path):
    for name in NAMING:
        text = (build / "html" / f"{name}.html").read_text(encoding="utf-8")
        (tmp_path / f"{name}.html").write_text(text.replace(offer.WITH, offer.WITHOUT), encoding="utf-8")
    before = (tmp_path / "index.html").read_text(encoding="utf-8")
    with pytest.raises(SystemExit, match="got none: print it first"):
        offer.link(tmp_path)
    (tmp_path / offer.FILE).write_bytes(b"%PDF-")
    offer.link(tmp_path)
    assert BeautifulSoup((tmp_path / "index.html").read_text(encoding="utf-8"), "html.parser").find(
        "a", href=offer.FILE
    )
    offer.withdraw(tmp_path)
    assert not (tmp_path / offer.FILE).exists()
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == before
