"""What a measurement ran on: device, versions, git commit."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

import bvg


def session(device: torch.device) -> dict:
    """What this process computes with."""
    versions = {}
    for name in ("torch", "torchvision", "timm", "numpy", "pillow"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {
        "bvg": bvg.__version__,
        "commit": _commit(),
        "device": name,
        "python": platform.python_version(),
        "libraries": versions,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return model or platform.processor() or platform.machine()


def _commit() -> str | None:
    """The git commit of this package, with "+" if files were changed since; None where it is not in a repository."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(Path(bvg.__file__).parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", Path(bvg.__file__).name)  # not some repository that an environment lies in
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
