"""Shared fixtures: the repository, the data folder next to it, the built book, a browser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

os.environ.setdefault("MPLBACKEND", "agg")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"

SLOWEST = (
    "tests/book/test_browser.py",
    "tests/bvg/measure/test_workers.py",
    "tests/bvg/bench/test_prove.py",
    "tests/book/test_recipes.py",
    "tests/bvg/measure/test_faults.py",
    "tests/book/test_measure_notebooks.py",
    "tests/book/test_build.py",
    "tests/book/test_lab.py",
    "tests/bvg/miniature/test_source.py",
    "tests/bvg/measure/test_real_model.py",
    "tests/bvg/measure/test_submit.py",
    "tests/bvg/miniature/test_zoo.py",
    "tests/companion/analysis/test_prediction.py",
    "tests/companion/analysis/test_claims.py",
    "tests/companion/analysis/forking/test_grid.py",
    "tests/book/test_launch.py",
    "tests/book/test_notebooks.py",
    "tests/book/test_book.py",
    "tests/companion/explorer/test_page.py",
    "tests/book/test_living_figures.py",
    "tests/bvg/measure/test_runner.py",
)
"""Modules to start first, so that all processes of the tests end at about the same time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {ROOT / name: number for number, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: place.get(item.path, len(SLOWEST)))


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The authors' raw results and real images, in a folder next to the repository that is not part of it."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared/data, which holds the authors' raw results and is not part of the repository")
    return SHARED


@pytest.fixture(scope="module")
def one_thread():
    """torch on one thread: more threads slow down tests with many small tensors."""
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
def build() -> Path:
    """The folder `_build`, brought up to date by the book's own build, once for all processes of the tests."""
    (ROOT / "_build").mkdir(exist_ok=True)
    with FileLock(ROOT / "_build" / "lock"):
        subprocess.run([sys.executable, "-m", "builder"], cwd=ROOT / "book", check=True)
    return ROOT / "_build"


@pytest.fixture(scope="session")
def ipynbs() -> Path:
    """The folder `notebooks` with the `.ipynb` files, as the documented command makes them."""
    (ROOT / "_build").mkdir(exist_ok=True)
    with FileLock(ROOT / "_build" / "lock"):  # a later call of the command leaves equal files alone
        subprocess.run(["make", "--silent", "notebooks"], cwd=ROOT, check=True)
    return ROOT / "notebooks"


@pytest.fixture(scope="session")
def papermill_command(tmp_path_factory):
    """The command `papermill` as a function of working directory and arguments, which starts in no time."""
    from papermill_server import server

    with server(tmp_path_factory.mktemp("papermill")) as command:
        yield command


@pytest.fixture(scope="session")
def site(build) -> Iterator[str]:
    """Address at which the built book is served."""
    from browser import serve

    with serve(build / "html") as address:
        yield address


# Scope: module, because no other code of this thread can run an event loop of its own while Playwright runs.
@pytest.fixture(scope="module")
def browser():
    """Headless Chromium, driven by Playwright."""
    from builder import chromium

    path = chromium.find()
    if path is None:
        pytest.skip("needs Chromium (Debian's package is `chromium`; $CHROMIUM can name another one)")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright, from the extra `book`")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def context(browser):
    """A browser context of the size of a desktop window, without animations."""
    from browser import DESK

    context = browser.new_context(viewport=DESK, reduced_motion="reduce")
    yield context
    context.close()


@pytest.fixture
def page(context):
    """An empty page in the browser."""
    page = context.new_page()
    yield page
    page.close()
