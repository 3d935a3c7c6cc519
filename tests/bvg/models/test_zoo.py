"""The zoo against the list it was made from, every upstream layout against the network it was written from, bad files."""

import argparse
import csv
import importlib
import os
import pickle
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch
import torchvision
from torch import nn

from bvg.downloads import ChecksumError
from bvg.models import checkpoints, zoo
from bvg.models.state_dicts import CheckpointError, StateDictLayout

pytestmark = pytest.mark.usefixtures("one_thread")

CHECKPOINTS = Path(__file__).parents[3].parent / "shared/data/published/checkpoints.csv"
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
IMAGES = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def randomise(network, seed=0):
    """Weights and batch-norm statistics that differ from layer to layer, so that no two can be mistaken."""
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


@pytest.fixture(scope="module")
def network():
    return randomise(torchvision.models.resnet50())


@pytest.fixture(scope="module")
def state(network):
    return network.state_dict()


@torch.no_grad()
def logits(model, images=IMAGES):
    return model(images)


# ---------------------------------------------------------------------------------------------------- the list


@pytest.mark.skipif(not CHECKPOINTS.exists(), reason="../shared/data is not here")
def test_toml_agrees_with_the_list():
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


def test_digests_stated_by_upstream():
    """torchvision, timm and texture-vs-shape state the beginning of the SHA-256 in the file name; no one else seems to."""
    stated = {}
    for name in zoo.names():
        for source in zoo.entry(name).sources:
            url, page, filename = zoo._address(source.locator)
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


# ------------------------------------------------------------------------------------- the layouts of upstream


class Wrapper(nn.Module):
    """A module with children of given names."""

    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)


def parallel(module):
    return Wrapper(module=module)  # the names that DataParallel gives


def training_script(**content):
    """What lies beside the weights: a NumPy scalar and a Namespace, as PyTorch's ImageNet example has them."""
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


def save(name, contents, folder):
    """The files of a zoo model in the cache folder, as if they had been put there by hand."""
    paths = []
    for content, source in zip(contents, zoo.entry(name).sources, strict=True):
        paths.append(folder / "zoo" / name / zoo._address(source.locator)[2])
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        torch.save(content, paths[-1], _use_new_zipfile_serialization="trained_on" not in name)  # those are old files
    return paths


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BVG_CACHE", str(tmp_path))
    yield tmp_path
    for file in tmp_path.rglob("*"):  # 100 MB each
        if file.is_file():
            file.unlink()


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout(name, network, cache, monkeypatch):
    paths = save(name, LAYOUTS[name](network), cache)
    if torch.hub.HASH_REGEX.search(paths[0].name):  # a synthetic file cannot have upstream's digest
        with pytest.raises(ChecksumError, match=r"expected .* with a SHA-256 that starts with"):
            zoo.load(name)
        monkeypatch.setattr(zoo, "fetch", lambda _: paths)
    else:
        assert zoo.fetch(name) == paths
    model = zoo.load(name)
    images = IMAGES if name == "resnet50_diffusionnoise_fixed_nonoise" else (IMAGES - MEAN) / STD
    torch.testing.assert_close(logits(model), logits(network, images), rtol=1e-5, atol=1e-5)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_zoo_covers_each_layout():
    """Each layout in zoo.toml, but for the users' own, is written and read by a test in this file."""
    tested = {source.layout for name in [*LAYOUTS, "resnet50_simclrv2"] for source in zoo.entry(name).sources}
    assert tested == set(zoo.layouts().values()) - {zoo.layouts()["own"]}


class SimCLRBlock(nn.Module):
    """A bottleneck under the names that the conversion from TensorFlow gives."""

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


