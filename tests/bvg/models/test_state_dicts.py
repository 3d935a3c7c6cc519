"""Test every upstream layout of a state dict against the network that it was made from."""

import pytest
import timm
import torch
from networks import IMAGES, LAYOUTS, MEAN, STD, SimCLRNetwork, logits, randomize
from torch import nn

from bvg.downloads import ChecksumError
from bvg.models import loading, zoo
from bvg.models.loading import load
from bvg.models.state_dicts import CheckpointError, StateDictLayout

pytestmark = pytest.mark.usefixtures("one_thread")


def save(name, contents, folder):
    """Write the files of a zoo model to the cache folder, as if they had been put there by hand."""
    paths = []
    for content, source in zip(contents, zoo.entry(name).sources, strict=True):
        paths.append(folder / "zoo" / name / zoo.resolve(source.locator)[2])
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        torch.save(content, paths[-1], _use_new_zipfile_serialization="trained_on" not in name)  # these are old files
    return paths


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_gives_the_network(name, network, cache, monkeypatch):
    paths = save(name, LAYOUTS[name](network), cache)
    if torch.hub.HASH_REGEX.search(paths[0].name):  # a synthetic file cannot have upstream's digest
        with pytest.raises(ChecksumError, match=r"expected .* with a SHA-256 that starts with"):
            load(name)
        monkeypatch.setattr(loading, "fetch", lambda _: paths)
    else:
        assert zoo.fetch(name) == paths
    model = load(name)
    images = IMAGES if name == "resnet50_diffusionnoise_fixed_nonoise" else (IMAGES - MEAN) / STD
    torch.testing.assert_close(logits(model), logits(network, images), rtol=1e-5, atol=1e-5)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_every_layout_of_the_zoo_is_tested():
    """This file writes and reads every layout in zoo.toml, except that of users' own files."""
    tested = {source.layout for name in [*LAYOUTS, "resnet50_simclrv2"] for source in zoo.entry(name).sources}
    assert tested == set(zoo.layouts().values()) - {zoo.layouts()["own"]}


def test_the_simclr_layout_gives_the_converted_network(cache):
    original = randomize(SimCLRNetwork(), seed=2)
    head = nn.Linear(2048, 8).state_dict()  # the contrastive head
    save("resnet50_simclrv2", [{"resnet": original.state_dict(), "head": head}], cache)
    expected = logits(original)
    torch.testing.assert_close(logits(load("resnet50_simclrv2")), expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 0.01


def test_timms_resnet50_equals_torchvisions(network, state):
    """Therefore timm's weights can be loaded into torchvision's network."""
    other = timm.create_model("resnet50").eval()
    other.load_state_dict(state)
    torch.testing.assert_close(logits(other), logits(network), rtol=1e-4, atol=1e-5)


def test_two_tensors_under_one_name_are_rejected():
    with pytest.raises(CheckpointError, match=r"a second one for 'fc.bias': 'fc.bias'"):
        StateDictLayout(strip=("module.",)).apply({"module.fc.bias": 1, "fc.bias": 2})
