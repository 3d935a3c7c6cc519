"""Fixtures: the laboratory as a local file, and a function that opens it in a browser."""

from __future__ import annotations

import shutil

import pytest
from browser import visits
from companion.laboratory import html, laboratory

from bvg.results import load

READY = "#bvg-laboratory[data-key]"


@pytest.fixture(scope="session")
def lab():
    """The laboratory of the published results."""
    return laboratory(load("published"))


@pytest.fixture(scope="module")
def address(lab, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("laboratory")
    (folder / "_static").mkdir()
    for path in html.FOLDER.glob("*.[jc]s*"):
        shutil.copy2(path, folder / "_static")
    start = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Laboratory</title><link rel="icon" href="data:,">'
    )
    (folder / "lab.html").write_text(
        f"{start}<main><h1>Laboratory</h1>{html.fragment(lab.data)}</main></html>", encoding="utf-8"
    )
    return (folder / "lab.html").as_uri()


@pytest.fixture
def visit(browser, address):
    """Open the laboratory. Afterwards, assert that no error occurred and no host was asked."""
    with visits(browser, address, READY, ("file://", "data:", "blob:")) as visit:
        yield visit
