"""Instruments: what is measured of a model, one file each, and their registry."""

from bvg.instruments.base import INSTRUMENTS, STUDY, BandPass, CriticalBand, Instrument, choose, targets

__all__ = ["INSTRUMENTS", "STUDY", "BandPass", "CriticalBand", "Instrument", "choose", "targets"]
