"""Helpers for tests in headless Chromium: serve the book, record what a page loads and reports, run axe-core."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).resolve().parents[2]
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}

# Resolves when the page is complete for the reader: images (lazy ones too) and fonts are loaded.
SETTLED = """async () => {
  const images = [...document.images];
  images.forEach((image) => { image.loading = "eager"; });
  await Promise.all(images.map((image) => image.decode().catch(() => null)));
  await document.fonts.ready;
}"""
UNFOLD = """() => {
  document.querySelectorAll("details").forEach((details) => { details.open = true; });
  document.querySelectorAll(".toggle-hidden").forEach((box) => box.classList.remove("toggle-hidden"));
  document.getAnimations().forEach((animation) => animation.finish());
}"""
THEME = """(theme) => {
  Object.assign(document.documentElement.dataset, { theme, mode: theme });
  document.getAnimations().forEach((animation) => animation.finish());
}"""
PAINT = """() => new Promise((resolve) => new PerformanceObserver((list) =>
  list.getEntriesByName("first-contentful-paint").forEach((entry) => resolve(entry.startTime)),
).observe({ type: "paint", buffered: true }))"""
WIDER = """(limit) => [...document.querySelectorAll("body *")]
  .filter((e) => e.getBoundingClientRect().right > limit + 1 && e.checkVisibility())
  .slice(0, 5).map((e) => `${e.tagName.toLowerCase()}#${e.id}.${e.className}`)"""
AXE = """([only, exclude]) => axe.run({ include: [["html"]], exclude }, { resultTypes: ["violations"], preload: false, ...(only ? { runOnly: only } : {}) })
  .then((result) => result.violations.flatMap((found) => found.nodes.map((node) => ({
    rule: found.id, impact: found.impact, where: String(node.target), why: node.failureSummary,
  }))))"""


def page_names() -> list[str]:
    """Names of the book's pages, known before it is built: those in the table of contents and Sphinx's own."""
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"]), "genindex", "search"]


class QuietHandler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine; yields the address without a final slash."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=folder))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Traffic:
    """Requests and errors of a page.

    Attributes:
        problems: console errors, exceptions, failed requests, responses with a status of 400 or higher.
        requests: every requested address, in order.
        weights: uncompressed size in bytes of each response's body, by address.
    """

    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    weights: dict[str, int] = field(default_factory=dict)

    @property
    def elsewhere(self) -> list[str]:
        """Requests to hosts other than this machine."""
        urls = ((u, urlsplit(u)) for u in self.requests)
        return [
            u for u, parts in urls if parts.scheme not in ("data", "blob", "file") and parts.hostname != "127.0.0.1"
        ]

    @property
    def weight(self) -> int:
        """Bytes of the page and all it loads, each address once."""
        return sum(self.weights.values())


def watch(page) -> Traffic:
    """Record the traffic of a Playwright page from now on."""
    traffic = Traffic()

    def answered(response) -> None:
        if response.status >= 400:
            traffic.problems.append(f"{response.status} {response.url}")
        traffic.weights[response.url] = int(response.headers.get("content-length", 0))

    page.on("request", lambda request: traffic.requests.append(request.url))
    page.on("response", answered)
    page.on("requestfailed", lambda request: traffic.problems.append(f"{request.failure} {request.url}"))
    page.on("pageerror", lambda error: traffic.problems.append(f"exception: {error}"))
    page.on(
        "console",
        lambda message: traffic.problems.append(f"console: {message.text}") if message.type == "error" else None,
    )
    return traffic


def axe(page, only: list[str] | None = None, exclude: list[list[str]] | None = None) -> list[dict[str, str]]:
    """Findings of axe-core in a Playwright page: rule, impact, where and why.

    Args:
        page: the page.
        only: rules to check; None for all.
        exclude: selectors of parts to skip, each in a list of its own as axe-core expects.
    """
    if not page.evaluate("() => 'axe' in window"):
        from axe_playwright_python.base import AXE_SCRIPT

        page.evaluate(AXE_SCRIPT)
    return page.evaluate(AXE, [only, exclude or []])


def violations(findings: list[dict[str, str]], impacts: tuple[str, ...] = ("serious", "critical")) -> list[str]:
    """Findings of these impacts, one line each."""
    return [f"{f['rule']} ({f['impact']}): {f['where']}: {f['why']}" for f in findings if f["impact"] in impacts]


@contextmanager
def visits(browser, address: str, ready: str, local: tuple[str, ...]) -> Iterator:
    """Yield a function that opens a page and waits for `ready`. Afterwards, assert that no error occurred and no host was asked.

    Args:
        browser: the browser.
        address: the page; the function adds its argument to it.
        ready: selector of what a complete page has.
        local: how the addresses of what it may load begin.
    """
    contexts, traffic = [], []

    def visit(view: str = "", to: str = address, **settings):
        contexts.append(browser.new_context(**({"viewport": DESK, "reduced_motion": "reduce"} | settings)))
        page = contexts[-1].new_page()
        traffic.append(watch(page))
        page.goto(to + view)
        page.wait_for_selector(ready)
        return page

    yield visit
    for seen in traffic:
        assert seen.problems == []
        assert [r for r in seen.requests if not r.startswith(local)] == []
    for context in contexts:
        context.close()
