"""The study in miniature: synthetic images with known shape and texture, and a zoo of small networks trained on them."""

from bvg.miniature.corruptions import CORRUPTIONS, corrupt
from bvg.miniature.synthetic import SIZE, SPLITS, cue_conflict, images, scenes
from bvg.miniature.zoo import entry, interventions, load, names

__all__ = [
    "CORRUPTIONS",
    "SIZE",
    "SPLITS",
    "corrupt",
    "cue_conflict",
    "entry",
    "images",
    "interventions",
    "load",
    "names",
    "scenes",
]
