"""One table of the book: what the page displays and the numbers behind it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from bvg import known_models


def _maker() -> str:
    """Name the outermost function of `companion.tables` on the stack, as `module:name`."""
    maker, frame = "", sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("companion.tables."):
            maker = f"{frame.f_globals['__name__']}:{frame.f_code.co_name}"
        frame = frame.f_back
    return maker


def model_names(ids: Sequence[str]) -> list[str]:
    """Return the printed names of models for cells; those of the study as links to their profiles.

    Example:
        >>> model_names(["resnet50_trained_on_SIN", "mine"])
        ['{model}`SIN <resnet50_trained_on_SIN>`', 'mine']
    """
    about = known_models.describe(ids)
    return [f"{{model}}`{m.name} <{m.Index}>`" if m.in_study else m.name for m in about.itertuples()]


@dataclass(frozen=True)
class Table:
    """A table of the book.

    Attributes:
        displayed: the table as readers see it; text cells are MyST (citations as roles).
        data: the tidy numbers behind it, for the CSV.
        made_by: the function that makes it, as `module:name`.
    """

    displayed: pd.DataFrame
    data: pd.DataFrame
    made_by: str = field(default_factory=_maker)
