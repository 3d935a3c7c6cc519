"""Error messages: suggestions for a misspelt word, short lists of names, and errors without a traceback in a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from traceback import extract_tb


def suggest(word: str, known: Iterable[str]) -> str:
    """Suggest the nearest known word, or nothing.

    >>> suggest("shape-bais", ["shape-bias", "pgd"])
    ' (did you mean shape-bias?)'
    >>> suggest("nothing like it", ["shape-bias", "pgd"])
    ''
    """
    near = get_close_matches(str(word), [str(name) for name in known], 1)
    return f" (did you mean {near[0]}?)" if near else ""


def shorten(names: Iterable, limit: int = 6) -> str:
    """List the first few of many names.

    >>> shorten(["fc.bias", "fc.weight", "bn1.bias"], limit=2), shorten([])
    ('fc.bias, fc.weight and 1 more', 'none')
    """
    names = [str(name) for name in names]
    listed = ", ".join(names[:limit]) or "none"
    return listed if len(names) <= limit else f"{listed} and {len(names) - limit} more"


class Brief(Exception):
    """An error whose message suffices: IPython shows the line of the cell and the message instead of a long traceback."""

    def _render_traceback_(self) -> list[str]:
        cell = [
            frame
            for frame in extract_tb(self.__traceback__)
            if "ipykernel_" in frame.filename or "<ipython" in frame.filename
        ]
        where = [f"line {cell[-1].lineno} of the cell: {cell[-1].line}"] if cell else []
        return [*where, f"{type(self).__name__}: {self}"]
