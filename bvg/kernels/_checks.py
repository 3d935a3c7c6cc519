"""The check of the images that every kernel takes: float [N, C, H, W] in [0, 1]."""

import torch
from torch import Tensor


def check_images(images: Tensor, channels: int | None = None) -> None:
    """Reject images of a wrong shape, type or range.

    The range is checked on CUDA too, but the host does not wait for the result: a wrong range fails some time later with
    torch's "device-side assert", after which the process cannot use the device.

    Args:
        images: float [N, C, H, W] in [0, 1].
        channels: the required C; None accepts any.

    Raises:
        ValueError: wrong shape or type or, on the CPU, a value outside [0, 1].
    """
    shape = f"[N, {channels or 'C'}, H, W]"
    if images.ndim != 4 or (channels and images.shape[1] != channels):
        raise ValueError(f"expected `images` to be {shape}, got {list(images.shape)}")
    if not images.is_floating_point():
        raise ValueError(f"expected `images` to be float in [0, 1], got {images.dtype} (divide by 255)")
    if not images.numel():
        return
    low, high = images.detach().aminmax()
    if images.device.type == "cuda":
        torch._assert_async((low >= 0) & (high <= 1), "expected `images` in [0, 1]")
    else:
        low, high = float(low), float(high)
        if not (low >= 0 and high <= 1):
            hint = " (are they normalized already?)" if low < 0 else ""
            hint = " (are they in 0..255? divide by 255)" if high > 2 else hint
            raise ValueError(f"expected `images` in [0, 1], got values from {low:.4g} to {high:.4g}{hint}")
