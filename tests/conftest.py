"""Shared fixtures: the repository, the data folder beside it, the built book."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "agg")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The authors' raw results and real images, beside the repository; they are not part of it."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared/data, which holds the authors' raw results and is not part of the repository")
    return SHARED


@pytest.fixture(scope="module")
def one_thread():
    """torch on one thread, for tests whose many small tensors threads would only slow down."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def builder():
    """The module that builds the book."""
    from builder import build

    return build


@pytest.fixture(scope="session")
def build(builder) -> Path:
    """The folder `_build`, brought up to date by the book's own build."""
    builder.main([])
    return ROOT / "_build"


@pytest.fixture(scope="session")
def site(build) -> Iterator[str]:
    """Address at which the built book is served."""
    from browser import serve

    with serve(build / "html") as address:
        yield address


# Of a module, not of the session: while Playwright runs, no other code of this thread can run an event loop of its own.
@pytest.fixture(scope="module")
def browser():
    """Chromium without a window, driven by Playwright."""
    from browser import ARGUMENTS, chromium_path

    path = chromium_path()
    if path is None:
        pytest.skip("needs Chromium (Debian's package is `chromium`); another one can be named in $CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright, of the extra `test`")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()
