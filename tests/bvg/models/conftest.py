"""Fixtures for tests of models: a random ResNet-50, and cache folders."""

import pytest
import torch
import torchvision
from networks import randomize


@pytest.fixture(scope="session")
def network():
    return randomize(torchvision.models.resnet50())


@pytest.fixture(scope="session")
def state(network):
    return network.state_dict()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BVG_CACHE", str(tmp_path))
    yield tmp_path
    for file in tmp_path.rglob("*"):  # 100 MB each
        if file.is_file():
            file.unlink()


@pytest.fixture
def hub(cache):
    before = torch.hub.get_dir()
    torch.hub.set_dir(cache)
    (cache / "checkpoints").mkdir()
    yield cache / "checkpoints"
    torch.hub.set_dir(before)
