"""The study in miniature: a drawn world whose answers are known, and a zoo of small networks trained in it."""

from bvg.miniature.corruptions import CORRUPTIONS, corrupt
from bvg.miniature.shapes import SHAPES
from bvg.miniature.synthetic import CLASSES, SIZE, SPLITS, Scenes, cue_conflict, images, scenes
from bvg.miniature.textures import TEXTURES
from bvg.miniature.zoo import Entry, entry, load, names

__all__ = [
    "CLASSES",
    "CORRUPTIONS",
    "SHAPES",
    "SIZE",
    "SPLITS",
    "TEXTURES",
    "Entry",
    "Scenes",
    "corrupt",
    "cue_conflict",
    "entry",
    "images",
    "load",
    "names",
    "scenes",
]
