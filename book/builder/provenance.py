"""The figure on a page: its MyST directive, and a folded box that says where it comes from and how to cite it."""

from __future__ import annotations

import ast
import html
import re
from functools import cache
from pathlib import Path

import jinja2
import yaml
from pybtex.database import BibliographyData, Entry, Person, parse_file
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from builder import ROOT

CODE = "code"
"""Folder of the highlighted modules, next to the pages."""


def directive(page: str, mark: dict) -> str:
    """Return the MyST text of a figure.

    Args:
        page: name of the page.
        mark: what `companion.page.Page.figure` noted: figure, alt, caption, drawn_by, command.
    """
    id = mark["figure"]
    number = f"**{paper_number(id)} of the paper.** " if paper_number(id) else ""
    return (
        f"```{{figure}} figures/{id}.svg\n:name: {id}\n:target: figures/{id}.svg\n:alt: {' '.join(mark['alt'].split())}\n\n"
        f"{number}{mark['caption']}\n\n{provenance(page, mark)}\n```"
    )


def paper_number(id: str) -> str:
    """Return a figure's number in the paper, empty if it has none.

    >>> paper_number("figure-4"), paper_number("legend")
    ('Figure 4', '')
    """
    return f"Figure {id[-1]}" if re.fullmatch(r"figure-[1-5]", id) else ""


def maker(mark: dict) -> str:
    """Return the function that makes a figure or a table, as `module:name`."""
    return mark["drawn_by"] if "figure" in mark else mark["made_by"]


def tabs(figure: str, other: str, alt: str) -> str:
    """Return two tabs: a figure's directive, and another page's figure."""
    second = (
        f"```{{figure}} figures/{other}.svg\n:target: figures/{other}.svg\n:alt: {' '.join(alt.split())}\n\n"
        f"The study's 48 models: {{ref}}`the figure on its page <{other}>`.\n```"
    )
    items = "".join(
        f"````{{tab-item}} {title}\n{text}\n````\n"
        for title, text in (("The miniature", figure), ("The study", second))
    )
    return f"`````{{tab-set}}\n{items}`````"


def provenance(page: str, mark: dict) -> str:
    """Return the folded box as one block of HTML, without blank lines."""
    id = mark["figure"]
    path, line, name = source(mark["drawn_by"])
    rows = {
        "Data": link(f"tables/{id}.csv", "CSV"),
        "Image": f"{link(f'figures/{id}.svg', 'SVG')} · {link(f'figures/{id}.png', 'PNG')}",
        "Executed notebook": link(f"notebooks/{page}.ipynb", f"{page}.ipynb"),
        "Drawn by": f'<a href="{CODE}/{path.with_suffix(".html")}#line-{line}"><code>{name}</code></a>, {path}, line {line}',
        "Reproduce": block(mark["command"]),
        "Cite this figure": f"<p>{html.escape(citation(id))}</p>{block(bibtex(id))}",
    }
    listed = "\n".join(f"<dt>{title}</dt><dd>{text}</dd>" for title, text in rows.items())
    return f'<details class="bvg-provenance"><summary>Data, code, citation</summary>\n<dl>\n{listed}\n</dl>\n</details>'


def link(path: str, label: str) -> str:
    """Return a link that downloads a file."""
    return f'<a href="{path}" download>{label}</a>'


def block(text: str) -> str:
    """Return text to copy; the theme adds a button to it."""
    return f'<div class="highlight"><pre>{html.escape(text)}</pre></div>'


# Citations are built here and with pybtex, since cffconvert (2.0) requires jsonschema < 4, which JupyterLab does not run with.
@cache
def cited() -> dict:
    """Read CITATION.cff."""
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def citation(id: str) -> str:
    """Return a figure's reference: the companion, its version and the paper.

    >>> citation("figure-4").partition(". Paper")[0][-34:]
    ', version 0.2.0, figure “figure-4”'
    """
    own, paper = cited(), cited()["preferred-citation"]
    makers = own["authors"][0]["name"]
    authors = " and ".join(f"{a['given-names']} {a['family-names']}" for a in paper["authors"])
    return (
        f"{makers[0].upper()}{makers[1:]}. {own['title']}, version {own['version']}, figure “{id}”. Paper: {authors}. "
        f"{paper['title']} {paper['collection-title']}, {paper['year']}, pp. {paper['start']}–{paper['end']}."
    )


@cache
def references() -> dict:
    """Read references.bib."""
    return parse_file(ROOT / "book" / "references.bib").entries


def bibtex(id: str) -> str:
    """Return BibTeX entries of a figure and of the paper.

    >>> bibtex("figure-4").splitlines()[0]
    '@misc{bvg-figure-4,'
    """
    own = cited()
    author = Person(last=f"{{{own['authors'][0]['name']}}}")
    note = f"Figure {id}, version {own['version']}"
    figure = Entry("misc", {"title": own["title"], "note": note}, {"author": [author]})
    paper = "gavrikov2024biases"
    entries = {f"bvg-{id}": figure, paper: references()[paper]}
    # A blank line would end the block of HTML.
    return BibliographyData(entries).to_string("bibtex").strip().replace("\n\n", "\n")


@cache
def source(drawn_by: str) -> tuple[Path, int, str]:
    """Return file, line and dotted name of a function given as `module:name`."""
    module, _, name = drawn_by.partition(":")
    file = ROOT / "book" / Path(*module.split(".")).with_suffix(".py")
    functions = [n for n in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(n, ast.FunctionDef)]
    lines = [function.lineno for function in functions if function.name == name]
    if len(lines) != 1:
        raise SystemExit(
            f"expected one function {name} in {file}, got {len(lines)}: is it what `drawn_by` or `made_by` names?"
        )
    return file.relative_to(ROOT), lines[0], f"{module}.{name}"


# sphinx.ext.viewcode shows only modules that autodoc documents, and sphinx.ext.linkcode needs a public repository: these pages
# need neither and work offline.
def code_pages(made: list[tuple[str, dict]], target: Path) -> None:
    """Write a highlighted page, with links to lines, of each module that makes figures or tables.

    Args:
        made: name of the page and mark of each figure and table.
        target: the folder of the pages.
    """
    modules: dict[Path, list[tuple[str, str]]] = {}
    for page, mark in made:
        modules.setdefault(source(maker(mark))[0], []).append((page, mark.get("figure") or mark["table"]))
    for path, drawn in modules.items():
        file = target / CODE / path.with_suffix(".html")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code_page(path, drawn), encoding="utf-8")


def code_page(path: Path, made: list[tuple[str, str]]) -> str:
    """Return a module's page: links to its figures and tables (page, id) and highlighted text."""
    lines = HtmlFormatter(lineanchors="line", anchorlinenos=True, linenos="inline", wrapcode=True)
    text = highlight((ROOT / path).read_text(encoding="utf-8"), PythonLexer(), lines)
    styles = {
        theme: HtmlFormatter(style=f"a11y-high-contrast-{theme}").get_style_defs(".highlight")
        for theme in ("light", "dark")
    }
    template = jinja2.Template(Path(__file__).with_name("code_page.html").read_text(encoding="utf-8"))
    return template.render(
        path=path,
        up="../" * len(path.parts),
        made=made,
        text=text.replace("<pre>", '<pre tabindex="0">'),  # so that the keyboard can scroll it on a phone
        **styles,
    )
