"""The paper's numbers as data files, and the command that rebuilds them from the authors' raw results."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd


def figure2() -> pd.DataFrame:
    """The 72 numbers printed in the paper's Figure 2: generalization, bias, group, printed (r, or 0 where p >= 0.05)."""
    with (files("bvg") / "published" / "figure2.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)
