"""Sphinx extension: convert formulas to MathML, which browsers display and read aloud without a script."""

from html import escape

from docutils.nodes import SkipNode
from latex2mathml.converter import convert


def mathml(latex: str, display: str) -> str:
    r"""Convert a formula to MathML; `display` is `inline` or `block`."""
    known = latex.replace("{aligned}", "{align*}")  # the converter's name for `aligned`
    return convert(known, display=display).replace("<math ", f'<math alttext="{escape(latex)}" ', 1)


def inline(translator, node):
    translator.body.append(mathml(node.astext(), "inline"))
    raise SkipNode


def display(translator, node):
    translator.body.append(f'<div class="math" tabindex="0">{mathml(node.astext().strip(), "block")}</div>\n')
    raise SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
