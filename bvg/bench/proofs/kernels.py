"""Proofs of the kernels: random numbers, band-pass filters, critical-band noise, decisions.

Each result of the device is compared with that of the CPU, where images are made one at a time, and with an independent
implementation (`bvg.bench.baseline`, `bvg.bench.proofs.reference`).
"""

from __future__ import annotations

import numpy as np
import torch

from bvg import imagenet_classes, kernels
from bvg.bench import baseline
from bvg.bench.kernels import BANDPASS, CRITICAL_BAND
from bvg.bench.proofs import reference
from bvg.bench.proofs.base import Ground, NotProven, Skipped, apart, at_most, pictures, same
from bvg.kernels import randomness
from bvg.kernels._gpu import gpu_kernels
from bvg.models.inference import arithmetic

SEEDS = (0, 1, 2**32, 2**63 + 5, 2**64 - 1)
INDEX = (0, 1, 12_345, 2**31)
STREAMS = ("pgd", "critical-band/3/0.16")
EXTREME = [(0.64, band) for band in range(kernels.band_count(224, 224))]  # so strong that some pixels are redrawn
NEAR = 1e-5


def random_numbers(ground: Ground) -> str:
    """Random words and uniform numbers are equal bit for bit; normal numbers to 2e-6 (4e-6 from float64)."""
    shape, worst, far = (3, ground.size(64, 16), 17), 0.0, 0.0
    index = torch.tensor(INDEX)
    block = torch.arange(ground.size(100_000, 2_000))
    for seed in SEEDS:
        for stream in STREAMS:
            here = f"seed {seed}, stream {stream}"
            found = randomness.words(block.to(ground.device)[None], seed, index.to(ground.device)[:, None], stream)
            level = randomness.uniform(shape, seed, index.to(ground.device), stream)
            bell = randomness.normal(shape, seed, index.to(ground.device), stream)
            for row, number in enumerate(INDEX):
                one = index[row : row + 1]
                expected = reference.words(len(block), seed, number, stream)
                for word, mine, theirs in zip(found, randomness.words(block, seed, one, stream), expected, strict=True):
                    same(f"words, {here}", word[row], mine)
                    same(f"words, {here}", mine, torch.from_numpy(theirs.astype(np.int64)))
                same(f"uniform numbers, {here}", level[row], randomness.uniform(shape, seed, one, stream)[0])
                drawn = torch.from_numpy(reference.uniform(level[row].numel(), seed, number, stream)).view(shape)
                same(f"uniform numbers, {here}", level[row], drawn)
                worst = max(worst, apart(bell[row], randomness.normal(shape, seed, one, stream)[0]))
                drawn = torch.from_numpy(reference.normal(bell[row].numel(), seed, number, stream)).view(shape)
                far = max(far, apart(bell[row], drawn))
    return ", ".join(
        [
            f"{len(SEEDS) * len(STREAMS) * len(INDEX) * len(block):,} blocks of words equal",
            at_most("normal numbers: difference", worst, 2e-6),
            at_most("from float64", far, 4e-6),
        ]
    )


def triton_kernels(ground: Ground) -> str:
    """The kernels in Triton are in use, and draw the normal numbers of the CPU to 2e-6, for any seed, index and odd size."""
    if not ground.cuda:
        raise Skipped("needs CUDA (tests run these kernels in Triton's interpreter)")
    from bvg.kernels import gpu_noise  # Triton is not on every system

    apart_from_torch = []
    for name in ("gpu_noise", "gpu_filter"):
        if (module := gpu_kernels(name, ground.device)) is None:
            raise NotProven(f"expected the kernels of {name} to be in use, got torch's instead (see the log)")
        apart_from_torch.append(at_most(name, module.difference(ground.device), 1e-5))
    index, size, worst = torch.tensor(INDEX), 3 * 64 * 17 + 1, 0.0
    for seed in SEEDS:
        for stream in STREAMS:
            words = gpu_noise.counter(seed, stream, ground.device)
            drawn = gpu_noise.normal(size, words, index.to(ground.device), 0.5)
            worst = max(worst, apart(drawn, randomness.normal((size,), seed, index, stream) * 0.5))
    return ", ".join([*apart_from_torch, at_most("normal numbers: difference", worst, 2e-6)])


@arithmetic("tf32")  # the engine makes stimuli within it, too
def bandpass(ground: Ground) -> str:
    """All 22 band-pass conditions are equal to 3e-6 at 224 pixels, at an odd size and from channels-last memory."""
    images, _ = pictures(ground.size(64, 3), 224)
    odd = torch.rand((2, 3, 65, 98), generator=torch.Generator().manual_seed(0))
    worst, far = 0.0, 0.0
    for given in (images, odd, odd.to(memory_format=torch.channels_last)):
        count = min(len(given), ground.size(8, 3))
        alone = [list(kernels.bandpass_all(given[k : k + 1], BANDPASS)) for k in range(count)]
        for number, (kind, cutoff, filtered) in enumerate(kernels.bandpass_all(given.to(ground.device), BANDPASS)):
            filtered = filtered.cpu()
            expected = [next(image for a, b, image in one if (a, b) == (kind, cutoff)) for one in alone]
            worst = max(worst, apart(filtered[:count], torch.cat(expected)))
            k = number % count
            naive = torch.from_numpy(baseline.bandpass_numpy(given[k].double().numpy(), cutoff, kind))
            far = max(far, apart(filtered[k], naive))
    return ", ".join([at_most("difference", worst, 3e-6), at_most("from NumPy in float64", far, 3e-6)])


