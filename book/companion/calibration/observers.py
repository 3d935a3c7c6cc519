"""Observers with known answers, for which the correct result of a measurement is known as well.

Like a model, each observer is a function from images, float [N, 3, 64, 64] in [0, 1], to logits [N, K]. None is trained.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, one_hot

from bvg import kernels
from bvg.kernels.randomness import normal, uniform
from bvg.miniature.synthetic import scenes
from bvg.results.channel import NOISE_SDS

Observer = Callable[[Tensor], Tensor]


class Oracles:
    """Two observers of cue-conflict images, each of which uses only one cue.

    Both know the 16 ordinary images of each scene, in which shape and texture belong to the same class and place, size,
    colours and background are those of the scene. From these they know the background; pixels that differ from it are object.

    - `shape` compares the object's black and white silhouette, which contains no texture, with the 16 silhouettes.
    - `texture` compares the pixels inside the object with those of the 16 images, averaged over the pixels that are object in
      both. The average does not depend on their number, so the outline has no influence.

    Args:
        which: number of images, or their positions, as in `bvg.miniature.synthetic`.
        seed: seed of the images.
    """

    def __init__(self, which: int | Tensor, seed: int = 0) -> None:
        index = torch.arange(which) if isinstance(which, int) else which
        kinds = [torch.full_like(index, k) for k in range(16)]
        ordinary = [scenes("cue-conflict", index, seed, shape=kind, texture=kind) for kind in kinds]
        self._pictures = torch.stack([one.images for one in ordinary], dim=1)
        masks = torch.stack([one.mask for one in ordinary], dim=1)
        least, place = masks.min(dim=1)
        place = place[:, None, None].expand(-1, 1, 3, -1, -1)
        self._background, self._known = self._pictures.gather(1, place)[:, 0], least == 0
        self._touched, self._filled = masks > 0, masks == 255

    def silhouette(self, images: Tensor) -> Tensor:
        """Return where an image differs from the background of its scene: bool [N, 64, 64]."""
        return (_eight_bit(images) != self._background).any(dim=1) & self._known

    def inside(self, images: Tensor) -> Tensor:
        """Return the silhouette without its rim: bool [N, 64, 64].

        The rim is one pixel wide and mixes object and background.
        """
        return ~max_pool2d((~self.silhouette(images)).float(), 3, stride=1, padding=1).bool()

    def shape(self, images: Tensor) -> Tensor:
        """Return logits [N, 16]: minus the share of pixels in which the silhouettes differ."""
        differs = (self.silhouette(images)[:, None] != self._touched) & self._known[:, None]
        return -differs.float().mean((2, 3))

    def texture(self, images: Tensor) -> Tensor:
        """Return logits [N, 16]: minus the mean difference between the pixels.

        Only pixels that are object in both images count; the unit is 8-bit steps.
        """
        both = self.inside(images)[:, None] & self._filled
        seen, logits = _eight_bit(images).short(), []
        for k in range(16):  # one class at a time, to save memory
            difference = (seen - self._pictures[:, k].short()).abs().sum(1)
            logits.append(-(difference * both[:, k]).sum((1, 2)) / both[:, k].sum((1, 2)))
        return torch.stack(logits, dim=1)


def mixture(shape: Tensor, texture: Tensor, p: float, guess: float, seed: int) -> Observer:
    """Return an observer that mixes answers by shape, by texture and by guessing.

    Args:
        shape, texture: logits [N, 16] of the two oracles for the images that the observer will get.
        p: probability of answering by shape, if it does not guess.
        guess: probability of naming one of the 16 classes at random instead.
        seed: seed of the random choices, which are made for each image.
    """
    coins = uniform((3,), seed, torch.arange(len(shape)), f"calibration/coins/{p}/{guess}")
    answer = torch.where(coins[:, 0] < p, shape.argmax(1), texture.argmax(1))
    answer = torch.where(coins[:, 1] < guess, (16 * coins[:, 2]).long(), answer)
    return lambda images: one_hot(answer, 16).float()


DIRECTIONS = ((0, 1), (1, 0), (1, 1))
"""Gratings along the rows, the columns and the diagonal, in units of their frequency."""


def gratings(frequency: int, count: int, seed: int = 0, size: int = 64) -> tuple[Tensor, Tensor]:
    """Make sinusoidal gratings; the class is one of three directions.

    Phase, mean and contrast are random.

    Args:
        frequency: cycles per image along each axis along which the grating varies.
        count: number of images.

    Returns:
        float [count, 3, size, size] in [0.1, 0.9], int64 [count] in 0 … 2.
    """
    index = torch.arange(count)
    phase, mean, contrast = uniform((3,), seed, index, f"calibration/grating/{frequency}")[..., None, None].unbind(1)
    labels = index % len(DIRECTIONS)
    steps = torch.tensor(DIRECTIONS)[labels].float()[..., None, None]
    axis = 2 * math.pi * frequency * torch.arange(size) / size
    wave = torch.sin(steps[:, 0] * axis[:, None] + steps[:, 1] * axis + 2 * math.pi * phase)
    images = 0.4 + 0.2 * mean + (0.1 + 0.2 * contrast) * wave
    return images[:, None].expand(-1, 3, -1, -1), labels


def carrier_reader(frequency: int, floor: float = 1e-3) -> Observer:
    """Return an observer that sees only one spatial frequency.

    It answers the direction with the largest amplitude at that frequency.

    Args:
        frequency: as in `gratings`; the observer is blind to all others.
        floor: amplitude, as a fraction of the pixel range, below which it sees nothing and answers 0.
    """

    def observer(images: Tensor) -> Tensor:
        spectrum = torch.fft.fft2(images.mean(1)).abs() * 2 / images[0, 0].numel()
        amplitude = torch.stack([spectrum[:, y * frequency, x * frequency] for y, x in DIRECTIONS], dim=1)
        return amplitude * (amplitude > floor)

    return observer


class Gaussian(NamedTuple):
    """A channel: sensitivity to noise over the octaves, in units of thresholds (factors of 2).

    At octave b the channel tolerates noise up to an SD of 0.16 * sqrt(2) * 2 ** -sensitivity(b). Thus the threshold measured
    with five noise levels is the sensitivity rounded to an integer and capped at 4 (see `bvg.results.channel`).

    Attributes:
        centre: octaves above the lowest band.
        bandwidth: full width at half of the peak, in octaves.
        peak: largest sensitivity; at 4 even the weakest noise masks.
    """

    centre: float
    bandwidth: float
    peak: float = 4.0

    def sensitivity(self, octave: Tensor) -> Tensor:
        """Return peak * 2 ** -(2 (octave - centre) / bandwidth) ** 2, for any shape."""
        return self.peak * 2.0 ** -((2 * (octave - self.centre) / self.bandwidth) ** 2)


LIMIT = NOISE_SDS[-1] * math.sqrt(2)
"""Smallest SD of noise that a sensitivity of 0 does not tolerate: half a step above the strongest noise of the test."""


class ChannelObserver:
    """An observer that fails if the noise exceeds what its channel tolerates.

    The noise is the difference between stimulus and clean image. If the noise, weighted by the channel, is too strong, all
    logits are 0, which counts as class 0; otherwise the answer is correct.

    Args:
        clean: float [N, H, W], the stimuli without noise (see `bvg.kernels.low_contrast_grey`).
        labels: int64 [N] in 0 … 15, their classes.
        channel: the observer's channel.
        form: "band": identifies the band of the noise and weights all of it by the sensitivity in that band.
            "filter": weights each spatial frequency by the sensitivity there, as a linear filter does.
    """

    def __init__(self, clean: Tensor, labels: Tensor, channel: Gaussian, form: str) -> None:
        if form not in ("band", "filter"):
            raise ValueError(f'expected `form` to be "band" or "filter", got {form!r}')
        self.clean, self.labels, self.channel, self.form = clean, labels, channel, form
        self.templates = noise_power(clean.shape[-1])
        self.unit = self.templates.sum((1, 2)).mean().sqrt()  # RMS of the noise at an SD of 1

    def __call__(self, images: Tensor) -> Tensor:
        strength = self._weighted(images[:, 0] - self.clean) / self.unit
        return one_hot(self.labels, 16) * (strength < LIMIT)[:, None].float()

    def _weighted(self, noise: Tensor) -> Tensor:
        """Return the RMS of the weighted noise of each image, [N, H, W] -> [N]."""
        power = power_spectrum(noise)
        if self.form == "filter":
            gain = 2 ** self.channel.sensitivity(octaves(noise.shape[-1]))
            return (power * gain.square()).sum((1, 2)).sqrt()
        alike = power.sqrt().flatten(1) @ self.templates.sqrt().flatten(1).T
        return power.sum((1, 2)).sqrt() * 2 ** self.channel.sensitivity(alike.argmax(1))


def octaves(size: int) -> Tensor:
    """Return how many octaves each frequency of `rfft2` is above band 0.

    The reference is the nominal centre of band 0: float [size, size // 2 + 1].
    """
    rows, columns = torch.fft.fftfreq(size, 1 / size), torch.fft.rfftfreq(size, 1 / size)
    radius = torch.hypot(rows[:, None], columns)
    return torch.log2(radius / kernels.band_centre(0, size))


def noise_power(size: int, images: int = 16) -> Tensor:
    """Return the mean power spectrum of each band's noise at SD 1.

    The result is float [bands, size, size // 2 + 1].

    A spectrum sums to the mean square of the noise.
    """
    white = normal((size, size), 0, torch.arange(images), "calibration/noise")
    bands = [kernels.narrowband_noise(white, band) for band in range(kernels.band_count(size, size))]
    return torch.stack([power_spectrum(noise).mean(0) for noise in bands])


def power_spectrum(images: Tensor) -> Tensor:
    """Return the share of each frequency of `rfft2` in the mean square.

    [N, H, W] -> [N, H, W // 2 + 1], for even W.
    """
    twice = torch.full((images.shape[-1] // 2 + 1,), 2.0)
    twice[[0, -1]] = 1  # each other column represents two frequencies
    return torch.fft.rfft2(images).abs().square() * twice / images[0].numel() ** 2


def two_classes(seed: int, count: int, size: int = 64, scale: float = 1.0) -> tuple[Tensor, Tensor, Observer, Tensor]:
    """Make a linear classifier and images with known smallest perturbations.

    The logits are scale * (w_k . (x - 0.5)), k = 0, 1. A change of at most eps per value lowers the difference of the logits
    by at most eps * |w_y - w_other|_1, so the image is misclassified once eps exceeds margin / |w_y - w_other|_1.

    Returns:
        images float [count, 3, size, size], at least 0.3 away from 0 and 1, so that clipping never matters;
        labels int64 [count]; the classifier;
        float64 [count], the smallest change that causes an error, as a fraction of 1; negative if there is one already.
    """
    shape = (3, size, size)
    weight = normal((2, *shape), seed, torch.tensor([0]), "calibration/weight")[0] / math.sqrt(3 * size * size)
    apart = weight[1] - weight[0]
    index = torch.arange(count)
    labels = index % 2
    pushed = uniform((1,), seed, index, "calibration/margin")[:, 0] * 6 / 255
    towards = (2 * labels - 1) * pushed
    images = 0.5 + 0.3 * (uniform(shape, seed, index, "calibration/image") - 0.5)
    images = images + towards[:, None, None, None] * apart.sign()
    margin = (2 * labels - 1) * ((images.double() - 0.5).flatten(1) @ apart.double().flatten())
    least = margin / apart.double().abs().sum()
    return images, labels, lambda x: scale * ((x - 0.5).flatten(1) @ weight.flatten(1).T), least


def _eight_bit(images: Tensor) -> Tensor:
    return (images * 255).round().to(torch.uint8)
