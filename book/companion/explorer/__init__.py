"""The explorer: every model on every bias, category, benchmark and corruption, as data and as one HTML page to ask."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D

from bvg import study
from bvg.results import scores
from companion.figures.marks import Mark, group_name, mark

STATIC = Path(__file__).parent
"""Where the page's scripts and style lie."""
SCRIPTS = (
    "explorer-stats.js",
    "explorer-state.js",
    "explorer-parts.js",
    "explorer-plots.js",
    "explorer-models.js",
    "explorer-controls.js",
    "explorer.js",
)
STYLE = "explorer.css"
LIBRARY = "vega.js"
POINT = 700 / 72 / 7.2
"""Pixels per point of the static figures, which are 7.2 inches or 700 pixels wide."""


@dataclass(frozen=True)
class Explorer:
    """What the explorer shows.

    Attributes:
        data: plain values, as the page's scripts read them: `models` (id, name, group, method, source, counted, mark),
            `groups` (id, name), `measures` (id, name, plain, unit, kind, category, better), `values` [models x measures]
            with None where a number is missing, and `start`, the view to begin with.
    """

    data: dict[str, Any]

    def table(self) -> pd.DataFrame:
        """The numbers, tidy: model, measure, value (accuracies in percent), without missing ones."""
        models, measures = ([row["id"] for row in self.data[key]] for key in ("models", "measures"))
        wide = pd.DataFrame(self.data["values"], pd.Index(models, name="model"), measures, dtype=float)
        tidy = wide.rename_axis(columns="measure").stack().rename("value").reset_index()
        return tidy.dropna(subset="value").reset_index(drop=True)

    def fragment(self) -> str:
        """The explorer within a page of the book, where scripts and style lie in `_static/`."""
        links = "".join(f'<script defer src="_static/{name}"></script>' for name in (LIBRARY, *SCRIPTS))
        otherwise = (
            "The explorer needs JavaScript. Without it: the scatter plots of "
            '<a href="shape-bias.html">shape bias</a>, <a href="spectral-bias.html">spectral bias</a> and the '
            '<a href="critical-band.html">critical band</a>, <a href="per-benchmark.html">every benchmark</a>, and '
            '<a href="tables/explorer.csv">all numbers as one table</a>.'
        )
        return f'<link rel="stylesheet" href="_static/{STYLE}">{_body(self.data, otherwise)}{links}'

    def standalone(self) -> str:
        """The explorer as one HTML page that needs no other file.

        Raises:
            FileNotFoundError: the package lies without the book whose scripts it shows.
        """
        absent = [str(STATIC / name) for name in (STYLE, *SCRIPTS) if not (STATIC / name).is_file()]
        if absent:
            raise FileNotFoundError(
                f"expected the book's folder beside the package, got none of {', '.join(absent)}: "
                "run the notebook from a clone of the repository, with the package installed from it"
            )
        scripts = [library(), *((STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS)]
        # An element's text ends at the first "</script", wherever that stands.
        inlined = "".join("<script>" + text.replace("</script", "<\\/script") + "</script>\n" for text in scripts)
        theme = "document.documentElement.dataset.theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';"
        otherwise = (
            "The explorer needs JavaScript. Without it, the numbers are in tables/explorer.csv, beside this file."
        )
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Explore the models</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
            f"<style>{(STATIC / STYLE).read_text(encoding='utf-8')}</style><script>{theme}</script></head>\n"
            f'<body class="bvgx-alone"><main><h1>Explore the models</h1>\n{_body(self.data, otherwise)}\n</main>\n'
            f"{inlined}</body></html>\n"
        )


def explorer(
    results: pd.DataFrame,
    categories: Mapping[str, Sequence[str]] | None = None,
    low_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    high_cutoffs: Sequence[float] = study.BIAS_CUTOFFS,
    highlight: Sequence[str] = (),
    allow_missing: bool = False,
) -> Explorer:
    """Every model of a results table on every bias, category, benchmark and corruption, with its mark.

    Args:
        results: a results table (see `bvg.results`).
        categories, low_cutoffs, high_cutoffs, allow_missing: as in `bvg.results.scores.per_model`.
        highlight: models that the page selects at first; they are left out of statistics and ranks (see `study.counted`).

    Raises:
        ResultsError: a model lacks a number and `allow_missing` is False.
        ValueError: unknown names, or a table without any bias or without any accuracy.

    Example:
        >>> from bvg import results
        >>> shown = explorer(results.load("published"))
        >>> len(shown.data["models"]), shown.data["start"]["x"], shown.data["start"]["y"]
        (48, 'shape', 'ID')
    """
    per_model = scores.per_model(results, categories, low_cutoffs, high_cutoffs, allow_missing)
    counted = study.counted(per_model, highlight)
    world = study.world(results["model"])
    wide = per_model.set_index("model")
    wide = wide.join(scores.benchmarks(results, allow_missing).drop(columns="group").set_index("model"))
    for benchmark, corruptions in study.CORRUPTIONS.items():
        of = scores.corruptions(results, benchmark)
        wide = wide.join(of.rename(columns={c: f"{benchmark}/{c}" for c in corruptions}))
    categories = world.categories if categories is None else categories
    measures = [m for m in _measures(world, categories) if wide[m["id"]].notna().any()]
    biases = [m["id"] for m in measures if m["kind"] == "bias"]
    accuracies = [m["id"] for m in measures if m["kind"] != "bias"]
    if not biases or not accuracies:
        raise ValueError(
            f"expected results with at least one bias and one accuracy, got {len(biases)} and {len(accuracies)}: "
            "measure what is missing, or add a table that has it"
        )
    sources = results.groupby("model", sort=False)["source"].unique()
    described = study.describe(list(wide.index))
    models = [
        {
            "id": model,
            "name": row.name_,
            "group": row.group,
            "method": row.method,
            "source": ", ".join(sources[model]),
            "counted": bool(counts),
            "mark": drawing(mark(model)),
        }
        for (model, row), counts in zip(_rows(described), counted, strict=True)
    ]
    groups = list(dict.fromkeys([*(g for g in study.GROUPS if g in set(described["group"])), *described["group"]]))
    values = [[None if np.isnan(v) else float(v) for v in row] for row in wide[[m["id"] for m in measures]].to_numpy()]
    first = list(highlight) or [m["id"] for m in models if m["group"] == "new" and not m["counted"]]
    data = {
        "models": models,
        "groups": [{"id": g, "name": group_name(g, world)} for g in groups],
        "measures": measures,
        "values": values,
        "start": {"x": biases[0], "y": accuracies[0], "models": first},
    }
    return Explorer(data)


