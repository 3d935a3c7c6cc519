"""The figures' part of the pages: the MyST directive of a figure, and beside it where it comes from and how to cite it."""

from __future__ import annotations

import ast
import html
import re
from functools import cache
from pathlib import Path

import yaml
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

ROOT = Path(__file__).resolve().parents[2]
CODE = "code"  # folder of the highlighted modules, beside the pages


def directive(page: str, mark: dict) -> str:
    """The MyST text of a figure.

    Args:
        page: name of the page, which is that of the executed notebook.
        mark: what `companion.page.Page.figure` notes: figure, alt, caption, drawn_by, command.
    """
    id = mark["figure"]
    number = f"**Figure {id[-1]} of the paper.** " if re.fullmatch(r"figure-[1-5]", id) else ""
    return (
        f"```{{figure}} figures/{id}.svg\n:name: {id}\n:target: figures/{id}.svg\n:alt: {' '.join(mark['alt'].split())}\n\n"
        f"{number}{mark['caption']}\n\n{provenance(page, mark)}\n```"
    )


def tabs(figure: str, other: str, alt: str) -> str:
    """A figure's directive and, in a second tab, another page's figure with its alternative text."""
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
    """One block of HTML: data, drawing, notebook, function, command and citation of a figure. It has no blank line."""
    id = mark["figure"]
    path, line, name = source(mark["drawn_by"])
    rows = {
        "Data": link(f"tables/{id}.csv", "CSV"),
        "Drawing": f"{link(f'figures/{id}.svg', 'SVG')} · {link(f'figures/{id}.png', 'PNG')}",
        "Notebook, executed": link(f"notebooks/{page}.ipynb", f"{page}.ipynb"),
        "Drawn by": f'<a href="{CODE}/{path.with_suffix(".html")}#line-{line}"><code>{name}</code></a>, {path}, line {line}',
        "Make it again": block(mark["command"]),
        "Cite this figure": f"<p>{html.escape(citation(id))}</p>{block(bibtex(id))}",
    }
    listed = "\n".join(f"<dt>{title}</dt><dd>{text}</dd>" for title, text in rows.items())
    return f'<details class="bvg-provenance"><summary>Data, code, citation</summary>\n<dl>\n{listed}\n</dl>\n</details>'


def link(path: str, label: str) -> str:
    return f'<a href="{path}" download>{label}</a>'


def block(text: str) -> str:
    """Text to copy; the theme gives it a button."""
    return f'<div class="highlight"><pre>{html.escape(text)}</pre></div>'


@cache
def cited() -> dict:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def citation(id: str) -> str:
    """A figure as one cites it in a list of references: the companion, its version, the paper behind it.

    >>> citation("figure-4").partition(". The paper")[0][-35:]
    ', version 0.1.0, figure “figure-4”'
    """
    own, paper = cited(), cited()["preferred-citation"]
    makers, authors = (
        own["authors"][0]["name"],
        " and ".join(f"{a['given-names']} {a['family-names']}" for a in paper["authors"]),
    )
    return (
        f"{makers[0].upper()}{makers[1:]}. {own['title']}, version {own['version']}, figure “{id}”. The paper behind it: {authors}. "
        f"{paper['title']} {paper['collection-title']}, {paper['year']}, pp. {paper['start']}–{paper['end']}."
    )


def bibtex(id: str) -> str:
    """The same as two BibTeX entries."""
    own, paper = cited(), cited()["preferred-citation"]
    entries = {
        f"misc{{bvg-{id}": {
            "author": f"{{{own['authors'][0]['name']}}}",
            "title": own["title"],
            "note": f"Figure {id}, version {own['version']}",
        },
        "inproceedings{gavrikov2024biases": {
            "author": " and ".join(f"{a['family-names']}, {a['given-names']}" for a in paper["authors"]),
            "title": paper["title"],
            "booktitle": paper["collection-title"],
            "year": paper["year"],
            "pages": f"{paper['start']}--{paper['end']}",
        },
    }
    return "\n".join(
        f"@{head},\n" + "\n".join(f"  {k} = {{{v}}}," for k, v in fields.items()) + "\n}"
        for head, fields in entries.items()
    )


@cache
def source(drawn_by: str) -> tuple[Path, int, str]:
    """File (relative to the repository), line and dotted name of a function given as `module:name`."""
    module, _, name = drawn_by.partition(":")
    path = Path(*module.split(".")).with_suffix(".py")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name]
    if len(found) != 1:
        raise SystemExit(f"expected one function {name} in {path}, got {len(found)}: is it a figure's `drawn_by`?")
    return path, found[0].lineno, f"{module}.{name}"


def code_pages(marks: list[tuple[str, dict]], target: Path) -> None:
    """Write each module that draws a figure once as a highlighted page whose lines can be linked to.

    Args:
        marks: name of the page and mark of each figure.
        target: the folder of the pages.
    """
    modules: dict[Path, list[tuple[str, dict]]] = {}
    for page, mark in marks:
        modules.setdefault(source(mark["drawn_by"])[0], []).append((page, mark))
    for path, of in modules.items():
        file = target / CODE / path.with_suffix(".html")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code_page(path, of), encoding="utf-8")


def code_page(path: Path, of: list[tuple[str, dict]]) -> str:
    """One module as a page of its own: which figures it draws, and its highlighted text."""
    up = "../" * (len(path.parts))
    light, dark = HtmlFormatter(style="a11y-high-contrast-light"), HtmlFormatter(style="a11y-high-contrast-dark")
    text = highlight(
        (ROOT / path).read_text(encoding="utf-8"),
        PythonLexer(),
        HtmlFormatter(lineanchors="line", anchorlinenos=True, linenos="inline", wrapcode=True),
    )
    text = text.replace("<pre>", '<pre tabindex="0">')  # it scrolls on a phone
    figures = ", ".join(
        f'<a href="{up}{page}.html#{mark["figure"].replace("_", "-")}">{mark["figure"]}</a>' for page, mark in of
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{path}</title>
<link rel="icon" href="{up}_static/favicon.svg">
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0 auto; padding: 1rem; max-width: 75rem; font-family: sans-serif; }}
a {{ color: #0550ae; }}
pre {{ overflow-x: auto; font-size: 0.85rem; line-height: 1.45; }}
pre a, pre a:visited {{ color: inherit; text-decoration: none; }}
pre a:target {{ outline: 2px solid #b35900; }}
{light.get_style_defs(".highlight")}
</style>
<style id="dark" media="(prefers-color-scheme: dark)">
body {{ background: #14181e; color: #ced6dd; }}
a {{ color: #79b8ff; }}
{dark.get_style_defs(".highlight")}
</style>
<script>
// The theme chosen in the book, where one was chosen.
try {{
  const theme = localStorage.getItem("theme");
  if (theme) document.getElementById("dark").media = theme === "dark" ? "all" : "not all";
}} catch {{ /* a browser that stores nothing for local files */ }}
</script>
</head>
<body>
<p><a href="{up}index.html">Back to the book</a></p>
<main>
<h1>{path}</h1>
<p>Draws {figures}.</p>
{text}
</main>
</body>
</html>
"""
