"""The text notebooks of the book: which there are, their names, and what their parameters say about their inputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from builder import ROOT

MEASURE = "measure"
"""Folder of the notebooks that measure. Other notebooks read its results as `results = "measure"`."""


def stored(path: Path) -> str | None:
    """Return the text of a file; None if there is no such file."""
    return path.read_text(encoding="utf-8") if path.is_file() else None


@dataclass(frozen=True)
class Notebook:
    """One text notebook (MyST Markdown).

    Attributes:
        text: its file.
        root: the repository.
    """

    text: Path
    root: Path = ROOT

    @property
    def name(self) -> str:
        """Name of its page, such as `spectral-bias` or `measure-spectral-bias`."""
        return "-".join(self.text.relative_to(self.root / "notebooks").with_suffix("").parts)

    @property
    def run(self) -> Path:
        """Folder of its run; runs lie as in `notebooks/`, to find each other's results."""
        return self.root / "_build" / "runs" / self.text.relative_to(self.root / "notebooks").with_suffix("")

    @property
    def executed(self) -> Path:
        """The executed notebook."""
        return self.run / f"{self.name}.ipynb"

    @property
    def measures(self) -> bool:
        """Whether it measures models."""
        return self.text.parent.name == MEASURE

    @property
    def reads_measured(self) -> bool:
        """Whether its parameter `results` names what the measuring notebooks make."""
        return re.search(rf'^results = .*"{MEASURE}"', self.text.read_text(encoding="utf-8"), re.MULTILINE) is not None


def find(root: Path = ROOT) -> list[Notebook]:
    """Return all text notebooks, first those that measure: they take longest."""
    folder = root / "notebooks"
    return [Notebook(p, root) for p in [*sorted((folder / MEASURE).glob("*.md")), *sorted(folder.glob("*.md"))]]
