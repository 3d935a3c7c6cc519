"""Critical-band stimuli: low-contrast grey images in noise one octave wide.

Source: Subramanian, Sizikova, Majaj and Pelli, "Spatial-frequency channels, shape bias, and adversarial robustness", NeurIPS
2023, in the form that Gavrikov and Keuper (CVPR 2024) apply to ImageNet.

The octave bands are the levels of a Laplacian pyramid (Burt and Adelson 1983; binomial filter 1 4 6 4 1). All steps are sums of
shifted slices in a fixed order. Matrix products and convolutions may change in the last bits with the batch size or with
TF32.
"""

from collections.abc import Iterator, Sequence
from numbers import Integral

import torch
from torch import Tensor
from torch.nn.functional import pad

from bvg.kernels._checks import check_images
from bvg.kernels._gpu import gpu_kernels
from bvg.kernels.randomness import check_seed, image_index, normal, words

CONTRAST = 0.2
MEAN = 0.449
MARGIN = 0.1  # distance from 0 or 1 of a pixel that the noise would move out of [0, 1]


def band_count(height: int, width: int) -> int:
    """Count the octave bands of an image: the levels of its Laplacian pyramid.

    The sides are halved (rounded down) while the shorter one has at least 5 pixels, the width of the filter. Each halving gives
    a band, and the remaining low-pass image is one more. pyrtools counts in the same way.

    >>> band_count(224, 224), band_count(64, 64)
    (7, 5)
    """
    side, count = min(height, width), 1
    while side >= 5:
        side, count = side // 2, count + 1
    return count


def band_centre(band: int, size: int = 224) -> float:
    """Return the centre of a band in cycles per image.

    It is size / 2 ** (number of bands - band), which is 1.75 * 2 ** band at 224 pixels.

    >>> band_centre(0), band_centre(6), band_centre(0, size=64)
    (1.75, 112.0, 2.0)
    """
    return size / 2 ** (band_count(size, size) - band)


def narrowband_noise(white: Tensor, band: int) -> Tensor:
    """Confine white noise to one octave band, with the RMS of the finest band.

    The band is level `bands - 1 - band` of the Laplacian pyramid of the white noise, reconstructed alone and scaled per image
    by RMS(level 0 alone) / RMS(that level alone). Scaling `white` scales the result. Borders are reflected about the outermost
    pixels, also in the decimated images, as in pyrtools ("reflect1"). pyrtools 1.1.1 differs only where a level is exactly 5
    pixels wide (sizes 40, 80, 160 …, never 224): there it loses a reflected pixel.

    Args:
        white: float [N, H, W], H and W at least 5; white Gaussian noise of any standard deviation.
        band: 0 (lowest) … `band_count(H, W) - 1` (highest); 0 … 6 at 224 pixels.

    Returns:
        Tensor of the shape and dtype of `white`.

    Raises:
        ValueError: wrong shape or dtype, an image that is too small, or no such band.

    >>> white = normal((64, 64), seed=0, index=torch.tensor([0]), stream="example")
    >>> narrowband_noise(white, band=2).shape
    torch.Size([1, 64, 64])
    """
    if white.ndim != 3 or not white.is_floating_point():
        raise ValueError(f"expected `white` to be float [N, H, W], got {white.dtype} {list(white.shape)}")
    if min(white.shape[1:]) < 5:
        raise ValueError(f"expected `white` to be at least 5 pixels high and wide, got {list(white.shape)}")
    count = band_count(*white.shape[1:])
    _check_band(band, count)
    level = count - 1 - band

    gaussian = [white]
    for _ in range(min(level + 1, count - 1)):
        gaussian.append(_halve(gaussian[-1]))
    finest = white - _double(gaussian[1], white)
    if level == 0:
        return finest
    alone = gaussian[level]
    if level + 1 < count:
        alone = alone - _double(gaussian[level + 1], alone)
    for larger in reversed(gaussian[:level]):
        alone = _double(alone, larger)
    scale = (_mean_square(finest) / _mean_square(alone)).sqrt()
    # Constant noise has no power in any band: leave it at 0.
    return alone * scale.nan_to_num(0)[:, None, None]


