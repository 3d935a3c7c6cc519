"""Random numbers: known answers of the generator, their distributions, and their independence."""

import pytest
import torch
from scipy import stats

from bvg.kernels.randomness import normal, philox, uniform


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # known answers of Random123 for philox4x32-10
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_published_words(counter, key, expected):
    words = philox([torch.tensor(word) for word in counter], key)
    assert " ".join(f"{int(word):08x}" for word in words) == expected


def test_normal_numbers_follow_the_normal_distribution():
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


def test_uniform_numbers_follow_the_uniform_distribution():
    drawn = uniform((100_001,), seed=1, index=torch.tensor([4]), stream="test")
    assert drawn.shape == (1, 100_001)
    assert 0 <= drawn.min() < drawn.max() < 1
    assert stats.kstest(drawn[0].numpy(), "uniform").pvalue > 0.01


@pytest.mark.parametrize("change", [{"seed": 1 << 32}, {"stream": "other"}, {"index": torch.tensor([1])}], ids=str)
def test_numbers_of_other_seeds_streams_and_images_are_independent(change):
    first = {"seed": 0, "stream": "test", "index": torch.tensor([0])}
    one, other = normal((50_000,), **first)[0], normal((50_000,), **(first | change))[0]
    assert abs(torch.corrcoef(torch.stack([one, other]))[0, 1]) < 0.02
