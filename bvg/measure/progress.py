"""Progress bars that stay readable in a terminal, in a live notebook and in one that papermill has executed."""

from __future__ import annotations

import sys
from types import ModuleType

from tqdm import tqdm

EVERY = 30
"""Seconds between two lines in a log file."""

LINE = "{desc}: {n_fmt} of {total_fmt} {unit} ({percentage:.0f} %), {rate_fmt}, {elapsed} so far, {remaining} left"


class _Lines:
    """A log file: each state of the bar becomes a line of its own, instead of overwriting the one before."""

    def write(self, text: str) -> None:
        if line := text.strip("\r\n").rstrip():
            self.show(line)

    def show(self, line: str) -> None:
        """Print one state of the bar."""
        print(line, file=sys.stderr, flush=True)

    def flush(self) -> None:
        """Do nothing: no text is held back."""


class _CellOutput(_Lines):
    """An output of a notebook cell that a bar is drawn into again and again.

    Printed text would be kept: every state of the bar, thousands of lines in the executed notebook.
    """

    def __init__(self, notebook: ModuleType) -> None:
        self._display, self._handle = notebook.display.display, None

    def show(self, line: str) -> None:
        """Display one state of the bar in place of the one before."""
        content = {"text/plain": line}
        if self._handle is None:
            self._handle = self._display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


def bar(total: int, name: str, visible: bool, unit: str = "img", **options) -> tqdm:
    """Return a progress bar with rate and time left; in a log file, a line every half minute.

    Args:
        total: number of images, or of `unit`.
        name: text before the bar.
        visible: whether to draw it.
        options: further options of `tqdm`.
    """
    notebook = _notebook()
    if notebook:
        place = {"file": _CellOutput(notebook), "position": 0, "ncols": 100, "mininterval": 0.5}
    elif sys.stderr.isatty():
        place = {"mininterval": 0.5}
    else:
        place = {"file": _Lines(), "mininterval": EVERY, "maxinterval": EVERY, "bar_format": LINE}
    return tqdm(total=total, desc=name, unit=unit, disable=not visible, **place, **options)


def _notebook() -> ModuleType | None:
    """Return IPython if this process is the kernel of a notebook; the package itself does not need it."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    return ipython if shell and "IPKernelApp" in shell.config else None
