"""The arithmetic of a measurement, by name: fp32, tf32, fp16, bf16."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

PRECISIONS = ("fp32", "tf32", "fp16", "bf16")
_HALF = {"fp16": torch.float16, "bf16": torch.bfloat16}


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse a precision that does not exist, or that the device does not have.

    Raises:
        ValueError: an unknown name, or tf32 on a device other than CUDA.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"expected `precision` to be one of {', '.join(PRECISIONS)}, got {precision!r}")
    if precision == "tf32" and device.type != "cuda":
        raise ValueError(f"expected a CUDA device for precision tf32, got {device.type} (use fp32)")


@contextmanager
def arithmetic(precision: str) -> Iterator[None]:
    """Set torch's switches for matrix products and convolutions, and set them back afterwards.

    TF32 is on for tf32 alone. cuDNN chooses its algorithms by rule, not by a race of timings, so that a run that is
    repeated on the same device gives the same numbers.
    """
    before = torch.backends.cuda.matmul.allow_tf32
    tf32 = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = tf32
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=tf32):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def answering(model: Callable[[Tensor], Tensor], precision: str) -> Callable[[Tensor], Tensor]:
    """The model as a function from float32 images to float32 logits, computing in between in the precision named.

    For fp16 and bf16 this is torch's autocast: convolutions and matrix products in half precision, the rest in float32.
    """
    dtype = _HALF.get(precision)

    def answer(images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, dtype=dtype, enabled=dtype is not None):
            logits = model(images)
        return logits.float() if isinstance(logits, Tensor) else logits

    return answer
