"""Critical-band noise against pyrtools, the stimulus against the description pixel by pixel, and its random numbers."""

import numpy as np
import pyrtools
import pytest
import torch
from PIL import Image
from scipy import stats

from bvg.kernels import band_centre, band_count, critical_band, critical_band_all, low_contrast_grey, narrowband_noise
from bvg.kernels.randomness import normal, philox, uniform


def photographs(count: int, size: int = 224) -> torch.Tensor:
    """Smooth coloured images on the 8-bit scale, with flat black and white parts."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand((count, 3, 8, 8), generator=generator)
    images = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bilinear") * 1.6 - 0.3
    return (images.clamp(0, 1) * 255).round() / 255


# The noise


def level_alone(white: np.ndarray, band: int) -> np.ndarray:
    """One band by pyrtools, one image, scaled to the RMS of the finest level."""
    pyramid = pyrtools.pyramids.LaplacianPyramid(white)
    alone = pyramid.recon_pyr(levels=pyramid.num_scales - 1 - band)
    finest = pyramid.recon_pyr(levels=0)
    return alone * np.sqrt(np.mean(finest**2) / np.mean(alone**2))


@pytest.mark.parametrize(
    ("height", "width", "bands"), [(224, 224, 7), (64, 64, 5), (65, 96, 5), (100, 50, 5), (16, 16, 3)]
)
def test_every_band_equals_pyrtools(height, width, bands):
    white = normal((height, width), seed=3, index=torch.arange(2), stream="test")
    assert band_count(height, width) == bands == pyrtools.pyramids.LaplacianPyramid(white[0].numpy()).num_scales
    for band in range(bands):
        noise = narrowband_noise(white, band).numpy()
        for image in range(2):
            assert np.abs(noise[image] - level_alone(white[image].numpy(), band)).max() <= 1e-5, band


def test_the_noise_is_linear_in_its_size_and_of_equal_power_in_all_bands():
    white = normal((64, 64), seed=0, index=torch.arange(3), stream="test")
    powers = torch.stack([narrowband_noise(white, band).square().mean((1, 2)) for band in range(5)])
    torch.testing.assert_close(powers, powers[4:].expand(5, -1), rtol=1e-5, atol=0)
    torch.testing.assert_close(narrowband_noise(white * 0.16, 2), narrowband_noise(white, 2) * 0.16)


@pytest.mark.parametrize("band", range(1, 6))
def test_the_noise_peaks_within_an_octave_of_the_bands_centre(band):
    white = normal((224, 224), seed=0, index=torch.arange(8), stream="test")
    spectrum = torch.fft.fft2(narrowband_noise(white, band)).abs().square().mean(0)
    frequency = torch.fft.fftfreq(224) * 224
    radius = torch.hypot(frequency[:, None], frequency[None]).flatten()
    power = spectrum.flatten().double()
    mean = float((radius * power).sum() / power.sum())
    assert band_centre(band) / 2 < mean < band_centre(band) * 2


def test_band_centres():
    assert [band_centre(band) for band in range(7)] == [1.75, 3.5, 7, 14, 28, 56, 112]
    assert [band_centre(band, size=64) for band in range(5)] == [2, 4, 8, 16, 32]


def test_constant_noise_stays_finite():
    assert narrowband_noise(torch.ones(1, 64, 64), 2).isfinite().all()


# The grey image


def test_grey_is_pils_grey():
    images = photographs(4, size=64)
    for image, grey in zip(images, low_contrast_grey(images), strict=True):
        pixels = (image * 255).round().byte().permute(1, 2, 0).numpy()
        level = np.asarray(Image.fromarray(pixels).convert("L")) / 255
        expected = (level - level.mean()) * 0.2 + 0.449
        assert np.abs(grey.numpy() - expected).max() < 1e-6


def test_without_noise_the_image_is_the_grey_image():
    images = photographs(2, size=64)
    shown = critical_band(images, 0.0, 3)
    assert shown.shape == (2, 3, 64, 64)
    assert torch.equal(shown[:, 1], low_contrast_grey(images))


# The stimulus


def by_pixel(image: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The out-of-range rule as it is described, pixel by pixel; and where the noise has to be drawn anew."""
    shown, redrawn = image + noise, np.zeros(image.shape, dtype=bool)
    for place in np.ndindex(*image.shape):
        if 0 <= shown[place] <= 1:
            continue
        moved = 0.1 - noise[place] if shown[place] < 0 else 0.9 - noise[place]
        redrawn[place] = not 0 <= moved <= 1
        shown[place] = moved + noise[place]
    return shown, redrawn


