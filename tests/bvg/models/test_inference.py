"""Test that the faster form of a network returns the same logits, and that other models run as they are."""

import pytest
import torch
from torch import nn

from bvg.miniature.zoo import load
from bvg.models.inference import answering, check_precision, faster


def images(n: int = 4, size: int = 64) -> torch.Tensor:
    return torch.rand((n, 3, size, size), generator=torch.Generator().manual_seed(1))


def small() -> nn.Module:
    """Make a small network whose batch norm has random statistics."""
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(8)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    norm.weight.data.normal_()
    parts = [nn.Conv2d(3, 8, 3, bias=False), norm, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)]
    return nn.Sequential(*parts).eval()


@pytest.fixture(scope="module", params=["small", "mini_standard", "torchvision's ResNet-50"])
def model(request) -> nn.Module:
    if request.param == "small":
        return small()
    if request.param == "mini_standard":
        return load("mini_standard")
    import torchvision

    torch.manual_seed(0)
    return torchvision.models.resnet50(weights=None).eval()


def test_the_faster_form_has_no_batch_norm_and_returns_the_same_logits(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    layout = next(model.parameters()).stride()
    copy = faster(model)
    assert copy is not model
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in copy.modules())
    with torch.inference_mode():
        expected, got = model(images()), copy(images())
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert next(model.parameters()).stride() == layout


def test_gradients_of_the_input_are_the_same(model):
    def gradient(network) -> torch.Tensor:
        x = images(2).requires_grad_()
        (found,) = torch.autograd.grad(network(x).float().logsumexp(1).sum(), x)
        return found

    expected = gradient(model)
    # The norm, not each value: near 0, rounding decides whether a ReLU passes the gradient.
    assert (gradient(faster(model)) - expected).norm() < 0.01 * expected.norm()


class Branching(nn.Module):
    """Branches on the content of the images, which tracing cannot follow."""

    def forward(self, x):
        return x.mean((2, 3)) if bool(x.mean() > 0.1) else x.amax((2, 3))


class Noisy(nn.Module):
    """Adds random noise, which tracing would freeze."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 5, 3)

    def forward(self, x):
        return self.layer(x).mean((2, 3)) + torch.randn(5)


@pytest.mark.parametrize("model", [Branching(), Noisy()], ids=["branching", "noisy"])
def test_a_model_that_cannot_be_traced_faithfully_is_run_as_it_is(model):
    assert faster(model.eval()) is model


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precision_stores_its_weights_once_and_rounds_as_autocast_does(precision):
    half = {"fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    model = small()
    copy = faster(model, half)
    layers = [layer for layer in copy.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert {p.dtype for layer in layers for p in layer.parameters()} == {half}
    with torch.inference_mode():
        got = answering(model, precision)(images())
        with torch.autocast("cpu", dtype=half):
            expected = faster(model)(images()).float()
        exact = model(images())
    assert got.dtype == torch.float32
    unit = torch.finfo(half).eps * float(expected.abs().max())  # another order of summation changes one rounding
    torch.testing.assert_close(got, expected, rtol=0, atol=unit)
    assert 0 < (got - exact).abs().max() < 0.05 * exact.abs().max()


def test_fp32_is_not_rounded():
    model = small()
    with torch.inference_mode():
        torch.testing.assert_close(answering(model, "fp32")(images()), model(images()), rtol=1e-5, atol=1e-6)


def test_a_function_is_called_as_it_is():
    assert answering(lambda x: x.sum((1, 2, 3))[:, None], "fp32")(torch.ones(2, 3, 4, 4)).tolist() == [[48.0], [48.0]]


def test_an_unknown_or_unavailable_precision_is_rejected():
    with pytest.raises(ValueError, match="expected `precision` to be one of fp32, tf32, fp16, bf16, got 'half'"):
        check_precision("half", torch.device("cpu"))
    with pytest.raises(ValueError, match="expected a CUDA device for precision tf32, got cpu"):
        check_precision("tf32", torch.device("cpu"))


def test_the_reason_for_running_a_model_as_it_is_is_logged(caplog):
    with caplog.at_level("INFO", "bvg.models.inference"):
        faster(Branching().eval())
    assert "Branching runs as it is, because torch cannot trace it: " in caplog.text
