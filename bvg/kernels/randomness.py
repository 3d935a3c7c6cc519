"""Random numbers that depend on the seed, the image and the condition, and on nothing else.

A generator with a state gives image 7 another noise when the batch size changes. Here every number is a pure
function of its counter: Philox-4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011),
written in 64-bit integer tensor operations, so that the words are the same on any device and in any batch.
The counter is (number of the block, image index, two words that name the stream), the key is the seed.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from functools import cache
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_MIXED = 4  # rounds after which each word depends on the whole counter
_LOW = 0xFFFFFFFF


def philox(counter: Sequence[Tensor], key: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Four 32-bit words from a counter of four 32-bit words and a key of two: Philox-4x32-10.

    Args:
        counter: four int64 tensors that broadcast together, values in [0, 2**32).
        key: two integers in [0, 2**32).

    Returns:
        Four int64 tensors of the broadcast shape, values in [0, 2**32).

    >>> zero = torch.zeros((), dtype=torch.int64)
    >>> [f"{int(word):08x}" for word in philox((zero, zero, zero, zero), (0, 0))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    spare: list[Tensor] = []
    for number in range(_ROUNDS):
        if number == _MIXED:  # from here on in place, in a third of the time: all words have the full shape now
            spare = [torch.empty_like(c0), torch.empty_like(c2)]
        # A signed 64-bit product wraps, but its 64 bits are those of the unsigned one: shift, then mask. The low words
        # c1 and c3 stay unmasked: what is above their 32 bits is masked with the high word that they are mixed into.
        if spare:
            p0, p1 = _times(c0, _MULTIPLIERS[0], spare[0]), _times(c2, _MULTIPLIERS[1], spare[1])
            torch.bitwise_right_shift(p1, 32, out=c0).bitwise_xor_(c1).bitwise_xor_(k0).bitwise_and_(_LOW)
            torch.bitwise_right_shift(p0, 32, out=c2).bitwise_xor_(c3).bitwise_xor_(k1).bitwise_and_(_LOW)
            spare = [c1, c3]
        else:
            p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
            c0, c2 = ((p1 >> 32) ^ c1 ^ k0) & _LOW, ((p0 >> 32) ^ c3 ^ k1) & _LOW
        c1, c3 = p1, p0
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return c0, c1.bitwise_and_(_LOW), c2, c3.bitwise_and_(_LOW)


def _times(words: Tensor, factor: int, out: Tensor) -> Tensor:
    """The products of 64-bit words and a factor, modulo 2 ** 64; on a CPU by NumPy, in less than half of torch's time."""
    if words.device.type != "cpu":
        return torch.mul(words, factor, out=out)
    np.multiply(words.numpy(), factor, out=out.numpy())
    return out