@pytest.mark.parametrize("noise_sd", [0.02, 0.16, 0.6])
def test_pixels_out_of_range_are_moved_as_described(noise_sd):
    images, band, index = photographs(2, size=64), 4, torch.tensor([5, 9])
    stream = f"critical-band/{band}/{noise_sd}"
    noise = narrowband_noise(normal((64, 64), 11, index, stream) * noise_sd, band)
    shown = critical_band(images, noise_sd, band, seed=11, index=index)
    assert 0 <= shown.min() <= shown.max() <= 1
    outside, anew = 0, 0
    for image in range(2):
        grey = low_contrast_grey(images)[image].numpy()
        expected, redrawn = by_pixel(grey, noise[image].numpy())
        assert np.abs(shown[image, 0].numpy() - expected)[~redrawn].max() < 1e-6
        outside += int(((grey + noise[image].numpy()) % 1 != grey + noise[image].numpy()).sum())
        anew += int(redrawn.sum())
    # The case has to occur for the test to say anything: strong noise moves pixels, very strong noise redraws them.
    assert (outside > 0, anew > 0) == (noise_sd >= 0.16, noise_sd == 0.6)


def test_redrawn_noise_is_a_truncated_normal():
    sd, grey = 0.6, 0.449
    images = torch.full((40, 3, 64, 64), 0.5)
    index = torch.arange(40)
    noise = narrowband_noise(normal((64, 64), 0, index, f"critical-band/4/{sd}") * sd, 4)
    total = noise + grey
    anew = ((total < 0) & (0.1 - noise > 1)) | ((total > 1) & (0.9 - noise < 0))
    drawn = critical_band(images, sd, 4, seed=0, index=index)[:, 0][anew].numpy()
    assert len(drawn) > 5000
    expected = stats.truncnorm((0 - grey) / sd, (1 - grey) / sd, loc=grey, scale=sd)
    assert stats.kstest(drawn, expected.cdf).pvalue > 0.01


def test_a_stimulus_depends_on_seed_index_and_condition_only():
    images, index = photographs(6, size=64), torch.tensor([40, 7, 123456, 0, 3, 9])
    whole = critical_band(images, 0.16, 2, seed=5, index=index)
    for chosen in ([2], [3, 1], [5, 4, 3, 2, 1, 0]):
        part = critical_band(images[chosen].clone(), 0.16, 2, seed=5, index=index[chosen])
        assert torch.equal(part, whole[chosen])
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1 if threads > 1 else 2)
        assert torch.equal(critical_band(images, 0.16, 2, seed=5, index=index), whole)
    finally:
        torch.set_num_threads(threads)


def test_all_at_once_equals_one_by_one():
    images, conditions = photographs(3, size=64), [(0, 0), (0.02, 4), (0.16, 1), (0.16, 4)]
    seen = []
    for noise_sd, band, shown in critical_band_all(images, conditions, seed=2, index=[8, 3, 1]):
        assert torch.equal(shown, critical_band(images, noise_sd, band, seed=2, index=[8, 3, 1]))
        seen.append((noise_sd, band))
    assert seen == conditions


@pytest.mark.parametrize("change", [{"seed": 6}, {"band": 3}, {"noise_sd": 0.08}, {"index": [8]}], ids=str)
def test_another_condition_has_other_noise(change):
    images = torch.full((1, 3, 224, 224), 0.5)
    first = {"noise_sd": 0.04, "band": 4, "seed": 5, "index": [7]}
    one, other = (critical_band(images, **arguments)[0, 0].flatten() for arguments in (first, first | change))
    correlation = torch.corrcoef(torch.stack([one, other]))[0, 1]
    assert abs(correlation) < 0.1


@pytest.mark.parametrize("band", range(7))
def test_real_photographs_are_shown_as_described(shared, band):
    path = sorted((shared / "stimuli/imagenet-sample").rglob("*.*"))[band * 20]
    pixels = np.asarray(Image.open(path).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR))
    level = np.asarray(Image.fromarray(pixels).convert("L")) / 255
    grey = (level - level.mean()) * 0.2 + 0.449
    images = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255
    white = normal((224, 224), 1, torch.tensor([40]), f"critical-band/{band}/0.16")[0].numpy().astype(float) * 0.16
    expected, redrawn = by_pixel(grey, level_alone(white, band))
    shown = critical_band(images, 0.16, band, seed=1, index=[40])[0, 0].numpy()
    assert redrawn.sum() == 0
    # A pixel within rounding of 0 or 1 may be moved in one computation and not in the other.
    assert (np.abs(shown - expected) > 1e-5).sum() <= 1


# The random numbers


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # the known answers of Random123 for philox4x32-10
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_its_known_answers(counter, key, expected):
    words = philox([torch.tensor(word) for word in counter], key)
    assert " ".join(f"{int(word):08x}" for word in words) == expected


def test_normal_numbers_are_normal():
    drawn = normal((50_000,), seed=1, index=torch.arange(8), stream="test")
    for numbers in drawn.numpy():
        assert stats.kstest(numbers, "norm").pvalue > 0.001
    assert stats.kstest(drawn.numpy().ravel(), "norm").pvalue > 0.01
    neighbours = [
        torch.corrcoef(torch.stack([drawn[:, :-lag].ravel(), drawn[:, lag:].ravel()]))[0, 1] for lag in (1, 2)
    ]
    assert max(abs(value) for value in neighbours) < 0.01
    between = torch.corrcoef(drawn) - torch.eye(8)
    assert between.abs().max() < 0.03


