"""The panel as HTML, with the first option of every choice: controls, verdicts, Figure 2, and the tables that its script reads."""

from __future__ import annotations

import base64
import gzip
import json
import shlex
from collections.abc import Iterable
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from bvg import study
from bvg.results import scores
from companion.analysis.claims import CLAIMS, VERDICTS
from companion.analysis.forking import lookup
from companion.analysis.forking.grid import Grid
from companion.analysis.forking.options import first
from companion.analysis.forking.shares import sample_names
from companion.analysis.forking.tables import SETS
from companion.parameters import option
from companion.text import format_number, short_row

FOLDER = Path(__file__).parent
TABLE = "choices-grid"
"""Name of the table of all combinations."""
UNDEFINED = -128
"""Stands for NaN among correlations in hundredths."""
CHOICES = {"correction": "holm", "benchmark": "imagenet-c", "models": "without", "control": "rank"}
"""Combinations that a button sets, as one choice each: the questions that readers ask first."""


def panel(grid: Grid, command: str, world: study.World = study.STUDY) -> str:
    """Return the panel for a page of the book or a notebook.

    Args:
        grid: the grid of choices.
        command: the papermill command that checks the claims with the first options; parameters of other options are appended.
        world: the benchmarks whose names to print.
    """
    at = lookup.places(grid)
    style, script = ((FOLDER / f"forking.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    header = json.dumps(_header(grid, command), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<style>{style}</style><div id="bvg-forking" class="bvgf tex2jax_ignore">'
        f'<form hidden aria-label="Choices">{_controls(grid)}</form>'
        f"<noscript><p>The choices need JavaScript. Without it, this is the result with {first(grid.axes)}.</p></noscript>"
        f'<p class="bvgf-summary" role="status">With {first(grid.axes)}.</p>'
        f"{_verdicts(lookup.verdicts(grid, at))}{_figure2(lookup.figure2(grid, at), first(grid.axes), world)}"
        f'<p>The claims with these choices, computed anew:</p><pre class="bvgf-command">{escape(command + parameters(grid, at))}</pre>'
        f'<p>All {grid.combinations:,} combinations with their verdicts: <a href="tables/{TABLE}.parquet" download>Parquet</a></p></div>'
        f'<script type="application/json" id="bvg-forking-header">{header}</script>'
        f'<script type="text/plain" id="bvg-forking-tables">{base64.b64encode(_tables(grid)).decode()}</script>'
        f"<script>{script}</script>"
    )


def parameters(grid: Grid, at: dict[str, int]) -> str:
    """Return papermill's options for a combination: those of each choice in turn."""
    given = (grid.axes[id].options[place].parameters for id, place in at.items())
    return "".join(_options(of) for of in given)


def _options(given: dict) -> str:
    return "".join(f" {shlex.join(option(name, value))}" for name, value in given.items())


def _tables(grid: Grid) -> bytes:
    """Return all bytes that the script reads: correlations in hundredths, levels of significance, verdicts; compressed."""
    r = []
    for control, cells in grid.cells.items():
        hundredths = np.nan_to_num(np.round(100 * cells.r), nan=UNDEFINED).astype(np.int8)
        # ID contains what a control holds fixed.
        hundredths[:, :, [control != "none" and category == "ID" for category, _ in grid.variants.members]] = UNDEFINED
        r.append(hundredths)
    levels = np.moveaxis(grid.levels, (-3, -2, -1), (0, 1, 2))
    parts = [np.stack(r), levels, *(places for _, places in grid.verdicts.values())]
    return gzip.compress(b"".join(part.tobytes() for part in parts), 9, mtime=0)


def _header(grid: Grid, command: str) -> dict:
    """Return what the script needs to find its way in the tables, and the names that it prints."""
    v, sample = grid.variants, grid.axes["sample"]
    axes = {id: [option.id for option in choice.options] for id, choice in grid.axes.items()}
    r, levels = (len(axes["control"]), *next(iter(grid.cells.values())).r.shape), grid.levels.shape
    starts = np.cumsum([int(np.prod(s)) for s in (r, levels, *(p.shape for _, p in grid.verdicts.values()))]).tolist()
    alphas = grid.axes["alpha"].values
    return {
        "axes": axes,
        "samples": {".".join(option.parts): k for k, option in enumerate(sample.options)},
        "sizes": v.masks.sum(axis=-1).tolist(),
        "above": [sum(other > alpha for other in alphas) for alpha in alphas],
        "category": v.category.tolist(),
        "bias": v.bias.tolist(),
        "r": r,
        "undefined": UNDEFINED,
        "levels": starts[0],
        "verdicts": {id: [starts[k + 1], own] for k, (id, (own, _)) in enumerate(grid.verdicts.items())},
        "names": VERDICTS,
        "first": first(grid.axes),
        "command": command,
        "options": {id: [_options(option.parameters) for option in choice.options] for id, choice in grid.axes.items()},
    }


def _controls(grid: Grid) -> str:
    """Return a select for each choice, and the buttons."""
    fields = []
    for id, choice in grid.axes.items():
        if id == "sample":
            named = {"models": "Models", "family": "Family left out"}
            fields += [_select(part, named[part], names.items()) for part, names in sample_names(choice).items()]
        else:
            fields.append(_select(id, choice.name, ((o.id, o.name) for o in choice.options)))
    labels = {
        "holm": "With Holm",
        "imagenet-c": "Without ImageNet-C",
        "without": "Without AT",
        "rank": "At equal accuracy",
    }
    there = {id: set(ids) for id, ids in {c.id: [o.id for o in c.options] for c in grid.axes.values()}.items()}
    there |= {part: set(names) for part, names in sample_names(grid.axes["sample"]).items()}
    buttons = [
        f'<button type="button" data-set="{id}={value}">{labels[value]}</button>'
        for id, value in CHOICES.items()
        if value in there[id]
    ]
    name = first(grid.axes).removeprefix("the ")
    reset = f'<button type="button" data-set="">{name[0].upper()}{name[1:]}</button>'
    return f'<div class="bvgf-fields">{"".join(fields)}</div><div class="bvgf-buttons">{reset}{"".join(buttons)}</div>'


def _select(id: str, label: str, options: Iterable[tuple[str, str]]) -> str:
    inner = "".join(f'<option value="{escape(value)}">{escape(name)}</option>' for value, name in options)
    return f'<label>{escape(label)}<select name="{id}" autocomplete="off">{inner}</select></label>'


def _verdicts(found: dict[str, str]) -> str:
    """Return the table of verdicts, in the order of the grid."""
    words = {claim.id: claim for claim in CLAIMS}
    rows = "".join(
        f'<tr data-claim="{id}"><th scope="row"><a href="claims.html#rule-{id}">{escape(words[id].claim)}</a></th>'
        f'<td><span class="bvg-verdict bvg-{verdict.replace(" ", "-")}">{verdict}</span> <small></small></td></tr>'
        for id, verdict in found.items()
    )
    return (
        '<table class="bvgf-claims"><caption>The claims with these choices</caption><thead><tr><th scope="col">Claim</th>'
        f'<th scope="col">Verdict</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _figure2(cells: pd.DataFrame, first: str, world: study.World) -> str:
    """Return Figure 2 as a table, with the cells in the order categories, biases, sets within each set."""
    head = "".join(f'<th scope="col">{escape(world.short(b))}</th>' for b in scores.BIAS_COLUMNS)
    rows, columns = list(dict.fromkeys(cells["row"])), len(scores.BIAS_COLUMNS)
    bodies = []
    for group in SETS:
        own = cells[cells["group"] == group]
        size = int(own["n"].max())
        lines = "".join(
            f'<tr><th scope="row">{escape(short_row(row, world))}</th>{"".join(map(_cell, own[own["row"] == row].itertuples()))}</tr>'
            for row in rows
        )
        title = f'<tr><th scope="rowgroup" colspan="{columns + 1}">{study.MODEL_SETS[group].name} (<span>{size}</span>)</th></tr>'
        bodies.append(f"<tbody>{title}{lines}</tbody>")
    return (
        '<div class="bvgf-scroll" tabindex="0" role="group" aria-label="Figure 2"><table class="bvgf-cells"><caption>'
        "Figure 2 with these choices: r of categories (rows) with biases (columns). In parentheses: not significant. "
        f"Framed: other significance or sign than with {first}.</caption>"
        f"<thead><tr><td></td>{head}</tr></thead>{''.join(bodies)}</table></div>"
    )


def _cell(cell) -> str:
    """Return one correlation; the script writes others in the same way."""
    if np.isnan(cell.r):
        return "<td>–</td>"
    text = format_number(cell.r)
    if cell.shown == 0:
        return f"<td>({text})</td>"
    return f'<td style="--r: {abs(cell.r):.2f}" class="bvgf-{"up" if cell.r > 0 else "down"}">{text}</td>'
