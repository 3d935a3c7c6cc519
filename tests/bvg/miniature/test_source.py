"""Measuring the miniature: its data sets, its instruments, and results that agree with direct computation."""

import dataclasses

import numpy as np
import pytest
import torch

from bvg import instruments, kernels, measure, miniature, study
from bvg.datasets.layouts import conditions
from bvg.measure import sources
from bvg.miniature import misjudged, source, synthetic, zoo
from bvg.miniature.instruments import INSTRUMENTS

SOURCE = source.Synthetic()


def run(models, what, out, **options):
    return measure.run(models, what, "miniature", out, **({"progress": False, "device": "cpu"} | options))


def conditions_of(name: str) -> list:
    """Return the conditions of a data set."""
    return list(SOURCE.check([next(i for i in INSTRUMENTS.values() if i.dataset == name)], None))


def value(table, model: str, benchmark: str, metric: str = "top1", **where) -> float:
    chosen = table[(table["model"] == model) & (table["benchmark"] == benchmark) & (table["metric"] == metric)]
    for column, wanted in where.items():
        chosen = chosen[np.isclose(chosen[column], wanted) if column == "level" else chosen[column] == wanted]
    return chosen["value"].item()


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    return run(["mini_standard", "mini_stylized"], ["benchmarks", "cue-conflict", "pgd"], out, limit=48)


def test_instruments_are_those_of_the_study_except_reassessed_labels():
    study = [name for name in instruments.STUDY if name != "imagenet-real"]
    assert list(INSTRUMENTS) == [*study, "layer-criticality"]
    for name, instrument in INSTRUMENTS.items():
        assert instrument.needs == instruments.INSTRUMENTS[name].needs
        assert isinstance(instrument, type(instruments.INSTRUMENTS[name]))


@pytest.mark.parametrize("name", source.SPLITS)
def test_data_sets_are_balanced_sorted_by_class_and_addressed_by_position(name):
    condition = conditions_of(name)[0]
    whole = SOURCE.open(condition, None)
    classes = whole.labels[:, 0] if name == "cue-conflict" else whole.labels
    assert (np.diff(classes) >= 0).all()
    assert (np.bincount(classes) == len(whole) / 16).all()
    assert len(set(whole.files)) == len(whole)
    some = SOURCE.open(condition, 16)
    assert len(set(some.labels[:, 0] if name == "cue-conflict" else some.labels)) == 16
    (batch,) = SOURCE.batches(some, 16)
    for image, position, path in zip(batch.images, batch.index, some.paths, strict=True):
        split, number = path.split("/")
        assert path == whole.files[position]
        plain, label = miniature.images(split, [int(number)])
        assert label.item() == classes[position]
        if not condition[1]:
            assert np.array_equal(image, plain[0].numpy())


def test_batches_do_not_depend_on_their_size():
    part = SOURCE.open(("imagenet-c", "gaussian_noise", "3"), 24)
    one, five = (np.concatenate([batch.images for batch in SOURCE.batches(part, size)]) for size in (24, 5))
    assert np.array_equal(one, five)
    clean = np.concatenate([batch.images for batch in SOURCE.batches(SOURCE.open(("imagenet", "", ""), 24), 24)])
    assert not np.array_equal(one, clean)


def test_corruptions_are_a_subset_of_the_studys_at_its_severities():
    for name in ("imagenet-c", "imagenet-cbar"):
        assert set(conditions_of(name)) <= set(conditions(name))
    assert len(conditions_of("imagenet-c")) == 7 * 5
    assert len(conditions_of("imagenet-cbar")) == 3 * 5


def test_accuracies_agree_with_direct_computation(table):
    network = miniature.load("mini_standard")
    where = SOURCE.open(("imagenet-v2", "", ""), 48)
    images, labels = miniature.images("v2", [int(path.split("/")[1]) for path in where.paths])
    right = network(images.float() / 255).argmax(1) == labels
    assert value(table, "mini_standard", "imagenet-v2") == pytest.approx(100 * right.double().mean().item())
    assert value(table, "mini_standard", "imagenet") > 80


def test_mean_over_corruptions_is_that_of_the_conditions(table):
    for model in ("mini_standard", "mini_stylized"):
        for name, count in (("imagenet-c", 35), ("imagenet-cbar", 15)):
            single = table[(table["model"] == model) & (table["benchmark"] == name) & (table["variant"] != "")]
            assert len(single) == count
            assert value(table, model, name, variant="") == pytest.approx(single["value"].mean())


