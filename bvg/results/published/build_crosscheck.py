"""Rebuild the table of independent measurements of the same checkpoints, from two projects' results.

    python -m bvg.results.published.build_crosscheck PATH/TO/timm-results.csv PATH/TO/testbed-results.csv

The files hold one number per line, measured by pytorch-image-models and imagenet-testbed on checkpoints of the study (see
LICENSE.md). Nothing is left out or rounded.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from bvg import known_models, study
from bvg.files import atomic

TABLE = Path(__file__).with_name("crosscheck.csv")
COLUMNS = ["model", "benchmark", "variant", "level", "top1", "img_size", "crop_pct", "interpolation", "source"]
TIMM, TESTBED = "pytorch-image-models", "imagenet-testbed"


def convert(timm: pd.DataFrame, testbed: pd.DataFrame) -> pd.DataFrame:
    """Combine both projects' results in one table.

    Args:
        timm: model, benchmark, img_size [pixels], crop_pct (fraction), interpolation, top1 [%].
        testbed: model, benchmark, variant (the corruption, or empty), level (its severity, or empty), top1 [%].

    Returns:
        A table with the columns `COLUMNS`, empty where a source does not state a value; sorted by source, then as models.csv.

    Raises:
        ValueError: a model or benchmark that the study does not have, a top-1 outside [0, 100], or a number given twice.
    """
    table = pd.concat([timm.assign(source=TIMM), testbed.assign(source=TESTBED)], ignore_index=True)
    table = table.reindex(columns=COLUMNS).astype({"level": "Int64", "img_size": "Int64"})
    table["variant"] = table["variant"].astype(object).fillna("")
    known = known_models.models()
    for column, allowed in (("model", known.index), ("benchmark", [b.id for b in study.BENCHMARKS])):
        odd = sorted(set(table[column]) - set(allowed))
        if odd:
            raise ValueError(f"expected `{column}` to be one of the study's, got {', '.join(odd)}")
    if not table["top1"].between(0, 100).all():
        raise ValueError(f"expected `top1` in [0, 100], got {table['top1'].min():g} to {table['top1'].max():g}")
    twice = table.duplicated([c for c in COLUMNS if c != "top1"])
    if twice.any():
        raise ValueError(f"expected each number once, got {table[twice].iloc[0].tolist()} twice")
    place = {model: i for i, model in enumerate(known.index)}
    key = table["source"].map({TIMM: 0, TESTBED: 1}) * len(place) + table["model"].map(place)
    return table.iloc[key.argsort(kind="stable")].reset_index(drop=True)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="Rebuild bvg/results/published/crosscheck.csv from the two projects' results."
    )
    parser.add_argument("timm", type=Path, help="timm-results.csv")
    parser.add_argument("testbed", type=Path, help="testbed-results.csv")
    parser.add_argument("--out", type=Path, default=TABLE, help="file to write; default: the package's own")
    args = parser.parse_args(argv)
    table = convert(pd.read_csv(args.timm), pd.read_csv(args.testbed))
    with atomic(args.out) as path:
        table.to_csv(path, index=False, lineterminator="\n")
    print(f"{len(table)} numbers of {table['model'].nunique()} models -> {args.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
