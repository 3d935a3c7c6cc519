"""The verdicts, and how conditions on arrays of results decide between them."""

from __future__ import annotations

import numpy as np

HOLDS, PARTLY, FAILS, UNKNOWN = "holds", "holds in part", "fails", "not checkable"
VERDICTS = (HOLDS, PARTLY, FAILS, UNKNOWN)


def decide(*cases: tuple[np.ndarray, str], otherwise: str | np.ndarray) -> np.ndarray:
    """Return the verdict of the first case that is true, as places in `VERDICTS`.

    Args:
        cases: conditions of one shape, each with its verdict.
        otherwise: the verdict where no condition is true, or places.

    Example:
        >>> decide((np.array([True, False, False]), FAILS), (np.array([True, True, False]), PARTLY), otherwise=HOLDS).tolist()
        [2, 1, 0]
    """
    conditions, found = zip(*((np.asarray(c), verdict) for c, verdict in cases), strict=True)
    places = [np.int8(VERDICTS.index(verdict)) for verdict in found]
    rest = np.int8(VERDICTS.index(otherwise)) if isinstance(otherwise, str) else otherwise
    return np.select(conditions, places, rest)


def most(count: np.ndarray, of: np.ndarray | int) -> np.ndarray:
    """Return `HOLDS` where `count` is more than half of `of`, `PARTLY` where it is smaller but not 0, else `FAILS`.

    Example:
        >>> most(np.array([3, 2, 0]), 4).tolist()
        [0, 1, 2]
    """
    return decide((count > of / 2, HOLDS), (count > 0, PARTLY), otherwise=FAILS)


def name(place: np.ndarray) -> str:
    """Return the verdict at a place in `VERDICTS`."""
    return VERDICTS[int(place)]
