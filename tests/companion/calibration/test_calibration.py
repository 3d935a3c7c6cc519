"""The calibration: what the instruments read of observers whose answers are known; and that a wrong instrument is noticed."""

import numpy as np
import pandas as pd
import pytest
import torch
from companion.calibration import channel as bands
from companion.calibration import instruments, observers
from companion.calibration.observers import Gaussian
from companion.figures import calibration as draw
from scipy.stats import binom

from bvg import kernels, study
from bvg.instruments import CriticalBand
from bvg.miniature import synthetic
from bvg.results import channel

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def known():
    return instruments.oracles(seed=0)


# Shape and texture


@pytest.fixture(scope="module")
def biases(known):
    return instruments.shape_bias(known, np.linspace(0, 1, 11), [0.0, 0.5], seed=0, alpha=0.05)


def test_the_oracles_read_exactly_0_and_1(biases):
    read = biases.set_index("observer")
    assert read.loc["texture-only oracle", "measured"] == 0
    assert read.loc["shape-only oracle", "measured"] == 1
    assert list(read.loc[["texture-only oracle", "shape-only oracle"], "decisions"]) == [240, 240]


def test_each_oracle_is_blind_to_the_other_cue(known):
    assert instruments.unmoved(known, seed=0) == (240, 240)


def test_the_shape_oracle_sees_the_object_and_nothing_else(known):
    reader, images, _ = known
    mask = synthetic.scenes("cue-conflict", 240).mask > 0
    wrong = (reader.silhouette(images) != mask).float().mean((1, 2))
    assert wrong.max() < 0.01  # pixels that happen to have the background's colour
    assert reader.inside(images).sum() > 0
    assert not (reader.inside(images) & ~mask).any()


def test_a_known_mixture_reads_its_share_of_shape_answers(biases):
    mixtures = biases[biases["observer"] == "mixture"]
    for p, guess, decisions, measured in mixtures[["p", "guess", "decisions", "measured"]].to_numpy():
        # Of the images that are not guessed a share p is for shape; a guess is for shape, and for texture, 1 in 16 times.
        for_shape, for_texture = (1 - guess) * p + guess / 16, (1 - guess) * (1 - p) + guess / 16
        low, high = binom.interval(0.9999, int(decisions), for_shape / (for_shape + for_texture))
        assert low <= measured * decisions <= high
    assert (mixtures["measured"].between(mixtures["low"], mixtures["high"])).mean() > 0.8
    ends = mixtures[(mixtures["guess"] == 0) & mixtures["p"].isin([0, 1])]
    assert list(ends["measured"]) == [0, 1]


# Spatial frequency

SOME = (1, 4, 9, 16, 23, 31)


def first(passes: list[bool], cutoffs: tuple[float, ...]) -> float:
    return next((c for c, through in zip(cutoffs, passes, strict=True) if through), 1.0)


@pytest.fixture(scope="module")
def gratings():
    return instruments.spectral(0, SOME)


@pytest.mark.parametrize("name", ["study", "fine"])
def test_the_step_lies_where_the_filter_lets_the_grating_pass(gratings, name):
    cutoffs = study.CUTOFFS if name == "study" else instruments.FINE
    steps = instruments.steps(gratings).query("list == @name").set_index(["kind", "frequency"])
    assert steps["clean"].all()
    assert steps.loc["low-pass", "brackets"].all()
    for frequency in SOME:
        # Nyquist is at 32 cycles per image: with cut-off c the square reaches as far as int(32 c).
        low = first([frequency <= int(32 * c) for c in cutoffs], cutoffs)
        high = first([frequency >= int(32 * (1 - c)) for c in cutoffs], cutoffs)
        assert steps.loc[("low-pass", frequency), "at"] == low
        assert steps.loc[("high-pass", frequency), "at"] == high
        assert abs(high - (1 - frequency / 32)) <= 0.1 + 1 / 32


def test_accuracy_is_chance_or_all_and_both_occur(gratings):
    assert np.unique(gratings["top1"].round(6)).tolist() == [33.333333, 100]


def test_a_filter_that_is_a_cycle_off_is_noticed(monkeypatch):
    half = kernels.bandpass.__globals__["half_width"]
    monkeypatch.setitem(kernels.bandpass.__globals__, "half_width", lambda *of: half(*of) + 1)
    steps = instruments.steps(instruments.spectral(0, SOME))
    assert not steps.query("kind == 'low-pass' and list == 'fine'")["brackets"].any()


# The critical band, from images


def expected(sensitivity: pd.Series) -> list[int]:
    """Noise levels that reach what is tolerated, counted by hand from the definition."""
    tolerated = 0.16 * 2**0.5 * 2.0 ** -sensitivity.to_numpy()
    return [sum(sd >= one for sd in (0.02, 0.04, 0.08, 0.16)) for one in tolerated]


