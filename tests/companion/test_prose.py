"""Prose with values: each value is printed as it is, before and after `glue`, and in JupyterLab as in the book."""

from __future__ import annotations

from html import unescape

import pytest
from companion import prose
from companion.page import Page
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from markdown_it import MarkdownIt

VALUES = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2212, exclude_categories=("Cc", "Cs", "Zl", "Zp"))
).map(str.strip)


@given(VALUES)
def test_markdown_prints_a_value_as_it_is(value):
    shown = MarkdownIt().renderInline(prose.fill("from {{x}} to", {"x": value}))
    assert unescape(shown) == f"from {value} to"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{cite:t}`geirhos2019imagenet` and {cite:p}`muller2023classification`", "Geirhos et al. (2019) and (Müller et al., 2023)"),
        ("{cite:p}`yin2019fourier,wang2020high`", "(Yin et al., 2019; Wang et al., 2020)"),
        ("{doc}`the ledger <claims>`, {doc}`measure-shape-bias`", "[the ledger](claims.ipynb), [Measure: shape bias](measure/shape-bias.ipynb)"),
        ("{doc}`glossary`, {doc}`figures-and-tables`", "[Glossary](../book/glossary.md), figures and tables"),
        ("{ref}`Figure 4 <figure-4>` of $x_{1}$", "Figure 4 of $x_{1}$"),
        ("::::{grid} 1 3\n:gutter: 3\n\n:::{grid-item-card} Read\n:link: a\n\nText.\n:::\n::::", "\n**Read**\n\nText.\n"),
    ],
)  # fmt: skip
def test_roles_read_as_plain_markdown(text, shown):
    assert prose.outside_the_book(text) == shown


def test_a_sentence_before_its_values_gets_them_and_follows_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shell = InteractiveShell.instance()
    sent = []
    monkeypatch.setattr(shell.display_pub, "publish", lambda **message: sent.append(message))
    page = Page("mine", {"out": "output"}, ["out"])
    shell.run_cell("%%prose\nr = **{{r}}** of {{n}}").raise_error()
    page.glue(n="48")
    page.glue(other="1")
    page.glue(r="0.5")
    page.glue(r="0.7")
    shown = [m["data"]["text/markdown"].rpartition("\n\n")[2].strip() for m in sent[1:]]
    assert shown == ["r = **…** of …", "r = **…** of 48", "r = **0.5** of 48", "r = **0.7** of 48"]
    assert [m["update"] for m in sent[1:]] == [False, True, True, True]
    assert len({m["transient"]["display_id"] for m in sent[1:]}) == 1
    assert sent[-1]["metadata"] == {"bvg": {"prose": {"n": "48", "r": "0.7"}}}
