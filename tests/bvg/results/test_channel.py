"""Thresholds and the channel fit: computed by hand, from the published triples, and from raw trials of a ResNet-50."""

import itertools
import json
import math
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from bvg import results
from bvg.results.channel import NOISE_SDS, fit_channel, noise_thresholds


@pytest.mark.parametrize(
    ("column", "relative", "expected"),
    [
        ((0.9, 0.9, 0.8, 0.7, 0.6), True, 0),
        ((0.9, 0.8, 0.7, 0.6, 0.4), True, 1),
        ((0.9, 0.8, 0.7, 0.4, 0.3), True, 2),
        ((0.9, 0.8, 0.4, 0.3, 0.2), True, 3),
        ((0.9, 0.4, 0.3, 0.2, 0.1), True, 4),
        ((0.9, 0.8, 0.2, 0.7, 0.1), True, 1),  # the strongest tolerated noise counts, a dip at weaker noise does not
        ((0.8, 0.8, 0.8, 0.8, 0.4), True, 1),  # one half exactly is not exceeded
        ((0.4, 0.4, 0.4, 0.3, 0.1), True, 1),  # relative to 0.4
        ((0.4, 0.4, 0.4, 0.3, 0.1), False, 4),  # never above one half, even without noise
        ((0.8, 0.8, 0.8, 0.6, 0.4), False, 1),
    ],
)
def test_threshold_of_one_band(column, relative, expected):
    assert noise_thresholds(np.array(column)[:, None], relative=relative).tolist() == [expected]


def test_thresholds_of_many_bands_equal_those_of_single_bands():
    accuracy = np.random.default_rng(0).random((5, 400))
    for relative in (True, False):
        for column, threshold in zip(accuracy.T, noise_thresholds(accuracy, relative), strict=True):
            half = 50 * column[0] if relative else 50
            passed = 0
            for value in column[:0:-1]:  # from the strongest noise down
                if 100 * value > half:
                    break
                passed += 1
            assert threshold == passed


# The published triples: (bandwidth, centre, peak) are published, the thresholds behind them are not.


@pytest.fixture(scope="module")
def triples() -> pd.DataFrame:
    """Return bandwidth, center_frequency and peak_noise_sensitivity, one row per model of the study."""
    with (files("bvg") / "results" / "published" / "models.csv").open() as file:
        study = pd.read_csv(file).query("in_study")["model"]
    table = results.load("published").query("benchmark == 'critical-band' and variant == 'relative'")
    wide = table.pivot(index="model", columns="metric", values="value").loc[study]
    return wide[["bandwidth", "center_frequency", "peak_noise_sensitivity"]]


def thresholds_behind(bandwidth: float, centre: float, peak: float) -> list[tuple[int, ...]]:
    """Return those of all 5 ** 7 thresholds whose squared error is stationary at a published Gaussian, without a fit."""
    amplitude, mu, sigma = (
        4 + math.log2(peak),
        math.log2(centre / 1.75),
        bandwidth / 2 / math.sqrt(math.log(4)),
    )
    every = np.array(list(itertools.product(range(5), repeat=7)), dtype=float)
    x = np.arange(7)
    gaussian = amplitude * np.exp(-((x - mu) ** 2) / (2 * sigma**2))
    slopes = gaussian * np.stack([(x - mu) / sigma**2, (x - mu) ** 2 / sigma**3, np.full(7, 1 / amplitude)])
    gradient = (gaussian - every) @ slopes.T
    if amplitude > 4 - 1e-6:  # at its bound, the error may still decrease towards larger amplitudes
        gradient[:, 2] = gradient[:, 2].clip(min=0)
    return [tuple(row) for row in every[np.abs(gradient).max(axis=1) < 1e-3].astype(int).tolist()]


def test_each_published_triple_is_the_fit_of_exactly_one_set_of_thresholds(triples):
    distinct = triples.round(9).drop_duplicates()
    assert (len(triples), len(distinct)) == (48, 20)
    for published in distinct.itertuples(index=False):
        (thresholds,) = thresholds_behind(*published)
        channel = fit_channel(thresholds)
        assert channel.reason == ""
        assert channel.bandwidth == pytest.approx(published.bandwidth, abs=1e-4), thresholds
        assert channel.center_frequency == pytest.approx(published.center_frequency, abs=1e-4), thresholds
        assert channel.peak_noise_sensitivity == pytest.approx(published.peak_noise_sensitivity, abs=1e-6), thresholds


