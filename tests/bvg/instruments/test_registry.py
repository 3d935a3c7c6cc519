"""Instruments are chosen by name, bring what they need, and take their settings."""

from dataclasses import dataclass, replace

import pytest
from torch.nn.functional import avg_pool2d, interpolate

from bvg import measure, study
from bvg.instruments import INSTRUMENTS, STUDY, BandPass, Instrument, choose, setting, settings
from bvg.miniature.instruments import INSTRUMENTS as MINIATURE


def test_chosen_instruments_bring_those_that_they_need():
    assert [i.name for i in choose("band-pass")] == ["imagenet", "band-pass"]
    assert [i.name for i in choose(["all", "imagenet"])] == list(STUDY)
    assert {i.dataset for i in STUDY.values()} - {i.name for i in STUDY.values()} == set()
    assert {b.id for b in study.BENCHMARKS if b.paper} <= set(STUDY)


def test_settings_reach_the_instruments_that_have_them():
    assert choose("pgd", {"eps": 0.1})[0].conditions() == [("pgd", "linf", 0.1)]
    given = {"eps": 0.2, "cutoffs": [0.5], "noise_sds": None}
    chosen = {i.name: i for i in choose("all", given)}
    assert chosen == STUDY | {
        "pgd": replace(STUDY["pgd"], eps=0.2),
        "band-pass": replace(STUDY["band-pass"], cutoffs=(0.5,)),
    }


def test_an_instrument_that_is_passed_as_an_object_keeps_its_settings():
    mine = BandPass("band-pass", "imagenet", cutoffs=(0.5,), unit=4)
    assert choose([mine]) == [mine]
    assert choose([mine], {"cutoffs": [0.1]})[0] is mine


def test_settings_are_listed_with_help_and_defaults():
    listed = settings()
    assert {name: one.default for name, one in listed.items()} == {
        "eps": study.PGD_EPSILON,
        "cutoffs": study.CUTOFFS,
        "noise_sds": (0.0, 0.02, 0.04, 0.08, 0.16),
        "trials": 3,
    }
    assert {name for name, one in listed.items() if one.several} == {"cutoffs", "noise_sds"}
    assert all(len(one.help) > 20 for one in listed.values())
    assert settings(MINIATURE)["noise_sds"].default == MINIATURE["critical-band"].noise_sds


@pytest.mark.parametrize(
    ("names", "given", "message"),
    [
        ("imagnet", {}, "expected an instrument among .* got 'imagnet' .did you mean imagenet"),
        ([], {}, "at least one instrument"),
        ("pgd", {"eps": 8}, "expected `eps` in .0, 1., got 8 .is it in 1/255"),
        ("pgd", {"eps": 0}, "expected `eps`"),
        ("pgd", {"eps": "0.1"}, "expected `eps`"),
        ("pgd", {"eps": True}, "expected `eps`"),
        ("pgd", {"esp": 0.1}, r"expected settings of the chosen instruments \(eps\), got `esp` .did you mean eps"),
        ("pgd", {"cutoffs": [0.1]}, r"expected settings of the chosen instruments \(eps\), got `cutoffs`"),
        ("imagenet", {"eps": 0.1}, r"expected settings of the chosen instruments \(they have none\), got `eps`"),
    ],
)
def test_unknown_names_and_invalid_settings_are_rejected(names, given, message):
    with pytest.raises(ValueError, match=message):
        choose(names, given)


@dataclass(frozen=True)
class Coarse(Instrument):
    """Top-1 accuracy on images that are averaged over blocks of `side` pixels: another kind of low-pass."""

    side: int = setting(4, "side of a block, in pixels")

    def __post_init__(self):
        if self.side < 1:
            raise ValueError(f"expected `side` to be at least 1, got {self.side}")

    def conditions(self, variant="", level=""):
        return [("low-pass", "", 1 / self.side)]

    def stimuli(self, images, index, seed, conditions):
        yield conditions[0], interpolate(avg_pool2d(images, self.side), scale_factor=self.side)


def test_a_new_instrument_is_one_class_and_its_registration(monkeypatch, tmp_path):
    monkeypatch.setitem(MINIATURE, "coarse", Coarse("coarse", "imagenet", classes=16))
    assert settings(MINIATURE)["side"] == ("side", "side of a block, in pixels", 4)
    with pytest.raises(ValueError, match="expected `side` to be at least 1, got 0"):
        choose("coarse", {"side": 0}, MINIATURE)

    def measured(**given) -> dict:
        options = {"limit": 64, "device": "cpu", "progress": False} | given
        out = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
        table = measure.run("mini_long", ["imagenet", "coarse"], "miniature", out, **options)
        return table.set_index(["benchmark", table["level"].fillna(0)])["value"].to_dict()

    by_default, fine = measured(), measured(side=1)
    assert by_default["imagenet", 0] == fine["imagenet", 0] == fine["low-pass", 1.0]
    assert 0 < by_default["low-pass", 0.25] < by_default["imagenet", 0]
    with pytest.raises(ValueError, match=r"got `sides` .did you mean side"):
        measured(sides=2)
    assert "coarse" not in INSTRUMENTS
