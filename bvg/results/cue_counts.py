"""Decisions for shape, for texture and for neither on cue-conflict images: counts behind a shape bias."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd

from bvg import study
from bvg.results.schema import COUNTS, ResultsError

IMAGES, CONFLICT = 1280, 1200
"""Cue-conflict images of Geirhos et al., and those of them whose shape and texture differ."""

EXACT = 1e-9
"""Fractions of at most `CONFLICT` images that differ by less are equal: two different ones are at least 1 / 1200² apart."""

CUES = ("shape", "texture", "neither")
"""The three kinds of decision on an image whose shape and texture differ."""

SHARES = dict(zip(CUES, (measure.id for measure in study.CUES), strict=True))
"""Column of `shares` by kind of decision."""

_ENDS = {"low": "min", "high": "max"}


def recover(bias: float, top1: float, images: int = IMAGES, conflict: int = CONFLICT) -> list[tuple[int, int]]:
    """Return every pair of counts (shape, texture) that gives a shape bias and an accuracy.

    The bias is s / (s + t) with s + t at most `conflict`. The accuracy is the share of all images on which the shape's category
    was chosen; the images whose cues agree are among them, so s is at most these hits, and at least the hits less those images.

    Args:
        bias: fraction, with all its digits.
        top1: accuracy on all images [%], with all its digits.
        images: all images.
        conflict: the images whose shape and texture differ.

    Returns:
        The pairs, s ascending; empty if no counts give the two numbers.

    Example:
        >>> recover(170 / 792, 100 * 234 / 1280), recover(0.2196, 18.28)
        ([(170, 622)], [])
    """
    ratio, hits = Fraction(bias).limit_denominator(conflict), round(top1 * images / 100)
    if abs(ratio - Fraction(bias)) > EXACT or abs(top1 * images / 100 - hits) > 1e-6:
        return []
    shape, both = ratio.numerator, ratio.denominator
    pairs = [(k * shape, k * (both - shape)) for k in range(1, conflict // both + 1)]
    return [(s, t) for s, t in pairs if hits - (images - conflict) <= s <= hits]


def counts(results: pd.DataFrame) -> pd.DataFrame:
    """Collect the counts of each model: those of the table, or those recovered from its shape bias and accuracy.

    Where several counts are possible, each implies another accuracy on the images whose cues agree. The likely one comes closest
    to the median accuracy there of the models with one solution; without such models it is the middle one.

    Args:
        results: a results table (see `bvg.results.table`). Where a row does not state its number of images, it is taken to
            cover all of Geirhos et al.'s.

    Returns:
        One row per model that has such counts, in the order of the table: model; images, the conflict images; solutions, the
        number of pairs of counts that give the model's numbers (1 for a measured model); agreeing, the share of the images
        with agreeing cues that were named (NaN for a measured model); and for each of `CUES` the likely number of decisions
        (`shape`, …), the fewest and the most (`shape_low`, `shape_high`, …).

    Raises:
        ResultsError: a model has one count without the other.

    Example:
        >>> from bvg import results
        >>> table = counts(results.load("published")).set_index("model")
        >>> table.loc["tv_resnet50", ["shape", "texture", "neither", "solutions"]].tolist()
        [170, 622, 408, 1]
    """
    cues = results[(results["benchmark"] == "cue-conflict") & (results["variant"] == "")]
    possible = pd.concat(
        [_possible(model, own.set_index("metric")) for model, own in cues.groupby("model", sort=False)]
        or [pd.DataFrame(columns=["model", "images", "agreeing", *CUES])],
        ignore_index=True,
    )
    size = possible.groupby("model")["shape"].transform("size")
    usual = possible.loc[size == 1, "agreeing"].median()
    rows = []
    for model, own in possible.groupby("model", sort=False):
        away = (own["agreeing"] - usual).abs()
        likely = own.loc[away.idxmin()] if away.notna().all() else own.iloc[len(own) // 2]
        bounds = {f"{cue}_{end}": getattr(own[cue], end_of)() for cue in CUES for end, end_of in _ENDS.items()}
        rows.append({**likely, "model": model, "solutions": len(own), **bounds})
    names = [name for cue in CUES for name in (cue, *(f"{cue}_{end}" for end in _ENDS))]
    return pd.DataFrame(rows, columns=["model", "images", "solutions", "agreeing", *names])


def shares(results: pd.DataFrame) -> pd.DataFrame:
    """Return the likely share [%] of the conflict images that a model decides by shape, by texture and by neither.

    Returns:
        One row per model that has counts (index), with the columns `SHARES`.
    """
    table = counts(results).set_index("model")
    return pd.DataFrame({SHARES[cue]: 100 * (table[cue] / table["images"]).astype(float) for cue in CUES})


def _possible(model: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the possible counts of one model, from its rows by metric: model, images, agreeing and `CUES`."""
    given = [metric for metric in COUNTS if metric in rows.index]
    pairs, images, named = [], CONFLICT, []
    if len(given) == 1:
        raise ResultsError(f"model {model!r} has {given[0]} without the other count: add it, or leave out both")
    if given:
        pairs, images = [tuple(int(rows.at[m, "value"]) for m in given)], int(rows.at[given[0], "n"])
        named = [np.nan]
    elif {"shape_bias", "top1"} <= set(rows.index):
        every, images = (
            default if pd.isna(n := rows.at[metric, "n"]) else int(n)
            for metric, default in (("top1", IMAGES), ("shape_bias", CONFLICT))
        )
        pairs = recover(rows.at["shape_bias", "value"], rows.at["top1", "value"], every, images)
        hits = round(rows.at["top1", "value"] * every / 100)
        named = [(hits - s) / (every - images) if every > images else np.nan for s, _ in pairs]
    table = pd.DataFrame(pairs, columns=["shape", "texture"]).assign(model=model, images=images, agreeing=named)
    return table.assign(neither=images - table["shape"] - table["texture"])
