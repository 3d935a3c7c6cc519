"""Fixtures: the laboratory as a local file, and a function that opens it in a browser."""

from __future__ import annotations

import shutil

import pytest
from browser import DESK, watch
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
    """Open the laboratory. Afterwards, assert that no error occurred and nothing was asked of any host."""
    contexts, traffic = [], []

    def visit(setting: str = "", **settings):
        contexts.append(browser.new_context(**({"viewport": DESK, "reduced_motion": "reduce"} | settings)))
        page = contexts[-1].new_page()
        traffic.append(watch(page))
        page.goto(address + setting)
        page.wait_for_selector(READY)
        return page

    yield visit
    for seen in traffic:
        assert seen.problems == []
        assert [r for r in seen.requests if not r.startswith(("file://", "data:", "blob:"))] == []
    for context in contexts:
        context.close()
