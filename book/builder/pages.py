"""Turn an executed notebook into a page of the book, and into a notebook that reads well without the book."""

from __future__ import annotations

import json
from pathlib import Path

from companion import prose

from builder import notebooks, provenance
from builder.provenance import link


def text_of(source: str | list[str]) -> str:
    """Join the text of a cell or output, which may be a list of lines."""
    return source if isinstance(source, str) else "".join(source)


def marks(notebook: dict) -> list[dict]:
    """Return what `companion.page` noted about each output."""
    outputs = (output for cell in notebook["cells"] for output in cell.get("outputs", []))
    return [output["metadata"]["bvg"] for output in outputs if "bvg" in output.get("metadata", {})]


def made(*kinds: str) -> list[tuple[str, dict]]:
    """Return name of the page and mark of every output of these kinds ("figure", "table") in the executed notebooks."""
    executed = ((n.name, json.loads(n.executed.read_text(encoding="utf-8"))) for n in notebooks.find())
    return [(name, mark) for name, notebook in executed for mark in marks(notebook) if set(kinds) & set(mark)]


def figures() -> list[tuple[str, dict]]:
    """Return name of the page and mark of every figure in the executed notebooks."""
    return made("figure")


def metadata(cell: dict) -> dict:
    """Return what a cell of an executed notebook keeps of its metadata; the source of prose is folded in JupyterLab."""
    kept = {key: value for key, value in cell["metadata"].items() if key in ("tags", "mystnb")}
    folded = cell["cell_type"] == "code" and prose.template(text_of(cell["source"])) is not None
    return kept | ({"jupyter": {"source_hidden": True}} if folded else {})


def values(notebook: dict) -> dict[str, str]:
    """Return the values that the prose of an executed notebook prints, by name."""
    return {name: value for mark in marks(notebook) for name, value in mark.get("prose", {}).items()}


def page(path: Path) -> str:
    """Return a page: marked outputs become Markdown cells with MyST directives.

    Readers want the answer and the figures first, so the parameters and all code stand in one folded box at the end.
    """
    name, notebook = path.stem, json.loads(path.read_text(encoding="utf-8"))
    cells, code, parameters, known = [], [], "", values(notebook)
    for cell in notebook["cells"]:
        if (text := prose.template(text_of(cell["source"]))) is not None:
            cell = markdown(cell["id"], prose.fill(text, known))
        outputs = cell.pop("outputs", [])
        marked = [output for output in outputs if "bvg" in output.get("metadata", {})]
        if cell["cell_type"] == "code":
            code.append(text_of(cell["source"]))
            cell["outputs"] = [output for output in outputs if output not in marked]
            cell["metadata"] = {"tags": ["remove-input"]}
        else:
            # All pages of the book lie in one folder, unlike the notebooks.
            cell["source"] = text_of(cell["source"]).replace("](../", "](")
        if cell["cell_type"] != "code" or cell["outputs"]:
            cells.append(cell)
        for output in marked:
            mark, data = output["metadata"]["bvg"], output["data"]
            if "page" in mark:
                parameters = text_of(data["text/markdown"])
            elif text := directive(name, mark, data):
                cells.append(markdown(f"{name}-{len(cells)}", text))
    if code:
        cells.append(markdown(f"{name}-reproduce", reproduce(name, parameters, code)))
    return json.dumps(notebook | {"cells": cells}, ensure_ascii=False)


def markdown(id: str, text: str) -> dict:
    """Return a Markdown cell."""
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": text}


def reproduce(name: str, parameters: str, code: list[str]) -> str:
    """Return the folded box at the end of a page: its parameters, the command, the executed notebook and all code."""
    executed = link(f"notebooks/{name}.ipynb", f"{name}.ipynb")
    blocks = "\n\n".join(f"```python\n{source.strip()}\n```" for source in code)
    return (
        f"`````{{admonition}} Reproduce this page\n:class: dropdown bvg-parameters\n\n{parameters}\n\n"
        f"This page as an executed notebook: {executed}\n\n{blocks}\n`````"
    )


def directive(name: str, mark: dict, data: dict) -> str | None:
    """Return the MyST text of a marked output; None if the page leaves it out."""
    if "figure" in mark:
        text, other = provenance.directive(name, mark), mark.get("beside")
        return (
            provenance.tabs(text, other, next(m["alt"] for _, m in figures() if m["figure"] == other))
            if other
            else text
        )
    if "see" in mark:
        alt = next(m["alt"] for _, m in figures() if m["figure"] == mark["see"])
        return (
            f"```{{figure}} figures/{mark['see']}.svg\n:target: figures/{mark['see']}.svg\n:alt: {' '.join(alt.split())}\n\n"
            f"{mark['caption']}\n```"
        )
    if "explorer" in mark:
        from companion.explorer import Explorer  # takes seconds, and one page needs it

        return f"```{{raw}} html\n{Explorer(mark['explorer']).fragment()}\n```"
    if "html" in mark:
        return f"```{{raw}} html\n{text_of(data['text/html'])}\n```"
    if "laboratory" in mark:
        from companion.laboratory import html

        return f"```{{raw}} html\n{html.fragment(mark['laboratory'])}\n```"
    text = text_of(data.get("text/markdown", ""))
    if "table" in mark:
        id = mark["table"]
        caption = f"{mark['caption']} Data: {link(f'tables/{id}.csv', 'CSV')}"
        return f"````{{table}} {caption}\n:name: {id}\n:class: bvg-table\n\n{text}\n````"
    return text if "text" in mark else None
