"""The explorer as HTML: a fragment for a page of the book, and a page that needs no other file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from companion.explorer import own_model

STATIC = Path(__file__).parent
"""Folder of the scripts and the style sheet."""
SCRIPTS = (
    "explorer-stats.js",
    "explorer-state.js",
    "explorer-parts.js",
    "explorer-scale.js",
    "explorer-labels.js",
    "explorer-pointer.js",
    "explorer-plots.js",
    "explorer-table.js",
    "explorer-profile.js",
    "explorer-controls.js",
    "explorer-download.js",
    "explorer-read.js",
    "explorer-own.js",
    "explorer-add.js",
    "explorer.js",
)
"""The scripts, in the order in which they are loaded."""
STYLE = "explorer.css"


def fragment(data: Mapping[str, Any]) -> str:
    """Return the explorer for a page whose scripts and style lie in `_static/`."""
    links = "".join(f'<script defer src="_static/{name}"></script>' for name in SCRIPTS)
    otherwise = (
        "The explorer needs JavaScript. Without it, see the scatter plots of "
        '<a href="shape-bias.html">shape bias</a>, <a href="spectral-bias.html">spectral bias</a> and the '
        '<a href="critical-band.html">critical band</a>, <a href="per-benchmark.html">every benchmark</a>, or '
        '<a href="tables/explorer.csv">all numbers as one table</a>.'
    )
    return f'<link rel="stylesheet" href="_static/{STYLE}">{_body(data, otherwise)}{links}'


def standalone(data: Mapping[str, Any]) -> str:
    """Return the explorer as one HTML page that needs no other file."""
    scripts = [(STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS]
    # The text of a script element ends at the first "</script", even within a string.
    inlined = "".join("<script>" + text.replace("</script", "<\\/script") + "</script>\n" for text in scripts)
    theme = "document.documentElement.dataset.theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';"
    otherwise = "The explorer needs JavaScript. Without it, see the numbers in tables/explorer.csv, next to this file."
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Explore the models</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{(STATIC / STYLE).read_text(encoding='utf-8')}</style><script>{theme}</script></head>\n"
        f'<body class="bvgx-alone"><main><h1>Explore the models</h1>\n{_body(data, otherwise)}\n</main>\n'
        f"{inlined}</body></html>\n"
    )


def _body(data: Mapping[str, Any], otherwise: str) -> str:
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<div id="bvg-explorer" class="bvgx tex2jax_ignore"><noscript><p>{otherwise}</p></noscript>{own_model.panel(data)}</div>'
        f'<script type="application/json" id="bvg-explorer-data">{text}</script>'
    )
