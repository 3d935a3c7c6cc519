"""Instruments: what is measured of a model, one file each, and their registry."""

from bvg.instruments.accuracy import Accuracy
from bvg.instruments.band_pass import BandPass
from bvg.instruments.base import Condition, Instrument, Row, Score, Setting, setting, targets
from bvg.instruments.critical_band import CriticalBand
from bvg.instruments.layer_criticality import LayerCriticality
from bvg.instruments.pgd import PGD
from bvg.instruments.registry import INSTRUMENTS, STUDY, by_name, choose, settings
from bvg.instruments.shape_bias import ShapeBias

__all__ = [
    "INSTRUMENTS",
    "PGD",
    "STUDY",
    "Accuracy",
    "BandPass",
    "Condition",
    "CriticalBand",
    "Instrument",
    "LayerCriticality",
    "Row",
    "Score",
    "Setting",
    "ShapeBias",
    "by_name",
    "choose",
    "setting",
    "settings",
    "targets",
]
