"""Power of a rank correlation: which correlation a number of models can detect, and how many models one needs."""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.stats import norm

from bvg.results.correlation import FEWEST

VARIANCE = 1.06
"""Variance of atanh of Spearman's r over n models, times n - 3 (Fieller, Hartley and Pearson, 1957)."""


def power(rho: float, n: int, alpha: float = 0.05) -> float:
    """Return the probability that Spearman's r over n models is significant.

    atanh(r) is taken as normal around atanh(rho) with variance 1.06 / (n - 3). The value holds for monotonic relations up to
    moderate strength and for independent models; related models have less power.

    Args:
        rho: Spearman's correlation among all models there could be, in (-1, 1).
        n: number of models, at least 4.
        alpha: two-sided level of significance, in (0, 1).

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> round(power(0.48, 33), 2), round(power(0.0, 33), 2)
        (0.79, 0.05)
    """
    _check(n, alpha)
    if not -1 < rho < 1:
        raise ValueError(f"expected `rho` in (-1, 1), got {rho}")
    shift, bound = math.atanh(abs(rho)) / math.sqrt(VARIANCE / (n - 3)), norm.isf(alpha / 2)
    return float(norm.sf(bound - shift) + norm.cdf(-bound - shift))


def detectable(n: int, alpha: float = 0.05, probability: float = 0.8) -> float:
    """Return the smallest |rho| that n models find significant with a probability.

    Args:
        n: number of models, at least 4.
        alpha: two-sided level of significance, in (0, 1).
        probability: power, in (alpha, 1).

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> [round(detectable(n), 2) for n in (15, 33, 48)]
        [0.68, 0.48, 0.41]
    """
    _check(n, alpha, probability)
    return float(brentq(lambda rho: power(rho, n, alpha) - probability, 0, 1 - 1e-12))


def needed(rho: float, alpha: float = 0.05, probability: float = 0.8) -> int:
    """Return the number of models that find a correlation significant with a probability.

    Args:
        rho: Spearman's correlation, in (-1, 1), not 0.
        alpha: two-sided level of significance, in (0, 1).
        probability: power, in (alpha, 1).

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> [needed(rho) for rho in (0.2, 0.3, 0.5, 0.7)]
        [206, 90, 31, 15]
    """
    _check(FEWEST, alpha, probability)
    if not 0 < abs(rho) < 1:
        raise ValueError(
            f"expected `rho` in (-1, 1) and not 0, got {rho}: no number of models finds a correlation of 0"
        )
    least = next(n for n in (2**k for k in range(2, 60)) if power(rho, n, alpha) >= probability)
    return next(n for n in range(max(FEWEST, least // 2), least + 1) if power(rho, n, alpha) >= probability)


def _check(n: int, alpha: float, probability: float = 0.8) -> None:
    if n < FEWEST:
        raise ValueError(f"expected `n` of {FEWEST} or more models, got {n}")
    if not 0 < alpha < 1:
        raise ValueError(f"expected `alpha` in (0, 1), got {alpha} (is it in percent?)")
    if not alpha < probability < 1:
        raise ValueError(
            f"expected `probability` in (alpha, 1) = ({alpha:g}, 1), got {probability} (is it in percent?)"
        )
