"""Build the book: execute the notebooks, stage the pages, render them, bundle tables and notebooks, print a PDF."""
