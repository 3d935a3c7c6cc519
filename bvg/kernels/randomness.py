"""Random numbers that depend only on the seed, the image and the condition.

With a stateful generator, the noise of an image would change with the batch size. Here every number is a pure function of a
counter: Philox-4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), computed with 64-bit integer
tensor operations, so that it is the same on every device and in every batch. The counter is (number of the block, index of
the image, two words that identify the stream); the key is the seed.
"""

import hashlib
import math
from collections.abc import Sequence
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_MIXED = 4  # rounds after which every word depends on the whole counter
_LOW = 0xFFFFFFFF


def philox(counter: Sequence[Tensor], key: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Compute four 32-bit words from a counter of four words: Philox-4x32-10.

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
        if (
            number == _MIXED
        ):  # all words have the full shape now: work in place from here on, which is three times as fast
            spare = [torch.empty_like(c0), torch.empty_like(c2)]
        # A signed 64-bit product wraps but has the bits of the unsigned product: shift, then mask. c1 and c3 stay unmasked;
        # their upper bits are masked together with the high word that they are mixed into.
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
    """Multiply words by a factor modulo 2 ** 64."""
    if words.device.type != "cpu":
        return torch.mul(words, factor, out=out)
    # NumPy takes less than half of torch's time.
    np.multiply(words.numpy(), factor, out=out.numpy())
    return out


def words(block: Tensor, seed: int, index: Tensor, stream: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Compute the four random words of each block of an image.

    Args:
        block: int64 in [0, 2**32), number of the block within the image; broadcasts with `index`.
        seed: integer in [0, 2**64).
        index: int64 in [0, 2**32), position of the image in its data set.
        stream: a name such as "pgd" or "critical-band/3/0.16"; different names give independent numbers.

    Returns:
        Four int64 tensors, values in [0, 2**32).
    """
    key, name = key_and_name(seed, stream)
    # Filled on the device: copying a number there would make the host wait.
    name = [torch.full((), number, dtype=torch.int64, device=block.device) for number in name]
    return philox((block, index.to(block.device), *name), key)


def key_and_name(seed: int, stream: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the key, two words of the seed, and the two words that identify a stream, each in [0, 2**32)."""
    check_seed(seed)
    digest = hashlib.blake2b(stream.encode(), digest_size=8).digest()
    name = int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")
    return (int(seed) & _LOW, int(seed) >> 32), name


def uniform(shape: Sequence[int], seed: int, index: Tensor, stream: str) -> Tensor:
    """Draw uniform numbers in [0, 1), of 24 bits each.

    Args:
        shape: shape of the numbers of one image.
        seed, stream: as in `words`.
        index: int64 [N], position of each image in its data set; its device is that of the result.

    Returns:
        float32 [N, *shape].
    """
    size, block = math.prod(shape), _blocks(shape, index)
    drawn = torch.cat(words(block, seed, index[:, None], stream), dim=1)[:, :size]
    return ((drawn >> 8).float() * 2.0**-24).reshape(len(index), *shape)


def normal(shape: Sequence[int], seed: int, index: Tensor, stream: str) -> Tensor:
    """Draw standard normal numbers of magnitude up to 6.7 (Box-Muller transform).

    Args:
        shape: shape of the numbers of one image.
        seed, stream: as in `words`.
        index: int64 [N], position of each image in its data set; its device is that of the result.

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
        # The argument of the logarithm is in (0, 1].
        radius = radius_word.float().add_(1).mul_(2.0**-32).log_().mul_(-2).sqrt_()
        angle = angle_word.float().mul_(2 * math.pi * 2.0**-32)
        torch.mul(angle.cos(), radius, out=half[:, 0])
        torch.mul(angle.sin_(), radius, out=half[:, 1])
    return drawn.flatten(1)[:, :size].reshape(len(index), *shape)


def image_index(index: Tensor | Sequence[int] | None, images: Tensor) -> Tensor:
    """Return `index` as int64 [N] on the device of `images`; None gives 0, 1, 2, …

    Raises:
        ValueError: `index` does not have one entry per image, does not hold integers or, on the CPU, is negative.
    """
    if index is None:
        return torch.arange(len(images), device=images.device)
    index = torch.as_tensor(index)
    if index.dtype.is_floating_point or index.dtype.is_complex or index.dtype == torch.bool:
        raise ValueError(f"expected `index` to hold integers, got {index.dtype}")
    if index.shape != images.shape[:1]:
        raise ValueError(f"expected `index` to have one entry per image, [{len(images)}], got {list(index.shape)}")
    # Only on the CPU: elsewhere, reading the result would wait for all queued work.
    if index.device.type == "cpu" and len(index) and int(index.min()) < 0:
        raise ValueError(f"expected `index` to be non-negative, got {int(index.min())}")
    return index.to(images.device, torch.int64)


def check_seed(seed: int) -> None:
    """Reject a seed that is not an integer in [0, 2**64)."""
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < 2**64:
        raise ValueError(f"expected `seed` to be an integer in [0, 2**64), got {seed!r}")


def _blocks(shape: Sequence[int], index: Tensor) -> Tensor:
    return torch.arange(-(-math.prod(shape) // 4), device=index.device)[None]
