"""Test the list of the zoo, and loading a model by path, by library name or by function."""

import csv
import importlib
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
from networks import IMAGES, MEAN, STD, Wrapper, aux_batch_norms, logits, parallel, robustness

from bvg.models import zoo
from bvg.models.loading import load

pytestmark = pytest.mark.usefixtures("one_thread")

CHECKPOINTS = Path(__file__).parents[3].parent / "shared/data/published/checkpoints.csv"


@pytest.mark.skipif(not CHECKPOINTS.exists(), reason="needs ../shared/data")
def test_toml_agrees_with_the_authors_list():
    with CHECKPOINTS.open() as file:
        rows = list(csv.DictReader(file))
    assert zoo.names() == [row["model"] for row in rows]
    for row in rows:
        entry = zoo.entry(row["model"])
        kind = "" if row["kind"] == "url" else row["kind"] + ":"
        assert [source.locator for source in entry.sources] == [kind + part for part in row["locator"].split(" + ")]
        assert entry.group == row["group"]
        assert entry.normalization == row["normalisation"].removesuffix(" cfg")
        layout = entry.sources[0].layout
        assert row["note"].startswith("drop") == (layout.drop == ("aux_bn",))
        assert ("take only" in row["note"]) == bool(layout.only)
        if len(entry.sources) == 1:
            assert layout.path == row["state_key"]
            if "TF" not in row["strip"]:
                assert (layout.only or "".join(layout.strip)) == row["strip"]


def test_file_names_contain_the_digests_that_upstream_states():
    """torchvision, timm and texture-vs-shape put the first digits of the SHA-256 into the file name."""
    stated = {}
    for name in zoo.names():
        for source in zoo.entry(name).sources:
            url, page, filename = zoo.resolve(source.locator)
            assert url.startswith("https://")
            assert page.startswith("https://")
            assert filename.endswith(zoo.SUFFIXES)
            if match := torch.hub.HASH_REGEX.search(filename):
                stated[name] = match[1]
    expected = {name for name in zoo.names() if zoo.entry(name).group in ("baseline", "training_recipes", "stylized")}
    assert {name for name, digits in stated.items() if len(digits) == 8} == expected
    assert stated["resnet50_trained_on_SIN"] == "c8e5653e"
    assert stated["tv_resnet50"] == "0676ba61"


def test_names_need_no_torch():
    code = "import sys, bvg.models.zoo; assert len(bvg.models.zoo.names()) == 48; assert not {'torch', 'requests'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def half(state):
    return {name: value.half() if value.is_floating_point() else value for name, value in state.items()}


@pytest.mark.parametrize(
    ("filename", "content"),
    [
        ("plain.pt", lambda network: network.state_dict()),
        ("lightning.ckpt", lambda network: {"state_dict": Wrapper(model=network).state_dict(), "callbacks": {}}),
        ("compiled.pth.tar", lambda network: {"model": Wrapper(_orig_mod=parallel(network)).state_dict()}),
        ("robust.pt", lambda network: {"model": robustness(network)}),
        ("two.pth", lambda network: {"state_dict": aux_batch_norms(network)}),
        ("new.safetensors", lambda network: parallel(network).state_dict()),
    ],
)
def test_a_file_in_any_layout_is_loaded(filename, content, network, cache):
    path = cache / filename
    (safetensors.torch.save_file if path.suffix == ".safetensors" else torch.save)(content(network), path)
    torch.testing.assert_close(logits(load(str(path))), logits(network, (IMAGES - MEAN) / STD), rtol=1e-5, atol=1e-5)


def test_a_half_precision_file_without_batch_counters_is_loaded(network, state, cache):
    content = {name: value for name, value in half(state).items() if "num_batches_tracked" not in name}
    torch.save(content, cache / "half.pth")
    model = load(cache / "half.pth")
    expected = deepcopy(network).half().float()
    torch.testing.assert_close(logits(model), logits(expected, (IMAGES - MEAN) / STD), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["torchvision:resnet50", "torchvision:resnet50.IMAGENET1K_V2"])
def test_torchvisions_weights_are_loaded(name, network, state, hub):
    torch.save(state, hub / "resnet50-11ad3fa6.pth")
    torch.testing.assert_close(logits(load(name)), logits(network, (IMAGES - MEAN) / STD), rtol=1e-5, atol=1e-5)


def test_timms_weights_use_their_own_normalization(tmp_path, monkeypatch):
    """The weights come from a cache in the layout of Hugging Face, and need (x - 0.5) / 0.5."""
    name = "vit_tiny_patch16_224.augreg_in21k_ft_in1k"
    network = timm.create_model(name).eval()
    assert network.pretrained_cfg["mean"] == (0.5, 0.5, 0.5)
    folder = tmp_path / f"models--timm--{name}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs/main").write_text("0" * 40)
    (folder / "snapshots" / ("0" * 40)).mkdir(parents=True)
    safetensors.torch.save_file(network.state_dict(), folder / "snapshots" / ("0" * 40) / "model.safetensors")
    constants = importlib.import_module("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    images = torch.rand(1, 3, 224, 224)
    model = load(f"timm:{name}")
    torch.testing.assert_close(logits(model, images), logits(network, (images - 0.5) / 0.5), rtol=1e-5, atol=1e-5)
    with pytest.raises(ConnectionError, match=r"weights of timm:resnet10t\.c3_in1k in the library's cache or from"):
        load("timm:resnet10t.c3_in1k")


OWN = """
from torch import nn

def make():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 224 * 224, 1000)).train()

def ten():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 224 * 224, 10))

def small():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 1000))

def nothing():
    return "resnet50"

def broken():
    return {}["weights"]
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "bvg_test_own.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("bvg_test_own", None)


def test_a_function_returns_the_model(own_module):
    model = load("bvg_test_own:make")
    assert logits(model, torch.rand(2, 3, 224, 224)).shape == (2, 1000)
    assert not model.training


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "bvg_test_own:ten",
            r"expected logits \[1, 1000\] of bvg_test_own:ten on a grey image, got \[1, 10\] .one per class of ImageNet",
        ),
        ("bvg_test_own:small", r"to take images \[N, 3, 224, 224\]"),
        ("bvg_test_own:broken", r"to return a torch.nn.Module, got KeyError: 'weights' \(.*bvg_test_own.py, line 17\)"),
        ("bvg_test_own:nothing", "to return a torch.nn.Module, got str"),
        ("bvg_test_own:absent", "no attribute 'absent'"),
        ("bvg_test_absent:make", "No module named 'bvg_test_absent'"),
        ("resnet50_dno", "got 'resnet50_dno' .did you mean resnet50_dino"),
        ("timm:resnet50.a1_in1", "did you mean resnet50.a1_in1k"),
        ("timm:no such model", "expected timm:NAME"),
        ("torchvision:resnet5", "did you mean resnet5"),
        ("torchvision:resnet50.V2", "one of .'IMAGENET1K_V1', 'IMAGENET1K_V2'"),
    ],
)
def test_an_unknown_name_or_an_unsuitable_model_is_rejected(name, message, own_module):
    with pytest.raises(ValueError, match=message):
        load(name)


def test_a_missing_file_and_an_unknown_id_are_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected a checkpoint file, got .*absent\.pth"):
        load(tmp_path / "absent.pth")
    with pytest.raises(
        ValueError, match=r"expected the id of a model in the zoo, got 'tv_resnet' \(did you mean tv_resnet50"
    ):
        zoo.entry("tv_resnet")
