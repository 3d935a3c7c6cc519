"""Layer criticality on networks where it is known, by hand for a last layer, and on the miniature."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bvg import measure, results
from bvg.instruments import INSTRUMENTS, STUDY, LayerCriticality, choose
from bvg.instruments.layer_criticality import layers, reinitialised
from bvg.miniature import zoo
from bvg.models.inference import answering
from bvg.results import criticality

IMAGES = torch.rand((6, 3, 8, 8), generator=torch.Generator().manual_seed(3))


class Known(nn.Module):
    """A network whose convolution changes nothing, because its output is multiplied by 0, and whose last layer is linear."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Conv2d(3, 3, 3, padding=1)
        self.last = nn.Linear(192, 10)
        with torch.no_grad():
            weight = torch.randn(10, 192, generator=torch.Generator().manual_seed(5))
            self.last.weight.copy_(weight / 3)

    def forward(self, images):
        return self.last((images + 0 * self.unused(images)).flatten(1))


def rows(model: nn.Module, images: torch.Tensor, sizes=(6,), seed: int = 0, **options) -> dict:
    """Rows of a model on images that come in batches of the given sizes."""
    instrument = LayerCriticality("layer-criticality", "imagenet", classes=10, **options)
    answer = answering(model.eval(), "fp32", keep=True)
    sums: dict[str, int] = {}
    with torch.inference_mode():
        for batch in images.split(list(sizes)):
            found = instrument.further(answer, batch, seed) | {"n": len(batch), "top1": 0}
            sums = {name: sums.get(name, 0) + int(value) for name, value in found.items()}
    table, notes = instrument.rows({("layer-criticality", "", None): sums})
    assert not notes
    return {(condition[1], metric): (value, n) for condition, metric, value, n in table}


def test_a_layer_without_effect_has_criticality_0():
    found = rows(Known(), IMAGES)
    assert found["unused", "criticality"] == (0.0, 6)
    assert found["unused", "criticality_sd"] == (0.0, 6)
    assert found["last", "criticality"][0] > 0.1


def test_the_last_layer_is_as_computed_by_hand():
    """With NumPy alone: draw the layer, apply it, compare the softmax outputs."""
    model = Known()
    x = IMAGES.flatten(1).double().numpy()

    def probabilities(layer: nn.Linear) -> np.ndarray:
        z = x @ layer.weight.detach().double().numpy().T + layer.bias.detach().double().numpy()
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    intact, distances = probabilities(model.last), []
    for trial in range(3):
        torch.manual_seed(int.from_bytes(hashlib.sha256(f"7/last/{trial}".encode()).digest()[:8], "little"))
        changed = probabilities(nn.Linear(192, 10))
        norms = np.linalg.norm(intact, axis=1) * np.linalg.norm(changed, axis=1)
        distances.append(1 - np.mean((intact * changed).sum(axis=1) / norms))
    found = rows(model, IMAGES, seed=7)
    assert found["last", "criticality"][0] == pytest.approx(np.mean(distances), abs=1e-6)
    assert found["last", "criticality_sd"][0] == pytest.approx(np.std(distances, ddof=1), abs=1e-6)


def test_batches_change_nothing_and_the_model_stays_as_it_is():
    model = Known()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    whole = rows(model, IMAGES)
    for name, (value, n) in rows(model, IMAGES, (1, 3, 2)).items():
        assert whole[name] == (pytest.approx(value, abs=1e-7), n)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_draws_depend_on_seed_layer_and_trial_but_not_on_the_weights():
    model, other = Known(), Known()
    nn.init.zeros_(other.last.weight)

    def drawn(model=model, layer="last", trial=0, seed=0) -> torch.Tensor:
        return reinitialised(model, layer, trial, seed)[f"{layer}.weight"]

    assert torch.equal(drawn(), drawn(other))
    assert not torch.equal(drawn(), drawn(trial=1))
    assert not torch.equal(drawn(), drawn(seed=1))
    twins = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    assert not torch.equal(drawn(twins, "0"), drawn(twins, "1"))
    assert drawn().abs().max() <= 192**-0.5  # the bound of torch's initialiser


def test_a_last_layer_of_zeros_gives_the_cosine_with_a_uniform_answer():
    """Every altered answer is uniform here, so the similarity is known: sum p / (|p| sqrt K)."""

    class Zero(nn.Linear):
        def reset_parameters(self):
            nn.init.zeros_(self.weight)
            nn.init.zeros_(self.bias)

    model = nn.Sequential(nn.Flatten(), Zero(192, 10))
    with torch.no_grad():
        model[1].weight.normal_(generator=torch.Generator().manual_seed(2))
        p = torch.softmax(model(IMAGES).double(), dim=1)
    expected = 1 - (1 / (p.norm(dim=1) * 10**0.5)).mean().item()
    found = rows(model, IMAGES, trials=1)
    assert list(found) == [("1", "criticality")]
    assert found["1", "criticality"][0] == pytest.approx(expected, abs=1e-6)


def test_layers_of_a_resnet_50_are_those_of_the_published_table():
    from torchvision.models import resnet50

    network = nn.Sequential(nn.Identity(), resnet50())
    published = list(criticality.by_layer(results.load("published")).columns)
    assert list(layers(network)) == published
    assert layers(network)["layer1.0.downsample.0"] == "1.layer1.0.downsample.0"
    assert len(published) == 54


def test_it_is_measured_like_any_other_instrument(tmp_path):
    table = measure.run(
        {"mini": zoo.load("mini_standard")}, "layer-criticality", "miniature", tmp_path / "run", limit=4, trials=2, device="cpu",
        progress=False,
    )  # fmt: skip
    found = criticality.by_layer(table)
    assert set(found.columns) == set(layers(zoo.load("mini_standard")))
    assert found.notna().all(axis=None)
    assert (table["n"] == 4).all()
    assert criticality.per_model(table).loc["mini"].between(0.05, 1).all()


def test_it_is_registered_but_not_part_of_the_study():
    assert "layer-criticality" in INSTRUMENTS
    assert "layer-criticality" not in STUDY
    assert choose("layer-criticality", {"trials": 5})[0].trials == 5
    for trials in (0, True, 1.5):
        with pytest.raises(ValueError, match="expected `trials` to be an integer of at least 1"):
            replace(INSTRUMENTS["layer-criticality"], trials=trials)


def test_a_network_without_its_module_is_rejected():
    with pytest.raises(ValueError, match="keep=True"):
        answering(Known(), "fp32").replaced({}, IMAGES)
