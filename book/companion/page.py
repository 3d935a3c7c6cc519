"""A notebook's page: it checks parameters, displays and saves figures and tables, and passes numbers to the prose."""

from __future__ import annotations

import ast
import html
import json
import os
import shlex
import time
import zlib
from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import pandas as pd
from IPython import get_ipython
from IPython.display import display

from bvg.files import atomic
from companion import parameters, prose
from companion.text import format_number, pipe_table

# Names that an IPython kernel puts into the namespace itself.
_OWN = {"In", "Out", "get_ipython", "exit", "quit", "open"}
_CAVEAT = "The numbers in the text follow the parameters. The words around them were written for these values."
_PLAIN = (str, int, float, bool, list, dict, tuple, type(None))
_STYLE = """<style>.jp-Notebook:not(.jp-mod-editMode) .jp-CodeCell:has(.bvg-prose) > .jp-Cell-inputWrapper,
.jp-CodeCell:not(.jp-mod-active):has(.bvg-prose) > .jp-Cell-inputWrapper { display: none; }</style>"""
"""JupyterLab shows the source of a cell of prose while it is edited, as it does for Markdown."""


class Page:
    """A running notebook. Creating it checks and displays the parameters, and defines the cell magic `%%prose`.

    Every display has a name, so that a later run of the same code can replace it where it stands.

    Attributes:
        redraws: whether displays replace those of the last run (`companion.controls` sets it while it runs the cells again).
        cell: number of the cell that created the page, as in IPython's `In`.

    Args:
        name: name of the notebook, without suffix.
        namespace: the notebook's `globals()`.
        declared: names of the parameters, as in the parameters cell.

    Raises:
        companion.parameters.ParameterError: an unknown parameter, or a value of the wrong type or range. papermill only
            warns about an unknown parameter and runs with the defaults, so the notebook has to reject it.
    """

    redraws = False

    def __init__(self, name: str, namespace: Mapping[str, Any], declared: Sequence[str]) -> None:
        self.name, self._began = name, time.monotonic()
        self._values: dict[str, str] = {}
        self._prose: list[str] = []
        self._texts = count()
        self.cell = namespace["page"].cell if self.redraws else len(namespace.get("In", [])) - 1
        given = {k: v for k, v in namespace.items() if k in declared}
        if "page" in namespace:
            # A second run in a live kernel: the namespace also holds the notebook's own variables, so read the parameters
            # cell as it was last run.
            given |= dict.fromkeys(_assigned(namespace.get("In", []), declared) - set(given))
        else:
            # A first run: every plain value in the namespace was given as a parameter.
            given |= {
                k: v for k, v in namespace.items() if not k.startswith("_") and k not in _OWN and isinstance(v, _PLAIN)
            }
        parameters.check(given, declared)
        self.parameters = {k: parameters.PARAMETERS[k].default if given[k] is None else given[k] for k in declared}
        defaults = _defaults(namespace.get("In", []), declared)
        self._changed = [k for k in declared if k not in defaults or defaults[k] != given[k]]
        self.out = Path(self.parameters["out"])
        _writable(self.out)
        shown = {"text/html": self._parameters_html() + _STYLE, "text/markdown": self._parameters_markdown()}
        self._display("parameters", shown, {"page": name})
        if shell := get_ipython():
            shell.register_magic_function(lambda line, cell: self.prose(cell), "cell", "prose")
        if "JPY_SESSION_NAME" in os.environ and not self.redraws:  # JupyterLab sets it; papermill does not
            self.controls()

    def figure(self, id: str, drawn, caption: str, beside: str = "") -> None:
        """Save a figure (SVG, also for phones; PNG) and its numbers (CSV), and display it.

        Args:
            id: name of the files and label for cross-references, such as `figure-2`.
            drawn: a `companion.figures.Figure`: the drawing, the tidy numbers behind it and the alternative text.
            caption: MyST text.
            beside: id of another page's figure, which the book puts into a second tab.
        """
        for suffix in ("svg", "png"):
            with atomic(self.out / "figures" / f"{id}.{suffix}") as path:
                drawn.save(path)
        if drawn.narrow is not None:
            with atomic(self.out / "figures" / f"{id}-narrow.svg") as path:
                drawn.save(path, narrow=True)
        self.save(id, drawn.data)
        svg = (self.out / "figures" / f"{id}.svg").read_text(encoding="utf-8")
        made = {"drawn_by": drawn.drawn_by, "command": self.command()}
        mark = {"figure": id, "alt": drawn.alt, "caption": caption, "beside": beside} | made
        self._display(id, {"image/svg+xml": svg, "text/plain": drawn.alt}, mark)
        files = {"CSV": f"tables/{id}.csv", "SVG": f"figures/{id}.svg", "PNG": f"figures/{id}.png"}
        links = " · ".join(f"[{label}]({self.out}/{path})" for label, path in files.items())
        below = f"{prose.outside_the_book(caption)}\n\n{links}"
        self._display(f"{id}-caption", {"text/markdown": below}, {"part-of": id})

    def see(self, id: str, caption: str) -> None:
        """Show a figure of another page of the book; elsewhere, name it.

        Args:
            id: name of the figure, such as `figure-2`.
            caption: MyST text.
        """
        text = f"*{prose.outside_the_book(caption)}* (figure `{id}` of the book)"
        self._display(id, {"text/markdown": text}, {"see": id, "caption": caption})

    def table(self, id: str, table, caption: str) -> None:
        """Save a table's numbers as CSV and display the table.

        Args:
            id: name of the file and label for cross-references, such as `table-models`.
            table: a `companion.tables` table: the table to display, whose cells are MyST text or numbers (printed with two
                decimals), and the tidy numbers behind it.
            caption: MyST text.
        """
        self.save(id, table.data)
        text = table.displayed.map(_cell)
        plain = text.map(lambda cell: prose.without_roles(cell).replace("`", ""))
        link = f'<a href="{self.out}/tables/{id}.csv">CSV</a>'
        above = f"<p>{html.escape(prose.without_roles(caption))} {link}</p>"
        page = above + plain.to_html(index=False, border=0, escape=True)
        mark = {"table": id, "caption": caption, "made_by": table.made_by}
        self._display(id, {"text/html": page, "text/markdown": pipe_table(text)}, mark)

    def explorer(self, content) -> None:
        """Save the explorer (`explorer.html`) and its numbers, and display it.

        Args:
            content: a `companion.explorer.Explorer`.
        """
        self.save("explorer", content.table())
        page = content.standalone()
        with atomic(self.out / "explorer.html") as path:
            path.write_text(page, encoding="utf-8")
        # The output holds the whole page, not a link to the file, so that it works wherever the notebook is copied.
        frame = f'<iframe title="Explorer" srcdoc="{html.escape(page)}" width="100%" height="1500"></iframe>'
        self._display("explorer", {"text/html": frame}, {"explorer": content.data})

    def html(self, fragment: str) -> None:
        """Display HTML, in the book as in a notebook."""
        display({"text/html": fragment}, raw=True, metadata={"bvg": {"html": True}})

    def laboratory(self, content) -> None:
        """Save the numbers of the stimulus laboratory and display it; outside the book, say where it is.

        Args:
            content: a `companion.laboratory.Laboratory`.
        """
        self.save("laboratory", content.tolerated)
        elsewhere = "The laboratory is part of the book's page. Here, set `controls = True` and run the notebook again."
        display({"text/markdown": elsewhere}, raw=True, metadata={"bvg": {"laboratory": content.data}})

    def save(self, id: str, data: pd.DataFrame, parquet: bool = False) -> None:
        """Write a table to `tables/<id>.csv` at full precision; one that is too long for that as Parquet."""
        with atomic(self.out / "tables" / f"{id}.{'parquet' if parquet else 'csv'}") as path:
            if parquet:
                data.to_parquet(path, index=False)
            else:
                data.to_csv(path, index=False, lineterminator="\n")

    def glue(self, **values: str) -> None:
        """Pass values to the prose, where `{{name}}` prints them: cells of `%%prose` before this call and after it.

        Args:
            values: text by name; numbers as formatted text.
        """
        self._values |= values
        for text in self._prose:
            if values.keys() & prose.names(text):
                self._display_prose(text, update=True)

    def prose(self, text: str) -> None:
        """Display MyST text with values: what the cell magic `%%prose` does.

        Args:
            text: each `{{name}}` stands for a value that `glue` passes before or later.
        """
        if text not in self._prose:
            self._prose.append(text)
        self._display_prose(text)

    def _display_prose(self, text: str, update: bool = False) -> None:
        data, metadata = prose.output(text, self._values)
        self._display(f"prose-{zlib.crc32(text.encode())}", data, metadata["bvg"], update)

    def text(self, markdown: str) -> None:
        """Display Markdown with computed numbers, also outside the book."""
        self._display(f"text-{next(self._texts)}", {"text/markdown": markdown}, {"text": True})

    def controls(self) -> None:
        """Display controls for the parameters, which run the page's cells again."""
        # Only JupyterLab needs them. An import statement would make every notebook depend on them (see builder.inputs).
        import_module("companion.controls").show(self)

    def _display(self, id: str, data: Mapping[str, str], mark: Mapping[str, Any], update: bool = False) -> None:
        """Display an output that is marked for the builder.

        JupyterLab displays its HTML. The book is built from the Markdown, in which Sphinx resolves citations and references.
        """
        name = f"{self.name}/{id}"
        display(data, raw=True, metadata={"bvg": dict(mark)}, display_id=name, update=update or self.redraws)

    def elapsed(self) -> float:
        """Seconds since the page was created."""
        return time.monotonic() - self._began

    def command(self, notebook: str | None = None, without: Sequence[str] = ()) -> str:
        """The papermill command that executes a notebook with these parameters; those with their default are left out.

        Args:
            notebook: its name, without suffix; None is this one.
            without: parameters to leave out in any case.
        """
        name = notebook or self.name
        words = ["papermill", f"notebooks/{name}.ipynb", f"{Path(name).name}-run.ipynb"]
        for changed in self._changed:
            if changed not in without:
                words += parameters.option(changed, self.parameters[changed])
        return shlex.join(words)

    def _rows(self) -> list[tuple[str, str, str]]:
        return [(k, _written(v), parameters.PARAMETERS[k].meaning) for k, v in self.parameters.items()]

    def _parameters_html(self) -> str:
        rows = "".join(
            f"<tr><td><code>{k}</code></td><td><code>{html.escape(v)}</code></td><td>{html.escape(m)}</td></tr>"
            for k, v, m in self._rows()
        )
        return (
            "<details><summary>The parameters, and the command that runs this notebook with them</summary>"
            f"<table><thead><tr><th>parameter</th><th>value</th><th>meaning</th></tr></thead><tbody>{rows}</tbody></table>"
            f"<p>Run this notebook again with the following command; add <code>-p NAME VALUE</code> to change a parameter:</p><pre>{html.escape(self.command())}</pre><p>{_CAVEAT}</p></details>"
        )

    def _parameters_markdown(self) -> str:
        table = pd.DataFrame(
            [(f"`{k}`", f"`{v}`", m) for k, v, m in self._rows()], columns=["parameter", "value", "meaning"]
        )
        return f"{pipe_table(table)}\n\nRun this page again; add `-p NAME VALUE`, or `-y 'NAME: VALUE'` for lists, to change a parameter:\n\n```bash\n{self.command()}\n```\n\n{_CAVEAT}"


