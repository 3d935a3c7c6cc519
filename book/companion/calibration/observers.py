"""Observers whose answers are known beforehand: what an instrument must read of them is known too.

Each is a function from images, float [N, 3, 64, 64] in [0, 1], to logits [N, K], like a model. None of them has learnt anything.
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
    """Two observers of cue-conflict images, each confined to one cue.

    Both know, of each scene, the 16 ordinary pictures in which shape and texture are of one class: same place, size,
    colours and background. Where one of these shows the background, they know it; what differs from it is the object.

    - `shape` compares the object's silhouette, black and white, with the 16 silhouettes. No texture is left in it.
    - `texture` compares the pixels within the object with those of the 16 pictures, where both show object, on
      average. How many they are does not count, so that the outline has no say.

    Args:
        which: number of images, or their positions, as in `bvg.miniature.synthetic`.
        seed: of the images.
    """

    def __init__(self, which: int | Tensor, seed: int = 0) -> None:
        index = torch.arange(which) if isinstance(which, int) else which
        kinds = [torch.full_like(index, k) for k in range(16)]
        drawn = [scenes("cue-conflict", index, seed, shape=kind, texture=kind) for kind in kinds]
        self._pictures = torch.stack([d.images for d in drawn], dim=1)
        masks = torch.stack([d.mask for d in drawn], dim=1)
        least, place = masks.min(dim=1)
        place = place[:, None, None].expand(-1, 1, 3, -1, -1)
        self._background, self._known = self._pictures.gather(1, place)[:, 0], least == 0
        self._touched, self._filled = masks > 0, masks == 255

    def silhouette(self, images: Tensor) -> Tensor:
        """Where an image differs from the background of its scene: bool [N, 64, 64]."""
        return (_eight_bit(images) != self._background).any(dim=1) & self._known

    def inside(self, images: Tensor) -> Tensor:
        """The silhouette less its rim of one pixel, which mixes object and background: bool [N, 64, 64]."""
        return ~max_pool2d((~self.silhouette(images)).float(), 3, stride=1, padding=1).bool()

    def shape(self, images: Tensor) -> Tensor:
        """Logits [N, 16]: less the share of pixels in which the silhouettes differ."""
        differs = (self.silhouette(images)[:, None] != self._touched) & self._known[:, None]
        return -differs.float().mean((2, 3))

    def texture(self, images: Tensor) -> Tensor:
        """Logits [N, 16]: less the mean difference of the pixels that are object in both, in 8-bit steps."""
        both = self.inside(images)[:, None] & self._filled
        seen, logits = _eight_bit(images).short(), []
        for k in range(16):  # one class at a time, for the memory's sake
            difference = (seen - self._pictures[:, k].short()).abs().sum(1)
            logits.append(-(difference * both[:, k]).sum((1, 2)) / both[:, k].sum((1, 2)))
        return torch.stack(logits, dim=1)


def mixture(shape: Tensor, texture: Tensor, p: float, guess: float, seed: int) -> Observer:
    """An observer that answers by shape with probability p, else by texture; and at times only guesses.

    Args:
        shape, texture: logits [N, 16] of the two oracles for the images that it will be shown.
        p: probability of the shape's answer where it does not guess.
        guess: probability that it names one of the 16 classes at random instead.
        seed: of its coins, one set per image.
    """
    coins = uniform((3,), seed, torch.arange(len(shape)), f"calibration/coins/{p}/{guess}")
    answer = torch.where(coins[:, 0] < p, shape.argmax(1), texture.argmax(1))
    answer = torch.where(coins[:, 1] < guess, (16 * coins[:, 2]).long(), answer)
    return lambda images: one_hot(answer, 16).float()


DIRECTIONS = ((0, 1), (1, 0), (1, 1))
"""Gratings along the rows, along the columns and along the diagonal, in steps of their frequency."""


def gratings(frequency: int, count: int, seed: int = 0, size: int = 64) -> tuple[Tensor, Tensor]:
    """Sinusoidal gratings in three directions, of random phase, mean and contrast; the direction is the class.

    Args:
        frequency: cycles per image along each axis on which the grating varies.
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
    """An observer that sees one spatial frequency only: the direction of greatest amplitude there.

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
    """A channel: sensitivity to noise, in thresholds' steps of a factor of 2, over the octaves.

    The noise that it tolerates at octave b has SD 0.16 * sqrt(2) * 2 ** -sensitivity(b): rounded to whole numbers and cut at 4,
    the sensitivity is the threshold that five noise levels show (see `bvg.results.channel`).

    Attributes:
        centre: octaves above the lowest band.
        bandwidth: full width at half of the peak, in octaves.
        peak: largest sensitivity; 4 is where the weakest noise just masks.
    """

    centre: float
    bandwidth: float
    peak: float = 4.0

    def sensitivity(self, octave: Tensor) -> Tensor:
        """peak * 2 ** -(2 (octave - centre) / bandwidth) ** 2, for any shape."""
        return self.peak * 2.0 ** -((2 * (octave - self.centre) / self.bandwidth) ** 2)


LIMIT = NOISE_SDS[-1] * math.sqrt(2)
"""SD of the noise that a sensitivity of 0 just does not tolerate: half a step above the strongest noise shown."""


class ChannelObserver:
    """An observer that knows the clean images and fails where the noise is more than its channel tolerates.

    What a stimulus has besides the clean image is noise. Where this, weighted by the channel, is too strong the observer sees
    nothing (all logits 0, which counts as class 0); else it is right.

    Args:
        clean: float [N, H, W], the images that it will be shown, without noise (see `bvg.kernels.low_contrast_grey`).
        labels: int64 [N] in 0 … 15, their classes.
        channel: what it tolerates.
        form: "band": it finds out in which of the bands the noise is, and weighs all of it by the sensitivity there.
            "filter": it weighs each spatial frequency by the sensitivity there, as a linear filter does.
    """

    def __init__(self, clean: Tensor, labels: Tensor, channel: Gaussian, form: str) -> None:
        if form not in ("band", "filter"):
            raise ValueError(f'expected `form` to be "band" or "filter", got {form!r}')
        self.clean, self.labels, self.channel, self.form = clean, labels, channel, form
        self.templates = noise_power(clean.shape[-1])
        self.unit = self.templates.sum((1, 2)).mean().sqrt()  # RMS of the noise shown at an SD of 1

    def __call__(self, images: Tensor) -> Tensor:
        strength = self._weighted(images[:, 0] - self.clean) / self.unit
        return one_hot(self.labels, 16) * (strength < LIMIT)[:, None].float()

    def _weighted(self, noise: Tensor) -> Tensor:
        """RMS of the weighted noise of each image, [N, H, W] -> [N]."""
        power = _power(noise)
        if self.form == "filter":
            gain = 2 ** self.channel.sensitivity(octaves(noise.shape[-1]))
            return (power * gain.square()).sum((1, 2)).sqrt()
        alike = power.sqrt().flatten(1) @ self.templates.sqrt().flatten(1).T
        return power.sum((1, 2)).sqrt() * 2 ** self.channel.sensitivity(alike.argmax(1))


def octaves(size: int) -> Tensor:
    """Octaves of each frequency of `rfft2` above the nominal centre of band 0: float [size, size // 2 + 1]."""
    rows, columns = torch.fft.fftfreq(size, 1 / size), torch.fft.rfftfreq(size, 1 / size)
    radius = torch.hypot(rows[:, None], columns)
    return torch.log2(radius / kernels.band_centre(0, size))


def noise_power(size: int, images: int = 16) -> Tensor:
    """Mean power spectrum of the noise of each band at SD 1: float [bands, size, size // 2 + 1], its sum the mean square."""
    white = normal((size, size), 0, torch.arange(images), "calibration/noise")
    bands = [kernels.narrowband_noise(white, band) for band in range(kernels.band_count(size, size))]
    return torch.stack([_power(noise).mean(0) for noise in bands])


def _power(images: Tensor) -> Tensor:
    """Share of each frequency of `rfft2` in the mean square: [N, H, W] -> [N, H, W // 2 + 1], even W."""
    twice = torch.full((images.shape[-1] // 2 + 1,), 2.0)
    twice[[0, -1]] = 1  # all other columns stand for two frequencies
    return torch.fft.rfft2(images).abs().square() * twice / images[0].numel() ** 2


def two_classes(seed: int, count: int, size: int = 64, scale: float = 1.0) -> tuple[Tensor, Tensor, Observer, Tensor]:
    """Images, their classes, a linear classifier of them, and what it takes to change its answer.

    Its logits are scale * (w_k . (x - 0.5)), k = 0, 1. Within a change of eps per value the difference of the logits falls
    by at most eps * |w_y - w_other|_1: the image is misclassified as soon as eps exceeds margin / |w_y - w_other|_1.

    Returns:
        images float [count, 3, size, size] at least 0.3 inside [0, 1], so that the range never binds;
        labels int64 [count]; the classifier;
        float64 [count], the smallest change that misclassifies, as a fraction of 1; below 0 where it errs already.
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
