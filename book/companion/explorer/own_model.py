"""A model of the reader in the explorer: what its scripts need to place it among the others, and the panel that adds it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bvg import study
from bvg.results.schema import METRICS
from bvg.results.scores import BIAS_COLUMNS
from companion.analysis import expectation
from companion.explorer.formulas import formulas
from companion.explorer.rules import for_page
from companion.explorer.svg_marks import drawing
from companion.figures.marks import NEW

NEAREST = 3
"""Models that are named as the nearest ones."""
KINDS = {"benchmark": "Benchmarks, top-1", "category": "Categories", "bias": "Biases"}
"""Kinds of measures whose values can be typed."""


def content(
    known: pd.DataFrame,
    measures: Sequence[str],
    categories: Mapping[str, Sequence[str]],
    cutoffs: tuple[Sequence[float], Sequence[float]],
    group: str,
) -> dict[str, Any]:
    """Collect rules, formulas, predictions and looks for a model that the reader adds.

    Args:
        known: the models in the statistics, one row each (index), with a column per measure.
        measures: ids of the explorer's measures.
        categories: category -> benchmark ids.
        cutoffs: those of the low-frequency and of the high-frequency bias.
        group: printed name of the group of new models.

    Returns:
        `group` (id, name), `mark`, `biases` (those that make models near), `nearest` (how many), `coverage` of the intervals,
        `schema` (see `rules.for_page`), `formulas` (measure -> formula), `ranges` (measure -> smallest and largest value, None
        for infinity) and `lines` (the fields of `expectation.Line` as lists).
    """
    found, _ = expectation.lines(
        known.reindex(columns=known.columns.union([*study.CATEGORIES, *BIAS_COLUMNS, "imagenet"]))
    )
    fields = [
        vars(line) | {"coefficients": line.coefficients.tolist(), "spread": line.spread.tolist()} for line in found
    ]
    values = {
        "group": {"id": "new", "name": group},
        "mark": drawing(NEW),
        "biases": [b for b in BIAS_COLUMNS if b in measures],
        "nearest": NEAREST,
        "coverage": expectation.COVERAGE,
        "schema": for_page(),
        "formulas": formulas(categories, *cutoffs),
        "ranges": {measure: _range(measure) for measure in measures},
        "lines": fields,
    }
    return json.loads(json.dumps(values))  # lists for tuples, as on the page


def panel(data: Mapping[str, Any]) -> str:
    """Return the panel that adds a model, as HTML; hidden, because it needs the scripts.

    Args:
        data: of an `Explorer`.
    """
    parts = "".join(
        f"<fieldset><legend>{title}</legend>{''.join(_field(m, data) for m in data['measures'] if m['kind'] == kind)}</fieldset>"
        for kind, title in KINDS.items()
    )
    heads = (
        "Category",
        "From",
        "Models",
        "Predicted [%]",
        f"{100 * data['own']['coverage']:g} % interval",
        "Measured [%]",
    )
    return (
        '<details class="bvgx-own" hidden><summary>Your own model: drop its results table (CSV) on this page, or type numbers</summary>'
        "<p>Nothing is uploaded: the page reads the file itself and forgets it when you leave. The model does not enter the statistics.</p>"
        '<label>Results table <input type="file" accept=".csv,text/csv"></label>'
        "<details><summary>Type numbers; leave out those that you do not have</summary>"
        f'<form><label>Name <input name="name" value="my model" required></label>{parts}<button>Add the model</button></form></details>'
        '<p role="alert" class="bvgx-error"></p><p role="status" class="bvgx-added"></p><p class="bvgx-near"></p>'
        '<p class="bvgx-none" hidden>A prediction needs ImageNet top-1, or all six biases.</p>'
        "<table hidden><caption>Linear predictions from the other models; a measured value in bold lies outside the interval</caption>"
        f"<thead><tr>{''.join(f'<th scope=col>{head}</th>' for head in heads)}</tr></thead><tbody></tbody></table></details>"
    )


def _field(measure: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """Return a field for a measure's value."""
    low, high = data["own"]["ranges"][measure["id"]]
    unit = f" [{measure['unit']}]" if measure["unit"] else ""
    most = "" if high is None else f' max="{high}"'
    return f'<label>{measure["plain"]}{unit} <input type="number" step="any" name="{measure["id"]}" min="{low}"{most}></label>'


def _range(measure: str) -> list[float | None]:
    """Return the smallest and the largest value of a measure."""
    metric = {"shape": "shape_bias", "low_frequency": "relative_top1", "high_frequency": "relative_top1"}.get(
        measure, measure
    )
    return [None if np.isinf(end) else end for end in METRICS.get(metric, METRICS["top1"])[:2]]
