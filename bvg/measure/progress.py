"""Progress bars that read well in a terminal, in a live notebook and in one that papermill has executed."""

from __future__ import annotations

import sys

from tqdm import tqdm


class _Output:
    """One output of a notebook cell that a bar is drawn into, over and over.

    Text that is printed would be kept, every state of the bar after the other: thousands of lines in the notebook that a
    long measurement leaves behind.
    """

    def __init__(self) -> None:
        self._handle = None

    def write(self, text: str) -> None:
        line = text.strip("\r\n")
        if not line:
            return
        from IPython.display import display

        shown = {"text/plain": line.rstrip()}
        if self._handle is None:
            self._handle = display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)

    def flush(self) -> None:
        """Nothing is held back."""


def bar(total: int, name: str, shown: bool, unit: str = "img", **options) -> tqdm:
    """A progress bar over images, or other units, with rate and time left.

    Args:
        total: images, or what `unit` says.
        name: what is being done.
        shown: False for a bar that is not drawn.
        options: others of `tqdm`.
    """
    place = {"file": _Output(), "position": 0, "ncols": 100} if _in_notebook() else {}
    return tqdm(total=total, desc=name, unit=unit, disable=not shown, mininterval=0.5, **place, **options)


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    return bool(shell) and "IPKernelApp" in shell.config
