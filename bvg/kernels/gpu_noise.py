"""Critical-band noise on a GPU in few passes over memory: kernels in Triton of what `randomness` and `critical_band` define.

Each function gives the numbers of its reference, except for the last bits, where the compiler joins a product and a sum. The
order of additions does not depend on the batch.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.language.extra import libdevice

from bvg.kernels.randomness import key_and_name

BLOCK = 1024


def add_noise(image: Tensor, sd: float, level: int, levels: int, margin: float, seed: int, index: Tensor, stream: str):
    """Add narrow-band noise to grey images: what `critical_band` computes step by step.

    Args:
        image: float32 [N, H, W].
        sd: SD of the white noise.
        level, levels: level of the Laplacian pyramid, 0 for the finest, and the number of levels.
        margin: distance from 0 or 1 of a pixel that is moved.
        seed, index, stream: of the random numbers.

    Returns:
        float32 [N, H, W] in [0, 1].
    """
    image = image.contiguous()
    white = normal(image[0].numel(), counter(seed, stream, image.device), index, sd).view(image.shape)
    gaussian = [white]
    for _ in range(min(level + 1, levels - 1)):
        gaussian.append(halve(gaussian[-1]))
    noise = finest = double(gaussian[1], *image.shape[1:], white)
    if level:
        noise = gaussian[level]
        if level + 1 < levels:
            noise = double(gaussian[level + 1], *noise.shape[1:], noise)
        for larger in reversed(gaussian[:level]):
            noise = double(noise, *larger.shape[1:])
    redraws = counter(seed, stream + "/redrawn", image.device)
    return add_within_range(image, noise, power_ratio(finest, noise), sd, margin, redraws, index)


def difference(device: torch.device) -> float:
    """Return the largest difference of the white noise and of its lowest band from those in torch, on a small example."""
    from bvg.kernels import randomness
    from bvg.kernels.critical_band import narrowband_noise

    with torch.inference_mode():
        index = torch.tensor([3, 5]).to(device)
        white = randomness.normal((64, 64), 1, index, "example")
        grey = torch.full_like(white, 0.5)
        expected = grey + narrowband_noise(white * 0.01, 0)
        drawn = normal(64 * 64, counter(1, "example", device), index, 1.0).view_as(white)
        got = add_noise(grey, 0.01, 4, 5, 0.1, 1, index, "example")
        return max(float((drawn - white).abs().max()), float((got - expected).abs().max()))


@lru_cache(maxsize=256)
def counter(seed: int, stream: str, device: torch.device) -> Tensor:
    """Return the words that all images share, as `normal` takes them. They are copied once; the host does not wait."""
    with torch.inference_mode(False):  # a cached tensor must work in any mode
        (low, high), name = key_and_name(seed, stream)
        words = torch.tensor([low, high, *name])
        return words.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else words.to(device)


def normal(size: int, counter: Tensor, index: Tensor, sd: float) -> Tensor:
    """Draw normal numbers: those of `randomness.normal`, times `sd`.

    Args:
        size: how many per image.
        counter: int64 [4]: the low and the high word of the seed, and the two words that identify the stream.
        index: int64 [N], position of each image in its data set.
        sd: their standard deviation.

    Returns:
        float32 [N, size].
    """
    drawn = index.new_empty((len(index), size), dtype=torch.float32)
    blocks = triton.cdiv(size, 4)
    _normal[triton.cdiv(blocks, BLOCK), len(index)](drawn, counter, index, sd, size, blocks, BLOCK)
    return drawn


@triton.jit
def _draw(counter, index, block):
    """Return the four words of the blocks of an image."""
    seed = (tl.load(counter + 1).to(tl.uint64) << 32) | tl.load(counter).to(tl.uint64)
    zero = (block * 0).to(tl.uint32)
    image = zero + tl.load(index).to(tl.uint32)
    low, high = zero + tl.load(counter + 2).to(tl.uint32), zero + tl.load(counter + 3).to(tl.uint32)
    return tl.philox(seed, block.to(tl.uint32), image, low, high)


@triton.jit
def _normal(drawn, counter, index, sd, size, blocks, BLOCK: tl.constexpr):
    image = tl.program_id(1).to(tl.int64)
    block = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    w0, w1, w2, w3 = _draw(counter, index + image, block)
    out = drawn + image * size
    _pair(out, w0, w1, sd, block, blocks, size)
    _pair(out + 2 * blocks, w2, w3, sd, block, blocks, size - 2 * blocks)


@triton.jit
def _pair(out, radius_word, angle_word, sd, block, blocks, room):
    """Write two numbers of each block (Box-Muller), `blocks` places apart, where there is room."""
    radius = tl.sqrt_rn(-2.0 * tl.log((radius_word.to(tl.float32) + 1.0) * 2.3283064365386963e-10))
    angle = angle_word.to(tl.float32) * 1.4629180792671596e-09
    tl.store(out + block, tl.cos(angle) * radius * sd, mask=(block < blocks) & (block < room))
    tl.store(out + blocks + block, tl.sin(angle) * radius * sd, mask=(block < blocks) & (blocks + block < room))


def halve(image: Tensor) -> Tensor:
    """Apply the low-pass of the pyramid, keep every other pixel: float32 [N, H, W] -> [N, (H + 1) // 2, (W + 1) // 2]."""
    number, height, width = image.shape
    out = image.new_empty(number, (height + 1) // 2, (width + 1) // 2)
    _halve[triton.cdiv(out[0].numel(), BLOCK), number](out, image, height, width, *out.shape[1:], BLOCK)
    return out


@triton.jit
def _reflected(place, size):
    place = tl.abs(place)
    return tl.where(place < size, place, 2 * size - 2 - place)


@triton.jit
def _halve(out, image, height, width, down, across, BLOCK: tl.constexpr):
    number = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = pixel < down * across
    row, column = 2 * (pixel // across), 2 * (pixel % across)
    image += number * height * width
    total = tl.zeros([BLOCK], tl.float32)
    for j in tl.static_range(5):
        here = _reflected(column + (j - 2), width)
        line = tl.zeros([BLOCK], tl.float32)
        for i in tl.static_range(5):
            there = _reflected(row + (i - 2), height)
            weight = 0.375 if i == 2 else (0.25 if i % 2 else 0.0625)
            line += weight * tl.load(image + there * width + here, mask=inside, other=0.0)
        weight = 0.375 if j == 2 else (0.25 if j % 2 else 0.0625)
        total += weight * line
    tl.store(out + number * down * across + pixel, total, mask=inside)


def double(image: Tensor, height: int, width: int, base: Tensor | None = None) -> Tensor:
    """Put zeros between the pixels, then apply twice the low-pass: [N, h, w] -> [N, height, width]; or `base` minus that."""
    out = image.new_empty(len(image), height, width)
    grid = triton.cdiv(height * width, BLOCK), len(image)
    _double[grid](out, image, out if base is None else base, height, width, *image.shape[1:], base is not None, BLOCK)
    return out


@triton.jit
def _tap(place, size, count, k):
    """Return the source and the weight of tap k, 0 … 2, of a pixel of the doubled image."""
    source = place // 2 + (k - 1)
    last = (
        count - 1 if size % 2 == 0 else count - 2
    )  # the reflected line, with its zeros, ends in a zero if the size is even
    source = tl.where(source < count, tl.abs(source), last)
    even = 0.75 if k == 1 else 0.125
    odd = 0.0 if k == 0 else 0.5
    return source, tl.where(place % 2 == 0, even, odd)


@triton.jit
def _double(out, image, base, height, width, down, across, MINUS: tl.constexpr, BLOCK: tl.constexpr):
    number = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = pixel < height * width
    row, column = pixel // width, pixel % width
    image += number * down * across
    total = tl.zeros([BLOCK], tl.float32)
    for i in tl.static_range(3):
        there, weight = _tap(row, height, down, i)
        line = tl.zeros([BLOCK], tl.float32)
        for j in tl.static_range(3):
            here, share = _tap(column, width, across, j)
            line += share * tl.load(image + there * across + here, mask=inside, other=0.0)
        total += weight * line
    place = number * height * width + pixel
    if MINUS:
        total = tl.load(base + place, mask=inside, other=0.0) - total
    tl.store(out + place, total, mask=inside)


def power_ratio(finest: Tensor, band: Tensor) -> Tensor:
    """Compute RMS(finest) / RMS(band) of each image: float32 [N, H, W] -> [N]; 0 for a band without power."""
    out = finest.new_empty(len(finest))
    _power_ratio[len(finest),](out, finest.contiguous(), band.contiguous(), finest[0].numel(), 4 * BLOCK)
    return out


@triton.jit
def _power_ratio(out, finest, band, size, BLOCK: tl.constexpr):
    number = tl.program_id(0).to(tl.int64)
    above, below = tl.zeros([BLOCK], tl.float32), tl.zeros([BLOCK], tl.float32)
    for start in range(0, size, BLOCK):
        pixel = start + tl.arange(0, BLOCK)
        one = tl.load(finest + number * size + pixel, mask=pixel < size, other=0.0)
        other = tl.load(band + number * size + pixel, mask=pixel < size, other=0.0)
        above += one * one
        below += other * other
    power = tl.sum(below)
    ratio = tl.sqrt_rn(tl.sum(above) / tl.where(power > 0, power, 1.0))
    tl.store(out + number, tl.where(power > 0, ratio, 0.0))


def add_within_range(
    image: Tensor, noise: Tensor, scale: Tensor, sd: float, margin: float, counter: Tensor, index: Tensor
) -> Tensor:
    """Add noise times `scale` to images and move what leaves [0, 1]: steps 2 and 3 of `critical_band.critical_band`.

    Args:
        image, noise: float32 [N, H, W].
        scale: float32 [N].
        sd: SD of redrawn noise.
        margin: distance from 0 or 1 of a pixel that is moved.
        counter, index: as for `normal`, of the stream of redrawn numbers.

    Returns:
        float32 [N, H, W] in [0, 1].
    """
    out, size = image.new_empty(image.shape), image[0].numel()
    grid = triton.cdiv(size, BLOCK), len(image)
    _add_within_range[grid](out, image, noise, scale, sd, margin, counter, index, size, BLOCK)
    return out


@triton.jit
def _add_within_range(out, image, noise, scale, sd, margin, counter, index, size, BLOCK: tl.constexpr):
    number = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = pixel < size
    place = number * size + pixel
    kept = tl.load(image + place, mask=inside, other=0.5)
    added = tl.load(noise + place, mask=inside, other=0.0) * tl.load(scale + number)
    total = kept + added
    below, above = total < 0, total > 1
    stuck = (below | above) & (tl.abs(added) > 1 - margin)
    total = tl.where(below, margin, tl.where(above, 1 - margin, total))
    if tl.max(stuck.to(tl.int32)) > 0:
        word = _draw(counter, index + number, pixel)[0]
        lowest, highest = libdevice.normcdf(-kept / sd), libdevice.normcdf((1 - kept) / sd)
        quantile = lowest + (highest - lowest) * ((word.to(tl.float32) + 0.5) * 2.3283064365386963e-10)
        redrawn = kept + sd * libdevice.normcdfinv(quantile)
        total = tl.where(stuck, tl.minimum(tl.maximum(redrawn, 0.0), 1.0), total)
    tl.store(out + place, total, mask=inside)
