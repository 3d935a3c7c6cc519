"""Progress bars that stay readable in a terminal, in a live notebook and in one that papermill has executed."""

from __future__ import annotations

import sys
from types import ModuleType

from tqdm import tqdm


class _CellOutput:
    """An output of a notebook cell that a bar is drawn into again and again.

    Printed text would be kept: every state of the bar, thousands of lines in the executed notebook.
    """

    def __init__(self, notebook: ModuleType) -> None:
        self._display, self._handle = notebook.display.display, None

    def write(self, text: str) -> None:
        if line := text.strip("\r\n").rstrip():
            content = {"text/plain": line}
            if self._handle is None:
                self._handle = self._display(content, raw=True, display_id=True)
            else:
                self._handle.update(content, raw=True)

    def flush(self) -> None:
        """Do nothing: no text is held back."""


def bar(total: int, name: str, visible: bool, unit: str = "img", **options) -> tqdm:
    """Return a progress bar with rate and time left.

    Args:
        total: number of images, or of `unit`.
        name: text before the bar.
        visible: whether to draw it.
        options: further options of `tqdm`.
    """
    notebook = _notebook()
    place = {"file": _CellOutput(notebook), "position": 0, "ncols": 100} if notebook else {}
    return tqdm(total=total, desc=name, unit=unit, disable=not visible, mininterval=0.5, **place, **options)


def _notebook() -> ModuleType | None:
    """Return IPython if this process is the kernel of a notebook; the package itself does not need it."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    return ipython if shell and "IPKernelApp" in shell.config else None
