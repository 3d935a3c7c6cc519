"""Run proofs one after the other: each passes, fails or is skipped, and a failure does not stop the others."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from bvg.bench.proofs import PROOFS
from bvg.bench.proofs.base import Ground, NotProven, Skipped

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass(frozen=True)
class Outcome:
    """What a proof found.

    Attributes:
        name: of the proof.
        outcome: passed, failed or skipped.
        seconds: how long it took.
        detail: what was compared and how much it differed; why it was skipped; or the error, with its traceback where it
            is not a difference.
    """

    name: str
    outcome: str
    seconds: float
    detail: str


def outcomes(device: torch.device, proofs: Mapping[str, Callable[[Ground], str]] = PROOFS) -> Iterator[Outcome]:
    """Run proofs on a device and yield what each found; any exception in one counts as its failure."""
    for name, proof in proofs.items():
        began = time.perf_counter()
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            outcome, detail = _attempt(proof, Ground(device, Path(folder)))
        yield Outcome(name, outcome, round(time.perf_counter() - began, 2), detail)


def _attempt(proof: Callable[[Ground], str], ground: Ground) -> tuple[str, str]:
    try:
        detail = proof(ground)
        if ground.cuda:  # an error of a kernel shows only now
            torch.cuda.synchronize(ground.device)
    except Skipped as reason:
        return SKIPPED, str(reason)
    except NotProven as difference:
        return FAILED, str(difference)
    except Exception:
        return FAILED, traceback.format_exc()
    return PASSED, detail


def as_line(outcome: Outcome) -> str:
    """Write an outcome as one line, or more with a traceback.

    >>> as_line(Outcome("decisions", "passed", 0.123, "512 decisions equal"))
    'passed   decisions (0.1 s): 512 decisions equal'
    """
    return f"{outcome.outcome:<8} {outcome.name} ({outcome.seconds:.1f} s): {outcome.detail}"
