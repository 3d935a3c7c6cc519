"""Critical-band stimuli: low-contrast grey images in noise that is one octave wide.

Source: Subramanian, Sizikova, Majaj and Pelli, "Spatial-frequency channels, shape bias, and adversarial
robustness", NeurIPS 2023, in the form that Gavrikov and Keuper (CVPR 2024) apply to ImageNet.

The octave bands are the levels of a Laplacian pyramid (Burt and Adelson 1983; binomial filter 1 4 6 4 1). All steps
are sums of shifted slices in a fixed order, not matrix products or convolutions: those may change in the last
bits with the batch size or the TF32 switch.
"""

from collections.abc import Iterator, Sequence
from numbers import Integral

import torch
from torch import Tensor
from torch.nn.functional import pad

from bvg.kernels._checks import check_images
from bvg.kernels.randomness import check_seed, image_index, normal, words

CONTRAST = 0.2
MEAN = 0.449
MARGIN = 0.1  # how far inside [0, 1] a pixel is put whose noise would carry it out


def band_count(height: int, width: int) -> int:
    """Number of octave bands of an image: the levels of its Laplacian pyramid.

    The sides are halved (rounded down) as long as the shorter one is at least the filter's 5 pixels; each halving
    gives a band, and the low-pass rest is one more. This is pyrtools' rule.

    >>> band_count(224, 224), band_count(64, 64)
    (7, 5)
    """
    side, count = min(height, width), 1
    while side >= 5:
        side, count = side // 2, count + 1
    return count


def band_centre(band: int, size: int = 224) -> float:
    """Centre of a band in cycles per image, size / 2 ** (number of bands - band): 1.75 * 2 ** band at 224 pixels.

    >>> band_centre(0), band_centre(6), band_centre(0, size=64)
    (1.75, 112.0, 2.0)
    """
    return size / 2 ** (band_count(size, size) - band)


