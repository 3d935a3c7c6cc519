"""Distance correlation and its permutation test, in NumPy.

Source: Székely, Rizzo and Bakirov, "Measuring and testing dependence by correlation of distances", Annals of Statistics 2007. The
library dcor computes the same, but takes seconds to start,
because it compiles; the tests compare with it.
"""

from __future__ import annotations

import numpy as np

BATCH = 500
"""Permutations at a time; a batch takes 8 * BATCH * N**2 bytes."""


def distance_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Return the distance correlation of two samples: 0 only for independent values, 1 for a linear relation.

    dCor = sqrt(dCov(x, y) / sqrt(dCov(x, x) dCov(y, y))), where dCov is the mean product of the distances |x_i - x_j| and
    |y_i - y_j|, each minus the means of its row and its column plus the mean of all.

    Args:
        x, y: float [N].

    Returns:
        A number in [0, 1]; 0 if a sample is constant.

    >>> distance_correlation(np.array([1.0, 2, 3]), np.array([2.0, 4, 6]))
    1.0
    """
    a, b = (_centred(_distances(values)) for values in (x, y))
    spread = (a * a).mean() * (b * b).mean()
    return float(np.sqrt(max((a * b).mean(), 0) / np.sqrt(spread))) if spread > 0 else 0.0


def independence_p(x: np.ndarray, y: np.ndarray, permutations: int, seed: int) -> float:
    """Test whether two samples are independent: p = (1 + larger) / (1 + permutations).

    `larger` counts the permutations of x whose distance covariance with y exceeds that of the observed order.

    Args:
        x, y: float [N], N of 4 or more.
        permutations: how many, 0 or more.
        seed: of the permutations, in [0, 2**32).
    """
    a, b = (_centred(_distances(values)) for values in (x, y))
    observed, n = (a * b).sum(), len(a)
    generator = np.random.RandomState(seed)
    larger = 0
    for start in range(0, permutations, BATCH):
        orders = np.stack([generator.permutation(n) for _ in range(min(BATCH, permutations - start))])
        permuted = a[orders[:, :, None], orders[:, None, :]]
        larger += int((np.einsum("kij,ij->k", permuted, b) > observed + 1e-9 * abs(observed)).sum())
    return (1 + larger) / (1 + permutations)


def _distances(values: np.ndarray) -> np.ndarray:
    return np.abs(values[:, None] - values[None, :])


def _centred(distances: np.ndarray) -> np.ndarray:
    return distances - distances.mean(0) - distances.mean(1)[:, None] + distances.mean()
