"""Critical-band stimuli: the noise equals that of pyrtools, the images equal those of PIL and of a loop over pixels."""

import numpy as np
import pyrtools
import pytest
import torch
from PIL import Image
from scipy import stats

from bvg.kernels import band_centre, band_count, critical_band, critical_band_all, low_contrast_grey, narrowband_noise
from bvg.kernels.critical_band import redrawn
from bvg.kernels.randomness import normal


def photographs(count: int, size: int = 224) -> torch.Tensor:
    """Make smooth colour images on the 8-bit scale, with flat black and white parts."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand((count, 3, 8, 8), generator=generator)
    images = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bilinear") * 1.6 - 0.3
    return (images.clamp(0, 1) * 255).round() / 255


# The noise


def level_alone(white: np.ndarray, band: int) -> np.ndarray:
    """Make one band of one image with pyrtools, scaled to the RMS of the finest level."""
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


def test_noise_scales_linearly_and_has_equal_power_in_all_bands():
    white = normal((64, 64), seed=0, index=torch.arange(3), stream="test")
    powers = torch.stack([narrowband_noise(white, band).square().mean((1, 2)) for band in range(5)])
    torch.testing.assert_close(powers, powers[4:].expand(5, -1), rtol=1e-5, atol=0)
    torch.testing.assert_close(narrowband_noise(white * 0.16, 2), narrowband_noise(white, 2) * 0.16)


@pytest.mark.parametrize("band", range(1, 6))
def test_noise_lies_within_an_octave_of_the_centre_of_its_band(band):
    white = normal((224, 224), seed=0, index=torch.arange(8), stream="test")
    spectrum = torch.fft.fft2(narrowband_noise(white, band)).abs().square().mean(0)
    frequency = torch.fft.fftfreq(224) * 224
    radius = torch.hypot(frequency[:, None], frequency[None]).flatten()
    power = spectrum.flatten().double()
    mean = float((radius * power).sum() / power.sum())
    assert band_centre(band) / 2 < mean < band_centre(band) * 2


def test_centres_double_from_band_to_band():
    assert [band_centre(band) for band in range(7)] == [1.75, 3.5, 7, 14, 28, 56, 112]
    assert [band_centre(band, size=64) for band in range(5)] == [2, 4, 8, 16, 32]


def test_constant_noise_gives_finite_values():
    assert narrowband_noise(torch.ones(1, 64, 64), 2).isfinite().all()


# The grey image


def test_grey_equals_that_of_pil():
    images = photographs(4, size=64)
    for image, grey in zip(images, low_contrast_grey(images), strict=True):
        pixels = (image * 255).round().byte().permute(1, 2, 0).numpy()
        level = np.asarray(Image.fromarray(pixels).convert("L")) / 255
        expected = (level - level.mean()) * 0.2 + 0.449
        assert np.abs(grey.numpy() - expected).max() < 1e-6


def test_stimulus_without_noise_is_the_grey_image():
    images = photographs(2, size=64)
    stimulus = critical_band(images, 0.0, 3)
    assert stimulus.shape == (2, 3, 64, 64)
    assert torch.equal(stimulus[:, 1], low_contrast_grey(images))


# The stimulus


def by_pixel(image: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Apply the rule for values outside [0, 1] pixel by pixel; return also where the noise must be redrawn."""
    stimulus, redrawn = image + noise, np.zeros(image.shape, dtype=bool)
    for place in np.ndindex(*image.shape):
        if 0 <= stimulus[place] <= 1:
            continue
        moved = 0.1 - noise[place] if stimulus[place] < 0 else 0.9 - noise[place]
        redrawn[place] = not 0 <= moved <= 1
        stimulus[place] = moved + noise[place]
    return stimulus, redrawn