def low_contrast_grey(images: Tensor, contrast: float = CONTRAST) -> Tensor:
    """Convert images to grey, with low contrast around the mean 0.449.

    The image is rounded to 8 bits and converted to grey with PIL's integer weights,
    (19595 R + 38470 G + 7471 B + 32768) >> 16. The result is (grey / 255 - its mean) * contrast + 0.449.

    Args:
        images: float [N, 3, H, W] in [0, 1].
        contrast: in (0, 1]; 0.2 in the study.

    Returns:
        float32 [N, H, W].

    Raises:
        ValueError: `contrast` outside (0, 1].
    """
    if not 0 < contrast <= 1:
        raise ValueError(f"expected `contrast` in (0, 1], got {contrast} (is it in percent?)")
    red, green, blue = (images * 255).round_().unbind(1)
    # Every term and sum is an integer below 2 ** 24 and therefore exact in float32.
    grey = (red * 19595).add_(green, alpha=38470).add_(blue, alpha=7471).add_(0x8000).mul_(2.0**-16).floor_()
    # A sum of integers is exact in any order.
    mean = grey.sum((1, 2), dtype=torch.int64).float() / (images.shape[2] * images.shape[3])
    return grey.sub_(mean[:, None, None]).mul_(contrast / 255).add_(MEAN)


def critical_band(
    images: Tensor, noise_sd: float, band: int, seed: int = 0, index: Tensor | Sequence[int] | None = None
) -> Tensor:
    """Make critical-band stimuli: grey, low-contrast images in noise of one octave.

    1. `low_contrast_grey` makes the image. `narrowband_noise` makes the noise from white Gaussian noise of SD `noise_sd`.
    2. Where image + noise < 0, the pixel of the image becomes 0.1 - noise; where the sum is > 1, it becomes 0.9 - noise. The
       new sum is 0.1 or 0.9.
    3. If that pixel would itself be outside [0, 1], it keeps its value, and the noise there is redrawn from N(0, noise_sd)
       under the condition that the sum is in [0, 1]. The authors redraw until it fits. Here, a uniform number goes through
       the inverse distribution function of the truncated normal, which gives the same distribution.

    The noise depends on `seed`, `index`, `noise_sd` and `band` only, never on the batch.

    Args:
        images: float [N, 3, H, W] in [0, 1].
        noise_sd: SD of the white noise, as a fraction of the grey range; the study uses 0, 0.02, 0.04, 0.08 and 0.16. With 0,
            the result is the low-contrast grey image.
        band: 0 (lowest) … `band_count(H, W) - 1` (highest).
        seed: integer in [0, 2**64).
        index: int [N], position of each image in its data set; None counts from 0.

    Returns:
        float32 [N, 3, H, W] in [0, 1], with three equal channels (a view of one: clone it before writing into it).

    Raises:
        ValueError: wrong shape or dtype, no such band, or `noise_sd` outside [0, 1].

    >>> critical_band(torch.full((1, 3, 64, 64), 0.5), noise_sd=0, band=0)[0, :, 0, 0]
    tensor([0.4490, 0.4490, 0.4490])
    """
    ((_, _, stimulus),) = critical_band_all(images, [(noise_sd, band)], seed, index)
    return stimulus


def critical_band_all(
    images: Tensor,
    conditions: Sequence[tuple[float, int]],
    seed: int = 0,
    index: Tensor | Sequence[int] | None = None,
    contrast: float = CONTRAST,
) -> Iterator[tuple[float, int, Tensor]]:
    """Make the stimuli of many conditions from the same images.

    The images are converted to grey once. The stimuli are made one condition at a time, each with its own noise.

    Args:
        images, seed, index: as in `critical_band`.
        conditions: pairs of noise SD and band.
        contrast: contrast of the grey images, in (0, 1]; 0.2 in the study.

    Yields:
        Noise SD, band, and the result of `critical_band(images, noise_sd, band, seed, index)`.

    Raises:
        ValueError: as `critical_band`, or `contrast` outside (0, 1].
    """
    check_images(images, channels=3)
    for noise_sd, band in conditions:
        if not 0 <= noise_sd <= 1:
            raise ValueError(f"expected `noise_sd` in [0, 1], got {noise_sd} (is it on the scale 0..255?)")
        _check_band(band, band_count(*images.shape[2:]))
    check_seed(seed)
    return _stimuli(low_contrast_grey(images, contrast), conditions, seed, image_index(index, images))


def _stimuli(
    image: Tensor, conditions: Sequence[tuple[float, int]], seed: int, index: Tensor
) -> Iterator[tuple[float, int, Tensor]]:
    for noise_sd, band in conditions:
        stimulus = image
        if noise_sd > 0:
            stimulus = _add_noise(image, float(noise_sd), int(band), seed, index)
        yield noise_sd, band, stimulus[:, None].expand(-1, 3, -1, -1)


def _add_noise(image: Tensor, noise_sd: float, band: int, seed: int, index: Tensor) -> Tensor:
    stream = f"critical-band/{band}/{noise_sd!r}"
    if (gpu := gpu_kernels("gpu_noise", image.device)) is not None:
        count = band_count(*image.shape[1:])
        return gpu.add_noise(image, noise_sd, count - 1 - band, count, MARGIN, seed, index, stream)
    noise = narrowband_noise(normal(image.shape[1:], seed, index, stream).mul_(noise_sd), band)
    return _add_within_range(image, noise, noise_sd, seed, index, stream)


