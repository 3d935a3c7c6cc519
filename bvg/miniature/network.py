"""The miniature's network: a small ResNet of bottleneck blocks with about 90,000 parameters."""

import torch
from torch import Tensor, nn

MEAN, SD = 0.5, 0.25  # of every channel; the synthetic images have no preferred hue
WIDTHS = ((16, 32), (32, 64), (48, 128), (48, 128))  # channels of each block: inside it, and of its output
FEATURES = WIDTHS[-1][1]


class Bottleneck(nn.Module):
    """A residual block of 1x1, 3x3 and 1x1 convolutions with batch norm.

    The input is projected before the addition if the shapes differ.
    """

    def __init__(self, before: int, within: int, after: int, stride: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(before, within, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(within)
        self.spatial = nn.Conv2d(within, within, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(within)
        self.expand = nn.Conv2d(within, after, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(after)
        same = before == after and stride == 1
        self.project = nn.Identity() if same else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(self.reduce(x)).relu_()
        y = self.norm2(self.spatial(y)).relu_()
        return (self.norm3(self.expand(y)) + self.project(x)).relu_()


class Network(nn.Module):
    """Map images, float [N, 3, 64, 64] in [0, 1], to logits [N, 16]; it normalizes its input.

    >>> Network()(torch.zeros(2, 3, 64, 64)).shape
    torch.Size([2, 16])
    """

    def __init__(self, classes: int = 16) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 5, 2, padding=2, bias=False)
        self.norm = nn.BatchNorm2d(32)
        blocks, before = [], 32
        for number, (within, after) in enumerate(WIDTHS):
            blocks.append(Bottleneck(before, within, after, stride=2 if number in (0, 2) else 1))
            before = after
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(FEATURES, classes)
        # This memory format is the fastest on a CPU for convolutions with few channels; shapes stay the same.
        self.to(memory_format=torch.channels_last)

    def features(self, images: Tensor) -> Tensor:
        """Return the classifier's input: float [N, 128].

        These are the activations of the last block, averaged over the image.
        """
        x = ((images - MEAN) / SD).contiguous(memory_format=torch.channels_last)
        return self.blocks(self.norm(self.stem(x)).relu_()).mean((2, 3))

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.features(images))
