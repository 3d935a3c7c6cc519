"""The check without data: every instrument's stimuli are in it, it notices changes, and it bears last bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from bvg.instruments import STUDY
from bvg.measure import self_check


def agreeing() -> int:
    return int((self_check.compare_stimuli()["verdict"] == self_check.AGREES).sum())


def test_every_stimulus_of_the_study_is_stored_and_made_again():
    compared = self_check.compare_stimuli()
    assert set(compared["verdict"]) == {self_check.AGREES}
    made = list(zip(compared["benchmark"], compared["variant"], compared["level"], strict=True))
    for name in ("band-pass", "critical-band", "pgd"):
        for benchmark, variant, level in STUDY[name].conditions():
            assert (benchmark, variant, pytest.approx(level)) in made
    assert len(compared) == 22 + 29 + 3


def test_the_attack_reaches_its_bound_on_the_photograph():
    """Against a model of mean colours, every pixel goes to the bound: red (class 0) darker, green and blue brighter."""
    found = {(b, v): pixels for b, v, _, pixels in self_check.stimuli()}
    image = found["imagenet", "decoded"].float() / 255
    change = torch.tensor([-1.0, 1.0, 1.0])[:, None, None] * STUDY["pgd"].eps
    torch.testing.assert_close(found["pgd", "linf"], (image + change).clamp(0, 1))


def test_last_bits_agree_and_changes_are_found(monkeypatch):
    whole = list(self_check.stimuli())

    def changed(change):
        monkeypatch.setattr(self_check, "stimuli", lambda: [(b, v, n, change(b, p)) for b, v, n, p in whole])
        return self_check.compare_stimuli()

    bits = changed(lambda b, p: torch.nextafter(p, torch.ones(())) if p.is_floating_point() else p)
    assert set(bits["verdict"]) == {self_check.AGREES}
    assert bits["identical"].sum() == 1
    shifted = changed(lambda b, p: p.roll(1, dims=2) if b == "low-pass" else p)
    wrong = shifted["verdict"] == self_check.DIFFERS
    assert wrong.sum() > 8
    assert set(shifted.loc[wrong, "benchmark"]) == {"low-pass"}
    missing = changed(lambda b, p: p)
    assert missing["identical"].sum() == agreeing() == 54


def test_other_noise_and_another_decoder_are_found(monkeypatch, tmp_path):
    monkeypatch.setattr(self_check, "SEED", 1)
    wrong = self_check.compare_stimuli().query("verdict == 'differs'")
    assert set(wrong["benchmark"]) == {"critical-band", "pgd"}
    assert (wrong["benchmark"] == "critical-band").sum() == 28  # all but the one without noise
    monkeypatch.undo()
    Image.open(self_check.PHOTOGRAPH).resize((301, 260)).save(tmp_path / "other.jpg", quality=90)
    monkeypatch.setattr(self_check, "PHOTOGRAPH", tmp_path / "other.jpg")
    assert agreeing() < 5
    good, text = self_check.report(self_check.compare_stimuli(), self_check.compare_numbers())
    assert not good
    assert "imagenet decoded: differs, a block's mean is 0." in text


def test_the_file_is_what_store_writes(monkeypatch, tmp_path):
    monkeypatch.setattr(self_check, "STORED", tmp_path / "stimuli.csv")
    self_check.store()
    compared = self_check.compare_stimuli()
    assert compared["identical"].all()
    assert np.abs(compared["difference"]).max() < 1e-6
