"""The miniature's zoo: zoo.toml, training log and weights agree, and training is reproducible."""

import dataclasses
import hashlib

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from bvg import known_models, miniature
from bvg.miniature import augment, synthetic, train, zoo
from bvg.miniature.network import Network

ALL = [*miniature.names(), *miniature.interventions()]
EVERY_NETWORK = pytest.mark.parametrize("name", ALL)
AUGMENTATIONS = ("none", "blur", "noise", "augmix", "pixmix", "views")


def test_zoo_has_the_groups_of_the_study():
    groups = [miniature.entry(name).group for name in miniature.names()]
    assert len(groups) >= 16
    assert groups.count("baseline") == 1
    assert set(groups) == set(known_models.models().loc[known_models.models()["in_study"], "group"])
    strengths = [miniature.entry(name).epsilon for name in miniature.names() if miniature.entry(name).norm]
    assert strengths == [0, 0.5, 1, 2, 4, 8]
    seeds = [miniature.entry(name).recipe.seed for name in miniature.names()]
    assert len(set(seeds)) == len(seeds)


@EVERY_NETWORK
def test_log_weights_and_recipe_agree(name):
    row = train.read_log()[name]
    content = (zoo.WEIGHTS / f"{name}.safetensors").read_bytes()
    assert row["recipe"] == train.fingerprint(miniature.entry(name)), f"train it: make miniature-zoo NAMES={name}"
    assert row["sha256"] == hashlib.sha256(content).hexdigest()
    assert int(row["seed"]) == miniature.entry(name).recipe.seed


def test_weights_and_log_contain_exactly_the_zoo():
    assert sorted(path.stem for path in zoo.WEIGHTS.glob("*.safetensors")) == sorted(ALL)
    assert list(train.read_log()) == ALL
    assert sum(path.stat().st_size for path in zoo.WEIGHTS.iterdir()) < 8e6


@EVERY_NETWORK
def test_networks_load_in_evaluation_mode_and_give_finite_logits(name):
    network = miniature.load(name)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    x = torch.rand((2, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    logits = network(x)
    assert logits.shape == (2, 16)
    assert logits.isfinite().all()
    assert network(x[:1])[0] == pytest.approx(logits[0], abs=1e-3)


@pytest.mark.parametrize("name", ["mini_standard", "mini_simclr"])
def test_logged_accuracy_is_reproduced(name):
    row = train.read_log()[name]
    assert int(row["val_images"]) == train.TESTED
    assert train.accuracy(miniature.load(name)) == pytest.approx(float(row["val_accuracy"]), abs=0.2)


def test_zoo_spans_the_range_of_shape_bias():
    images, shape, texture = miniature.cue_conflict(240)

    def shape_bias(name: str) -> float:
        answers = miniature.load(name)(images.float() / 255).argmax(1)
        by_shape, by_texture = (answers == shape).sum().item(), (answers == texture).sum().item()
        return by_shape / (by_shape + by_texture)

    assert shape_bias("mini_texture_biased") < 0.1 < shape_bias("mini_standard") < 0.9 < shape_bias("mini_stylized")


def test_frozen_filters_keep_their_initial_values():
    torch.manual_seed(miniature.entry("mini_frozen").recipe.seed)
    start, trained = Network().state_dict(), miniature.load("mini_frozen").state_dict()
    spatial = [name for name, value in start.items() if value.ndim == 4 and value.shape[-1] > 1]
    assert len(spatial) == 5
    for name in spatial:
        assert torch.equal(trained[name], start[name].half().float())
    assert not torch.equal(trained["classifier.weight"], start["classifier.weight"].half().float())


def short(name: str, **changes) -> zoo.Entry:
    entry = miniature.entry(name)
    return dataclasses.replace(entry, recipe=dataclasses.replace(entry.recipe, epochs=1, **changes))


@pytest.mark.parametrize("name", ["mini_standard", "mini_regularised", "mini_augmix", "mini_linf_eps1", "mini_simclr"])
def test_training_again_gives_the_same_weights(name):
    first, second = (train.encode(train.train(short(name), images=256)) for _ in range(2))
    assert first == second
    assert first != train.encode(train.train(short(name, seed=99), images=256))


@pytest.mark.parametrize(("label", "share_of_shape"), [("shape", 1.0), ("texture", 0.0), ("either", 0.5)])
def test_targets_follow_the_cue_of_the_recipe(label, share_of_shape):
    images, targets = train.training_data("stylized", label, 256)
    shape, texture = (train.training_data("stylized", cue, 256)[1].argmax(1) for cue in ("shape", "texture"))
    scenes = synthetic.scenes("train", 256, texture=texture)
    assert torch.equal(images, scenes.images)
    assert torch.equal(shape, scenes.shape)
    image = int((texture != shape).nonzero()[0])
    assert targets[image, shape[image]] == share_of_shape
    assert targets[image, texture[image]] == 1 - share_of_shape
    assert targets.sum(1).unique().tolist() == [1]


def test_training_attack_stays_within_eps_and_raises_the_loss():
    network = miniature.load("mini_standard")
    images, labels = miniature.images("val", 64)
    x, targets = images.float() / 255, torch.eye(16)[labels]
    attacked = train.attack(network, x, targets, 2 / 255, 2, torch.Generator().manual_seed(0))
    assert (attacked - x).abs().max() <= 2 / 255 + 1e-6
    assert attacked.min() >= 0
    assert attacked.max() <= 1
    loss = nn.functional.cross_entropy
    assert loss(network(attacked), targets) > 1.5 * loss(network(x), targets)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentations_keep_shape_and_range_and_follow_the_generator(name):
    images, _ = miniature.images("train", 16)
    before = images.float() / 255
    x = before.clone()
    first, second, other = (getattr(augment, name)(x, torch.Generator().manual_seed(k)) for k in (0, 0, 1))
    assert torch.equal(x, before)  # the input is not modified
    assert first.shape == x.shape
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, second)
    assert torch.equal(first, x) == (name == "none")
    assert torch.equal(first, other) == (name == "none")


def test_mixup_and_cutmix_mix_images_and_targets_in_the_same_proportion():
    x = torch.eye(16)[:, :, None, None].expand(-1, -1, 64, 64)[:, :3].contiguous()
    for seed in range(6):
        mixed, targets = augment.mixup_cutmix(x, torch.eye(16), torch.Generator().manual_seed(seed))
        assert targets.sum(1) == pytest.approx(torch.ones(16))
        # Channel k is 1 only in image k, so its mean is the share of that image.
        assert mixed.mean((2, 3)) == pytest.approx(targets[:, :3], abs=1e-5)


def test_trained_networks_are_not_trained_again(capsys):
    train.main(["mini_standard"])
    assert "training 0 networks" in capsys.readouterr().out


def test_unknown_untrained_and_incomplete_networks_are_rejected(tmp_path):
    with pytest.raises(ValueError, match=r"expected one of mini_standard, .* got 'resnet50'"):
        miniature.load("resnet50")
    with pytest.raises(FileNotFoundError, match="make miniature-zoo"):
        zoo.load("mini_standard", weights=tmp_path)
    stored = load_file(zoo.WEIGHTS / "mini_standard.safetensors")
    stored.pop("classifier.bias")
    save_file(stored, tmp_path / "mini_standard.safetensors")
    with pytest.raises(ValueError, match=r"classifier\.bias"):
        zoo.load("mini_standard", weights=tmp_path)
