"""Measure models on instruments: settings, plan, engine, run folder and workers."""

from bvg.measure.plan import named, planned
from bvg.measure.runner import run
from bvg.measure.settings import Settings

__all__ = ["Settings", "named", "planned", "run"]
