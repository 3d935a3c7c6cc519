"""The laboratory as widgets for JupyterLab: the same controls, on the kernels that make the stimuli of the measurements."""

from __future__ import annotations

from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from companion import stimuli
from companion.laboratory.content import Laboratory
from companion.laboratory.settings import NOISE_LEVELS

if TYPE_CHECKING:
    import ipywidgets


def panel(lab: Laboratory, seed: int = 0, display: bool = True) -> ipywidgets.VBox | None:
    """Return controls that redraw a stimulus, its spectrum and the sentence on the models.

    Args:
        lab: the laboratory's content.
        seed: seed of the noise.
        display: False returns None, which a notebook does not show.

    Returns:
        The panel: two rows of controls by name (`panel.controls`), the stimulus and its spectrum as PNG, and the sentence.
    """
    if not display:
        return None
    import ipywidgets as w  # the book's pages need none

    labels = lab.data["labels"]
    options = {
        name: [(text, value) for value, text in labels[name].items()] for name in ("band", "sd", "sample", "mix")
    }
    slide = {name: w.SelectionSlider(options=found, value=found[len(found) // 2][1], description=text)
             for (name, found), text in zip(options.items(), ("Band", "SD", "Sample", "Mix"), strict=True)}  # fmt: skip
    controls = {
        "mode": w.ToggleButtons(options=[("Filter", "filter"), ("Noise", "noise"), ("Cue conflict", "cues")]),
        "picture": w.Dropdown(options=[(text, name) for name, text in stimuli.PHOTOGRAPHS.items()], description="Photograph"),
        "kind": w.Dropdown(options=[("low-pass", "low"), ("high-pass", "high")], description="Filter"),
        "cutoff": w.FloatSlider(value=0.5, min=0.01, max=0.99, step=0.01, description="Cut-off"),
        "brighten": w.Checkbox(description="Brighten for the eye"),
        **slide,
    }  # fmt: skip
    seen, spectrum, sentence = w.Image(format="png"), w.Image(format="png"), w.HTML()
    used = {
        "filter": ("picture", "kind", "cutoff", "brighten"),
        "noise": ("picture", "band", "sd", "sample"),
        "cues": ("mix",),
    }

    def redraw(change: object = None) -> None:
        chosen = {name: control.value for name, control in controls.items()}
        image, key = stimulus(seed=seed, **{k: v for k, v in chosen.items() if k != "brighten"})
        bright = chosen["mode"] == "filter" and chosen["brighten"]
        seen.value, spectrum.value = _png(stimuli.brightened(image) if bright else image), _png(amplitudes(image))
        sentence.value = f"<p>{escape(lab.data['settings'][key]['text'])}</p>"
        for name, control in controls.items():
            control.layout.display = None if name in ("mode", *used[chosen["mode"]]) else "none"

    for control in controls.values():
        control.observe(redraw, names="value")
    redraw()
    box = w.VBox([*controls.values(), w.HBox([seen, spectrum]), sentence])
    box.controls, box.seen, box.spectrum, box.sentence = controls, seen, spectrum, sentence
    return box


def stimulus(
    mode: str, picture: str, kind: str, cutoff: float, band: int, sd: int, sample: int, mix: int, seed: int = 0
) -> tuple[np.ndarray, str]:
    """Make the stimulus of a setting.

    Args:
        mode: "filter", "noise" or "cues"; the arguments that belong to another mode are not used.
        picture: a name in `stimuli.PHOTOGRAPHS`.
        kind, cutoff: the filter (see `bvg.kernels.bandpass`).
        band, sd, sample: band of the noise, number of its SD in `NOISE_LEVELS`, and index of the image.
        mix: number of the mix in `stimuli.mixes`.
        seed: seed of the noise.

    Returns:
        The stimulus, float [224, 224, 3] in [0, 1], and the key of the setting in the laboratory's content.
    """
    if mode == "cues":
        return stimuli.mixes()[mix], "cues"
    # A page stores whole grey levels, so both panels start from the same pixels.
    photo = (np.round(255 * stimuli.photograph(picture)) / 255).astype(np.float32)
    if mode == "filter":
        cutoff = round(cutoff, 2)  # a slider adds up its steps
        return stimuli.bandpass(photo, cutoff, kind), f"{kind}-{cutoff:g}"
    return stimuli.critical_band(photo, NOISE_LEVELS[sd], band, seed, sample), f"noise-{band}-{sd}"


def amplitudes(image: np.ndarray) -> np.ndarray:
    """Return the logarithm of the amplitudes of an image's mean channel in [0, 1], with the lowest frequency in the middle."""
    found = np.abs(np.fft.fftshift(np.fft.fft2(image.mean(axis=2))))
    return (np.log1p(found) / np.log1p(found.size / 4)).clip(0, 1)


def _png(image: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(np.round(255 * image).astype(np.uint8)).save(file, "png")
    return file.getvalue()
