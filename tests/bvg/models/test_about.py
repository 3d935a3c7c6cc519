"""What a manifest says of a model: the architecture by its tensors, the normalization by its module."""

from __future__ import annotations

import timm
import torch
from torch import nn
from torchvision import models

from bvg.models.about import about
from bvg.models.checkpoints import normalized


def test_a_resnet50_is_recognized_by_its_shapes():
    """Of torchvision and of timm, whose tensors have other names; not one that is wider or deeper."""
    with torch.device("meta"):
        same = [models.resnet50(), timm.create_model("resnet50")]
        others = [models.resnet101(), models.wide_resnet50_2(), timm.create_model("resnet50d"), models.convnext_tiny()]
    assert {about(network)["architecture"] for network in same} == {"ResNet-50"}
    assert [about(network)["architecture"] for network in others] == ["ResNet", "ResNet", "ResNet", "ConvNeXt"]
    assert about(same[0])["parameters"] == 25_557_032


def test_the_normalization_is_that_of_the_module():
    found = about(normalized(nn.Linear(3, 2), [0.5, 0.4, 0.3], [0.25, 0.2, 0.1]))
    assert found == {"architecture": "Linear", "parameters": 8, "mean": [0.5, 0.4, 0.3], "std": [0.25, 0.2, 0.1]}
