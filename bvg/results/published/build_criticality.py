"""Rebuild the table of layer criticality from the raw results of its authors.

    python -m bvg.results.published.build_criticality PATH/TO/layer-criticality.csv

The raw file is `raw-results/results.csv` of commit c123a9f of `paulgavrikov/layer_criticality` on GitHub (see LICENSE.md). Any
other is rejected, so this always writes the committed table.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from bvg import files, known_models, results

SHA256 = "ff568ea87b8ebeea49f4fa70e7b07cc7108b9d9308bb0d0deb197b6a9eb059b3"
TABLE = Path(__file__).with_name("layer-criticality.csv")


def convert(raw: pd.DataFrame) -> pd.DataFrame:
    """Convert the raw trials to the results schema.

    The criticality of a layer is 1 minus the mean over the trials of `pred_cos_sim`, the cosine similarity of the softmax
    outputs before and after the layer's parameters were replaced by random ones; `criticality_sd` is the standard deviation
    over the trials. Models that the study does not use are left out.

    Args:
        raw: model_id, layer, trial, pred_cos_sim: one row per trial.

    Returns:
        Two rows per model and layer: models in the order of models.csv, layers in the order of depth.

    Raises:
        ValueError: a model of the study is missing, or a model lacks a trial of a layer or has it twice.
    """
    known = known_models.models()
    wanted = list(known.index[known["in_study"]])
    own = raw[raw["model_id"].isin(wanted)]
    if lacking := sorted(set(wanted) - set(own["model_id"])):
        raise ValueError(f"expected every model of the study, got none of the trials of {', '.join(lacking)}")
    layers, trials = pd.unique(own["layer"]), pd.unique(own["trial"])
    full = pd.MultiIndex.from_product([wanted, layers, trials], names=["model_id", "layer", "trial"])
    single = own.set_index(full.names)["pred_cos_sim"]
    if single.index.has_duplicates or len(single) != len(full):
        raise ValueError(
            f"expected {len(trials)} trials of each of {len(layers)} layers per model, each once, got others"
        )
    over_trials = single.reindex(full).groupby(["model_id", "layer"], sort=False)
    both = pd.DataFrame({"criticality": 1 - over_trials.mean(), "criticality_sd": over_trials.std()})
    table = both.rename_axis(columns="metric").stack().rename("value").reset_index()
    table = table.assign(variant=table["layer"].str.removeprefix("model."), benchmark="layer-criticality", level=np.nan)
    table = table.rename(columns={"model_id": "model"}).assign(n=pd.NA, source="published")
    return results.validate(table[list(results.COLUMNS)], "layer-criticality.csv")


def read_raw(path: Path) -> pd.DataFrame:
    """Read the authors' file; reject any other."""
    digest = files.sha256(path)
    if digest != SHA256:
        raise ValueError(
            f"expected {path} to have SHA-256 {SHA256}, got {digest}: it is not the file of commit c123a9f"
        )
    return pd.read_csv(path)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="Rebuild bvg/results/published/layer-criticality.csv from the raw results of its authors."
    )
    parser.add_argument("raw", type=Path, help="local copy of raw-results/results.csv")
    parser.add_argument("--out", type=Path, default=TABLE, help="file to write; default: the package's own")
    args = parser.parse_args(argv)
    table = convert(read_raw(args.raw))
    results.write(table, args.out)
    print(f"{len(table)} numbers of {table['model'].nunique()} models -> {args.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
