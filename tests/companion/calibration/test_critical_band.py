"""Calibration of the critical band: results agree with the truth, and faulty instruments are detected."""

import numpy as np
import pandas as pd
import pytest
import torch
from companion.calibration import critical_band, observers, readings
from companion.calibration.observers import Gaussian
from companion.figures import calibration as draw
from companion.tables import calibration as tables
from figure_size import overhang

from bvg import kernels
from bvg.instruments import CriticalBand
from bvg.results import channel

pytestmark = pytest.mark.usefixtures("one_thread")


# From images


def expected(sensitivity: pd.Series) -> list[int]:
    """Count the noise levels that are not tolerated, directly from the definition."""
    tolerated = 0.16 * 2**0.5 * 2.0 ** -sensitivity.to_numpy()
    return [sum(sd >= one for sd in (0.02, 0.04, 0.08, 0.16)) for one in tolerated]


@pytest.mark.parametrize("seed", [0, 1])
def test_thresholds_measured_on_images_are_those_of_the_channels(seed):
    observed = critical_band.observed(seed)
    by_band = observed[observed["form"] == "band"]
    assert len(by_band) == 25
    assert by_band["threshold"].tolist() == expected(by_band["sensitivity"])
    assert (by_band["fit_centre"] - by_band["centre"]).abs().max() < 0.05
    assert (by_band["fit_bandwidth"] - by_band["bandwidth"]).abs().max() < 0.15


def test_noise_in_a_shifted_band_is_detected(monkeypatch):
    right = kernels.narrowband_noise
    module = kernels.critical_band.__globals__
    monkeypatch.setitem(module, "narrowband_noise", lambda white, band: right(white, max(band - 1, 0)))
    observed = critical_band.observed(0)
    by_band = observed[observed["form"] == "band"]
    shift = by_band["fit_centre"] - by_band["centre"]
    assert (shift > 0.5).all()


def test_fits_of_filters_are_higher_and_wider_because_power_is_below_the_nominal_centres():
    by_filter = critical_band.observed(0).query("form == 'filter'")
    assert (by_filter["fit_centre"] - by_filter["centre"]).between(0.4, 1.3).all()
    assert (by_filter["fit_bandwidth"] > by_filter["bandwidth"]).all()
    spectra = critical_band.noise_bands(224)
    assert spectra.groupby("band")["share"].sum().to_numpy() == pytest.approx(np.ones(7))
    ratio = spectra.drop_duplicates("band").eval("mean / nominal").to_numpy()
    assert ratio[2:6] == pytest.approx([0.505, 0.470, 0.463, 0.496], abs=0.03)


def test_power_spectrum_sums_to_the_mean_square():
    white = torch.randn(16, 64, 64, generator=torch.Generator().manual_seed(0))
    assert observers.power_spectrum(white).sum((1, 2)) == pytest.approx(white.square().mean((1, 2)))


# From thresholds


@pytest.mark.parametrize("count", [5, 7])
def test_thresholds_of_channels_agree_with_those_of_the_instrument(count):
    rng = np.random.default_rng(0)
    for centre, width, peak in zip(
        rng.uniform(-1, count, 50), rng.uniform(0.5, 8, 50), rng.uniform(1, 8, 50), strict=True
    ):
        of = Gaussian(centre, width, peak)
        tolerated = 0.16 * 2**0.5 * 2.0 ** -of.sensitivity(torch.arange(count)).numpy()
        accuracy = (np.array(channel.NOISE_SDS)[:, None] < tolerated).astype(float)
        assert critical_band.thresholds(of, count).tolist() == channel.noise_thresholds(accuracy).tolist()


def test_bandwidth_is_the_full_width_at_half_height():
    of = Gaussian(centre=3, bandwidth=2.5, peak=3.6)
    assert of.sensitivity(torch.tensor([3.0, 3 - 1.25, 3 + 1.25])).tolist() == pytest.approx([3.6, 1.8, 1.8])


@pytest.fixture(scope="module")
def recovered():
    return {count: critical_band.recovered(count) for count in (7, 5)}


def test_errors_of_the_fit(recovered):
    stated = critical_band.errors(list(recovered.values()))
    assert list(stated["bands"]) == [7, 7, 5, 5]
    assert list(stated["trusted"]) == [True, False, True, False]
    inside = stated[stated["trusted"]]
    assert inside["none"].tolist() == [0, 0]
    assert inside["centre_error_median"].tolist() == pytest.approx([0.024, 0.031], abs=0.01)
    assert inside["centre_error_max"].tolist() == pytest.approx([0.269, 0.311], abs=0.01)
    assert inside["bandwidth_error_median"].tolist() == pytest.approx([0.168, 0.202], abs=0.01)
    assert inside["bandwidth_error_max"].tolist() == pytest.approx([0.737, 1.161], abs=0.01)
    outside = stated[~stated["trusted"]]
    assert (outside["none"] > 400).all()
    assert (outside["bandwidth_error_max"] > 9).all()