@pytest.mark.parametrize("noise_sd", [0.02, 0.16, 0.6])
def test_pixels_outside_the_range_are_moved_as_described(noise_sd):
    images, band, index = photographs(2, size=64), 4, torch.tensor([5, 9])
    stream = f"critical-band/{band}/{noise_sd}"
    noise = narrowband_noise(normal((64, 64), 11, index, stream) * noise_sd, band)
    stimulus = critical_band(images, noise_sd, band, seed=11, index=index)
    assert 0 <= stimulus.min() <= stimulus.max() <= 1
    outside, anew = 0, 0
    for image in range(2):
        grey = low_contrast_grey(images)[image].numpy()
        expected, redrawn = by_pixel(grey, noise[image].numpy())
        assert np.abs(stimulus[image, 0].numpy() - expected)[~redrawn].max() < 1e-6
        outside += int(((grey + noise[image].numpy()) % 1 != grey + noise[image].numpy()).sum())
        anew += int(redrawn.sum())
    # Strong noise moves pixels, and very strong noise redraws them: both cases occur.
    assert (outside > 0, anew > 0) == (noise_sd >= 0.16, noise_sd == 0.6)


def test_redrawn_noise_follows_a_truncated_normal_distribution():
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


def test_stimuli_depend_on_seed_index_and_condition_only():
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


def test_many_conditions_at_once_equal_one_at_a_time():
    images, conditions = photographs(3, size=64), [(0, 0), (0.02, 4), (0.16, 1), (0.16, 4)]
    seen = []
    for noise_sd, band, stimulus in critical_band_all(images, conditions, seed=2, index=[8, 3, 1]):
        assert torch.equal(stimulus, critical_band(images, noise_sd, band, seed=2, index=[8, 3, 1]))
        seen.append((noise_sd, band))
    assert seen == conditions


@pytest.mark.parametrize("change", [{"seed": 6}, {"band": 3}, {"noise_sd": 0.08}, {"index": [8]}], ids=str)
def test_noise_differs_between_seeds_bands_levels_and_images(change):
    images = torch.full((1, 3, 224, 224), 0.5)
    first = {"noise_sd": 0.04, "band": 4, "seed": 5, "index": [7]}
    one, other = (critical_band(images, **arguments)[0, 0].flatten() for arguments in (first, first | change))
    correlation = torch.corrcoef(torch.stack([one, other]))[0, 1]
    assert abs(correlation) < 0.1


@pytest.mark.parametrize("band", range(7))
def test_stimuli_of_photographs_are_as_described(shared, band):
    path = sorted((shared / "stimuli/imagenet-sample").rglob("*.*"))[band * 20]
    pixels = np.asarray(Image.open(path).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR))
    level = np.asarray(Image.fromarray(pixels).convert("L")) / 255
    grey = (level - level.mean()) * 0.2 + 0.449
    images = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255
    white = normal((224, 224), 1, torch.tensor([40]), f"critical-band/{band}/0.16")[0].numpy().astype(float) * 0.16
    expected, redrawn = by_pixel(grey, level_alone(white, band))
    stimulus = critical_band(images, 0.16, band, seed=1, index=[40])[0, 0].numpy()
    assert redrawn.sum() == 0
    # A pixel within rounding of 0 or 1 may be moved by one computation and not by the other.
    assert (np.abs(stimulus - expected) > 1e-5).sum() <= 1


def test_redrawn_pixels_are_the_same_alone_and_in_whole_images():
    """A CPU redraws the affected pixels only; a GPU redraws all, because it must not wait for their number."""
    image, index = low_contrast_grey(photographs(3, size=64)), torch.tensor([5, 9, 2])
    place = (torch.rand(image.shape, generator=torch.Generator().manual_seed(0)) > 0.99).nonzero(as_tuple=True)
    some = redrawn(image, place, 0.6, 11, index, "critical-band/4/0.6")
    everywhere = redrawn(image, None, 0.6, 11, index, "critical-band/4/0.6")
    assert len(some) > 50
    assert torch.equal(everywhere[place], some)
    assert 0 <= float(everywhere.min()) < float(everywhere.max()) <= 1


# Invalid input


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
def test_invalid_input_is_rejected(arguments, message):
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
def test_invalid_noise_is_rejected(white, message):
    with pytest.raises(ValueError, match=message):
        narrowband_noise(white, 0)