def _writable(folder: Path) -> None:
    """Reject a folder that cannot be created or written to; creates nothing."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise parameters.ParameterError(
            f"expected `out` to be a folder that can be written to, got {str(folder)!r} ({error.strerror})"
        ) from None


def _assigned(cells: Sequence[str], declared: Sequence[str]) -> set[str]:
    """Names assigned by the last cell that assigns a declared parameter."""
    for source in reversed(cells):
        try:
            statements = ast.parse(source).body
        except SyntaxError:  # a cell with a magic
            continue
        targets = {t.id for s in statements if isinstance(s, ast.Assign) for t in s.targets if isinstance(t, ast.Name)}
        if targets & set(declared):
            return targets
    return set()


def _defaults(cells: Sequence[str], declared: Sequence[str]) -> dict[str, Any]:
    """Values that the first cell with a declared parameter assigns: the notebook's own, before papermill's."""
    for source in cells:
        try:
            statements = ast.parse(source).body
            found = {s.targets[0].id: ast.literal_eval(s.value) for s in statements if isinstance(s, ast.Assign)}
        except (SyntaxError, ValueError, AttributeError):  # no cell of plain values
            continue
        if found.keys() & set(declared):
            return found
    return {}


def _written(value: Any) -> str:
    """A parameter's value as written in the parameters cell."""
    return str(value) if value is None or isinstance(value, bool) else json.dumps(value, ensure_ascii=False)


def _cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else format_number(value)
    return str(value)
