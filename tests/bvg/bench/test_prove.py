"""The proofs pass on the CPU, notice a wrong part, and do not stop each other; the command reports what failed."""

import json
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bvg import bench, kernels
from bvg.bench import __main__ as command
from bvg.bench import prove, record
from bvg.bench.proofs import PROOFS, base, engine, network
from bvg.bench.prove import FAILED, PASSED, SKIPPED, outcomes
from bvg.bench.record import Row
from bvg.datasets import device as devices
from bvg.datasets import loading
from bvg.kernels import randomness
from bvg.measure import accumulator
from bvg.measure import engine as measuring

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
OFF = 1e-3


def outcome(name: str) -> prove.Outcome:
    """Run one proof on the CPU."""
    (found,) = outcomes(CPU, {name: PROOFS[name]})
    return found


@pytest.mark.parametrize("name", PROOFS)
def test_every_proof_passes_on_the_cpu_or_says_what_it_needs(name):
    with warnings.catch_warnings():
        if name == "compiled networks":  # torch's compiler warns about its own parts, and about a missing GPU
            warnings.simplefilter("ignore")
        found = outcome(name)
    if name == "no waiting within a unit":
        assert found.outcome == SKIPPED
        assert found.detail.startswith("needs CUDA")
    elif found.outcome == SKIPPED:
        pytest.skip(found.detail)
    else:
        assert found.outcome == PASSED, found.detail
        assert found.detail


# --- wrong parts -----------------------------------------------------------------------------------------------------


def off_by_a_word(right):
    """Change one bit of one random word."""

    def wrong(*arguments):
        first, *others = right(*arguments)
        first = first.clone()
        first.view(-1)[0] ^= 1
        return first, *others

    return wrong


def off_by_a_little(right):
    """Add 0.001 to one value of the result."""

    def wrong(*arguments, **options):
        result = right(*arguments, **options).clone()
        result.view(-1)[-1] += OFF
        return result

    return wrong


def off_in_every_condition(right):
    """Add 0.001 to one pixel of every stimulus."""

    def wrong(*arguments, **options):
        for *condition, stimulus in right(*arguments, **options):
            changed = stimulus.clone()
            changed[-1, :, 5, 7] = (changed[-1, :, 5, 7] + OFF).clamp(0, 1) - OFF * (changed[-1, :, 5, 7] > 1 - OFF)
            yield *condition, changed

    return wrong


def off_in_every_pixel(right):
    """Change the attacked images by 0.001."""

    def wrong(model, images, *arguments, **options):
        return (right(model, images, *arguments, **options) + OFF).clamp(0, 1)

    return wrong


def steps_the_other_way(right):
    """Attack with steps in the other direction, which change the images as much."""

    def wrong(model, images, labels, eps, steps, step_size, *rest):
        def opposite(x):
            return -model(x)

        return right(opposite, images, labels, eps, steps, step_size, *rest)

    return wrong


def one_class_further(right):
    """Decide for the next class."""
    return lambda logits, *arguments: (right(logits, *arguments) + 1) % 16


def brighter(right):
    """Copy images to the device one level brighter."""

    def wrong(values, device):
        copied = right(values, device)
        return copied.clamp(max=254) + 1 if copied.dtype == torch.uint8 else copied

    return wrong


def one_hit_fewer(right):
    """Count one correct decision too few per batch."""

    def wrong(self, condition, index, score, bad_logits):
        score = score._replace(counts=score.counts | {"top1": score.counts["top1"] - 1})
        right(self, condition, index, score, bad_logits)

    return wrong


def rows_shifted(right):
    """Return the rows of other images."""
    return lambda self, rows: right(self, rows[::-1].copy())


