"""What decides a claim, on thresholded correlations: the part of a rule that gives the verdict.

Every function takes results of one table or of many tables at once, along leading axes [...], and returns places in
`verdicts.VERDICTS`, [...]. The rules state the same results in words, for one table.
"""

from __future__ import annotations

import numpy as np

from companion.analysis.claims.shown import Shown
from companion.analysis.claims.verdicts import FAILS, HOLDS, PARTLY, UNKNOWN, VERDICTS, decide, most

APART = ("stylized", "pgd")
STRONG = 0.7  # r² is about one half
CLOSE, FAR = 0.01, 20  # shape bias, percentage points


def no_single_bias(shown: Shown) -> np.ndarray:
    """Fails if a bias is consistent over all models; holds in part if only within a group."""
    found = shown.consistent
    over_all = found[..., shown.sets.index("total")].any(axis=-1)
    return decide((over_all, FAILS), (found.any(axis=(-1, -2)), PARTLY), otherwise=HOLDS)


def specific(shown: Shown) -> np.ndarray:
    """Most biases have a significant correlation somewhere, and none has all of them."""
    somewhere, everywhere = related(shown)
    return decide((everywhere.any(axis=-1), FAILS), otherwise=most(somewhere.sum(axis=-1), len(shown.biases)))


def related(shown: Shown) -> tuple[np.ndarray, np.ndarray]:
    """Return which biases have a significant correlation somewhere, and which everywhere: bool [..., biases]."""
    return shown.significant.any(axis=(-3, -1)), shown.significant.all(axis=(-3, -1))


def groups_differ(shown: Shown, differ: np.ndarray) -> np.ndarray:
    """Most pairs that are significant in either group differ between the groups; `differ`: bool [..., rows, biases]."""
    either, differing = either_and_differ(shown, differ)
    return decide((either == 0, UNKNOWN), otherwise=most(differing, either))


