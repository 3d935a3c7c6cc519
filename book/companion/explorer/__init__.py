"""The explorer: an interactive page of every model on every bias, category, benchmark and corruption."""

from companion.explorer.content import Explorer, explorer

__all__ = ["Explorer", "explorer"]
