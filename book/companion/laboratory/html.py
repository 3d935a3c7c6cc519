"""The laboratory as HTML: controls, pictures, and the models on an axis, which the scripts fill."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from companion.explorer.svg_marks import drawing
from companion.figures.marks import mark
from companion.laboratory.settings import AXES, Axis
from companion.stimuli import PHOTOGRAPHS

FOLDER = Path(__file__).parent
"""Folder of the scripts and the style sheet."""
SCRIPTS = ("kissfft-wasm-1.1.2.js", "laboratory-stimuli.js", "laboratory.js")
"""The scripts, in the order in which they are loaded; the first is a library."""
_ROW, _HEAD = 34, 16
_SCALE = 0.65
"""Size of a mark relative to that in the static figures."""


def fragment(data: Mapping[str, Any]) -> str:
    """Return the laboratory for a page whose scripts and style lie in `_static/`; without JavaScript it is not displayed."""
    scripts = "".join(f'<script defer src="_static/{name}"></script>' for name in SCRIPTS)
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<link rel="stylesheet" href="_static/laboratory.css">'
        f'<noscript><p>The laboratory needs JavaScript. Without it, see the figure above, '
        '<a href="tables/bandpass-curves.csv">the published curves</a> behind it and '
        '<a href="tables/laboratory.csv">the noise that each model tolerates</a>.</p></noscript>'
        f'<div id="bvg-laboratory" class="bvgl tex2jax_ignore" data-mode="filter" hidden>{_form(data)}'
        f'<p role="status"></p><div class="bvgl-results">{_pictures()}{_models(data)}</div></div>'
        f'<script type="application/json" id="bvg-laboratory-data">{text}</script>{scripts}'
    )  # fmt: skip


def _form(data: Mapping[str, Any]) -> str:
    kinds = {"filter": "Filter", "noise": "Noise", "cues": "Cue conflict"}
    modes = "".join(
        f'<label><input type="radio" name="mode" value="{value}"{" checked" if value == "filter" else ""}>{text}</label>'
        for value, text in kinds.items()
    )
    sliders = {name: max(map(int, labels), default=0) for name, labels in data["labels"].items()}
    pictures = {**PHOTOGRAPHS, "own": "Your own"}
    return (
        f'<form autocomplete="off"><fieldset class="bvgl-modes"><legend>What happens to the picture</legend>{modes}</fieldset>'
        + _select("kind", "Kind of filter", {"low": "low-pass", "high": "high-pass"}, "filter")
        + _slider("cutoff", "Cut-off", "filter", 0.01, 0.99, 0.01, 0.5)
        + _slider("band", "Band of the noise", "noise", 0, sliders["band"], 1, 3)
        + _slider("sd", "SD of the noise", "noise", 0, sliders["sd"], 1, sliders["sd"] // 2)
        + _slider("mix", "Mix of texture and shape", "cues", 0, sliders["mix"], 1, sliders["mix"] // 2)
        + _select("picture", "Photograph", pictures, "filter noise", disabled="own")
        + '<label data-for="filter noise">Or drop your own (never uploaded)'
        '<input type="file" name="file" accept="image/*"></label>'
        + _select("view", "Picture", {"plain": "as the model sees it", "bright": "brightened for the eye"}, "filter")
        + _slider("sample", "Sample of the noise", "noise", 0, sliders["sample"], 1, 0)
        + "</form>"
    )  # fmt: skip


def _select(name: str, label: str, options: Mapping[str, str], shown_for: str, disabled: str = "") -> str:
    choices = "".join(
        f'<option value="{value}"{" disabled" if value == disabled else ""}>{escape(text)}</option>'
        for value, text in options.items()
    )
    field = f'<select id="bvgl-{name}" name="{name}">{choices}</select>'
    return f'<div data-for="{shown_for}"><label for="bvgl-{name}">{label}</label>{field}</div>'


def _slider(name: str, label: str, shown_for: str, low: float, high: float, step: float, start: float) -> str:
    field = (
        f'<input type="range" id="bvgl-{name}" name="{name}" min="{low}" max="{high}" step="{step}" value="{start}">'
    )
    return f'<div class="bvgl-slider" data-for="{shown_for}"><label for="bvgl-{name}">{label}</label>{field}<span></span></div>'


def _pictures() -> str:
    canvas = '<canvas data-shows="{0}" width="224" height="224" role="img" aria-label="{1}"></canvas>'
    seen = canvas.format("seen", "The picture at this setting")
    spectrum = canvas.format("spectrum", "Spectrum of the picture at this setting")
    return (
        f'<div class="bvgl-pictures"><div>{seen}<p>What the model sees</p></div><div>{spectrum}'
        "<p>Its spectrum: lowest frequency in the middle, logarithm of the amplitude</p></div></div>"
    )


def _models(data: Mapping[str, Any]) -> str:
    """Draw a row of marks per group of models; the scripts move the marks, the median and the limit along the axis."""
    rows = [(group, list(models)) for group, models in groupby(data["models"], key=lambda model: model["group"])]
    bottom = _HEAD + _ROW * len(rows)
    drawn = ""
    for number, (group, models) in enumerate(rows):
        top = _HEAD + _ROW * number
        drawn += f'<text x="0" y="{top + 9}">{escape(group)}</text>'
        drawn += "".join(
            f'<g data-at data-model="{escape(m["id"])}">{_mark(m, top + 23 + 4 * (k % 3 - 1))}</g>'
            for k, m in enumerate(models)
        )
    lines = "".join(
        f'<g data-at data-line="{name}"><path d="M0 {_HEAD - 3}V{bottom}"/><text y="{_HEAD - 5}" text-anchor="middle">{label}</text></g>'
        for name, label in (("median", "median"), ("limit", ""))
    )
    axes = "".join(f'<g data-for="{name}">{_axis(axis, bottom)}</g>' for name, axis in AXES.items())
    return (
        f'<svg class="bvgl-models" viewBox="0 0 400 {bottom + 36}" role="img" aria-label="Where each model falls at this setting. '
        f'The sentence above says how many fall where.">{axes}{drawn}{lines}</svg>'
    )


def _axis(axis: Axis, bottom: float) -> str:
    ticks = "".join(
        f'<path d="M{axis.at(v)} {_HEAD}V{bottom}"/><text x="{axis.at(v)}" y="{bottom + 14}" text-anchor="middle">{text}</text>'
        for v, text in axis.ticks.items()
    )
    return f'{ticks}<text x="{(axis.left + axis.right) / 2}" y="{bottom + 31}" text-anchor="middle">{axis.title}</text>'


def _mark(model: Mapping[str, str], y: float) -> str:
    how = drawing(mark(model["id"]))
    size = how["size"] / 2 * _SCALE
    style = f'stroke="{how["stroke"]}" stroke-width="{1 / size:.3f}" transform="translate(0 {y}) scale({size:.3f})"'
    other = f'<path d="{how["alt"]}" fill="#ffffff" {style}/>' if how["alt"] else ""
    return (
        f"<title>{escape(model['name'])}</title>{other}"
        f'<path d="{how["path"]}" fill="{how["fill"]}" fill-opacity="{how["opacity"]}" {style}/>'
    )
