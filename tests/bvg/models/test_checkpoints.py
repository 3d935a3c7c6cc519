"""Test that bad checkpoint files are rejected with a reason and that no code in them runs, and the digest of weights."""

import os
import pickle
from copy import deepcopy

import pytest
import safetensors.torch
import torch
from torch import nn

from bvg.models import checkpoints, zoo
from bvg.models.loading import load
from bvg.models.state_dicts import CheckpointError

pytestmark = pytest.mark.usefixtures("one_thread")


class Code:
    """Unpickling it makes a folder."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle2", "pickle5", "torchvision"])
def test_code_is_rejected_and_not_executed(form, cache, hub):
    mark, path = cache / "executed", cache / "evil.pth"
    content = {"state_dict": Code(mark)}
    if form.startswith("pickle"):
        path.write_bytes(pickle.dumps(content, protocol=int(form[-1])))
    else:
        path = hub / "resnet50-11ad3fa6.pth" if form == "torchvision" else path
        torch.save(content, path, _use_new_zipfile_serialization=form != "legacy")
    with pytest.raises(CheckpointError, match=r"(?i)rejected|nothing in it was executed"):
        load("torchvision:resnet50" if form == "torchvision" else path)
    assert not mark.exists()
    torch.load(path, weights_only=False) if form in ("zip", "legacy") else None
    assert mark.exists() == (form in ("zip", "legacy"))  # torch.load would have run it


def test_a_pickled_model_is_rejected_with_its_class(tmp_path):
    torch.save(nn.Sequential(nn.Linear(2, 2)), tmp_path / "model.pth")
    with pytest.raises(CheckpointError, match=r"refers to torch.nn.modules.container.Sequential, which could run code"):
        load(tmp_path / "model.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("damage", ["text", "empty", "truncated"])
def test_a_damaged_file_is_reported(damage, suffix, tmp_path):
    path = tmp_path / f"weights{suffix}"
    (torch.save if suffix == ".pth" else safetensors.torch.save_file)({"a": torch.ones(1000)}, path)
    whole = path.read_bytes()
    path.write_bytes(
        {"text": b"these are not weights\n" * 9, "empty": b"", "truncated": whole[: len(whole) // 2]}[damage]
    )
    with pytest.raises(CheckpointError, match=r"expected .*weights.* got a file of \d+ bytes .*truncated, damaged"):
        load(path)


def test_missing_extra_and_wrong_tensors_are_named(state):
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
        ({0: torch.ones(1)}, "expected a state dict, or one under a key such as state_dict, got the keys 0"),
        ([torch.ones(1)], "to hold a state dict, got list"),
    ],
)
def test_a_file_with_other_content_is_reported(content, message, tmp_path):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=message):
        load(tmp_path / "other.pth")


def test_the_digest_depends_on_values_and_normalization_but_not_on_batch_counters(network):
    digest = checkpoints.weights_digest(network)
    other = deepcopy(network)
    other.bn1.num_batches_tracked += 1
    assert checkpoints.weights_digest(other) == digest
    other.fc.bias.data[3] += 1e-3
    assert checkpoints.weights_digest(other) != digest
    normalized = [checkpoints.normalized(network, *zoo.NORMALIZATION[kind]) for kind in ("imagenet", "none")]
    assert len({checkpoints.weights_digest(model) for model in normalized}) == 2


def test_a_file_with_two_sets_of_weights_says_which_are_used(network, state, tmp_path):
    other = {name: value * 2 if name == "fc.bias" else value for name, value in state.items()}
    torch.save({"epoch": 3, "state_dict": state, "state_dict_ema": other}, tmp_path / "both.pth")
    with pytest.warns(UserWarning, match=r"'state_dict' is used, not state_dict_ema.*both.pth\[key=state_dict_ema\]"):
        raw = load(tmp_path / "both.pth")
    average = load(f"{tmp_path / 'both.pth'}[key=state_dict_ema]")
    torch.testing.assert_close(raw.network.fc.bias * 2, average.network.fc.bias)
    with pytest.raises(CheckpointError, match=r"expected weights under 'ema' in .*got the keys epoch"):
        load(f"{tmp_path / 'both.pth'}[key=ema]")


@pytest.mark.parametrize("key", ["ema", "teacher"])
def test_weights_under_another_key_are_named(state, tmp_path, key):
    torch.save({"epoch": 3, key: state}, tmp_path / "odd.pth")
    with pytest.raises(CheckpointError, match=rf"got the keys .*{key} \(\d+ entries: .*odd.pth\[key={key}\]"):
        load(tmp_path / "odd.pth")
    torch.testing.assert_close(load(f"{tmp_path / 'odd.pth'}[key={key}]").network.fc.bias, state["fc.bias"])


@pytest.mark.parametrize("prefix", ["net.", "backbone.", "module.model.", "_orig_mod.module."])
def test_prefixes_are_removed_or_named(state, tmp_path, prefix):
    torch.save({f"{prefix}{name}": value for name, value in state.items()}, tmp_path / "odd.pth")
    torch.testing.assert_close(load(tmp_path / "odd.pth").network.fc.bias, state["fc.bias"])


def test_torchscript_is_named(tmp_path):
    torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2)).save(tmp_path / "script.pt")
    with pytest.raises(CheckpointError, match=r"got a TorchScript archive, .* a function of your own"):
        load(tmp_path / "script.pt")


def test_options_of_a_file_set_the_normalization(state, tmp_path):
    path = tmp_path / "best.pth"
    torch.save(state, path)
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    plain, stated = load(path), load(f"{path}[mean=0.5,std=0.25,0.5,0.125]")
    ours = (images - 0.5) / torch.tensor([0.25, 0.5, 0.125]).view(3, 1, 1)
    torch.testing.assert_close(stated(images), plain.network(ours))
    torch.testing.assert_close(load(f"{path}[mean=0,std=1]")(images), plain.network(images))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("mea=0.5", r"expected options among key, mean, std and timm in .*, got 'mea'.*mean"),
        ("mean=", "expected one value for mean in .*, got none"),
        ("key=a,key=b", "expected one value for key in .*, got another"),
        ("mean=0.5,0.5", r"expected mean in .* to be one or three numbers, got '0.5,0.5'"),
        ("mean=x", "expected mean in .* to be one or three numbers, got 'x'"),
        ("std=0", "expected std in .* to be one or three numbers above 0"),
        ("mean=123.7,116.3,103.5", r"got 123.7,116.3,103.5 \(is it for 0 to 255\? divide by 255\)"),
        ("timm=resnet5000", r"expected timm=NAME with an architecture of timm, got 'resnet5000'"),
    ],
)
def test_bad_options_of_a_file(state, tmp_path, options, message):
    torch.save(state, tmp_path / "best.pth")
    with pytest.raises(ValueError, match=message):
        load(f"{tmp_path / 'best.pth'}[{options}]")


def test_another_architecture_of_timm_with_the_weights_of_a_file(tmp_path):
    import timm

    torch.manual_seed(0)
    network = timm.create_model("resnet10t", pretrained=False).eval()
    torch.save(
        {"epoch": 1, "model": {f"module.{k}": v for k, v in network.state_dict().items()}}, tmp_path / "small.pth"
    )
    loaded = load(f"{tmp_path / 'small.pth'}[timm=resnet10t]")
    images = torch.rand(2, 3, 224, 224)
    stated = network.pretrained_cfg
    torch.testing.assert_close(loaded(images), network(checkpoints.Normalize(stated["mean"], stated["std"])(images)))
    other = load(f"{tmp_path / 'small.pth'}[timm=resnet10t,mean=0.5,std=0.5]")
    torch.testing.assert_close(other(images), network((images - 0.5) / 0.5))
    with pytest.raises(CheckpointError, match=r"expected the tensors of resnet18 of timm, got .*missing"):
        load(f"{tmp_path / 'small.pth'}[timm=resnet18]")
    torch.save({"epoch": 1}, tmp_path / "none.pth")
    with pytest.raises(CheckpointError, match=r"expected weights of the network in .*, got the keys epoch"):
        load(f"{tmp_path / 'none.pth'}[timm=resnet10t]")


def test_the_id_of_a_file_with_options_is_the_name_of_the_file(state, tmp_path):
    from bvg.measure.plan import named

    path = tmp_path / "best.pth"
    torch.save(state, path)
    with_options = f"{path}[key=ema,mean=0.5,std=0.5]"
    assert named([with_options]) == {"best": with_options}
    assert named([f"mine={with_options}"]) == {"mine": with_options}
