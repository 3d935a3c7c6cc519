"""Load and run models. Importing it loads no torch."""

from bvg.models.zoo import fetch, load, names

__all__ = ["fetch", "load", "names"]
