"""The Chromium that prints the book and runs its browser tests."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
MISSING = (
    "expected Chromium, found none: install it (Debian, Ubuntu: apt-get install chromium) or set CHROMIUM to its path, "
    "as in CHROMIUM=/path/to/chrome make pdf"
)


def find() -> str | None:
    """Path of Chromium: `$CHROMIUM`, else the first one installed, else None."""
    return next((path for n in (os.environ.get("CHROMIUM"), *NAMES) if n and (path := shutil.which(n))), None)
