"""Fast inference in a named precision: fp32, tf32, fp16 or bf16.

fp32 is the reference. The study's authors ran tf32, PyTorch's default for convolutions on CUDA; it keeps 10 mantissa bits.
fp16 is the fastest. `bvg.bench` measures how many decisions differ from fp32 (the book's page "Performance").
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call

from bvg.models.fused import JoinedConvolution, PaddedConvolution, fold_batch_norms, join_relus, pad_first_layers

PRECISIONS = ("fp32", "tf32", "fp16", "bf16")
_HALF = {"fp16": torch.float16, "bf16": torch.bfloat16}

PAYS = 200_000
"""Evaluated images from which compiling a model saves more time than it takes on a GPU (at most a minute)."""

log = logging.getLogger(__name__)


def check_precision(precision: str, device: torch.device | None = None) -> None:
    """Check that a precision exists and that the device, if given, has it.

    Raises:
        ValueError: the name is unknown, or is tf32 on a device other than CUDA.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"expected `precision` to be one of {', '.join(PRECISIONS)}, got {precision!r}")
    if precision == "tf32" and device is not None and device.type != "cuda":
        raise ValueError(f"expected a CUDA device for precision tf32, got {device.type} (use fp32)")


@contextmanager
def arithmetic(precision: str) -> Iterator[None]:
    """Set torch's options for matrix products and convolutions within the block.

    TF32 is on only for tf32. cuDNN chooses its algorithms by rule, not by timing, so a repeated run on the same device
    gives the same numbers.
    """
    before = torch.backends.cuda.matmul.allow_tf32
    tf32 = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = tf32
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=tf32):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


class Answer:
    """A network as a function from float32 images to float32 logits, in a named precision.

    Attributes:
        module: the network as it was loaded, if it is kept; its parameters can be replaced (see `replaced`).
    """

    def __init__(
        self, network: Callable[[Tensor], Tensor], dtype: torch.dtype | None, module: nn.Module | None
    ) -> None:
        self._network, self._dtype, self.module = network, dtype, module

    def __call__(self, images: Tensor) -> Tensor:
        """Return the logits of images, float [N, 3, H, W] in [0, 1]."""
        return self._logits(self._network, images)

    def replaced(self, parameters: Mapping[str, Tensor], images: Tensor) -> Tensor:
        """Return the logits that the module gives with other values of some parameters, by name; it is not changed.

        Raises:
            ValueError: the module was not kept.
        """
        if self.module is None:
            raise ValueError(
                "expected a network that was kept as a module, got one without: call `answering` with keep=True"
            )
        return self._logits(lambda x: functional_call(self.module, dict(parameters), (x,)), images)

    def _logits(self, network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, dtype=self._dtype, enabled=self._dtype is not None):
            logits = network(images.clone())  # a network may change its input, which others evaluate next
        return logits.float() if isinstance(logits, Tensor) else logits


def answering(model: Callable[[Tensor], Tensor], precision: str, compiled: bool = False, keep: bool = False) -> Answer:
    """Return a function from float32 images to float32 logits in a named precision.

    A network that torch can trace runs in an equivalent, faster form (see `faster`). autocast computes convolutions and
    matrix products in half precision for fp16 and bf16, and everything else in float32.

    Args:
        model: in evaluation mode; it is not changed. It runs as it is if it is not a module, cannot be traced, or returns
            other logits in its traced form.
        precision: one of `PRECISIONS`.
        compiled: pass the network through torch.compile; see `PAYS`. Its first batch takes seconds, and so does a larger one.
        keep: keep the module, for `Answer.replaced`; this takes the memory of its parameters once more.
    """
    dtype = _HALF.get(precision)
    network = faster(model, dtype) if isinstance(model, nn.Module) else model
    if compiled:
        network = _one_size(torch.compile(network, dynamic=False))
    return Answer(network, dtype, model if keep and isinstance(model, nn.Module) else None)


def _one_size(network: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Fill smaller batches up to the largest one so far, since each size would be compiled anew."""
    largest = 0

    def answer(images: Tensor) -> Tensor:
        nonlocal largest
        number, largest = len(images), max(largest, len(images))
        if number == largest:
            return network(images)
        return network(torch.cat([images, images[-1:].expand(largest - number, -1, -1, -1)]))[:number]

    return answer


def faster(model: nn.Module, half: torch.dtype | None = None) -> nn.Module:
    """Return an equivalent network that takes less time.

    Batch norms are folded into the convolutions before them; on CUDA, ReLUs and residual sums too (`bvg.models.fused`).
    Memory is channels-last. With `half`, the weights of convolutions and linear layers are stored in half precision; autocast
    would convert them at every call.

    Args:
        model: in evaluation mode; it is not changed.
        half: float16 or bfloat16, for use under torch's autocast; None keeps float32.

    Returns:
        A copy in that form. The model itself if it cannot be traced, or if the copy, in float32, differs from it on noise
        by more than one part in a thousand (tracing freezes random numbers and branches).
    """
    copy = _rewritten(model)
    if copy is None:
        return model
    copy = copy.to(memory_format=torch.channels_last)
    if half is not None:
        for layer in copy.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear | JoinedConvolution | PaddedConvolution):
                layer.to(half)
    return copy


def _rewritten(model: nn.Module) -> nn.Module | None:
    """Return the first rewritten copy of a network that returns its logits; None if there is no such copy."""
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    forms = [fold_batch_norms]
    if device.type == "cuda":
        forms.insert(0, lambda network: pad_first_layers(join_relus(fold_batch_norms(network))))
    name, reason = type(model).__name__, "its traced form returns other logits"
    for form in forms:
        try:
            copy = form(model).eval().requires_grad_(False)
        except Exception as error:  # tracing runs the model's own code, which may raise any error
            reason = f"torch cannot trace it: {error}"
            continue
        if _equivalent(model, copy, device):
            return copy
    log.info("%s runs as it is, because %s", name, reason)
    return None


def _equivalent(model: nn.Module, copy: nn.Module, device: torch.device) -> bool:
    """Return whether two networks agree on two images of noise, at the first size that both take."""
    for size in (224, 64):
        noise = torch.rand((2, 3, size, size), generator=torch.Generator().manual_seed(0)).to(device)
        try:
            with torch.inference_mode():
                expected, got = model(noise.clone()), copy(noise.clone())
        except RuntimeError as error:
            log.info("%s does not take images of %d px: %s", type(model).__name__, size, error)
            continue
        if not isinstance(expected, Tensor):
            return False
        return bool((got - expected).abs().max() <= 1e-3 * expected.abs().max())
    return False