def either_and_differ(shown: Shown, differ: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count the pairs that are significant in either group, and those of them that differ: int [...]."""
    at, other = shown.pick(group="at"), shown.pick(group="other")
    either = ~np.isnan(at + other) & ((np.abs(at) > 0) | (np.abs(other) > 0))
    return either.sum(axis=(-1, -2)), (either & differ).sum(axis=(-1, -2))


def trends_reverse(shown: Shown) -> np.ndarray:
    """Most pairs that are significant in both groups have opposite signs."""
    both, opposite = both_and_opposite(shown)
    return decide((both == 0, UNKNOWN), otherwise=most(opposite, both))


def both_and_opposite(shown: Shown) -> tuple[np.ndarray, np.ndarray]:
    """Count the pairs that are significant in both groups, and those of them with opposite signs: int [...]."""
    product = shown.pick(group="at") * shown.pick(group="other")
    return (np.abs(product) > 0).sum(axis=(-1, -2)), (product < 0).sum(axis=(-1, -2))


def texture(shown: Shown) -> np.ndarray:
    """Shape bias correlates negatively with ID over all models, and positively in no group."""
    if "ID" not in shown.rows:
        return np.full(shown.values.shape[:-3], VERDICTS.index(UNKNOWN), np.int8)
    found = shown.pick("ID", "shape")
    negative, positive = found < 0, (found > 0).any(axis=-1)
    over_all = negative[..., shown.sets.index("total")]
    return decide((over_all & ~positive, HOLDS), (negative.any(axis=-1), PARTLY), otherwise=FAILS)


def high_frequency(shown: Shown) -> np.ndarray:
    """High-frequency bias correlates positively with most categories over all models."""
    return most((shown.pick(bias="high_frequency", group="total") > 0).sum(axis=-1), len(shown.rows))


def high_frequency_modestly(shown: Shown) -> np.ndarray:
    """No positive correlation of high-frequency bias over all models is strong."""
    found = shown.pick(bias="high_frequency", group="total")
    positive, strong = (found > 0).sum(axis=-1), (found >= STRONG).sum(axis=-1)
    return decide((strong == positive, FAILS), (strong > 0, PARTLY), otherwise=HOLDS)


def shape_is_no_remedy(shown: Shown, equal: np.ndarray) -> np.ndarray:
    """Shape bias has no positive correlation with robustness; `equal`: [...], thresholded r at equal accuracy over all models."""
    found = shown.pick("Robustness", "shape")
    somewhere = (found > 0).any(axis=-1) | (equal > 0)
    return decide((found[..., shown.sets.index("total")] > 0, FAILS), (somewhere, PARTLY), otherwise=HOLDS)


def narrow_band_is_no_remedy(shown: Shown) -> np.ndarray:
    """Bandwidth correlates negatively with neither robustness nor adversarial accuracy over all models."""
    narrow = sum((shown.pick(row, "bandwidth", "total") < 0).astype(int) for row in ("Robustness", "Adversarial"))
    return decide((narrow == 2, FAILS), (narrow == 1, PARTLY), otherwise=HOLDS)


def fails_holistically(shown: Shown, bias: str) -> np.ndarray:
    """One bias is not consistent over all models; holds in part if it is within a group."""
    found = shown.consistent[..., shown.biases.index(bias), :]
    return decide((found[..., shown.sets.index("total")], FAILS), (found.any(axis=-1), PARTLY), otherwise=HOLDS)


def benchmarks_agree(shown: np.ndarray, names: list[str]) -> np.ndarray:
    """Most pairs of the other benchmarks correlate positively, and those set apart correlate least.

    `shown`: thresholded r [..., K, K] of the benchmarks `names` with each other.
    """
    apart = np.isin(names, APART)
    pairs = np.tril(~apart & ~apart[:, None], -1)
    agree = (shown[..., pairs] > 0).sum(axis=-1) > pairs.sum() / 2
    others = np.where(np.eye(len(names), dtype=bool), np.nan, shown)
    known = (~np.isnan(others)).sum(axis=-1)
    mean = np.where(known > 0, np.nansum(others, axis=-1) / np.maximum(known, 1), np.nan)
    least = apart[np.argsort(mean, axis=-1, kind="stable")[..., : len(APART)]].all(axis=-1)
    return decide((agree & least, HOLDS), (agree | least, PARTLY), otherwise=FAILS)


def benchmarks_apart(shown: np.ndarray, names: list[str]) -> np.ndarray:
    """Those set apart correlate positively with no other benchmark; in part: with fewer than any of the rest. As above."""
    apart = np.isin(names, APART)
    others = np.where(np.eye(len(names), dtype=bool), np.nan, shown)
    unknown = np.isnan(others[..., apart, :]).all(axis=-1).any(axis=-1)
    partners = (others > 0).sum(axis=-1)
    fewer = (partners[..., apart] < partners[..., ~apart].min(axis=-1, keepdims=True)).all(axis=-1)
    none = ~partners[..., apart].any(axis=-1)
    return decide((unknown, UNKNOWN), (none, HOLDS), (fewer, PARTLY), otherwise=FAILS)


def many_benchmarks(shown: Shown) -> np.ndarray:
    """Most biases correlate positively with some benchmarks and negatively with others, over all models."""
    total = shown.pick(group="total")
    mixed = (total > 0).any(axis=-2) & (total < 0).any(axis=-2)
    return most(mixed.sum(axis=-1), len(shown.biases))


def singled_out(shown: Shown, with_some: np.ndarray) -> np.ndarray:
    """No bias is consistent over all models, but most correlate with some benchmark; `with_some`: bool [..., biases]."""
    whole = shown.consistent[..., shown.sets.index("total")].any(axis=-1)
    return decide((whole, FAILS), otherwise=most(with_some.sum(axis=-1), with_some.shape[-1]))


def many_panels(found: np.ndarray) -> np.ndarray:
    """More than half of the panels have what was looked for; `found`: bool [..., panels]."""
    return most(found.sum(axis=-1), found.shape[-1])


def shape_ignores_accuracy(largest: np.ndarray) -> np.ndarray:
    """Models of close shape bias differ by `FAR` in some category; `largest`: [...], the largest difference that `apart` finds."""
    return decide((largest >= FAR, HOLDS), (largest >= FAR / 2, PARTLY), otherwise=FAILS)


def apart(shape: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Return how far the accuracies [..., N] of every two models lie apart, [..., N, N]; 0 unless their shape bias [N] is close."""
    near = np.abs(shape[:, None] - shape) < CLOSE
    return np.nan_to_num(np.where(near, np.abs(accuracy[..., :, None] - accuracy[..., None, :]), 0.0))
