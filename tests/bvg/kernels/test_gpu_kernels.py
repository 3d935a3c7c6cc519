"""Test the Triton kernels without a GPU: compiled for one, and run by Triton's interpreter against the functions in torch."""

import os
import subprocess
import sys

import pytest
import torch

from bvg.kernels import _gpu

triton = pytest.importorskip("triton", reason="needs Triton, which comes with torch on Linux")

POINTER, NUMBER, COUNT, WORD = "*fp32", "fp32", "i32", "*i64"
SIGNATURES = {
    ("gpu_noise", "_normal"): (POINTER, WORD, WORD, NUMBER, COUNT, COUNT),
    ("gpu_noise", "_halve"): (POINTER, POINTER, COUNT, COUNT, COUNT, COUNT),
    ("gpu_noise", "_double"): (POINTER, POINTER, POINTER, COUNT, COUNT, COUNT, COUNT),
    ("gpu_noise", "_power_ratio"): (POINTER, POINTER, POINTER, COUNT),
    ("gpu_noise", "_add_within_range"): (POINTER, POINTER, POINTER, POINTER, NUMBER, NUMBER, WORD, WORD, COUNT),
    ("gpu_filter", "_masked"): (POINTER, POINTER, POINTER, COUNT, COUNT, COUNT, NUMBER),
    ("gpu_filter", "_low_and_high"): (POINTER, POINTER, POINTER, COUNT),
}


@pytest.mark.parametrize(("module", "kernel"), SIGNATURES)
@pytest.mark.parametrize("capability", [80, 90])
def test_each_kernel_compiles_for_a_gpu(module, kernel, capability, tmp_path, monkeypatch):
    from importlib import import_module

    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    function = getattr(import_module(f"bvg.kernels.{module}"), kernel)
    types = SIGNATURES[module, kernel]
    names = function.arg_names
    constants = {"BLOCK": 1024} | ({"MINUS": True} if "MINUS" in names else {})
    signature = dict(zip(names, types, strict=False)) | dict.fromkeys(constants, "constexpr")
    assert len(signature) == len(names)
    compiled = triton.compile(ASTSource(function, signature, constants), GPUTarget("cuda", capability, 32))
    assert f"sm_{capability}" in compiled.asm["ptx"]


INTERPRETED = """
import sys, torch
from bvg.kernels import gpu_filter, gpu_noise, randomness
critical_band, bandpass = sys.modules["bvg.kernels.critical_band"], sys.modules["bvg.kernels.bandpass"]
torch.manual_seed(0)
index = torch.tensor([3, 2**31 + 5])
apart = {"difference": max(gpu_noise.difference(index.device), gpu_filter.difference(index.device))}
for seed in (2**64 - 1,):
    for shape in ((13, 7), (64, 64)):
        words = gpu_noise.counter(seed, "some/stream", index.device)
        drawn = gpu_noise.normal(shape[0] * shape[1], words, index, 0.16).view(2, *shape)
        expected = randomness.normal(shape, seed, index, "some/stream") * 0.16
        apart[f"normal {seed} {shape}"] = (drawn - expected).abs().max().item()
for height, width in ((64, 64), (33, 20), (7, 5), (14, 50)):
    image = torch.randn(2, height, width)
    small = critical_band._halve(image).contiguous()
    apart[f"halve {height} {width}"] = (gpu_noise.halve(image) - small).abs().max().item()
    double = critical_band._double(small, image)
    apart[f"double {height} {width}"] = (gpu_noise.double(small, height, width) - double).abs().max().item()
for height, width in ((64, 64), (50, 70)):
    images = torch.rand(2, 3, height, width)
    grey, count = critical_band.low_contrast_grey(images), critical_band.band_count(height, width)
    for band in range(count):
        got = gpu_noise.add_noise(grey, 0.16, count - 1 - band, count, 0.1, 9, index, f"critical-band/{band}/0.16")
        expected = critical_band.critical_band(images, 0.16, band, 9, index)[:, 0]
        apart[f"critical band {height} {width} {band}"] = (got - expected).abs().max().item()
flat = torch.zeros(2, 8, 9)
flat[1] = 0.25
apart["no power"] = (gpu_noise.power_ratio(flat + 1, flat) - torch.tensor([0.0, 5.0])).abs().max().item()
images = torch.rand(2, 3, 32, 30)
for square in ((5, 3), (16, 15), (0, 0)):
    mask = bandpass._mask(square, 32, 30, images.device)
    part = gpu_filter.masked(torch.fft.rfft2(images), mask, 1 / (32 * 30))
    got = gpu_filter.low_and_high(images, torch.fft.irfft2(part, s=(32, 30), norm="forward"))
    expected = bandpass._inside(torch.fft.rfft2(images), square, (32, 30))
    for kind, one, other in zip(("low", "high"), got, (expected, images - expected)):
        apart[f"{kind} {square}"] = (one - other.clamp(0, 1)).abs().max().item()
import json; print(json.dumps(apart))
"""


def test_the_interpreted_kernels_give_the_numbers_of_torch():
    import json

    environment = os.environ | {"TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    apart = json.loads(done.stdout)
    assert len(apart) > 20
    assert max(apart.values()) < 1e-6, apart


def test_the_cpu_runs_the_functions_in_torch():
    assert _gpu.gpu_kernels("gpu_noise", torch.device("cpu")) is None


@pytest.mark.parametrize(
    ("difference", "reason"),
    [(lambda device: 0.5, "0.5"), (lambda device: 1 / 0, "ZeroDivisionError: division by zero")],
)
def test_kernels_that_fail_or_give_other_numbers_are_not_used(monkeypatch, caplog, difference, reason):
    from bvg.kernels import gpu_noise

    monkeypatch.setattr(gpu_noise, "difference", difference)
    _gpu.gpu_kernels.cache_clear()
    assert _gpu.gpu_kernels("gpu_noise", torch.device("cuda:0")) is None
    assert f"without the kernels of gpu_noise on cuda:0, which takes longer: {reason}" in caplog.text
    _gpu.gpu_kernels.cache_clear()
