"""Band-pass filters equal a NumPy transform of each image and channel."""

import numpy as np
import pytest
import torch

from bvg.kernels import bandpass, bandpass_all
from bvg.kernels.bandpass import half_width

CUTOFFS = [0.01, *np.arange(0.1, 0.99, 0.1).tolist(), 0.99]  # as in the authors' script
CONDITIONS = [(kind, cutoff) for kind in ("low", "high") for cutoff in CUTOFFS]


def by_numpy(image: np.ndarray, cutoff: float, kind: str) -> np.ndarray:
    """Filter one channel of one image, in double precision."""
    height, width = image.shape
    share = cutoff if kind == "low" else 1 - cutoff
    down, across = int(share * (height // 2)), int(share * (width // 2))
    mask = np.zeros((height, width))
    mask[height // 2 - down : height // 2 + down, width // 2 - across : width // 2 + across] = 1
    if kind == "high":
        mask = 1 - mask
    spectrum = np.fft.fftshift(np.fft.fft2(image.astype(np.float64)))
    return np.fft.ifft2(np.fft.ifftshift(spectrum * mask)).real.clip(0, 1)


def random_images(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(224, 224), (64, 64), (33, 50)], ids=str)
def test_filters_equal_those_of_numpy(size):
    images = random_images(2, 3, *size)
    for kind, cutoff, filtered in bandpass_all(images, CONDITIONS):
        expected = [[by_numpy(channel, cutoff, kind) for channel in image] for image in images.numpy()]
        assert np.abs(filtered.numpy() - np.array(expected)).max() <= 1e-6, (kind, cutoff)


def test_many_filters_at_once_equal_one_at_a_time():
    images = random_images(2, 3, 64, 64)
    seen = []
    for kind, cutoff, filtered in bandpass_all(images, CONDITIONS):
        assert torch.equal(filtered, bandpass(images, cutoff, kind)), (kind, cutoff)
        seen.append((kind, cutoff))
    assert sorted(seen) == sorted(CONDITIONS)


@pytest.mark.parametrize("kind", ["low", "high"])
def test_half_widths_are_rounded_down_in_floating_point(kind):
    expected = [int(c * 112) if kind == "low" else int((1 - c) * 112) for c in CUTOFFS]
    assert [half_width(cutoff, kind, 224) for cutoff in CUTOFFS] == expected
    by_hand = [1, 11, 22, 33, 44, 56, 67, 78, 89, 100, 110]
    assert expected == (by_hand if kind == "low" else by_hand[::-1])


def test_cutoffs_of_0_and_1_keep_all_or_nothing():
    images = random_images(1, 3, 64, 64)
    torch.testing.assert_close(bandpass(images, 1.0, "low"), images, atol=1e-6, rtol=0)
    torch.testing.assert_close(bandpass(images, 1.0, "high"), images)
    assert bandpass(images, 0.0, "low").abs().max() == 0
    assert bandpass(images, 0.0, "high").abs().max() < 1e-6


def test_results_do_not_depend_on_the_batch():
    images = random_images(7, 3, 64, 64)
    for (_, _, batch), (_, _, single) in zip(
        bandpass_all(images, CONDITIONS), bandpass_all(images[4:5].clone(), CONDITIONS), strict=True
    ):
        torch.testing.assert_close(batch[4:5], single, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("images", "cutoff", "kind", "message"),
    [
        (torch.rand(3, 8, 8), 0.5, "low", r"expected `images` to be \[N, C, H, W\], got \[3, 8, 8\]"),
        (torch.rand(1, 3, 8, 8) * 255, 0.5, "low", r"expected `images` in \[0, 1\], got values .* 0\.\.255"),
        (
            torch.zeros(1, 3, 8, 8, dtype=torch.uint8),
            0.5,
            "low",
            r"expected `images` to be float .* got torch.uint8",
        ),
        (torch.randn(1, 3, 8, 8), 0.5, "low", r"expected `images` in \[0, 1\]"),
        (
            torch.full((1, 3, 8, 8), float("nan")),
            0.5,
            "low",
            r"expected `images` in \[0, 1\], got values from nan",
        ),
        (torch.rand(1, 3, 8, 8), 30, "low", r"expected `cutoff` in \[0, 1\], got 30 \(is it in percent\?\)"),
        (torch.rand(1, 3, 8, 8), -0.1, "high", r"expected `cutoff` in \[0, 1\], got -0.1"),
        (torch.rand(1, 3, 8, 8), 0.3, "band", r'expected `kind` to be "low" or "high", got \'band\''),
    ],
)
def test_invalid_input_is_rejected(images, cutoff, kind, message):
    with pytest.raises(ValueError, match=message):
        bandpass(images, cutoff, kind)