def test_fit_is_unbiased_in_the_trusted_region(recovered):
    inside = recovered[7].query("trusted")
    assert abs(inside["bandwidth_error"].mean()) < 0.08
    assert abs(inside["centre_error"].mean()) < 0.01


@pytest.mark.parametrize("count", [5, 7])
def test_errors_are_symmetric_about_the_middle_band(recovered, count):
    table = recovered[count].query("trusted and peak == 4")
    mirrored = table.assign(centre=count - 1 - table["centre"]).sort_values(["centre", "bandwidth"])
    same = table.sort_values(["centre", "bandwidth"])
    # The optimization starts at band 0, so mirror images converge to the same optimum, but not to the last digit.
    assert same["bandwidth_error"].to_numpy() == pytest.approx(mirrored["bandwidth_error"].to_numpy(), abs=1e-3)


def test_channels_change_this_much_before_any_threshold_changes():
    lengths = critical_band.plateaus().groupby("varied")["length"]
    assert lengths.median()["bandwidth"] == pytest.approx(0.22, abs=0.03)
    assert lengths.median()["centre"] == pytest.approx(0.125, abs=0.03)
    assert lengths.max()["bandwidth"] < 2


# Published fits


@pytest.fixture(scope="module")
def grid():
    return critical_band.collapse()


@pytest.fixture(scope="module")
def published(grid):
    return critical_band.published_thresholds(grid)


def test_every_published_fit_has_exactly_one_set_of_thresholds(published):
    assert len(published) == 20
    assert published["models"].sum() == 48
    assert (published["solutions"] == 1).all()
    assert published["thresholds"].is_unique
    assert published.loc[0, ["thresholds", "models"]].tolist() == ["0 1 2 3 4 4 3", 13]
    for row in published.itertuples():
        fit = channel.fit_channel([int(t) for t in row.thresholds.split()])
        assert (fit.bandwidth, fit.center_frequency) == pytest.approx((row.bandwidth, row.center_frequency), abs=1e-3)
    assert critical_band.rising(published["thresholds"]).all()


def test_channels_have_few_distinct_sets_of_thresholds(grid, published):
    assert grid["channels"].sum() == 73 * 125 * 29
    assert grid["thresholds"].is_unique
    assert len(grid) == 1139
    assert (published["channels"] > 0).sum() == 17
    row = grid.set_index("thresholds").loc["0 1 2 3 4 4 4"]
    assert row[["bandwidth_low", "bandwidth_high"]].tolist() == [4, 8.125]
    for end in ("low", "high"):  # there is a channel at each end
        peaks, centres = np.meshgrid(critical_band.FINE_PEAKS, np.arange(-1, 8.01, 1 / 8))
        vectors = critical_band.thresholds(Gaussian(centres, np.full_like(centres, row[f"bandwidth_{end}"]), peaks), 7)
        assert (vectors == [0, 1, 2, 3, 4, 4, 4]).all(axis=-1).any()


# Figures and tables


def test_figures_fit_the_page_and_state_their_numbers(recovered):
    for text, result in {
        "band 6: 112": draw.noise(critical_band.noise_bands()),
        "1, 3, noise weighted by band, fitted 0.98, 2.92": draw.channels(critical_band.observed(0)),
        "inside the outlined region: 0.27 octaves in the centre": draw.channel_map(recovered[7]),
    }.items():
        assert text in result.alt
        assert len(result.data)
        assert overhang(result.figure) < 0.01, text


def test_tables_have_a_row_per_region_and_per_fit(recovered, published):
    assert len(tables.published_thresholds(published).displayed) == 20
    assert len(tables.fit_errors(critical_band.errors(list(recovered.values()))).displayed) == 4


def test_critical_band_has_five_bands_at_64_pixels():
    assert CriticalBand("critical-band", "", size=readings.SIZE).bands == 5


@pytest.mark.parametrize("form", ["bands", ""])
def test_unknown_form_of_observer_is_rejected(form):
    with pytest.raises(ValueError, match='expected `form` to be "band" or "filter", got'):
        observers.ChannelObserver(torch.zeros(1, 64, 64), torch.zeros(1), Gaussian(1, 2), form)
