"""The arithmetic of a measurement, by name (fp32, tf32, fp16, bf16), and networks made ready to run fast in it.

fp32 is the reference. tf32 is what the study's authors ran, since PyTorch's convolutions use it on CUDA unless told otherwise;
fp16 is the fast one. How far each is from fp32, in decisions, is measured by `bvg.bench` and shown on the book's page
"Performance".
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

PRECISIONS = ("fp32", "tf32", "fp16", "bf16")
_HALF = {"fp16": torch.float16, "bf16": torch.bfloat16}

PAYS = 200_000
"""Images shown to a model from which on compiling it, a minute at most, is repaid on a GPU."""


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


def answering(model: Callable[[Tensor], Tensor], precision: str, compiled: bool = False) -> Callable[[Tensor], Tensor]:
    """The model as a function from float32 images to float32 logits, computing in between in the precision named.

    A network whose computation torch can trace is run in an equal form that is faster: batch norms folded into the
    convolutions before them, pixels' channels side by side in memory (channels-last), and for fp16 and bf16 the weights
    of convolutions and linear layers stored in half precision, where torch's autocast would convert them at every call.
    The rest is autocast's: convolutions and matrix products in half precision, the rest in float32.

    Args:
        model: in evaluation mode; it is not changed. Anything but a module, and a module that cannot be traced or whose
            traced form answers otherwise, is run as it is.
        precision: one of `PRECISIONS`.
        compiled: pass the network through torch.compile, with CUDA graphs on a GPU; see `PAYS`.
    """
    dtype = _HALF.get(precision)
    network = faster(model, dtype) if isinstance(model, nn.Module) else model
    if compiled:
        network = torch.compile(network, dynamic=False, mode="reduce-overhead")

    def answer(images: Tensor) -> Tensor:
        if compiled:  # a graph's output is overwritten by its next run
            torch.compiler.cudagraph_mark_step_begin()
        with torch.autocast(images.device.type, dtype=dtype, enabled=dtype is not None):
            logits = network(images)
        if not isinstance(logits, Tensor):
            return logits
        return logits.float().clone() if compiled else logits.float()

    return answer


def faster(model: nn.Module, half: torch.dtype | None = None) -> nn.Module:
    """A network that computes the same in less time: batch norms folded, channels-last, weights in `half` where given.

    Args:
        model: in evaluation mode; it is not changed.
        half: float16 or bfloat16, for use under torch's autocast; None keeps float32.

    Returns:
        A copy in that form; the model itself where it cannot be traced, or where the copy, in float32, answers otherwise
        than the model on a probe (one part in a thousand: random numbers or branches that tracing has frozen show there).
    """
    from torch.fx.experimental.optimization import fuse

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            copy = fuse(model).eval().requires_grad_(False)
    except Exception:  # tracing runs the model's own code, which may raise anything
        return model
    parameter = next(copy.parameters(), None)
    if parameter is None or not _alike(model, copy, parameter.device):
        return model
    copy = copy.to(memory_format=torch.channels_last)
    if half is not None:
        for layer in copy.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.to(half)
    return copy


def _alike(model: nn.Module, copy: nn.Module, device: torch.device) -> bool:
    """Whether two networks answer the same to two probes of noise, at one of the sizes in use."""
    for size in (224, 64):
        noise = torch.rand((2, 3, size, size), generator=torch.Generator().manual_seed(0)).to(device)
        try:
            with torch.inference_mode():
                expected, got = model(noise), copy(noise)
        except RuntimeError:  # made for another size
            continue
        if not isinstance(expected, Tensor):
            return False
        return bool((got - expected).abs().max() <= 1e-3 * expected.abs().max())
    return False