@pytest.mark.parametrize("seed", [0, 1])
def test_known_channels_give_their_thresholds_from_images(seed):
    observed = bands.observed(seed)
    by_band = observed[observed["form"] == "band"]
    assert len(by_band) == 25
    assert by_band["threshold"].tolist() == expected(by_band["sensitivity"])
    assert (by_band["fit_centre"] - by_band["centre"]).abs().max() < 0.05
    assert (by_band["fit_bandwidth"] - by_band["bandwidth"]).abs().max() < 0.15


def test_noise_in_a_shifted_band_is_noticed(monkeypatch):
    right = kernels.narrowband_noise
    module = kernels.critical_band.__globals__
    monkeypatch.setitem(module, "narrowband_noise", lambda white, band: right(white, max(band - 1, 0)))
    observed = bands.observed(0)
    by_band = observed[observed["form"] == "band"]
    shift = by_band["fit_centre"] - by_band["centre"]
    assert (shift > 0.5).all()


def test_a_filter_reads_higher_and_wider_as_the_power_lies_below_the_nominal_centres():
    by_filter = bands.observed(0).query("form == 'filter'")
    assert (by_filter["fit_centre"] - by_filter["centre"]).between(0.4, 1.3).all()
    assert (by_filter["fit_bandwidth"] > by_filter["bandwidth"]).all()
    spectra = bands.noise_bands(224)
    assert spectra.groupby("band")["share"].sum().to_numpy() == pytest.approx(np.ones(7))
    ratio = spectra.drop_duplicates("band").eval("mean / nominal").to_numpy()
    assert ratio[2:6] == pytest.approx([0.505, 0.470, 0.463, 0.496], abs=0.03)


def test_the_power_spectrum_adds_up_to_the_mean_square():
    white = torch.randn(16, 64, 64, generator=torch.Generator().manual_seed(0))
    assert observers._power(white).sum((1, 2)) == pytest.approx(white.square().mean((1, 2)))


# The critical band, from thresholds


@pytest.mark.parametrize("count", [5, 7])
def test_thresholds_of_a_channel_are_those_that_the_instrument_counts(count):
    rng = np.random.default_rng(0)
    for centre, width, peak in zip(
        rng.uniform(-1, count, 50), rng.uniform(0.5, 8, 50), rng.uniform(1, 8, 50), strict=True
    ):
        of = Gaussian(centre, width, peak)
        tolerated = 0.16 * 2**0.5 * 2.0 ** -of.sensitivity(torch.arange(count)).numpy()
        accuracy = (np.array(channel.NOISE_SDS)[:, None] < tolerated).astype(float)
        assert bands.thresholds(of, count).tolist() == channel.noise_thresholds(accuracy).tolist()


def test_the_width_of_the_gaussian_is_its_full_width_at_half_of_its_height():
    of = Gaussian(centre=3, bandwidth=2.5, peak=3.6)
    assert of.sensitivity(torch.tensor([3.0, 3 - 1.25, 3 + 1.25])).tolist() == pytest.approx([3.6, 1.8, 1.8])


@pytest.fixture(scope="module")
def recovered():
    return {count: bands.recovered(count) for count in (7, 5)}


def test_the_stated_errors(recovered):
    stated = bands.errors(list(recovered.values()))
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


def test_the_fit_is_unbiased_where_it_is_trusted(recovered):
    inside = recovered[7].query("trusted")
    assert abs(inside["bandwidth_error"].mean()) < 0.08
    assert abs(inside["centre_error"].mean()) < 0.01


@pytest.mark.parametrize("count", [5, 7])
def test_the_map_is_symmetric_about_the_middle_band(recovered, count):
    table = recovered[count].query("trusted and peak == 4")
    mirrored = table.assign(centre=count - 1 - table["centre"]).sort_values(["centre", "bandwidth"])
    same = table.sort_values(["centre", "bandwidth"])
    # The search starts at band 0, so that mirror images converge to the same optimum, not to the same last digit.
    assert same["bandwidth_error"].to_numpy() == pytest.approx(mirrored["bandwidth_error"].to_numpy(), abs=1e-3)


def test_how_far_a_channel_moves_before_a_threshold_changes():
    lengths = bands.plateaus().groupby("varied")["length"]
    assert lengths.median()["bandwidth"] == pytest.approx(0.22, abs=0.03)
    assert lengths.median()["centre"] == pytest.approx(0.125, abs=0.03)
    assert lengths.max()["bandwidth"] < 2


# The published fits


@pytest.fixture(scope="module")
def grid():
    return bands.collapse()


