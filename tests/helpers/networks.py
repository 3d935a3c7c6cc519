"""ResNet-50 networks with distinguishable weights, and the state dicts that upstream training scripts save for them."""

from __future__ import annotations

import argparse
from copy import deepcopy

import numpy as np
import torch
from torch import nn

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
IMAGES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def randomize(network, seed=0):
    """Draw weights and batch-norm statistics that differ between layers, so that swapped tensors are noticed."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var):
                tensor.uniform_(0.5, 1.0, generator=generator)
            for tensor in (module.bias.data, module.running_mean):
                tensor.normal_(0, 0.1, generator=generator)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.data.normal_(0, module.weight[0].numel() ** -0.5, generator=generator)
    return network.eval()


@torch.no_grad()
def logits(model, images=IMAGES):
    return model(images)


class Wrapper(nn.Module):
    """A module with children of given names."""

    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)


def parallel(module):
    return Wrapper(module=module)  # as DataParallel names them


def training_script(**content):
    """Add what PyTorch's ImageNet example saves with the weights: a NumPy scalar and a Namespace."""
    return {"epoch": 90, "best_acc1": np.float64(76.1), "args": argparse.Namespace(lr=0.1), **content}


def aux_batch_norms(network):
    state = dict(parallel(network).state_dict())
    for key in list(state):
        module, _, leaf = key.rpartition(".")
        if f"{module}.running_mean" in state:
            state[f"{module}.aux_bn.{leaf}"] = state[key] + 1
    return state


def robustness(network):
    normalizer = nn.BatchNorm1d(3, affine=False)
    attacker = Wrapper(model=deepcopy(network), normalize=normalizer)
    return parallel(Wrapper(normalizer=normalizer, model=network, attacker=attacker)).state_dict()


def without_head(network):
    network = deepcopy(network)
    head, network.fc = network.fc, nn.Identity()
    return network, head


def dino(network):
    backbone, head = without_head(network)
    return [backbone.state_dict(), training_script(state_dict=parallel(Wrapper(linear=head)).state_dict())]


def swav(network):
    backbone, head = without_head(network)
    backbone.projection_head = nn.Sequential(nn.Linear(2048, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 16))
    backbone.prototypes = nn.Linear(16, 30, bias=False)
    head = training_script(state_dict=parallel(Wrapper(linear=head)).state_dict())
    return [parallel(backbone).state_dict(), head]


LAYOUTS = {
    "tv_resnet50": lambda network: [network.state_dict()],
    "resnet50.a1_in1k": lambda network: [network.state_dict()],
    "resnet50_diffusionnoise_fixed_nonoise": lambda network: [
        {"model": Wrapper(noiser=nn.Identity(), module=network).state_dict()}
    ],
    "resnet50_prime": lambda network: [parallel(network).state_dict()],
    "resnet50_augmix_180ep": lambda network: [training_script(state_dict=parallel(network).state_dict())],
    "resnet50_tsbias_sbias": lambda network: [training_script(state_dict=aux_batch_norms(network))],
    "resnet50_opticsaugment": lambda network: [training_script(model_state_dict=network.state_dict())],
    "resnet50_frozen_random": lambda network: [
        {"state_dict": {"online_backbone": parallel(network).state_dict(), "online_head": nn.Linear(2, 2).state_dict()}}
    ],
    "resnet50_trained_on_SIN": lambda network: [training_script(state_dict=parallel(network).state_dict())],
    "robust_resnet50_l2_eps3": lambda network: [{"model": robustness(network), "optimizer": {}, "epoch": 90}],
    "resnet50_moco_v3_100ep": lambda network: [training_script(state_dict=parallel(network).state_dict())],
    "resnet50_dino": dino,
    "resnet50_swav": swav,
}


class SimCLRBlock(nn.Module):
    """A bottleneck with the names of the conversion from TensorFlow."""

    def __init__(self, channels_in, channels, stride, project):
        super().__init__()

        def norm(width, *relu):
            return nn.Sequential(nn.BatchNorm2d(width), *relu)

        def conv(a, b, size, stride=1):
            return nn.Conv2d(a, b, size, stride, size // 2, bias=False)

        out = 4 * channels
        if project:
            self.projection = Wrapper(shortcut=conv(channels_in, out, 1, stride), bn=norm(out))
        self.project = project
        self.net = nn.Sequential(
            *(conv(channels_in, channels, 1), norm(channels, nn.ReLU()), conv(channels, channels, 3, stride)),
            *(norm(channels, nn.ReLU()), conv(channels, out, 1), norm(out)),
        )

    def forward(self, x):
        shortcut = self.projection.bn(self.projection.shortcut(x)) if self.project else x
        return torch.relu(self.net(x) + shortcut)


class SimCLRNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        norm = nn.Sequential(nn.BatchNorm2d(64), nn.ReLU())
        layers = [nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), norm, nn.MaxPool2d(3, 2, 1))]
        channels_in = 64
        for stage, depth in enumerate((3, 4, 6, 3)):
            blocks = []
            for block in range(depth):
                stride = 2 if stage and not block else 1
                blocks.append(SimCLRBlock(channels_in, 64 * 2**stage, stride, project=not block))
                channels_in = 256 * 2**stage
            layers.append(Wrapper(blocks=nn.Sequential(*blocks)))
            layers[-1].forward = layers[-1].blocks.forward
        self.net = nn.Sequential(*layers)
        self.fc = nn.Linear(2048, 1000)

    def forward(self, x):
        return self.fc(self.net(x).mean((2, 3)))
