"""The kernels in Triton, where a GPU can run them: `gpu_noise` and `gpu_filter`.

The functions in torch define the numbers. On CUDA these kernels give the same in fewer passes over memory; where Triton or its
compiler is missing, or gives other numbers, the functions in torch run there too.
"""

from __future__ import annotations

import logging
from functools import cache
from importlib import import_module
from types import ModuleType

import torch

LOG = logging.getLogger(__name__)
TOLERANCE = 1e-5


@cache
def gpu_kernels(name: str, device: torch.device) -> ModuleType | None:
    """Return a module of kernels if the device is a GPU and they give the numbers of torch there; log the reason if not."""
    if device.type != "cuda":
        return None
    try:
        kernels = import_module(f"bvg.kernels.{name}")
        apart = kernels.difference(device)
    except Exception as error:  # importing and compiling raise errors of many types
        kernels, apart = None, f"{type(error).__name__}: {error}"
    if kernels is not None and apart <= TOLERANCE:
        return kernels
    LOG.warning("making stimuli without the kernels of %s on %s, which takes longer: %s", name, device, apart)
    return None
