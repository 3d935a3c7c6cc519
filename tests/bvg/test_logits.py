"""Logits of a wrong type or shape are rejected; values that are not finite are found on every device."""

import pytest
import torch

from bvg.logits import check_logits, count_not_finite

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")),
]


@pytest.mark.parametrize("device", DEVICES)
def test_values_that_are_not_finite_are_counted_and_on_the_cpu_rejected(device):
    logits = torch.zeros(2, 3, device=device)
    check_logits(logits, 3, 2, "net")
    assert int(count_not_finite(logits)) == 0
    logits[1, :2] = torch.tensor([float("inf"), float("nan")])
    assert int(count_not_finite(logits)) == 2
    if device == "cpu":
        with pytest.raises(ValueError, match="expected finite logits of net, got NaN or infinity"):
            check_logits(logits, 3, 2, "net")
    else:
        check_logits(logits, 3, 2, "net")


def test_any_number_of_images_is_accepted_if_none_is_expected():
    for images in (0, 1, 7):
        check_logits(torch.zeros(images, 3, dtype=torch.bfloat16), 3)


@pytest.mark.parametrize(
    ("logits", "expected", "message"),
    [
        (torch.zeros(2, 10), (10, 3), r"expected logits \[3, 10\] of net, got \[2, 10\]$"),
        (torch.zeros(2, 1000), (16, 2), r"expected logits \[2, 16\] of net, got \[2, 1000\] \(.* of the miniature\)"),
        (torch.zeros(10), (10,), r"expected logits \[N, 10\] of net, got \[10\]"),
        (torch.tensor(1.0), (10,), r"expected logits \[N, 10\] of net, got \[\]"),
        (torch.zeros(2, 10, dtype=torch.int64), (10, 2), r"of net, got torch.int64 \[2, 10\]"),
        ([torch.zeros(2, 10)], (10, 2), "of net, got list"),
        (None, (10, 2), "of net, got NoneType"),
    ],
)
def test_a_wrong_type_or_shape_is_rejected(logits, expected, message):
    with pytest.raises(ValueError, match=message):
        check_logits(logits, *expected, of="net")
