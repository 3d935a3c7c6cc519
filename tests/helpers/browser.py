"""The built book in headless Chromium: which pages there are, what one loads and reports, what axe-core finds in it."""

from __future__ import annotations

import os
import shutil
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
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
SHARED_LIBRARY = "/_static/vega.js"  # the one script that the weight of a page leaves out

# Resolves when the page is as the reader will have it: images (the lazy ones, too), formulas and fonts are in.
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


def chromium_path() -> str | None:
    """The Chromium to drive: `$CHROMIUM`, else the first that is installed, else None."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


def page_names() -> list[str]:
    """Names of the pages that the book will have, known before it is built: the table of contents and Sphinx's own."""
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"]), "genindex", "search"]


class QuietHandler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Address, without a final slash, at which the folder is served on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=folder))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Traffic:
    """What a page complained of and asked for.

    Attributes:
        problems: errors in the console, exceptions, requests that failed, answers from 400 on.
        requests: every address asked for, in order.
        weights: bytes of each answer's body, by address; uncompressed.
    """

    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    weights: dict[str, int] = field(default_factory=dict)

    @property
    def elsewhere(self) -> list[str]:
        """Requests to any other host than this machine."""
        urls = ((u, urlsplit(u)) for u in self.requests)
        return [
            u for u, parts in urls if parts.scheme not in ("data", "blob", "file") and parts.hostname != "127.0.0.1"
        ]

    @property
    def weight(self) -> int:
        """Bytes of the page and all it loads, each address once, less the one shared library."""
        return sum(size for url, size in self.weights.items() if urlsplit(url).path != SHARED_LIBRARY)


def watch(page) -> Traffic:
    """Traffic of a Playwright page from now on."""
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

    Of the rules `only`, or of all; not in what the selectors `exclude` name, each in a list as axe-core has it.
    """
    if not page.evaluate("() => 'axe' in window"):
        from axe_playwright_python.base import AXE_SCRIPT

        page.evaluate(AXE_SCRIPT)
    return page.evaluate(AXE, [only, exclude or []])


def told(findings: list[dict[str, str]], impacts: tuple[str, ...] = ("serious", "critical")) -> list[str]:
    """Findings of these impacts, one line each."""
    return [f"{f['rule']} ({f['impact']}): {f['where']}: {f['why']}" for f in findings if f["impact"] in impacts]
