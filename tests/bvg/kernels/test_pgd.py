"""PGD equals foolbox from the same start, stays within eps, and leaves the model unchanged."""

import eagerpy
import foolbox
import pytest
import torch
from torch import nn

from bvg.kernels import pgd, random_start

EPS = 0.5 / 255


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, 2),
        nn.Tanh(),
        nn.Flatten(),
    ]
    return nn.Sequential(*layers, nn.Linear(8 * 6 * 6, 10)).eval()


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand((6, 3, 16, 16), generator=generator) * 1.2 - 0.1
    return images.clamp(0, 1), torch.randint(10, (6,), generator=generator)


class FromOurStart(foolbox.attacks.LinfPGD):
    """The attack of foolbox, with our starting point."""

    def __init__(self, start: torch.Tensor, **arguments):
        super().__init__(random_start=True, **arguments)
        self.start = start

    def get_random_start(self, x0, epsilon):
        return eagerpy.astensor(self.start)


@pytest.mark.parametrize(("eps", "step_size"), [(EPS, 2 / 255), (8 / 255, 2 / 255), (0.1, 0.003)])
@pytest.mark.parametrize("steps", [1, 2, 5, 40])
def test_iterates_equal_those_of_foolbox(model, batch, eps, step_size, steps):
    images, labels = batch
    ours = pgd(model, images, labels, eps, steps=steps, step_size=step_size, seed=3)
    attack = FromOurStart(random_start(images, eps, seed=3), abs_stepsize=step_size, steps=steps)
    theirs = attack.run(foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"), images, labels, epsilon=eps)
    torch.testing.assert_close(ours, theirs, atol=1e-7, rtol=0)


def test_attack_raises_the_loss_and_stays_within_eps(model, batch):
    images, labels = batch
    attacked = pgd(model, images, labels, 8 / 255)
    assert (attacked - images).abs().max() <= 8 / 255 + 1e-7
    assert 0 <= attacked.min() <= attacked.max() <= 1
    assert not attacked.requires_grad
    loss = nn.CrossEntropyLoss(reduction="none")
    start = random_start(images, 8 / 255)
    assert (loss(model(attacked), labels) > loss(model(start), labels)).all()


def test_start_is_uniform_within_eps():
    images = torch.full((50, 3, 32, 32), 0.5)
    offset = (random_start(images, 0.1, seed=1) - 0.5) / 0.1
    assert offset.abs().max() <= 1 + 1e-5
    counts = torch.histc(offset, bins=10, min=-1, max=1)
    assert (counts / counts.mean() - 1).abs().max() < 0.03
    assert random_start(torch.zeros(1, 3, 8, 8), 0.1).min() == 0


def test_results_depend_on_seed_and_index_only(model, batch):
    images, labels = batch
    index = torch.tensor([10, 3, 77, 0, 5, 8])
    whole = pgd(model, images, labels, EPS, steps=5, seed=2, index=index)
    for chosen in ([4], [5, 0, 2]):
        part = pgd(model, images[chosen], labels[chosen], EPS, steps=5, seed=2, index=index[chosen])
        torch.testing.assert_close(part, whole[chosen], atol=1e-7, rtol=0)
    assert not torch.equal(random_start(images, EPS, seed=2), random_start(images, EPS, seed=4))
    assert not torch.equal(random_start(images, EPS, index=[0] * 6), random_start(images, EPS, index=[1] * 6))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_attack_leaves_the_model_and_the_images_unchanged(model, batch, mode):
    images, labels = batch
    before = {name: value.clone() for name, value in model.state_dict().items()}
    kept = images.clone()
    model[0].weight.requires_grad_(False)
    with mode():
        attacked = pgd(model, images.clone(), labels.clone(), EPS, steps=3)
    assert torch.equal(images, kept)
    assert torch.equal(attacked, pgd(model, images, labels, EPS, steps=3))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert [parameter.requires_grad for parameter in model.parameters()] == [False] + [True] * 7


def test_zero_eps_or_zero_steps_change_nothing(model, batch):
    images, labels = batch
    assert torch.equal(pgd(model, images, labels, 0.0), images)
    assert torch.equal(pgd(model, images, labels, EPS, steps=0), random_start(images, EPS))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"eps": 8}, r"expected `eps` in \[0, 1\], got 8 \(is it in 1/255\?\)"),
        ({"eps": 0.1, "step_size": 2}, r"expected `step_size` in \[0, 1\], got 2"),
        ({"steps": -1}, r"expected `steps` to be a non-negative integer, got -1"),
        (
            {"labels": torch.zeros(3, dtype=torch.int64)},
            r"expected `labels` to be int64 \[6\], got torch.int64 \[3\]",
        ),
        ({"labels": torch.zeros(6)}, r"expected `labels` to be int64 \[6\], got torch.float32 \[6\]"),
        (
            {"images": torch.full((6, 3, 16, 16), 200.0)},
            r"expected `images` in \[0, 1\], got values .* 0\.\.255",
        ),
        ({"images": torch.full((3, 16, 16), 0.5)}, r"expected `images` to be \[N, C, H, W\], got \[3, 16, 16\]"),
        ({"model": nn.Identity().eval()}, r"expected `model` to give logits \[6, K\], got \[6, 3, 16, 16\]"),
        ({"model": nn.Flatten().train()}, r"expected `model` to be in evaluation mode"),
    ],
    ids=str,
)
def test_invalid_input_is_rejected(model, batch, arguments, message):
    good = {"model": model, "images": batch[0], "labels": batch[1], "eps": EPS}
    with pytest.raises(ValueError, match=message):
        pgd(**(good | arguments))