WRONG = {
    "a random word": ("random numbers", randomness, "words", off_by_a_word),
    "a uniform number": ("random numbers", randomness, "uniform", off_by_a_little),
    "a normal number": ("random numbers", randomness, "normal", off_by_a_little),
    "a filtered pixel": ("band-pass filters", kernels, "bandpass_all", off_in_every_condition),
    "a noisy pixel": ("critical-band noise", kernels, "critical_band_all", off_in_every_condition),
    "a grey pixel": ("grey images", kernels, "low_contrast_grey", off_by_a_little),
    "a decision": ("decisions", kernels, "sixteen_way", one_class_further),
    "the attacked images": ("PGD step by step", kernels, "pgd", off_in_every_pixel),
    "the direction of a step": ("PGD step by step", kernels, "pgd", steps_the_other_way),
    "the copy to the device": ("logits in the engine", measuring, "to_device", brighter),
    "a sum": ("whole engine", accumulator.Accumulator, "add", one_hit_fewer),
    "the order of held images": ("held and streamed images", devices.DeviceImages, "take", rows_shifted),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_proof_notices_when_this_is_wrong(what, monkeypatch):
    name, place, attribute, wrong = WRONG[what]
    if name == "whole engine":  # a few instruments will do
        some = {key: engine.DECIDING[key] for key in ("imagenet", "cue-conflict")}
        monkeypatch.setattr(engine, "DECIDING", some)
    monkeypatch.setattr(place, attribute, wrong(getattr(place, attribute)))
    found = outcome(name)
    assert found.outcome == FAILED
    assert found.detail.startswith("expected"), found.detail


def test_a_network_that_is_not_rounded_as_stated_is_noticed(monkeypatch):
    monkeypatch.setitem(network.FLIPS, "bf16", 0)
    assert outcome("precisions").outcome == FAILED


def test_a_process_that_decodes_other_pixels_is_noticed(monkeypatch):
    right = loading._Jobs.__getitem__
    monkeypatch.setattr(
        loading._Jobs, "__getitem__", lambda self, job: ((found := right(self, job))[0] ^ 1, *found[1:])
    )
    found = outcome("decoding after CUDA")
    assert found.outcome == FAILED
    assert "decoded images" in found.detail


def test_memory_that_is_never_full_proves_nothing(monkeypatch):
    monkeypatch.setattr(engine.Hungry, "EACH", 1)
    found = outcome("full memory")
    assert (found.outcome, found.detail) == (FAILED, "expected an out-of-memory error, got none")


# --- the runner ------------------------------------------------------------------------------------------------------


def broken(ground):
    raise ZeroDivisionError("on purpose")


def different(ground):
    return base.at_most("difference", 2, 1)


def missing(ground):
    raise base.Skipped("needs a thing")


def fine(ground):
    assert list(ground.folder.iterdir()) == []
    (ground.folder / "file").write_text("x")
    return "equal"


def test_the_runner_goes_on_after_a_failure():
    found = list(outcomes(CPU, {"broken": broken, "different": different, "missing": missing, "fine": fine}))
    assert [one.outcome for one in found] == [FAILED, FAILED, SKIPPED, PASSED]
    assert "ZeroDivisionError: on purpose" in found[0].detail
    assert "in broken" in found[0].detail
    assert found[1].detail == "expected difference of at most 1, got 2"
    assert found[2].detail == "needs a thing"


@pytest.mark.parametrize("value", [np.nan, 1.1, np.inf])
def test_a_number_above_its_bound_or_not_a_number_is_not_proven(value):
    with pytest.raises(base.NotProven, match=r"expected difference of at most 1, got (nan|1.1|inf)"):
        base.at_most("difference", value, 1)


def test_tensors_of_other_shapes_types_or_values_are_not_the_same():
    ones = torch.ones(3)
    for other in (torch.ones(2), torch.ones(3, dtype=torch.float64), torch.tensor([1, 1, 1 + 1e-6])):
        with pytest.raises(base.NotProven, match="expected values to be"):
            base.same("values", ones, other)
    base.same("values", ones, ones.clone())
    assert np.isnan(base.apart(ones, ones * np.nan))


# --- the command -----------------------------------------------------------------------------------------------------


def row(bench_):
    yield Row("kernels", "made", "bvg", 1.0, "ms/image")


def stops(bench_):
    yield Row("network", "made", "bvg", 2.0, "ms/image")
    raise RuntimeError("the device is gone")


def the_command(monkeypatch, folder, proofs, sections, *options) -> int:
    monkeypatch.setattr(prove.outcomes, "__defaults__", (proofs,))
    monkeypatch.setattr(command, "SECTIONS", {name: SimpleNamespace(rows=rows) for name, rows in sections.items()})
    return command.main(["--device", "cpu", "--out", str(folder), *options])


def test_the_command_proves_measures_and_writes_both(tmp_path, monkeypatch, capsys):
    assert the_command(monkeypatch, tmp_path, {"fine": fine, "missing": missing}, {"one": row}, "--prove") == 0
    path = record.file(CPU, tmp_path)
    content = json.loads(path.read_text())
    assert [(one["name"], one["outcome"]) for one in content["proofs"]] == [("fine", PASSED), ("missing", SKIPPED)]
    assert content["proofs"][0].keys() == {"name", "outcome", "seconds", "detail"}
    assert content["proven"]["libraries"]["torch"]
    assert bench.load(tmp_path)["value"].tolist() == [1.0]
    text = path.with_suffix(".txt").read_text()
    printed = capsys.readouterr().out
    for line in ("passed   fine", "skipped  missing", "made, bvg: 1 ms/image", "nothing failed"):
        assert line in text
        assert line in printed


def test_parts_that_fail_do_not_stop_the_others_and_give_status_1(tmp_path, monkeypatch):
    proofs, sections = {"broken": broken, "fine": fine}, {"stops": stops, "one": row}
    assert the_command(monkeypatch, tmp_path, proofs, sections, "--prove") == 1
    path = record.file(CPU, tmp_path)
    assert [one["outcome"] for one in json.loads(path.read_text())["proofs"]] == [FAILED, PASSED]
    assert bench.load(tmp_path)["value"].tolist() == [2.0, 1.0]
    text = path.with_suffix(".txt").read_text()
    assert "ZeroDivisionError: on purpose" in text
    assert "RuntimeError: the device is gone" in text
    assert text.endswith("failed: broken, section stops\n")


def test_each_part_alone_keeps_what_the_other_wrote(tmp_path, monkeypatch):
    assert the_command(monkeypatch, tmp_path, {"fine": fine}, {"stops": stops}, "--only", "proofs") == 0
    with pytest.raises(ValueError, match="got none"):
        bench.load(tmp_path)  # proven, but not measured
    assert (
        the_command(monkeypatch, tmp_path, {"broken": broken}, {"kernels": row}, "--prove", "--only", "measures") == 0
    )
    assert the_command(monkeypatch, tmp_path, {"broken": broken}, {"kernels": row}) == 0  # measures by default
    content = json.loads(record.file(CPU, tmp_path).read_text())
    assert (len(content["rows"]), content["proofs"][0]["outcome"]) == (1, PASSED)
    assert the_command(monkeypatch, tmp_path, {"broken": broken}, {}, "--only", "proofs") == 1
    content = json.loads(record.file(CPU, tmp_path).read_text())
    assert (len(content["rows"]), content["proofs"][0]["outcome"]) == (1, FAILED)