def _add_within_range(image: Tensor, noise: Tensor, sd: float, seed: int, index: Tensor, stream: str) -> Tensor:
    """Do steps 2 and 3 of `critical_band`: return [N, H, W] in [0, 1]."""
    total = image + noise
    on_cpu = image.device.type == "cpu"  # elsewhere, reading a value would wait for all queued work
    if on_cpu and total.numel():
        lowest, highest = total.aminmax()
        if lowest >= 0 and highest <= 1:  # true for most weak noise
            return total
    below, above = total < 0, total > 1
    # 0.1 - noise can only be above 1, since the noise is negative there; 0.9 - noise can only be below 0.
    stuck = (below | above).logical_and_(noise.abs() > 1 - MARGIN)
    total = total.masked_fill_(below, MARGIN).masked_fill_(above, 1 - MARGIN)
    if not on_cpu:
        return torch.where(stuck, redrawn(image, None, sd, seed, index, stream), total)
    place = stuck.nonzero(as_tuple=True)
    if len(place[0]) == 0:  # nearly always
        return total
    return total.index_put_(place, redrawn(image, place, sd, seed, index, stream))


def redrawn(image: Tensor, place: tuple | None, sd: float, seed: int, index: Tensor, stream: str) -> Tensor:
    """Draw image + white noise given that the sum is in [0, 1].

    Returns:
        [K] at the K places, or [N, H, W] if `place` is None.
    """
    if place is None:
        kept, owner = image, index[:, None, None]
        pixel = torch.arange(image[0].numel(), device=image.device).view(1, *image.shape[1:])
    else:
        kept, owner = image[place], index[place[0]]
        pixel = place[1] * image.shape[2] + place[2]
    word = words(pixel, seed, owner, stream + "/redrawn")[0]
    lowest, highest = torch.special.ndtr(-kept / sd), torch.special.ndtr((1 - kept) / sd)
    quantile = lowest + (highest - lowest) * ((word.float() + 0.5) * 2.0**-32)
    return (kept + sd * torch.special.ndtri(quantile)).clamp(0, 1)


def _halve(image: Tensor) -> Tensor:
    """Apply the low-pass (1 4 6 4 1) / 16 along both sides; keep every other pixel."""
    padded = pad(image[:, None], (2, 2, 2, 2), mode="reflect")[:, 0]
    return _halve_rows(_halve_rows(padded).mT).mT


def _halve_rows(padded: Tensor) -> Tensor:
    even, odd = padded[:, 0::2], padded[:, 1::2]
    count = (padded.shape[1] - 3) // 2
    outer = even[:, :count] + even[:, 2 : count + 2]
    inner = odd[:, :count] + odd[:, 1 : count + 1]
    return outer.mul_(1 / 16).add_(inner, alpha=4 / 16).add_(even[:, 1 : count + 1], alpha=6 / 16)


def _double(image: Tensor, like: Tensor) -> Tensor:
    """Put zeros between the pixels, then apply twice the low-pass along both sides.

    The result has the size of `like`.
    """
    return _double_rows(_double_rows(image.mT, like.shape[2]).mT, like.shape[1])


def _double_rows(image: Tensor, size: int) -> Tensor:
    # The column with its zeros is reflected about its last entry, which is a zero if the size is even.
    after = image[:, -1:] if size % 2 == 0 else image[:, -2:-1]
    padded = torch.cat([image[:, 1:2], image, after], dim=1)
    before, here, after = padded[:, :-2], padded[:, 1:-1], padded[:, 2:]
    doubled = image.new_empty(image.shape[0], size, image.shape[2])
    torch.add(before, after, out=doubled[:, 0::2]).mul_(1 / 8).add_(here, alpha=6 / 8)
    torch.add(here[:, : size // 2], after[:, : size // 2], out=doubled[:, 1::2]).mul_(1 / 2)
    return doubled


def _mean_square(image: Tensor) -> Tensor:
    """Compute the mean square of each image, [N, H, W] -> [N].

    The order of the additions does not depend on the batch size.
    """
    squares = image.square().flatten(1)
    total = squares.shape[1]
    while squares.shape[1] > 1:
        half, odd = divmod(squares.shape[1], 2)
        folded = squares[:, :half] + squares[:, half : 2 * half]
        squares = torch.cat([folded, squares[:, -1:]], dim=1) if odd else folded
    return squares[:, 0] / total


def _check_band(band: int, count: int) -> None:
    if not isinstance(band, Integral) or not 0 <= band < count:
        raise ValueError(f"expected `band` to be an integer in 0 … {count - 1} at this image size, got {band!r}")
