"""Load and run models. Importing it loads no torch."""

from bvg.models.zoo import fetch, names

__all__ = ["fetch", "load", "names"]


def __getattr__(name: str):
    if name == "load":  # needs torch
        from bvg.models.loading import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
