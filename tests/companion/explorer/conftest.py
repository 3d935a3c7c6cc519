"""Fixtures: the explorer as a local file, and a function that opens it in a browser."""

from __future__ import annotations

import pytest
from browser import DESK, watch
from explorer_page import CONTENT, READY


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    path.write_text(CONTENT.standalone(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def visit(browser, address):
    """Open the explorer. Afterwards, assert that no error occurred and no other host was asked."""
    contexts, traffic = [], []

    def visit(view: str = "", to: str = address, **settings):
        contexts.append(browser.new_context(**({"viewport": DESK, "reduced_motion": "reduce"} | settings)))
        page = contexts[-1].new_page()
        traffic.append(watch(page))
        page.goto(to + view)
        page.wait_for_selector(READY)
        return page

    yield visit
    for seen in traffic:
        assert seen.problems == []
        assert [r for r in seen.requests if not r.startswith(("file://", "data:"))] == []
    for context in contexts:
        context.close()
