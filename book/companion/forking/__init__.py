"""The panel of the page on other choices: choose a combination, and look up its correlations and verdicts."""

from companion.forking.panel import panel

__all__ = ["panel"]
