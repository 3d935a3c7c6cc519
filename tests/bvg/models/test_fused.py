"""Test that joined and padded convolutions give the logits and gradients of the layers that they replace."""

import pytest
import torch
from torch import nn

from bvg.models.fused import JoinedConvolution, PaddedConvolution, fold_batch_norms, join_relus, pad_first_layers
from bvg.models.inference import answering


def resnet() -> nn.Module:
    """Return a ResNet-50 whose batch norms have random statistics."""
    import torchvision

    torch.manual_seed(0)
    network = torchvision.models.resnet50(weights=None)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, 0, 0.1)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.normal_(layer.bias, 0, 0.1)
    return network.eval().requires_grad_(False)


def images() -> torch.Tensor:
    return torch.rand((2, 3, 64, 64), generator=torch.Generator().manual_seed(0))


def count(network: nn.Module, kind: type) -> int:
    return sum(type(layer) is kind for layer in network.modules())


@pytest.fixture(scope="module")
def pair() -> tuple[nn.Module, nn.Module]:
    network = resnet()
    return network, pad_first_layers(join_relus(fold_batch_norms(network)))


def test_every_relu_of_a_resnet_but_the_first_is_joined(pair):
    network, joined = pair
    assert count(joined, JoinedConvolution) == 48
    assert count(joined, PaddedConvolution) == 1
    assert count(joined, nn.BatchNorm2d) == 0
    # The four shortcuts with weights are left; their biases are added by the convolution that adds their output.
    assert [layer.bias for layer in joined.modules() if type(layer) is nn.Conv2d] == [None] * 4
    assert count(network, nn.Conv2d) == 53


def test_logits_are_the_same(pair):
    network, joined = pair
    with torch.inference_mode():
        expected, got = network(images()), joined(images())
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_gradients_of_the_input_are_the_same(pair):
    def gradient(network: nn.Module) -> torch.Tensor:
        x = images().requires_grad_()
        (found,) = torch.autograd.grad(network(x).logsumexp(1).sum(), x)
        return found

    expected, got = map(gradient, pair)
    assert (got - expected).norm() < 0.01 * expected.norm()


class Shared(nn.Module):
    """Uses the output of a convolution twice and one layer twice: neither can be joined."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding="same")
        self.three = nn.Conv2d(8, 8, 1, groups=2)

    def forward(self, x):
        y = self.one(x)
        x = torch.relu(y) + y
        return torch.relu(self.three(torch.relu(self.two(x)))).mean((2, 3))


def test_what_cannot_be_joined_is_left_as_it_is():
    torch.manual_seed(0)
    network = Shared().eval()
    joined = join_relus(fold_batch_norms(network))
    assert count(joined, JoinedConvolution) == 0
    x = torch.rand(2, 8, 5, 5)
    assert torch.equal(joined(x), network(x))


def test_a_compiled_network_sees_one_batch_size(monkeypatch):
    seen = []

    def compiled(network, dynamic):
        assert dynamic is False
        return lambda images: (seen.append(len(images)), network(images))[1]

    monkeypatch.setattr(torch, "compile", compiled)
    answer = answering(lambda images: images.mean((2, 3)), "fp32", compiled=True)
    for number in (8, 3, 8, 1):
        x = torch.rand(number, 3, 4, 4)
        assert torch.equal(answer(x), x.mean((2, 3)))
    assert seen == [8] * 4


def test_networks_of_one_architecture_share_one_compiled_graph(monkeypatch):
    compiled, used, compile = [], [], torch.compile

    def backend(graph, inputs):
        compiled.append(graph)
        return lambda *given: (used.append(graph), graph.forward(*given))[1]

    monkeypatch.setattr(torch, "compile", lambda network, dynamic: compile(network, dynamic=dynamic, backend=backend))
    torch._dynamo.reset()
    networks = [nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5)).eval() for _ in range(12)]
    assert len(networks) > torch._dynamo.config.recompile_limit  # beyond it, torch runs a network uncompiled
    x = torch.rand(2, 3, 6, 6)
    with torch.inference_mode():
        for network in networks:
            answer = answering(network, "fp32", compiled=True)
            torch.testing.assert_close(answer(x), network(x))
            answer(x[:1])
    assert len(compiled) == 1
    assert len(used) == 2 * len(networks)
