"""Companion to "Can Biases in ImageNet Models Explain Generalization?" (Gavrikov and Keuper, CVPR 2024).

The package measures models and computes their scores and biases. Only measuring needs torch.
"""

__version__ = "0.2.0"