def words(block: Tensor, seed: int, index: Tensor, stream: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The four random words of each block of an image's stream.

    Args:
        block: int64, values in [0, 2**32): the number of the block within the image; broadcasts with `index`.
        seed: integer in [0, 2**64).
        index: int64, values in [0, 2**32): position of the image in its data set.
        stream: a name; other names give independent numbers ("pgd", "critical-band/3/0.16").

    Returns:
        Four int64 tensors, values in [0, 2**32).
    """
    check_seed(seed)
    digest = hashlib.blake2b(stream.encode(), digest_size=8).digest()
    # Filled in on the device: a number that is copied there would make the host wait.
    numbers = [int.from_bytes(part, "little") for part in (digest[:4], digest[4:])]
    name = [torch.full((), number, dtype=torch.int64, device=block.device) for number in numbers]
    return _mixer(block.device.type)((block, index.to(block.device), *name), (int(seed) & _LOW, int(seed) >> 32))


@cache
def _mixer(device: str) -> Callable:
    """`philox`; on a GPU as one kernel, where each of its hundred steps would go through memory, if it gives the same words."""
    if device != "cuda":
        return philox
    fused = torch.compile(philox, dynamic=True)
    return fused if _agree(fused, torch.device(device)) else philox


def _agree(fused: Callable, device: torch.device) -> bool:
    """Whether another form of `philox` gives its words, asked once for a device; a compiler may be missing, or be wrong."""
    word = torch.full((), 77, dtype=torch.int64, device=device)
    counter = (torch.arange(1000, device=device)[None], torch.arange(5, device=device)[:, None], word, word)
    try:
        return all(map(torch.equal, fused(counter, (1, 2)), philox(counter, (1, 2))))
    except Exception:
        return False


def uniform(shape: Sequence[int], seed: int, index: Tensor, stream: str) -> Tensor:
    """Uniform numbers in [0, 1), 24 bits each.

    Args:
        shape: shape of one image's numbers.
        seed, stream: as in `words`.
        index: int64 [N], position of each image in its data set; the numbers are made on its device.

    Returns:
        float32 [N, *shape].
    """
    size, block = math.prod(shape), _blocks(shape, index)
    drawn = torch.cat(words(block, seed, index[:, None], stream), dim=1)[:, :size]
    return ((drawn >> 8).float() * 2.0**-24).reshape(len(index), *shape)


def normal(shape: Sequence[int], seed: int, index: Tensor, stream: str) -> Tensor:
    """Standard normal numbers by the Box-Muller transform, of magnitude up to 6.7.

    Args:
        shape: shape of one image's numbers.
        seed, stream: as in `words`.
        index: int64 [N], position of each image in its data set; the numbers are made on its device.

    Returns:
        float32 [N, *shape].

    >>> normal((2,), 0, torch.tensor([7, 8]), "example") == normal((2,), 0, torch.tensor([8, 7]), "example").flip(0)
    tensor([[True, True],
            [True, True]])
    """
    size, block = math.prod(shape), _blocks(shape, index)
    w0, w1, w2, w3 = words(block, seed, index[:, None], stream)
    drawn = w0.new_empty((len(index), 4, block.shape[1]), dtype=torch.float32)
    for half, (radius_word, angle_word) in zip(drawn.split(2, dim=1), ((w0, w1), (w2, w3)), strict=True):
        # In (0, 1]: the logarithm is finite.
        radius = radius_word.float().add_(1).mul_(2.0**-32).log_().mul_(-2).sqrt_()
        angle = angle_word.float().mul_(2 * math.pi * 2.0**-32)
        torch.mul(angle.cos(), radius, out=half[:, 0])
        torch.mul(angle.sin_(), radius, out=half[:, 1])
    return drawn.flatten(1)[:, :size].reshape(len(index), *shape)


def image_index(index: Tensor | Sequence[int] | None, images: Tensor) -> Tensor:
    """`index` as int64 [N] on the device of `images`; 0, 1, 2, … where it is None.

    Raises:
        ValueError: `index` has not one entry per image, or is not of integers, or is negative.
    """
    if index is None:
        return torch.arange(len(images), device=images.device)
    index = torch.as_tensor(index)
    if index.dtype.is_floating_point or index.dtype.is_complex or index.dtype == torch.bool:
        raise ValueError(f"expected `index` to hold integers, got {index.dtype}")
    if index.shape != images.shape[:1]:
        raise ValueError(f"expected `index` to have one entry per image, [{len(images)}], got {list(index.shape)}")
    # Only where it is free: on an accelerator the comparison would wait for all the work queued before it.
    if index.device.type == "cpu" and len(index) and int(index.min()) < 0:
        raise ValueError(f"expected `index` to be non-negative, got {int(index.min())}")
    return index.to(images.device, torch.int64)


def check_seed(seed: int) -> None:
    """Refuse a seed that is no integer in [0, 2**64)."""
    if not isinstance(seed, Integral) or not 0 <= seed < 2**64:
        raise ValueError(f"expected `seed` to be an integer in [0, 2**64), got {seed!r}")


def _blocks(shape: Sequence[int], index: Tensor) -> Tensor:
    return torch.arange(-(-math.prod(shape) // 4), device=index.device)[None]
