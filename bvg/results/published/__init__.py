"""The paper's numbers and other projects' measurements of the same checkpoints, as data files."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd

IMAGES = {"imagenet-real": 326}
"""Images behind a published accuracy where they are not the whole data set: the last batch of the validation images."""


def figure2_printed() -> pd.DataFrame:
    """Read the 72 values printed in the paper's Figure 2.

    Columns: generalization, bias, group, printed (r, or 0 where p >= 0.05).
    """
    with (files("bvg") / "results" / "published" / "figure2-printed.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)


def independent() -> pd.DataFrame:
    """Read what two other projects measured on the study's checkpoints (see LICENSE.md): one number per row.

    Columns: model, benchmark, variant (corruption, or empty), level (its severity 1 … 5, or NaN), top1 [%], img_size [pixels],
    crop_pct (fraction of the image's side that is kept), interpolation, source. Values that a source does not state are NaN or empty.
    """
    with (files("bvg") / "results" / "published" / "crosscheck.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file, keep_default_na=False, na_values={c: [""] for c in ("level", "img_size", "crop_pct")})
    return table
