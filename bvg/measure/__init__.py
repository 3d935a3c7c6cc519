"""Measure models on instruments: plan, engine, run folder and workers."""

from bvg.measure.runner import main, named, planned, run

__all__ = ["main", "named", "planned", "run"]