@arithmetic("tf32")  # the engine makes stimuli within it, too
def critical_band(ground: Ground) -> str:
    """All 28 critical-band conditions, and stronger noise, are equal to 1e-5, except where a sum lies within 1e-5 of 0 or 1.

    There the two may decide differently whether to move the pixel. Redrawn pixels are equal to 1e-4.
    """
    conditions = CRITICAL_BAND + EXTREME
    images, _ = pictures(ground.size(16, 3), 224)
    index, checked = torch.arange(len(images)) * 977, ground.size(2, 1)
    alone = [
        {
            (sd, band): image
            for sd, band, image in kernels.critical_band_all(images[k : k + 1], conditions, 7, index[k : k + 1])
        }
        for k in range(checked)
    ]
    worst, far, moved, redrawn_count, redrawn_apart = 0.0, 0.0, 0, 0, 0.0
    made = kernels.critical_band_all(images.to(ground.device), conditions, 7, index.to(ground.device))
    for sd, band, stimulus in made:
        if not bool(((stimulus >= 0) & (stimulus <= 1)).all()):
            raise NotProven(f"expected noise {sd} in band {band} to stay in [0, 1], got values outside")
        for k in range(checked):
            found, mine = stimulus[k].cpu(), alone[k][sd, band][0]
            same(f"the three channels, noise {sd} in band {band}", found[1:], found[:1].expand(2, -1, -1))
            theirs, total, redrawn = reference.critical_band(images[k].numpy(), sd, band, 7, int(index[k]))
            edge = torch.from_numpy(np.minimum(np.abs(total), np.abs(total - 1)) < NEAR)
            drawn = torch.from_numpy(redrawn)
            exact = ~(edge | drawn)
            worst = max(worst, apart(found[0][exact], mine[0][exact]))
            far = max(far, apart(found[0][exact], torch.from_numpy(theirs)[exact]))
            moved += int(((found[0] - mine[0]).abs() > NEAR).sum())
            redrawn_count += int(drawn.sum())
            inner = drawn & ~edge
            if bool(inner.any()):
                redrawn_apart = max(redrawn_apart, apart(found[0][inner], torch.from_numpy(theirs)[inner]))
    if not redrawn_count:
        raise NotProven("expected noise so strong that some pixels are redrawn, got none")
    return ", ".join(
        [
            at_most("difference", worst, NEAR),
            at_most("from SciPy in float64", far, NEAR),
            f"{redrawn_count} pixels redrawn: " + at_most("difference", redrawn_apart, 1e-4),
            f"{moved} pixels moved on one of the two only",
        ]
    )


def grey(ground: Ground) -> str:
    """Low-contrast grey images are equal to 1e-6, also to Pillow's conversion."""
    images, _ = pictures(ground.size(64, 8), 224)
    found = kernels.low_contrast_grey(images.to(ground.device))
    expected = torch.cat([kernels.low_contrast_grey(image[None]) for image in images])
    pillow = torch.from_numpy(np.stack([reference.grey(image.numpy()) for image in images]))
    return ", ".join([at_most("difference", apart(found, expected), 1e-6), at_most("from Pillow", apart(found, pillow), 1e-6)])  # fmt: skip


def decisions(ground: Ground) -> str:
    """Decisions are equal, also to NumPy's: 16 categories, 200 classes, shape or texture."""
    n = ground.size(4096, 512)
    logits = torch.randn((n, 1000), generator=torch.Generator().manual_seed(0)) * 4
    there, exact = logits.to(ground.device), logits.double().numpy()
    power = np.exp(exact - exact.max(1, keepdims=True))
    members = [imagenet_classes.sixteen_indices(category) for category in imagenet_classes.SIXTEEN]
    sixteen = np.stack([power[:, list(indices)].mean(1) for indices in members], 1).argmax(1)
    found = kernels.sixteen_way(there)
    same("16-way decisions", found, kernels.sixteen_way(logits))
    same("16-way decisions", found, torch.from_numpy(sixteen))
    for name in ("imagenet-a", "imagenet-r"):
        subset = np.array(imagenet_classes.subset(name))
        chosen = kernels.subset_argmax(there, subset.tolist())
        same(f"decisions among the classes of {name}", chosen, torch.from_numpy(subset[exact[:, subset].argmax(1)]))
    shape, texture = torch.arange(n) % 16, torch.arange(n) * 7 % 16
    counts = kernels.shape_texture_counts(found, shape.to(ground.device), texture.to(ground.device))
    conflict = (shape != texture).numpy()
    for count, cue in zip(counts, (shape, texture), strict=True):
        same("decisions for a cue", count, torch.tensor(int((conflict & (sixteen == cue.numpy())).sum())))
    return f"{n:,} decisions of each kind equal"


def rejection(ground: Ground) -> str:
    """Kernels reject images outside [0, 1] and images of integers on the CPU.

    On a GPU the check ends the process's use of the device, so it is not provoked there.
    """
    images, _ = pictures(2)
    kinds = {"0 … 255": images * 255, "negative": images - 0.5, "integers": (images * 255).byte(), "NaN": images / 0}
    for name, wrong in kinds.items():
        for kernel in (lambda x: list(kernels.bandpass_all(x, BANDPASS)), lambda x: kernels.critical_band(x, 0.1, 0)):
            try:
                kernel(wrong)
            except ValueError:
                continue
            raise NotProven(f"expected images ({name}) to be rejected, got stimuli")
    return f"{len(kinds)} kinds of wrong images rejected"
