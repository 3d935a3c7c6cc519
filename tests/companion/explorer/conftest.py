"""Fixtures: the explorer as a local file, and a function that opens it in a browser."""

from __future__ import annotations

import pytest
from browser import visits
from explorer_page import CONTENT, READY


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    path.write_text(CONTENT.standalone(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def visit(browser, address):
    """Open the explorer. Afterwards, assert that no error occurred and no host was asked."""
    with visits(browser, address, READY, ("file://", "data:")) as visit:
        yield visit
