"""Proofs that a device measures as the CPU does: each is a function that states what it compares and its tolerance."""

from bvg.bench.proofs import attack, data, engine, kernels, network

PROOFS = {
    "random numbers": kernels.random_numbers,
    "Triton kernels": kernels.triton_kernels,
    "band-pass filters": kernels.bandpass,
    "critical-band noise": kernels.critical_band,
    "grey images": kernels.grey,
    "decisions": kernels.decisions,
    "rejected images": kernels.rejection,
    "PGD step by step": attack.pgd,
    "joined convolutions": network.joined,
    "precisions": network.precisions,
    "whole engine": engine.numbers,
    "logits in the engine": engine.logits,
    "batch sizes": engine.batch_sizes,
    "no waiting within a unit": engine.no_waiting,
    "full memory": engine.full_memory,
    "decoding after CUDA": data.decoding,
    "held and streamed images": data.held_and_streamed,
    "compiled networks": network.compiled,
    "two workers": engine.two_workers,
}
"""By name, in the order in which they run: those that others rely on first, those that start compilers or processes last."""

__all__ = ["PROOFS"]