def test_baseline_misclassifies_the_misjudged_images(table):
    assert value(table, "mini_standard", "imagenet-a") <= 5  # 0, unless another processor rounds differently
    assert value(table, "mini_stylized", "imagenet-a") > 40
    one_each = misjudged.choose(per_class=1)
    stored = np.array(SOURCE.open(("imagenet-a", "", ""), None).paths)
    for of_class in one_each:
        assert f"v2/{of_class[0]}" in stored


def test_shape_bias_differs_between_networks(table):
    assert value(table, "mini_stylized", "cue-conflict", "shape_bias") > 0.9
    assert value(table, "mini_standard", "cue-conflict", "shape_bias") < 0.7
    labels = SOURCE.open(("cue-conflict", "", ""), None).labels
    assert (labels[:, 0] != labels[:, 1]).all()


def test_ten_attack_steps_are_as_effective_as_forty():
    """Each step is four times the largest change, so the study's forty are not necessary."""
    some = SOURCE.open(("imagenet", "", ""), 96)
    (batch,) = SOURCE.batches(some, 96)
    x, y = torch.from_numpy(batch.images).float() / 255, torch.from_numpy(batch.labels)
    for name in ("mini_standard", "mini_linf_eps2"):
        network = miniature.load(name)
        ten, forty = (
            (network(kernels.pgd(network, x, y, study.PGD_EPSILON, steps)).argmax(1) == y).float().mean().item()
            for steps in (INSTRUMENTS["pgd"].steps, instruments.STUDY["pgd"].steps)
        )
        assert abs(ten - forty) <= 0.05


def test_band_pass_and_critical_band_return_their_metrics(tmp_path):
    table = run("mini_long", ["band-pass", "critical-band"], tmp_path / "run", limit=32, cutoffs=[0.2, 0.99])
    assert value(table, "mini_long", "low-pass", level=0.99) == value(table, "mini_long", "imagenet")
    assert len(table[table["benchmark"] == "high-pass"]) == 2
    noisy = table[(table["benchmark"] == "critical-band") & (table["metric"] == "top1")]
    assert len(noisy) == 1 + 4 * kernels.band_count(synthetic.SIZE, synthetic.SIZE)
    assert value(table, "mini_long", "critical-band", "bandwidth", variant="relative") > 0.5
    assert value(table, "mini_long", "critical-band", "center_frequency", variant="relative") > 2


def test_settings_reach_their_instruments():
    given = {"eps": 0.01, "cutoffs": [0.5], "noise_sds": [0, 0.1, 0.2, 0.4, 0.8]}
    chosen = {i.name: i for i in instruments.choose("all", given, INSTRUMENTS)}
    assert chosen["pgd"].eps == 0.01
    assert chosen["band-pass"].cutoffs == (0.5,)
    assert chosen["critical-band"].noise_sds == (0, 0.1, 0.2, 0.4, 0.8)
    assert chosen["imagenet"] == INSTRUMENTS["imagenet"]
    mine = dataclasses.replace(INSTRUMENTS["pgd"], steps=3)
    assert instruments.choose([mine], {"eps": 0.01})[0] is mine
    with pytest.raises(ValueError, match="expected `cutoffs` in"):
        instruments.choose("all", {"cutoffs": [30]})
    with pytest.raises(ValueError, match="expected `noise_sds` to be 0 and four more"):
        instruments.choose("all", {"noise_sds": [0, 1]})


def test_own_models_can_be_measured_and_miniature_names_the_whole_zoo(tmp_path):
    assert list(measure.named("miniature")) == miniature.names()
    path = zoo.WEIGHTS / "mini_long.safetensors"
    table = run(["mini_long", f"mine={path}"], "imagenet", tmp_path / "run", limit=16)
    assert value(table, "mine", "imagenet") == value(table, "mini_long", "imagenet")
    network = run(["own=bvg.miniature.network:Network"], "imagenet", tmp_path / "own", limit=16)
    assert 0 <= value(network, "own", "imagenet") <= 40  # untrained


def test_errors_name_the_matching_data_set_or_classes(tmp_path):
    assert isinstance(sources.source("/data", None, False), sources.Disk)
    with pytest.raises(ValueError, match="measure it with data='miniature'"):
        sources.Disk(tmp_path, None, False).load("mini_long")
    with pytest.raises(ValueError, match=r"of companion.demo:efficientnet_lite0 .*class of the miniature"):
        run("companion.demo:efficientnet_lite0", "imagenet", tmp_path / "run")
    with pytest.raises(ValueError, match=r"expected an instrument among imagenet, .* got 'imagenet-real'"):
        run("mini_long", "imagenet-real", tmp_path / "run")