def narrowband_noise(white: Tensor, band: int) -> Tensor:
    """White noise confined to one octave band, at the RMS of the finest band.

    The band is the level `bands - 1 - band` of the white noise's Laplacian pyramid, reconstructed alone, and scaled per
    image by RMS(level 0 alone) / RMS(that level alone). The operation is linear in the size of `white`. Borders are
    reflected about the outermost pixels, the decimated image's too, as in pyrtools ("reflect1"); only where a level is
    exactly 5 pixels wide (sizes 40, 80, 160 …, never 224) does pyrtools 1.1.1 lose a reflected pixel and differ.

    Args:
        white: float [N, H, W], H and W at least 5; white Gaussian noise of any SD.
        band: 0 (lowest) … `band_count(H, W) - 1` (highest); 0 … 6 at 224 pixels.

    Returns:
        Tensor of the shape and dtype of `white`.

    Raises:
        ValueError: wrong shape or dtype, image too small, or no such band.

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
    # An image of constant noise has no power in any band: leave it at 0.
    return alone * scale.nan_to_num(0)[:, None, None]


def low_contrast_grey(images: Tensor, contrast: float = CONTRAST) -> Tensor:
    """Grey images of low contrast around the mean 0.449.

    The image is rounded to 8 bit and converted to grey with PIL's integer weights,
    (19595 R + 38470 G + 7471 B + 32768) >> 16; then divided by 255, less its mean, times `contrast`, plus 0.449.

    Args:
        images: float [N, 3, H, W] in [0, 1].
        contrast: 0.2 in the study.

    Returns:
        float32 [N, H, W].

    Raises:
        ValueError: `contrast` outside (0, 1].
    """
    if not 0 < contrast <= 1:
        raise ValueError(f"expected `contrast` in (0, 1], got {contrast} (is it in percent?)")
    red, green, blue = (images * 255).round_().unbind(1)
    # Every term and sum is an integer below 2 ** 24, hence exact in float32.
    grey = (red * 19595).add_(green, alpha=38470).add_(blue, alpha=7471).add_(0x8000).mul_(2.0**-16).floor_()
    # The sum of integers is exact too, in any order.
    mean = grey.sum((1, 2), dtype=torch.int64).float() / (images.shape[2] * images.shape[3])
    return grey.sub_(mean[:, None, None]).mul_(contrast / 255).add_(MEAN)


def critical_band(
    images: Tensor, noise_sd: float, band: int, seed: int = 0, index: Tensor | Sequence[int] | None = None
) -> Tensor:
    """Images as the critical-band test shows them: grey, of low contrast, in noise of one octave band.

    1. `low_contrast_grey` gives the image, `narrowband_noise` of white Gaussian noise of SD `noise_sd` the noise.
    2. Where image + noise < 0 the image's pixel becomes 0.1 - noise, where it is > 1 the pixel becomes 0.9 - noise: the
       sum is 0.1 or 0.9 there.
    3. Where such a pixel would itself be out of [0, 1], it keeps its value and the noise there is drawn anew, white,
       from N(0, noise_sd) under the condition that image + noise is in [0, 1]. The authors redraw until it fits; here
       one uniform number goes through the inverse of the truncated normal's distribution function, which is the
       same distribution.

    The noise is a function of `seed`, `index`, `noise_sd` and `band` only, never of the batch.

    Args:
        images: float [N, 3, H, W] in [0, 1].
        noise_sd: SD of the white noise as a fraction of the grey range; the study has 0, 0.02, 0.04, 0.08, 0.16. With 0
            the low-contrast grey image is returned.
        band: 0 (lowest) … `band_count(H, W) - 1` (highest).
        seed: integer in [0, 2**64).
        index: int [N], position of each image in its data set; None counts from 0.

    Returns:
        float32 [N, 3, H, W] in [0, 1], three equal channels (a view of one: clone before writing into it).

    Raises:
        ValueError: wrong shape or dtype, no such band, an SD that is negative or of an 8-bit scale.

    >>> critical_band(torch.full((1, 3, 64, 64), 0.5), noise_sd=0, band=0)[0, :, 0, 0]
    tensor([0.4490, 0.4490, 0.4490])
    """
    ((_, _, shown),) = critical_band_all(images, [(noise_sd, band)], seed, index)
    return shown


def critical_band_all(
    images: Tensor,
    conditions: Sequence[tuple[float, int]],
    seed: int = 0,
    index: Tensor | Sequence[int] | None = None,
    contrast: float = CONTRAST,
) -> Iterator[tuple[float, int, Tensor]]:
    """The same images in many conditions, made grey once; one batch at a time, each with noise of its own.

    Args:
        images, seed, index: as in `critical_band`.
        conditions: pairs of noise SD and band.
        contrast: of the grey images, in (0, 1]; 0.2 in the study.

    Yields:
        noise SD, band, and what `critical_band(images, noise_sd, band, seed, index)` returns.
    """
    check_images(images, channels=3)
    for noise_sd, band in conditions:
        if not 0 <= noise_sd <= 1:
            raise ValueError(f"expected `noise_sd` in [0, 1], got {noise_sd} (is it of the range 0..255?)")
        _check_band(band, band_count(*images.shape[2:]))
    check_seed(seed)
    return _shown(low_contrast_grey(images, contrast), conditions, seed, image_index(index, images))


def _shown(image: Tensor, conditions: Sequence[tuple[float, int]], seed: int, index: Tensor) -> Iterator:
    for noise_sd, band in conditions:
        shown = image
        if noise_sd > 0:
            stream = f"critical-band/{int(band)}/{float(noise_sd)!r}"
            noise = narrowband_noise(normal(image.shape[1:], seed, index, stream).mul_(noise_sd), band)
            shown = _add_within_range(image, noise, noise_sd, seed, index, stream)
        yield noise_sd, band, shown[:, None].expand(-1, 3, -1, -1)


def _add_within_range(image: Tensor, noise: Tensor, sd: float, seed: int, index: Tensor, stream: str) -> Tensor:
    """Steps 2 and 3 of `critical_band`: [N, H, W] + [N, H, W] -> [N, H, W] in [0, 1]."""
    total = image + noise
    on_cpu = image.device.type == "cpu"  # elsewhere a question to the numbers makes the host wait for all queued work
    if on_cpu and total.numel():
        lowest, highest = total.aminmax()
        if lowest >= 0 and highest <= 1:  # as with most of weak noise
            return total
    below, above = total < 0, total > 1
    # 0.1 - noise leaves [0, 1] only upwards (the noise is negative there), 0.9 - noise only downwards.
    stuck = (below | above).logical_and_(noise.abs() > 1 - MARGIN)
    total = total.masked_fill_(below, MARGIN).masked_fill_(above, 1 - MARGIN)
    if not on_cpu:
        return torch.where(stuck, _redrawn(image, None, sd, seed, index, stream), total)
    place = stuck.nonzero(as_tuple=True)
    if len(place[0]) == 0:  # nearly always
        return total
    return total.index_put_(place, _redrawn(image, place, sd, seed, index, stream))


def _redrawn(image: Tensor, place: tuple | None, sd: float, seed: int, index: Tensor, stream: str) -> Tensor:
    """Image + white noise under the condition that the sum is in [0, 1]: [K], at the K places; [N, H, W] if None."""
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
    """Binomial low-pass (1 4 6 4 1) / 16 along both sides, then every other pixel from the first one."""
    padded = pad(image[:, None], (2, 2, 2, 2), mode="reflect")[:, 0]
    return _halve_rows(_halve_rows(padded).mT).mT


def _halve_rows(padded: Tensor) -> Tensor:
    even, odd = padded[:, 0::2], padded[:, 1::2]
    count = (padded.shape[1] - 3) // 2
    outer = even[:, :count] + even[:, 2 : count + 2]
    inner = odd[:, :count] + odd[:, 1 : count + 1]
    return outer.mul_(1 / 16).add_(inner, alpha=4 / 16).add_(even[:, 1 : count + 1], alpha=6 / 16)


def _double(image: Tensor, like: Tensor) -> Tensor:
    """Zeros between the pixels, then the binomial low-pass times 2 along both sides; to the size of `like`."""
    return _double_rows(_double_rows(image.mT, like.shape[2]).mT, like.shape[1])


def _double_rows(image: Tensor, size: int) -> Tensor:
    # The column of zeros and pixels is reflected about its last entry: at even size that entry is a zero.
    after = image[:, -1:] if size % 2 == 0 else image[:, -2:-1]
    padded = torch.cat([image[:, 1:2], image, after], dim=1)
    before, here, after = padded[:, :-2], padded[:, 1:-1], padded[:, 2:]
    doubled = image.new_empty(image.shape[0], size, image.shape[2])
    torch.add(before, after, out=doubled[:, 0::2]).mul_(1 / 8).add_(here, alpha=6 / 8)
    torch.add(here[:, : size // 2], after[:, : size // 2], out=doubled[:, 1::2]).mul_(1 / 2)
    return doubled


def _mean_square(image: Tensor) -> Tensor:
    """Mean of the squares of each image, [N, H, W] -> [N], added in an order that no batch size changes."""
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
