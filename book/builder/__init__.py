"""Build the book: run the notebooks, write their pages, render them, bundle the downloads, print a PDF."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""
BUILD = ROOT / "_build"
