"""Companion to "Can Biases in ImageNet Models Explain Generalization?" (Gavrikov and Keuper, CVPR 2024).

The package is one river: results table -> scores -> statistics -> figures. Importing it, and everything that only reads
numbers, needs no torch; measuring does.
"""

__version__ = "0.1.0"
