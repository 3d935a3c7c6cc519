"""The critical band: its conditions and stimuli, and the channel of accuracies that are known by hand."""

from dataclasses import replace

import pytest
import torch

from bvg.instruments import INSTRUMENTS, STUDY, CriticalBand
from bvg.kernels import critical_band
from bvg.results import channel

CRITICAL_BAND = STUDY["critical-band"]


def test_each_noise_is_measured_once_and_so_is_the_clean_image():
    conditions = CRITICAL_BAND.conditions()
    assert len(conditions) == len(set(conditions)) == 1 + 4 * 7
    assert conditions[0] == ("critical-band", "", 0.0)
    assert conditions[-1] == ("critical-band", "band-6", 0.16)
    images, index = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)), torch.tensor([5, 9])
    some = [("critical-band", "", 0.0), ("critical-band", "band-3", 0.08)]
    stimuli = dict(CRITICAL_BAND.stimuli(images, index, 4, some))
    assert torch.equal(stimuli[some[0]], critical_band(images, 0, 0))
    assert torch.equal(stimuli[some[1]], critical_band(images, 0.08, 3, seed=4, index=index))


@pytest.mark.parametrize("form", ["", "16way"])
def test_bands_from_ten_on_are_made(form):
    large = replace(CRITICAL_BAND, size=2560, form=form)
    assert large.bands == 11
    assert len(large.conditions()) == 1 + 4 * 11
    images, index, condition = torch.full((1, 3, 2560, 2560), 0.5), torch.tensor([7]), large.condition(0.02, 10)
    assert condition == ("critical-band", f"{form}-band-10".lstrip("-"), 0.02)
    ((made, stimulus),) = large.stimuli(images, index, 4, [condition])
    assert made == condition
    assert torch.equal(stimulus, critical_band(images, 0.02, 10, seed=4, index=index))


def noisy(instrument: CriticalBand, thresholds, clean=80, passed=70, n=100):
    """Return sums that give each band its threshold: `passed` correct up to some noise, none in stronger noise."""
    counts = {instrument.condition(0, 0): {"n": n, "top1": clean}}
    for level, sd in list(enumerate(instrument.noise_sds))[1:]:
        for band in range(instrument.bands):
            hits = passed if level <= 4 - thresholds[band] else 0
            counts[instrument.condition(sd, band)] = {"n": n, "top1": hits}
    return counts


def test_rows_hold_the_channel_of_the_accuracies():
    rows, notes = CRITICAL_BAND.rows(noisy(CRITICAL_BAND, (0, 1, 2, 3, 4, 4, 3)))
    values = {(condition[1:], metric): (value, n) for condition, metric, value, n in rows}
    assert values[("", 0.0), "top1"] == (80.0, 100)
    assert values[("band-1", 0.16), "top1"] == (0.0, 100)
    assert values[("band-1", 0.08), "top1"] == (70.0, 100)
    # The numbers of the example of bvg.results.channel.fit_channel, for the same thresholds.
    for variant in ("relative", "raw"):
        assert values[(variant, None), "bandwidth"] == (pytest.approx(4.739, abs=5e-4), 100)
        assert values[(variant, None), "center_frequency"][0] == pytest.approx(38.85, abs=5e-3)
        assert values[(variant, None), "peak_noise_sensitivity"][0] == pytest.approx(1.0, abs=1e-3)
    assert notes == []


def test_eleven_bands_give_eleven_thresholds():
    large = replace(CRITICAL_BAND, size=2560)
    thresholds = (0, 0, 1, 2, 3, 4, 4, 3, 2, 1, 0)
    rows, notes = large.rows(noisy(large, thresholds))
    centre = next(value for _, metric, value, _ in rows if metric == "center_frequency")
    assert centre == pytest.approx(channel.fit_channel(thresholds, 2560 / 2**11).center_frequency)
    assert notes == []


def test_relative_and_raw_channels_differ_where_accuracy_is_low():
    rows, notes = CRITICAL_BAND.rows(noisy(CRITICAL_BAND, (0, 1, 2, 3, 4, 4, 3), clean=40, passed=30))
    fitted = {condition[1] for condition, metric, _, _ in rows if metric == "bandwidth"}
    assert fitted == {"relative"}  # 30 of 100 is more than half of 40, and never half of all
    assert notes == ["no raw channel: all bands have the same threshold: [4, 4, 4, 4, 4, 4, 4]"]


def test_no_correct_answer_gives_no_channel():
    rows, notes = CRITICAL_BAND.rows(noisy(CRITICAL_BAND, [4] * 7, clean=0, passed=0))
    assert {metric for _, metric, _, _ in rows} == {"top1"}
    assert notes[0] == "no relative channel: no image was classified correctly even without noise"


def test_the_bands_follow_the_image_size():
    small = replace(CRITICAL_BAND, size=64, classes=16)
    assert len(small.conditions()) == 1 + 4 * 5
    thresholds = (1, 2, 4, 3, 1)
    rows, _ = small.rows(noisy(small, thresholds))
    centre = next(value for _, metric, value, _ in rows if metric == "center_frequency")
    assert centre == pytest.approx(channel.fit_channel(thresholds, 2.0).center_frequency)


def test_the_original_form_has_rows_of_its_own():
    original = INSTRUMENTS["critical-band-16way"].conditions()
    assert not set(original) & set(CRITICAL_BAND.conditions())
    assert all(variant.startswith("16way") for _, variant, _ in original)
    assert "critical-band-16way" not in STUDY


@pytest.mark.parametrize(
    "noise_sds", [[0, 1], [0, 0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.4, 0.8, 1.6], "01248", None], ids=str
)
def test_invalid_noise_is_rejected(noise_sds):
    with pytest.raises(ValueError, match="expected `noise_sds` to be 0 and four more up to 1"):
        replace(CRITICAL_BAND, noise_sds=noise_sds)
