"""The laboratory's widgets: whatever is chosen, the panel shows what the kernels make and says what the page says."""

from __future__ import annotations

from io import BytesIO

import nbformat
import numpy as np
import pytest
import torch
from companion import stimuli
from companion.laboratory import widgets
from companion.laboratory.settings import NOISE_LEVELS
from PIL import Image

from bvg import kernels


@pytest.fixture
def panel(lab):
    return widgets.panel(lab)


def pixels(image) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(image.value))).astype(float)


def choose(panel, **values) -> None:
    for name, value in values.items():
        panel.controls[name].value = value


def photograph(name: str) -> torch.Tensor:
    image = np.round(255 * stimuli.photograph(name)) / 255
    return torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)[None]


@pytest.mark.parametrize(
    ("kind", "cutoff", "name"), [("low", 0.18, "chelsea"), ("high", 0.93, "coffee"), ("low", 0.01, "astronaut")]
)
def test_filters_are_those_of_the_kernels(panel, lab, kind, cutoff, name):
    choose(panel, picture=name, kind=kind, cutoff=cutoff)
    expected = kernels.bandpass(photograph(name), cutoff, kind)[0].permute(1, 2, 0).numpy()
    assert np.array_equal(pixels(panel.seen), np.round(255 * expected))
    assert lab.data["settings"][f"{kind}-{cutoff:g}"]["text"] in panel.sentence.value
    amplitude = np.abs(np.fft.fftshift(np.fft.fft2(expected.mean(axis=2))))
    order = np.argsort(amplitude, axis=None)[[0, -1]]
    assert pixels(panel.spectrum).flat[order[1]] == pixels(panel.spectrum).max()


def test_noise_is_that_of_the_kernels(panel, lab):
    choose(panel, mode="noise", band=5, sd=6, sample=3)
    expected = kernels.critical_band(photograph("chelsea"), NOISE_LEVELS[6], 5, 0, [3])[0].permute(1, 2, 0).numpy()
    assert np.array_equal(pixels(panel.seen), np.round(255 * expected))
    assert "band 5" in panel.sentence.value
    other = widgets.panel(lab, seed=1)
    choose(other, mode="noise", band=5, sd=6, sample=3)
    assert not np.array_equal(pixels(other.seen), pixels(panel.seen))


def test_mixes_are_the_stored_ones(panel):
    choose(panel, mode="cues", mix=6)
    assert np.array_equal(pixels(panel.seen), np.round(255 * stimuli.mixes()[6]))
    assert "shape" in panel.sentence.value


def test_only_controls_in_use_are_displayed(panel):
    def shown() -> set[str]:
        return {name for name, control in panel.controls.items() if control.layout.display != "none"}

    assert shown() == {"mode", "picture", "kind", "cutoff", "brighten"}
    choose(panel, mode="noise")
    assert shown() == {"mode", "picture", "band", "sd", "sample"}
    choose(panel, mode="cues")
    assert shown() == {"mode", "mix"}


def test_a_high_pass_can_be_brightened(panel):
    choose(panel, kind="high", cutoff=0.5)
    dark = pixels(panel.seen).mean()
    choose(panel, brighten=True)
    assert pixels(panel.seen).mean() > 2 * dark


def test_nothing_is_displayed_unless_asked_for(lab):
    assert widgets.panel(lab, display=False) is None


WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.mark.parametrize("controls", [False, True])
def test_the_notebook_displays_the_panel_only_with_its_parameter(ipynbs, papermill_command, tmp_path, controls):
    given = ["-p", "controls", str(controls), "--no-progress-bar", "--log-level", "ERROR"]
    done = papermill_command(tmp_path, *given, ipynbs / "stimulus-lab.ipynb", tmp_path / "out.ipynb")
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    shown = [o for c in cells for o in c.get("outputs", []) if WIDGET in o.get("data", {})]
    assert len(shown) == int(controls)
