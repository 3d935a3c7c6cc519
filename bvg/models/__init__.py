"""Models: the zoo of 48 checkpoints, checkpoint files, and fast inference. Importing it loads no torch."""

from bvg.models.zoo import fetch, load, names

__all__ = ["fetch", "load", "names"]