def test_uniform_numbers_are_uniform():
    drawn = uniform((100_001,), seed=1, index=torch.tensor([4]), stream="test")
    assert drawn.shape == (1, 100_001)
    assert 0 <= drawn.min() < drawn.max() < 1
    assert stats.kstest(drawn[0].numpy(), "uniform").pvalue > 0.01


@pytest.mark.parametrize("change", [{"seed": 1 << 32}, {"stream": "other"}, {"index": torch.tensor([1])}], ids=str)
def test_other_seeds_streams_and_indices_are_independent(change):
    first = {"seed": 0, "stream": "test", "index": torch.tensor([0])}
    one, other = normal((50_000,), **first)[0], normal((50_000,), **(first | change))[0]
    assert abs(torch.corrcoef(torch.stack([one, other]))[0, 1]) < 0.02


# Bad input


GREY = torch.full((2, 3, 64, 64), 0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": GREY[0]}, r"expected `images` to be \[N, 3, H, W\], got \[3, 64, 64\]"),
        ({"images": GREY[:, :1]}, r"expected `images` to be \[N, 3, H, W\], got \[2, 1, 64, 64\]"),
        (
            {"images": GREY * 255},
            r"expected `images` in \[0, 1\], got values from 127.5 to 127.5 \(are they in 0\.\.255",
        ),
        ({"images": GREY - 1}, r"expected `images` in \[0, 1\], got values from -0.5 .* normalized"),
        ({"band": 5}, r"expected `band` to be an integer in 0 … 4 at this image size, got 5"),
        ({"band": -1}, r"expected `band` to be an integer in 0 … 4"),
        ({"band": 1.0}, r"expected `band` to be an integer"),
        ({"noise_sd": 4}, r"expected `noise_sd` in \[0, 1\], got 4"),
        ({"noise_sd": -0.1}, r"expected `noise_sd` in \[0, 1\]"),
        ({"seed": 0.5}, r"expected `seed` to be an integer in \[0, 2\*\*64\), got 0.5"),
        ({"seed": -1}, r"expected `seed` to be an integer in \[0, 2\*\*64\), got -1"),
        ({"index": [1]}, r"expected `index` to have one entry per image, \[2\], got \[1\]"),
        ({"index": [1, -2]}, r"expected `index` to be non-negative, got -2"),
        ({"index": [0.5, 1.0]}, r"expected `index` to hold integers, got torch.float32"),
    ],
    ids=str,
)
def test_bad_input_is_refused(arguments, message):
    good = {"images": GREY, "noise_sd": 0.1, "band": 2, "seed": 0, "index": [0, 1]}
    with pytest.raises(ValueError, match=message):
        critical_band(**(good | arguments))


@pytest.mark.parametrize(
    ("white", "message"),
    [
        (torch.randn(64, 64), r"expected `white` to be float \[N, H, W\], got torch.float32 \[64, 64\]"),
        (torch.zeros(1, 64, 64, dtype=torch.int64), r"expected `white` to be float"),
        (torch.randn(1, 4, 64), r"expected `white` to be at least 5 pixels high and wide, got \[1, 4, 64\]"),
    ],
)
def test_bad_noise_is_refused(white, message):
    with pytest.raises(ValueError, match=message):
        narrowband_noise(white, 0)


def test_noise_drawn_anew_is_the_same_for_the_stuck_pixels_alone_and_for_all():
    """A CPU draws for the stuck pixels, a GPU, which must not wait for their number, for all."""
    from bvg.kernels.critical_band import _redrawn

    image, index = low_contrast_grey(photographs(3, size=64)), torch.tensor([5, 9, 2])
    place = (torch.rand(image.shape, generator=torch.Generator().manual_seed(0)) > 0.99).nonzero(as_tuple=True)
    some = _redrawn(image, place, 0.6, 11, index, "critical-band/4/0.6")
    everywhere = _redrawn(image, None, 0.6, 11, index, "critical-band/4/0.6")
    assert len(some) > 50
    assert torch.equal(everywhere[place], some)
    assert 0 <= float(everywhere.min()) < float(everywhere.max()) <= 1


def test_another_form_of_the_generator_is_taken_only_if_it_gives_the_same_words():
    from bvg.kernels.randomness import _agree

    def wrong(counter, key):
        c0, *others = philox(counter, key)
        return (c0 ^ 1, *others)

    def missing(counter, key):
        raise RuntimeError("no compiler")

    assert _agree(philox, torch.device("cpu"))
    assert not _agree(wrong, torch.device("cpu"))
    assert not _agree(missing, torch.device("cpu"))