def test_the_most_frequent_triple(triples):
    counts = triples.round(6).value_counts()
    assert counts.index[0] == (4.738505, 38.854456, 1.0)
    assert counts.iloc[0] == 13
    assert thresholds_behind(*triples.loc["tv_resnet50"]) == [(0, 1, 2, 3, 4, 4, 4)]


# Raw trials


@pytest.fixture
def trials(shared) -> np.ndarray:
    """Return accuracy [5, 7] of a ResNet-50 on the grey images of 16 categories."""
    raw = json.loads((shared / "responses/critical-band-networks/resnet50.json").read_text())
    return np.array([[np.mean(raw[f"noise{sd:g}freq{band}"]) for band in range(7)] for sd in NOISE_SDS])


def test_thresholds_of_the_raw_trials(trials):
    assert noise_thresholds(trials, relative=True).tolist() == [0, 0, 1, 2, 3, 4, 2]
    assert noise_thresholds(trials, relative=False).tolist() == [0, 0, 2, 2, 3, 4, 2]


def test_fit_to_the_raw_trials_is_the_global_optimum(trials):
    thresholds = noise_thresholds(trials)
    channel = fit_channel(thresholds)
    x = np.arange(7)
    axes = np.linspace(0, 4, 81), np.linspace(-2, 9, 111), np.linspace(0.2, 6, 117)
    amplitude, mu, sigma = (axis[..., None] for axis in np.meshgrid(*axes, indexing="ij"))
    error = ((amplitude * np.exp(-((x - mu) ** 2) / (2 * sigma**2)) - thresholds) ** 2).sum(axis=-1)
    best = np.unravel_index(error.argmin(), error.shape)
    assert 4 + math.log2(channel.peak_noise_sensitivity) == pytest.approx(axes[0][best[0]], abs=0.05)
    assert math.log2(channel.center_frequency / 1.75) == pytest.approx(axes[1][best[1]], abs=0.1)
    assert channel.bandwidth / 2 / math.sqrt(math.log(4)) == pytest.approx(axes[2][best[2]], abs=0.05)


# The three numbers


@pytest.mark.parametrize(("amplitude", "mu", "sigma"), [(4, 3, 1.5), (2.5, 4.2, 1), (3, 2.5, 2)])
def test_parameters_of_a_gaussian_are_recovered(amplitude, mu, sigma):
    thresholds = amplitude * np.exp(-((np.arange(7) - mu) ** 2) / (2 * sigma**2))
    channel = fit_channel(thresholds)
    assert channel.bandwidth == pytest.approx(2.3548 * sigma, rel=1e-4)
    assert channel.center_frequency == pytest.approx(1.75 * 2**mu, rel=1e-4)
    assert channel.peak_noise_sensitivity == pytest.approx(2.0 ** (amplitude - 4), rel=1e-4)


def test_centre_frequency_scales_with_the_lowest_band():
    assert fit_channel([0, 1, 3, 4, 2], lowest_centre=2).center_frequency == pytest.approx(
        2 / 1.75 * fit_channel([0, 1, 3, 4, 2]).center_frequency
    )


@pytest.mark.parametrize(
    ("thresholds", "reason"),
    [
        ([0] * 7, "fewer than two bands"),
        ([0, 0, 0, 0, 3, 0, 0], "fewer than two bands"),
        ([4] * 7, "all bands have the same threshold"),
        ([1] * 7, "all bands have the same threshold"),
    ],
    ids=str,
)
def test_thresholds_that_determine_no_channel_give_nan_and_a_reason(thresholds, reason):
    channel = fit_channel(thresholds)
    assert reason in channel.reason
    assert all(
        math.isnan(value) for value in (channel.bandwidth, channel.center_frequency, channel.peak_noise_sensitivity)
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: noise_thresholds(np.full((5, 7), 76.1)),
            r"expected `accuracy` to be fractions .* percent\?",
        ),
        (
            lambda: noise_thresholds(np.full((4, 7), 0.5)),
            r"expected `accuracy` to be \[5, bands\], got \[4, 7\]",
        ),
        (lambda: noise_thresholds(np.full((5, 7), np.nan)), r"expected `accuracy` to be fractions"),
        (lambda: noise_thresholds(np.zeros((5, 7))), r"expected `accuracy` without noise to be above 0"),
        (lambda: fit_channel([0, 1, 2, 5, 3, 2, 1]), r"expected `thresholds` in 0 … 4, got"),
        (lambda: fit_channel([0, 1, float("nan"), 2]), r"expected `thresholds` in 0 … 4, got"),
        (lambda: fit_channel([0, 1, 2]), r"expected `thresholds` to be one number per band, 4 or more"),
    ],
)
def test_bad_input_is_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
