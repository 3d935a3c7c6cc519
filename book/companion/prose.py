"""Prose with computed numbers: `{{name}}` stands for a value, and outside the book MyST becomes plain Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

MAGIC = "%%prose\n"
"""First line of a cell of prose."""
_ROOT = Path(__file__).resolve().parents[2]
_VALUE = re.compile(r"\{\{(\w+)\}\}")
_ROLE = re.compile(r"\{(?P<name>[a-z:]+)\}`(?:(?P<title>[^`<]*?) ?<(?P<target>[^`>]*)>|(?P<words>[^`]*))`")


def template(source: str) -> str | None:
    """Return the text of a cell of prose; None for other cells."""
    return source.removeprefix(MAGIC) if source.startswith(MAGIC) else None


def names(text: str) -> set[str]:
    """Return the names of the values that a text prints.

    Example:
        >>> sorted(names("from {{least}} to {{most}}"))
        ['least', 'most']
    """
    return set(_VALUE.findall(text))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Insert values into a text; one that is not known yet is an ellipsis.

    Args:
        text: MyST text.
        values: plain text by name. Characters that mean something in Markdown are escaped.

    Example:
        >>> fill("r = **{{r}}** of {{n}}", {"r": "0.5*"})
        'r = **0.5\\\\*** of …'
    """
    return _VALUE.sub(lambda m: _escaped(values[m[1]]) if m[1] in values else "…", text)


def output(text: str, values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, dict]]:
    """Return the output of a cell of prose: its data by type, and metadata that keep the values for the builder.

    Args:
        text: MyST text.
        values: plain text by name; others than the text prints are ignored.
    """
    used = {name: values[name] for name in sorted(names(text) & values.keys())}
    # The empty element lets a style sheet find cells of prose.
    shown = f'<div class="bvg-prose"></div>\n\n{outside_the_book(fill(text, values))}'
    return {"text/markdown": shown}, {"bvg": {"prose": used}}


def without_roles(text: str) -> str:
    """Replace the MyST roles in a text by plain text.

    Example:
        >>> without_roles("as in the {ref}`legend <legend>` {cite:p}`key`")
        'as in the legend key'
    """
    return _ROLE.sub(lambda role: role["title"] or role["words"], text)


def outside_the_book(text: str) -> str:
    """Return MyST text as the Markdown of JupyterLab: pages as links to notebooks, citations as authors and year.

    Example:
        >>> outside_the_book("{term}`Cue conflicts <cue conflict>` {cite:p}`geirhos2019imagenet`: {doc}`shape-bias`")
        'Cue conflicts (Geirhos et al., 2019): [Shape bias](shape-bias.ipynb)'
    """
    text = re.sub(r"^:{3,}\{[\w-]+\} ([^\d\n]+)$", r"**\1**", text, flags=re.MULTILINE)  # the title of a card
    text = text.replace("{{ get_code }}", "the repository of this notebook.")  # a substitution of the book
    text = re.sub(r"^:(::+|[\w-]+:).*\n?", "", text, flags=re.MULTILINE)  # directives and their options
    return _ROLE.sub(_plain, text)


def _plain(role: re.Match) -> str:
    kind, _, form = role["name"].partition(":")
    words = role["title"] or role["words"]
    if kind == "doc":
        return _link(role["target"] or role["words"], role["title"])
    if kind == "cite":
        found = [_author_and_year(key.strip()) for key in words.split(",")]
        if form == "t":
            return "; ".join(f"{author} ({year})" for author, year in found)
        return f"({'; '.join(f'{author}, {year}' for author, year in found)})"
    return words


def _link(page: str, words: str | None) -> str:
    """Return a link to a page's notebook or text; only the words if the book makes the page."""
    measure = page.removeprefix("measure-")
    for file in (f"notebooks/{page}", f"notebooks/measure/{measure}", f"book/{page}"):
        if (text := _ROOT / f"{file}.md").is_file():
            title = re.search(r"^# (.+)$", text.read_text(encoding="utf-8"), re.MULTILINE)
            target = f"../{file}.md" if file.startswith("book/") else f"{file.removeprefix('notebooks/')}.ipynb"
            return f"[{words or title[1]}]({target})"
    return words or page.replace("-", " ")


@cache
def _references() -> dict[str, tuple[str, str]]:
    """Return key -> authors and year of the book's references."""
    from pybtex.database import parse_file
    from pybtex.richtext import Text

    found = {}
    for key, entry in parse_file(str(_ROOT / "book" / "references.bib")).entries.items():
        last = [" ".join([*person.prelast_names, *person.last_names]) for person in entry.persons["author"]]
        author = " and ".join(last) if len(last) < 3 else f"{last[0]} et al."
        found[key] = str(Text.from_latex(author)), entry.fields.get("year", "")
    return found


def _author_and_year(key: str) -> tuple[str, str]:
    return _references()[key]


def _escaped(value: str) -> str:
    return re.sub(r"([\\`*_\[\]{}<>$|~#&])", r"\\\1", value)
