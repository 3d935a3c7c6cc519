"""Layer criticality of networks of the miniature, measured while a page runs."""

from __future__ import annotations

from collections.abc import Sequence
from tempfile import TemporaryDirectory

import pandas as pd

from bvg.results import criticality


def measured(networks: Sequence[str], images: int, seed: int = 0) -> pd.DataFrame:
    """Measure networks of the miniature on its validation images: one row per network, one column per layer by depth.

    Args:
        networks: names of networks, as in `bvg.miniature.zoo`.
        images: number of images.
        seed: seed of the random draws.
    """
    from bvg.instruments.layer_criticality import layers  # these load torch
    from bvg.measure import run
    from bvg.miniature import zoo

    with TemporaryDirectory() as folder:
        table = run(
            networks, "layer-criticality", "miniature", f"{folder}/run", limit=images, seed=seed, device="cpu", progress=False
        )  # fmt: skip
    return criticality.by_layer(table).loc[list(networks), list(layers(zoo.load(networks[0])))]