@pytest.fixture(scope="module")
def published(grid):
    return bands.published_thresholds(grid)


def test_every_published_fit_comes_from_one_set_of_thresholds(published):
    assert len(published) == 20
    assert published["models"].sum() == 48
    assert (published["solutions"] == 1).all()
    assert published["thresholds"].is_unique
    assert published.loc[0, ["thresholds", "models"]].tolist() == ["0 1 2 3 4 4 3", 13]
    for row in published.itertuples():
        fit = channel.fit_channel([int(t) for t in row.thresholds.split()])
        assert (fit.bandwidth, fit.center_frequency) == pytest.approx((row.bandwidth, row.center_frequency), abs=1e-3)
    assert bands.rising(published["thresholds"]).all()


def test_channels_collapse_onto_few_thresholds(grid, published):
    assert grid["channels"].sum() == 73 * 125 * 29
    assert grid["thresholds"].is_unique
    assert len(grid) == 1139
    assert (published["channels"] > 0).sum() == 17
    row = grid.set_index("thresholds").loc["0 1 2 3 4 4 4"]
    assert row[["bandwidth_low", "bandwidth_high"]].tolist() == [4, 8.125]
    for end in ("low", "high"):  # by hand: one channel at each end
        peaks, centres = np.meshgrid(bands.FINE_PEAKS, np.arange(-1, 8.01, 1 / 8))
        shown = bands.thresholds(Gaussian(centres, np.full_like(centres, row[f"bandwidth_{end}"]), peaks), 7)
        assert (shown == [0, 1, 2, 3, 4, 4, 4]).all(axis=-1).any()


# The attack


def test_the_attack_finds_the_smallest_perturbation_of_a_linear_classifier():
    attacked = instruments.attack(0, np.array([0.25, 0.5, 1, 2, 4, 6, 7]) / 255, scales=[1.0], count=48)
    assert attacked["measured"].tolist() == attacked["predicted"].tolist()
    assert attacked["measured"].iloc[0] > 90
    assert attacked["measured"].iloc[-1] == 0


def test_the_smallest_perturbation_flips_the_answer_and_no_smaller_one_does():
    images, labels, classifier, least = observers.two_classes(seed=3, count=32)
    assert images.min() > 0.3
    assert images.max() < 0.7
    x = images.clone().requires_grad_()
    logits = classifier(x)
    towards = (logits[:, 1] - logits[:, 0]) * (1 - 2 * labels)
    (gradient,) = torch.autograd.grad(towards.sum(), x)
    for factor, right in ((0.99, True), (1.01, False)):
        moved = images + factor * least.float()[:, None, None, None] * gradient.sign()
        correct = classifier(moved).argmax(1) == labels
        assert (correct[least > 0.0005] == right).all()
    assert ((classifier(images).argmax(1) == labels) == (least > 0)).all()


def test_logits_that_saturate_hide_the_perturbation_from_the_attack():
    steep = instruments.attack(0, [7 / 255], scales=[100.0], count=48)
    assert steep["predicted"].item() == 0
    assert steep["measured"].item() > 30


# The figures


def test_figures_stay_on_the_page_and_tell_their_numbers(biases, gratings, recovered, published):
    drawn = {
        "The shape-only oracle reads 1.": draw.shape_bias(biases),
        "33 % and 100 % only": draw.spectral(gratings, instruments.NYQUIST),
        "band 6: 112": draw.noise(bands.noise_bands()),
        "1, 3, weighed by band, read 0.98, 2.92": draw.channels(bands.observed(0)),
        "inside of the outlined region: 0.27 octaves in the centre": draw.channel_map(recovered[7]),
        "at 2 of 2 points": draw.attack(instruments.attack(0, [1 / 255, 4 / 255], scales=[1.0], count=16)),
    }
    for told, one in drawn.items():
        assert told in one.alt
        assert len(one.data)
        one.figure.draw_without_rendering()
        box, (width, height) = one.figure.get_tightbbox(), one.figure.get_size_inches()
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) > -0.01, one.alt[:40]
    assert len(draw.published_thresholds(published).shown) == 20
    assert len(draw.stated_errors(bands.errors(list(recovered.values()))).shown) == 4


def test_five_bands_at_64_pixels():
    assert CriticalBand("critical-band", "", size=instruments.SIZE).bands == 5


@pytest.mark.parametrize("form", ["bands", ""])
def test_an_unknown_form_of_observer_is_refused(form):
    with pytest.raises(ValueError, match='expected `form` to be "band" or "filter", got'):
        observers.ChannelObserver(torch.zeros(1, 64, 64), torch.zeros(1), Gaussian(1, 2), form)
