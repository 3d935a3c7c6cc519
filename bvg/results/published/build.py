"""Rebuild the published results table from the authors' raw results.

    python -m bvg.results.published.build PATH/TO/benchmark.csv     from a local copy
    python -m bvg.results.published.build                           download it, pinned by commit and SHA-256

A raw file with another SHA-256 is rejected, so this always writes the committed table.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from bvg import files, known_models, results, study

COMMIT = "9168ac8"
URL = f"https://raw.githubusercontent.com/paulgavrikov/biases_vs_generalization/{COMMIT}/raw-data/benchmark.csv"
SHA256 = "f303bde75ea84770576983d784db45763a4397801c733ab17a95a83fc38254b0"
TABLE = Path(__file__).with_name("results.csv")

PLAIN = [b.id for b in study.BENCHMARKS if b.paper and b.id != "pgd"]
CHANNEL = {"bw": "bandwidth", "cf": "center_frequency", "pns": "peak_noise_sensitivity"}


def columns() -> dict[str, tuple[str, str, float, str]]:
    """Return (benchmark, variant, level, metric) by raw column, for the columns that are copied one to one."""
    table = {f"top1_acc/{b}": (b, "", np.nan, "top1") for b in PLAIN}
    table["top1_acc/PGD-40/low"] = ("pgd", "linf", study.PGD_EPSILON, "top1")
    # The authors' file does not state this larger epsilon, so it has no level.
    table["top1_acc/PGD-40/high"] = ("pgd", "linf-high", np.nan, "top1")
    for kind, raw in (("low-pass", "LFC"), ("high-pass", "HFC")):
        for cutoff in study.CUTOFFS:
            table[f"metric/bandpass/{raw}/{cutoff}"] = (kind, "", cutoff, "relative_top1")
    # With the shape bias, this accuracy gives the numbers of decisions behind it (see `bvg.results.cue_counts`).
    table["top1_acc/cue-conflict"] = ("cue-conflict", "", np.nan, "top1")
    table["shape-bias"] = ("cue-conflict", "", np.nan, "shape_bias")
    for raw, metric in CHANNEL.items():
        table[f"metric/criticalband/{raw}_norm"] = ("critical-band", "relative", np.nan, metric)
        table[f"metric/criticalband/{raw}"] = ("critical-band", "raw", np.nan, metric)
    return table


def convert(raw: pd.DataFrame) -> pd.DataFrame:
    """Convert the authors' wide table (one row per model, indexed by model) to the results schema.

    Per-severity accuracies of ImageNet-C and ImageNet-C-bar are averaged over the five severities of each corruption.
    Cells without a number are left out. Models come in the order of models.csv.
    """
    expected = known_models.models().index
    if set(raw.index) != set(expected):
        odd = sorted(set(raw.index) ^ set(expected))
        raise ValueError(f"expected the {len(expected)} models of models.csv, got {len(raw)}; they differ in {odd}")
    wide = {key: raw[column] for column, key in columns().items()}
    for benchmark, names in study.CORRUPTIONS.items():
        for name in names:
            severities = [f"top1_acc/{name}_{s}" for s in study.SEVERITIES]
            wide[benchmark, name, np.nan, "top1"] = raw[severities].mean(axis=1, skipna=False)
    blocks = [
        pd.DataFrame(
            {"model": raw.index, "benchmark": b, "variant": v, "level": level, "metric": m, "value": s.to_numpy()}
        )
        for (b, v, level, m), s in wide.items()
    ]
    table = pd.concat(blocks, ignore_index=True).dropna(subset="value").assign(n=pd.NA, source="published")
    order = table["model"].map({m: i for i, m in enumerate(expected)})
    return results.validate(table.iloc[order.argsort(kind="stable")], "published")


def read_raw(path: Path) -> pd.DataFrame:
    """Read the authors' file; reject any other."""
    digest = files.sha256(path)
    if digest != SHA256:
        raise ValueError(
            f"expected {path} to have SHA-256 {SHA256}, got {digest}: it is not benchmark.csv of commit {COMMIT}"
        )
    return pd.read_csv(path, index_col="model")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="Rebuild bvg/results/published/results.csv from the authors' raw results."
    )
    parser.add_argument("raw", nargs="?", type=Path, help="local copy of raw-data/benchmark.csv; default: download it")
    parser.add_argument("--out", type=Path, default=TABLE, help="file to write; default: the package's own")
    args = parser.parse_args(argv)
    if args.raw is None:
        from bvg.downloads import download

        with tempfile.TemporaryDirectory() as folder:
            args.raw = Path(folder, "benchmark.csv")
            download(URL, args.raw, sha256=SHA256)
            table = convert(read_raw(args.raw))
    else:
        table = convert(read_raw(args.raw))
    results.write(table, args.out)
    print(f"{len(table)} numbers of {table['model'].nunique()} models -> {args.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
