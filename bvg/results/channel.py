"""The spatial-frequency channel of a model: a Gaussian fitted to accuracy in narrow-band noise.

Source: Subramanian, Sizikova, Majaj and Pelli, "Spatial-frequency channels, shape bias, and adversarial
robustness", NeurIPS 2023; thresholds relative to the accuracy without noise as in Gavrikov and Keuper, CVPR 2024.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

NOISE_SDS: tuple[float, ...] = (0.0, 0.02, 0.04, 0.08, 0.16)
"""The noise levels of the study, as fractions of the grey range; each is twice the previous one."""

STRONGEST = len(NOISE_SDS) - 1
"""Largest threshold: even the weakest noise is too strong."""

LOWEST_CENTRE = 1.75
"""Centre of band 0 at 224 pixels, in cycles per image; each band's centre is twice the previous one."""


@dataclass(frozen=True)
class Channel:
    """A Gaussian over the octave bands, as three numbers.

    Attributes:
        bandwidth: full width of the Gaussian at half of its maximum, 2 sqrt(ln 4) |sigma|, in octaves. One that is wider
            than the bands measured is what the study's fit gives for thresholds without a peak.
        center_frequency: 1.75 * 2 ** mu at 224 pixels, in cycles per image; not confined to the bands measured.
        peak_noise_sensitivity: 2 ** (amplitude - 4), in (0, 1]; 1 where the weakest noise already masks.
        reason: empty; or why the thresholds determine no channel, in which case the three numbers are NaN.
    """

    bandwidth: float
    center_frequency: float
    peak_noise_sensitivity: float
    reason: str = ""


def doubling(sds: Sequence[float]) -> bool:
    """Return whether noise levels have the form of `NOISE_SDS`: 0, then four up to 1, each twice the previous one.

    >>> doubling(NOISE_SDS), doubling((0, 0.1, 0.2, 0.3, 0.4))
    (True, False)
    """
    return (
        len(sds) == len(NOISE_SDS)
        and sds[0] == 0 < sds[1]
        and sds[-1] <= 1
        and all(math.isclose(b, 2 * a) for a, b in pairwise(sds[1:]))
    )


def noise_thresholds(accuracy: ArrayLike, relative: bool = True) -> NDArray[np.int64]:
    """Compute how sensitive each band is to noise, in steps of the five noise levels.

    Walk down from the strongest noise of a band; the threshold is the number of levels passed before the accuracy
    exceeds one half: 0 if the strongest noise is harmless, 4 if even the weakest masks the image.

    Args:
        accuracy: float [5, bands], fractions in [0, 1]; rows are the noise levels, from 0 upwards (`NOISE_SDS`). Without
            noise all bands are the same condition: repeat the number where it was measured once.
        relative: True: half of the band's accuracy without noise (the study's form, "_norm" in its results);
            False: half of all images.

    Returns:
        int64 [bands], values 0 … 4.

    Raises:
        ValueError: wrong shape, values outside [0, 1] or not finite, or, where `relative`, no accuracy without noise.

    >>> noise_thresholds([[0.8], [0.7], [0.5], [0.3], [0.1]])
    array([2])
    """
    accuracy = np.asarray(accuracy, dtype=float)
    if accuracy.ndim != 2 or len(accuracy) != len(NOISE_SDS):
        raise ValueError(f"expected `accuracy` to be [{len(NOISE_SDS)}, bands], got {list(accuracy.shape)}")
    if not np.isfinite(accuracy).all() or accuracy.min() < 0 or accuracy.max() > 1:
        raise ValueError(
            f"expected `accuracy` to be fractions in [0, 1], got values from {accuracy.min():.4g} to "
            f"{accuracy.max():.4g} (are they in percent? divide by 100)"
        )
    if relative and (accuracy[0] == 0).any():
        raise ValueError(
            "expected `accuracy` without noise to be above 0, got 0: no accuracy is relative to it (use relative=False?)"
        )
    seen = accuracy > 0.5 * (accuracy[0] if relative else 1.0)
    passed = np.cumsum(seen[::-1], axis=0) == 0  # from the strongest noise down, up to the first level that is seen
    return np.minimum(passed.sum(axis=0), STRONGEST)


def fit_channel(thresholds: Sequence[int] | ArrayLike, lowest_centre: float = LOWEST_CENTRE) -> Channel:
    """Fit the Gaussian A exp(-(x - mu)^2 / (2 sigma^2)) to the thresholds by least squares.

    x is the number of the band, 0 for the lowest. The search starts at (A, mu, sigma) = (1, 0, 1), with A in [0, 4] and mu
    and sigma free; the start is part of the definition, since some thresholds have several local optima.

    Three kinds of thresholds determine no Gaussian, though a search may stop somewhere: fewer than two bands that differ
    from 0 (any narrow Gaussian fits), the same number in all bands (any wide one does), and those where the search
    does not converge. They give NaN and the reason, never a number.

    Args:
        thresholds: one per band, from the lowest to the highest; values 0 … 4.
        lowest_centre: centre of band 0 in cycles per image, `bvg.kernels.band_centre(0, size)`.

    Raises:
        ValueError: fewer than 4 bands, or a value outside 0 … 4.

    >>> channel = fit_channel([0, 1, 2, 3, 4, 4, 3])
    >>> round(channel.bandwidth, 3), round(channel.center_frequency, 2), round(channel.peak_noise_sensitivity, 3)
    (4.739, 38.85, 1.0)
    >>> fit_channel([0, 0, 0, 0, 0, 0, 0]).reason
    'fewer than two bands have a threshold above 0: [0, 0, 0, 0, 0, 0, 0]'
    """
    values = np.asarray(thresholds, dtype=float)
    if values.ndim != 1 or len(values) < 4:
        raise ValueError(f"expected `thresholds` to be one number per band, 4 or more, got shape {list(values.shape)}")
    if not ((values >= 0) & (values <= STRONGEST)).all():
        raise ValueError(f"expected `thresholds` in 0 … {STRONGEST}, got {values.tolist()}")
    shown = [int(value) if value == int(value) else value for value in values.tolist()]
    if np.count_nonzero(values) < 2:
        return _undetermined(f"fewer than two bands have a threshold above 0: {shown}")
    if np.ptp(values) == 0:
        return _undetermined(f"all bands have the same threshold: {shown}")
    from scipy.optimize import OptimizeWarning, curve_fit  # takes half a second, which measuring does not always need

    try:
        with warnings.catch_warnings():
            # The covariance, which is not used, cannot be had where A lies on its bound.
            warnings.simplefilter("ignore", OptimizeWarning)
            bounds = ([0, -np.inf, -np.inf], [STRONGEST, np.inf, np.inf])
            (amplitude, mu, sigma), _ = curve_fit(
                _gaussian, np.arange(len(values)), values, p0=(1, 0, 1), bounds=bounds
            )
    except RuntimeError as error:
        return _undetermined(f"the fit to {shown} did not converge: {error}")
    return Channel(
        bandwidth=float(2 * math.sqrt(math.log(4)) * abs(sigma)),
        center_frequency=float(lowest_centre * 2**mu),
        peak_noise_sensitivity=float(2 ** (amplitude - STRONGEST)),
    )


def _gaussian(x: NDArray, amplitude: float, mu: float, sigma: float) -> NDArray:
    return amplitude * np.exp(-((x - mu) ** 2) / (2 * sigma**2))


def _undetermined(reason: str) -> Channel:
    return Channel(math.nan, math.nan, math.nan, reason)