def test_simclr_layout_against_the_converted_network(cache):
    original = randomise(SimCLRNetwork(), seed=2)
    head = nn.Linear(2048, 8).state_dict()  # the contrastive head beside it
    save("resnet50_simclrv2", [{"resnet": original.state_dict(), "head": head}], cache)
    expected = logits(original)
    torch.testing.assert_close(logits(zoo.load("resnet50_simclrv2")), expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 0.01


def test_timms_resnet50_is_torchvisions(network, state):
    """So that timm's weights may be put into torchvision's network."""
    other = timm.create_model("resnet50").eval()
    other.load_state_dict(state)
    torch.testing.assert_close(logits(other), logits(network), rtol=1e-4, atol=1e-5)


# --------------------------------------------------------------------------------------------- a user's own model


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
def test_own_file(filename, content, network, cache):
    path = cache / filename
    (safetensors.torch.save_file if path.suffix == ".safetensors" else torch.save)(content(network), path)
    torch.testing.assert_close(
        logits(zoo.load(str(path))), logits(network, (IMAGES - MEAN) / STD), rtol=1e-5, atol=1e-5
    )


def test_old_half_precision_file_without_counters(network, state, cache):
    content = {name: value for name, value in half(state).items() if "num_batches_tracked" not in name}
    torch.save(content, cache / "half.pth")
    model = zoo.load(cache / "half.pth")
    expected = deepcopy(network).half().float()
    torch.testing.assert_close(logits(model), logits(expected, (IMAGES - MEAN) / STD), rtol=1e-5, atol=1e-5)


@pytest.fixture
def hub(cache):
    before = torch.hub.get_dir()
    torch.hub.set_dir(cache)
    (cache / "checkpoints").mkdir()
    yield cache / "checkpoints"
    torch.hub.set_dir(before)


@pytest.mark.parametrize("name", ["torchvision:resnet50", "torchvision:resnet50.IMAGENET1K_V2"])
def test_torchvision(name, network, state, hub):
    torch.save(state, hub / "resnet50-11ad3fa6.pth")
    torch.testing.assert_close(logits(zoo.load(name)), logits(network, (IMAGES - MEAN) / STD), rtol=1e-5, atol=1e-5)


def test_timm_with_its_own_normalization(tmp_path, monkeypatch):
    """From a cache as Hugging Face lays it out; these weights want (x - 0.5) / 0.5."""
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
    model = zoo.load(f"timm:{name}")
    torch.testing.assert_close(logits(model, images), logits(network, (images - 0.5) / 0.5), rtol=1e-5, atol=1e-5)
    with pytest.raises(ConnectionError, match=r"weights of timm:resnet10t\.c3_in1k in the library's cache or from"):
        zoo.load("timm:resnet10t.c3_in1k")


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
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "bvg_test_own.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("bvg_test_own", None)


def test_own_function(own_module):
    model = zoo.load("bvg_test_own:make")
    assert logits(model, torch.rand(2, 3, 224, 224)).shape == (2, 1000)
    assert not model.training


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bvg_test_own:ten", r"to give logits \[N, 1000\], ImageNet's classes, got \(1, 10\)"),
        ("bvg_test_own:small", r"to take images \[N, 3, 224, 224\]"),
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
def test_bad_name(name, message, own_module):
    with pytest.raises(ValueError, match=message):
        zoo.load(name)


def test_absent_file_and_entry(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected a checkpoint file, got .*absent\.pth"):
        zoo.load(tmp_path / "absent.pth")
    with pytest.raises(
        ValueError, match=r"expected the id of a model in the zoo, got 'tv_resnet' \(did you mean tv_resnet50"
    ):
        zoo.entry("tv_resnet")


# --------------------------------------------------------------------------------------------------------- bad files


class Code:
    """Pickled, it is a call that leaves a file behind."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle2", "pickle5", "torchvision"])
def test_code_is_refused_and_not_executed(form, cache, hub):
    mark, path = cache / "executed", cache / "evil.pth"
    content = {"state_dict": Code(mark)}
    if form.startswith("pickle"):
        path.write_bytes(pickle.dumps(content, protocol=int(form[-1])))
    else:
        path = hub / "resnet50-11ad3fa6.pth" if form == "torchvision" else path
        torch.save(content, path, _use_new_zipfile_serialization=form != "legacy")
    with pytest.raises(CheckpointError, match=r"(?i)rejected|nothing in it was executed"):
        zoo.load("torchvision:resnet50" if form == "torchvision" else path)
    assert not mark.exists()
    torch.load(path, weights_only=False) if form in ("zip", "legacy") else None
    assert mark.exists() == (form in ("zip", "legacy"))  # it would have been


def test_whole_model_is_refused_by_name(tmp_path):
    torch.save(nn.Sequential(nn.Linear(2, 2)), tmp_path / "model.pth")
    with pytest.raises(CheckpointError, match=r"refers to torch.nn.modules.container.Sequential, which could run code"):
        zoo.load(tmp_path / "model.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("damage", ["text", "empty", "truncated"])
def test_damaged_file(damage, suffix, tmp_path):
    path = tmp_path / f"weights{suffix}"
    (torch.save if suffix == ".pth" else safetensors.torch.save_file)({"a": torch.ones(1000)}, path)
    whole = path.read_bytes()
    path.write_bytes(
        {"text": b"these are not weights\n" * 9, "empty": b"", "truncated": whole[: len(whole) // 2]}[damage]
    )
    with pytest.raises(CheckpointError, match=r"expected .*weights.* got a file of \d+ bytes .*truncated, damaged"):
        zoo.load(path)


def test_wrong_tensors_are_named(state):
    def attempt(changed, pattern):
        with pytest.raises(CheckpointError, match=pattern) as caught:
            checkpoints.resnet50(changed, "here.pth")
        assert "here.pth" in str(caught.value)

    fewer_classes = state | {"fc.weight": torch.ones(100, 2048), "fc.bias": torch.ones(100)}
    attempt(
        fewer_classes,
        r"fc.bias has shape \(100,\), not \(1000,\); fc.weight has shape \(100, 2048\), not \(1000, 2048\)",
    )
    attempt({name: value for name, value in state.items() if name != "fc.bias"}, "1 missing: fc.bias")
    attempt(state | {"head.weight": torch.ones(1)}, "1 unexpected: head.weight")
    attempt(state | {"extra.num_batches_tracked": torch.ones(1)}, "1 unexpected: extra.num_batches_tracked")
    attempt(state | {"fc.bias": [0.0] * 1000}, "fc.bias is list, not a tensor")
    for bad in (float("nan"), float("inf")):
        broken = state["layer3.2.bn1.running_var"].clone()
        broken[7] = bad
        attempt(state | {"layer3.2.bn1.running_var": broken}, "NaN or infinity in layer3.2.bn1.running_var")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"state_dict": {"fc.weight": torch.ones(100, 2048)}},
            r"266 missing: bn1.bias, .*; fc.weight has shape \(100, 2048\)",
        ),
        ({"net": {"a": torch.ones(1)}, "epoch": 3}, "2 unexpected: epoch, net"),
        ({"state_dict": 3}, "1 unexpected: state_dict"),
        ({0: torch.ones(1)}, "expected a state dict, or one under a key such as state_dict, got 0"),
        ([torch.ones(1)], "to hold a state dict, got list"),
    ],
)
def test_file_of_something_else(content, message, tmp_path):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=message):
        zoo.load(tmp_path / "other.pth")


def test_two_tensors_under_one_name():
    with pytest.raises(CheckpointError, match=r"a second one for 'fc.bias': 'fc.bias'"):
        StateDictLayout(strip=("module.",)).apply({"module.fc.bias": 1, "fc.bias": 2})


def test_weights_digest_sees_values_and_normalization(network):
    digest = checkpoints.weights_digest(network)
    other = deepcopy(network)
    other.bn1.num_batches_tracked += 1
    assert checkpoints.weights_digest(other) == digest
    other.fc.bias.data[3] += 1e-3
    assert checkpoints.weights_digest(other) != digest
    normalized = [checkpoints.normalized(network, *zoo.NORMALIZATION[kind]) for kind in ("imagenet", "none")]
    assert len({checkpoints.weights_digest(model) for model in normalized}) == 2