def _rows(described: pd.DataFrame):
    """Model and row, with `name` out of the way of pandas' own."""
    table = described.rename(columns={"name": "name_"})
    return zip(table.index, table.itertuples(index=False), strict=True)


def _measures(world: study.World, categories: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """What there is to put on an axis: biases, categories, benchmarks, corruptions."""
    of = {b: category for category, members in reversed(categories.items()) for b in members}
    accuracy = {"unit": "%", "better": "higher"}
    rows: list[dict[str, Any]] = []
    for b in study.BIASES:
        unit = b.name.partition(" [")[2].rstrip("]")
        rows.append({"id": b.id, "name": b.name, "plain": b.plain, "unit": unit, "kind": "bias", "better": ""})
    for id, members in categories.items():
        means = [world.name(m) for m in members]
        rows.append({"id": id, "name": world.name(id), "kind": "category", "category": id, "of": means, **accuracy})
    for b in world.benchmarks:
        rows.append({"id": b.id, "name": b.name, "kind": "benchmark", "category": of.get(b.id, ""), **accuracy})
    for benchmark, corruptions in study.CORRUPTIONS.items():
        for c in corruptions:
            name = f"{world.name(benchmark)}: {c.replace('_', ' ')}"
            rows.append({"id": f"{benchmark}/{c}", "name": name, "kind": "corruption", "of": [benchmark],
                         "category": of.get(benchmark, ""), **accuracy})  # fmt: skip
    return [{"plain": row["name"], "category": "", "of": []} | row for row in rows]


def drawing(how: Mark) -> dict[str, Any]:
    """A model's mark for a browser: the same outline, colours and size as in the static figures.

    Returns:
        `path`, an SVG path in [-1, 1], the mark's width being 2; `alt`, the other half of a half-filled one, or an empty text;
        `fill`, `stroke`, colours; `opacity` of the fill; `size`, width in pixels at the scale of the book's widest figure.

    Example:
        >>> square = drawing(Mark("tab:orange", "s", "full", 8, "black"))
        >>> square["path"], square["fill"], square["alt"]
        ('M-1,1L1,1L1,-1L-1,-1Z', '#ff7f0e', '')
    """
    open_ = how.fillstyle == "none"
    # As `Mark.line` draws it: an open mark is full of white, so that marks below do not show through.
    style = MarkerStyle(how.marker, "full" if open_ else how.fillstyle)
    fill = "#ffffff" if open_ else to_hex(how.color) if style.is_filled() else "none"
    alternative = style.get_alt_path()
    return {
        "path": _svg(style.get_path(), style.get_transform()),
        "alt": "" if alternative is None else _svg(alternative, style.get_alt_transform()),
        "fill": fill,
        "stroke": to_hex(how.edge),
        "opacity": how.alpha,
        "size": round(how.size * POINT, 2),
    }


def _svg(path: Outline, transform: Affine2D) -> str:
    """A Matplotlib path as the text of an SVG path, twice as large, with y downwards."""
    letters = {Outline.MOVETO: "M", Outline.LINETO: "L", Outline.CURVE3: "Q", Outline.CURVE4: "C"}
    parts = []
    for points, code in path.transformed(transform).iter_segments(simplify=False, curves=True):
        if code == Outline.CLOSEPOLY:
            parts.append("Z")
        else:
            numbers = (f"{round(2 * v * sign, 3) + 0.0:g}" for v, sign in zip(points, (1, -1) * 3, strict=False))
            parts.append(letters[code] + ",".join(numbers))
    return "".join(parts)


@cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one classic script that gives the page `vegaEmbed` (BSD licence)."""
    import vl_convert

    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed; window.vega = vega;")
    # The bundle's own names stay its own.
    return f"(function () {{\n{bundle}\n}})();\n"


def _body(data: Mapping[str, Any], otherwise: str) -> str:
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<div id="bvg-explorer" class="bvgx tex2jax_ignore"><noscript><p>{otherwise}</p></noscript></div>'
        f'<script type="application/json" id="bvg-explorer-data">{text}</script>'
    )
