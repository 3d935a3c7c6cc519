"""The page *Figures and tables*: each figure and table of the book, its page, its function, its data, its number in the paper."""

from __future__ import annotations

import re

from companion.prose import without_roles

from builder import provenance

PAGE = "figures-and-tables.md"
MADE = ("figure", "table")
"""Keys under which `companion.page` notes the id of a figure or table."""


def page(marks: list[tuple[str, dict]]) -> str:
    """Return the page as MyST text.

    Args:
        marks: name of the page and mark of each figure and table, in the order of the book.
    """
    parts = "\n".join(part(kind, [(name, mark) for name, mark in marks if kind in mark]) for kind in MADE)
    return (
        "# Figures and tables\n\n*Where each figure and table of the book is, which function makes it, and the numbers behind it.* "
        "The build writes this page. All data at once: {ref}`downloads <downloads>`.\n" + parts
    )


def part(kind: str, marks: list[tuple[str, dict]]) -> str:
    """Return the section on the figures, or on the tables."""
    rows = "\n".join(row(name, mark[kind], mark) for name, mark in marks)
    title, number = f"{kind.capitalize()}s", " In the paper |" if kind == "figure" else ""
    rule = " --- |" * (4 + bool(number))
    return (
        f"\n## {title}\n\n````{{table}} {title} of the book: {len(marks)}.\n:name: all-{kind}s\n:class: bvg-table\n\n"
        f"| {kind.capitalize()} | Page | Function | Data |{number}\n|{rule}\n{rows}\n````\n"
    )


def row(name: str, id: str, mark: dict) -> str:
    """Return one line of the table; a figure also has its number in the paper, empty if it has none."""
    path, line, function = provenance.source(provenance.maker(mark))
    dotted = function.replace(".", ".<wbr>")
    code = f'<a href="{provenance.CODE}/{path.with_suffix(".html")}#line-{line}"><code>{dotted}</code></a>'
    data = provenance.link(f"tables/{id}.csv", f"{id}.csv")
    paper = f" {provenance.paper_number(id)} |" if "figure" in mark else ""
    return f"| {{ref}}`{title(mark['caption'])} <{id}>` | {{doc}}`{name}` | {code} | {data} |{paper}"


def title(caption: str) -> str:
    """Return the first sentence of a caption, without markup and without characters that a role cannot hold.

    >>> title("Shape bias against {ref}`accuracy <figure-4>`: *each* mark is a model. More text.")
    'Shape bias against accuracy'
    """
    sentence = re.split(r"[.:;](?:\s|$)", without_roles(caption), maxsplit=1)[0]
    return re.sub(r"[`*<>|]", "", sentence).strip()
