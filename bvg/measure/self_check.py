"""Check a set-up without data: every stimulus of a shipped photograph, and stored numbers of the miniature.

The photograph is scikit-image's `chelsea`, by Stéfan van der Walt (CC0), reduced to 300 x 260 pixels. `stimuli.csv` holds, for each
stimulus, the SHA-256 of its pixels (float32, or uint8 as decoded) and the means of 16 blocks: processors differ in the last bits of a
Fourier transform, which changes the digest but not the means. `store` writes the file anew after a deliberate change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bvg import files, kernels
from bvg.datasets.layouts import RESIZE_CROP
from bvg.datasets.preprocessing import decode
from bvg.instruments import STUDY, Instrument

AGREES, DIFFERS = "agrees", "differs"
PHOTOGRAPH = Path(__file__).with_name("photograph.jpg")
STORED = Path(__file__).with_name("stimuli.csv")
TOLERANCE = 1e-5
"""Largest difference of a block's mean, for pixels in [0, 1]."""
BLOCKS = 4
SEED, INDEX = 0, torch.tensor([7])
NETWORKS = ("mini_standard", "mini_linf_eps4", "mini_stylized")

COLUMNS = (
    "what",
    "benchmark",
    "variant",
    "level",
    "stored",
    "measured",
    "difference",
    "tolerance",
    "verdict",
    "identical",
)


def stimuli() -> Iterator[tuple[str, str, float, Tensor]]:
    """Make every stimulus of the study from the photograph: benchmark, variant, level, and pixels [3, 224, 224].

    The first is the decoded photograph, uint8; the others are float in [0, 1]. The attack needs a model: here one whose logits are
    the means of red, green and blue.
    """
    decoded = torch.from_numpy(decode(PHOTOGRAPH, RESIZE_CROP))
    yield "imagenet", "decoded", np.nan, decoded
    images = decoded[None].float() / 255
    for name in ("band-pass", "critical-band"):
        instrument: Instrument = STUDY[name]
        for (benchmark, variant, level), made in instrument.stimuli(images, INDEX, SEED, instrument.conditions()):
            yield benchmark, variant, level, made[0]
    attack = STUDY["pgd"]
    start = kernels.random_start(images, attack.eps, SEED, INDEX)
    yield "pgd", "start", attack.eps, start[0]
    attacked = kernels.pgd(
        _mean_colours, images, torch.tensor([0]), attack.eps, attack.steps, attack.step_size, SEED, INDEX
    )
    yield "pgd", "linf", attack.eps, attacked[0]


def _mean_colours(images: Tensor) -> Tensor:
    return images.mean(dim=(2, 3))


def digests() -> pd.DataFrame:
    """Return one row per stimulus: benchmark, variant, level, sha256, and block_0 … block_15, means in [0, 1]."""
    rows = []
    for benchmark, variant, level, pixels in stimuli():
        sha256 = hashlib.sha256(pixels.contiguous().numpy().tobytes()).hexdigest()
        values = pixels.double() / (255 if pixels.dtype == torch.uint8 else 1)
        blocks = torch.nn.functional.adaptive_avg_pool2d(values.mean(dim=0)[None], BLOCKS).flatten().tolist()
        rows.append((benchmark, variant, level, sha256, *(round(b, 7) for b in blocks)))
    return pd.DataFrame(rows, columns=["benchmark", "variant", "level", "sha256", *_blocks()])


def _blocks() -> list[str]:
    return [f"block_{k}" for k in range(BLOCKS**2)]


def store() -> None:
    """Write the digests of this set-up to `stimuli.csv`."""
    with files.atomic(STORED) as path:
        digests().to_csv(path, index=False, lineterminator="\n")


def compare_stimuli() -> pd.DataFrame:
    """Compare every stimulus with the stored one.

    Returns:
        One row per stimulus with the columns `COLUMNS`: what it is; stored and measured, the mean of the block that differs most, and
        their difference, in [0, 1]; `identical` states whether all pixels are equal bit for bit.
    """
    keys = ["benchmark", "variant", "level"]
    stored = pd.read_csv(STORED, keep_default_na=False, na_values={"level": [""]}, float_precision="round_trip")
    both = stored.merge(digests(), on=keys, how="left", suffixes=("", "_found"), validate="1:1")
    before, after = both[_blocks()].to_numpy(), both[[f"{b}_found" for b in _blocks()]].to_numpy()
    worst = np.nan_to_num(np.abs(after - before), nan=np.inf).argmax(axis=1)[:, None]
    both["stored"], both["measured"] = (np.take_along_axis(v, worst, axis=1)[:, 0] for v in (before, after))
    both["what"] = [
        " ".join(filter(None, (r.benchmark, r.variant, "" if pd.isna(r.level) else f"{r.level:.3g}")))
        for r in both.itertuples()
    ]
    return _judged(both, TOLERANCE, both["sha256"] == both["sha256_found"])


def compare_numbers() -> pd.DataFrame:
    """Measure stored accuracies [%] of three of the miniature's networks again; returns the columns `COLUMNS`."""
    from bvg import miniature
    from bvg.miniature import train

    log = train.read_log()
    stored = [(name, float(log[name]["val_accuracy"]), int(log[name]["val_images"])) for name in NETWORKS]
    rows = [(name, accuracy, train.accuracy(miniature.load(name), n), n) for name, accuracy, n in stored]
    table = pd.DataFrame(rows, columns=["what", "stored", "measured", "n"]).assign(
        benchmark="imagenet", variant="", level=np.nan
    )
    tolerance = 100 * 2 / table["n"]  # a decision may change with the last bits
    return _judged(table, tolerance, (table["stored"] - table["measured"]).abs() < 0.005)  # stored with two decimals


def _judged(table: pd.DataFrame, tolerance: float | pd.Series, identical: pd.Series) -> pd.DataFrame:
    difference = table["measured"] - table["stored"]
    verdict = np.where(difference.abs() <= tolerance, AGREES, DIFFERS)
    return table.assign(difference=difference, tolerance=tolerance, verdict=verdict, identical=identical)[list(COLUMNS)]


def report(stimuli: pd.DataFrame, numbers: pd.DataFrame) -> tuple[bool, str]:
    """Return whether everything agrees, and lines of text: counts, what differs, and each number.

    Args:
        stimuli: from `compare_stimuli`.
        numbers: from `compare_numbers`.
    """
    good = stimuli["verdict"] == AGREES
    lines = [
        f"{len(stimuli)} stimuli of a photograph: {good.sum()} agree, {stimuli['identical'].sum()} of them bit for bit"
    ]
    lines += [
        f"{row.what}: {DIFFERS}, a block's mean is {row.measured:.6f} instead of {row.stored:.6f} (tolerance {row.tolerance:g})"
        for row in stimuli[~good].itertuples()
    ]
    lines += [
        f"{r.what}: stored {r.stored:.2f} %, measured {r.measured:.2f} %: {r.verdict}" for r in numbers.itertuples()
    ]
    return bool(good.all() and (numbers["verdict"] == AGREES).all()), "\n".join(lines)
