"""Sphinx extension: what a table of results needs beyond MyST: verdicts as badges, folded text, classes for style and script.

Two roles: {verdict}`holds`, and {fold}`title <text>`, which puts a folded text below the cell's own. A table with ten or more
columns gets the class `bvg-wide` (it is printed on landscape pages), and a row that sums up the others, whose name is set off
as in `**mean**`, the class `bvg-summary` (it stays last however the table is sorted).
"""

import re

from docutils import nodes

WIDE = 10
"""Columns from which a table does not fit a portrait page in legible type."""


class Fold(nodes.Inline, nodes.TextElement):
    """A folded text within a table's cell."""


def verdict(name, rawtext, text, lineno, inliner, options=None, content=()):
    kind = re.sub(r"\W+", "-", text.lower())
    return [nodes.inline(rawtext, text, classes=["bvg-verdict", f"bvg-{kind}"])], []


def fold(name, rawtext, text, lineno, inliner, options=None, content=()):
    title, _, inside = text.removesuffix(">").partition(" <")
    return [Fold(rawtext, inside, title=title)], []


def visit_fold(translator, node):
    translator.body.append(f'<details class="bvg-fold"><summary>{node["title"]}</summary>')


def depart_fold(translator, node):
    translator.body.append("</details>")


def finish(app, doctree, docname):
    """Move folded texts out of their paragraph, which may not contain them, and mark wide tables and rows that sum up."""
    for node in list(doctree.findall(Fold)):
        paragraph = node.parent
        paragraph.remove(node)
        paragraph.parent.insert(paragraph.parent.index(paragraph) + 1, node)
    for table in doctree.findall(nodes.table):
        if "bvg-table" not in table["classes"]:
            continue
        if next(table.findall(nodes.tgroup))["cols"] >= WIDE:
            table["classes"].append("bvg-wide")
        for row in next(table.findall(nodes.tbody)):
            words = [part for text in row[0].findall(nodes.paragraph) for part in text if part.astext()]
            if len(words) == 1 and isinstance(words[0], nodes.strong | nodes.emphasis):
                row["classes"].append("bvg-summary")


def setup(app):
    app.add_role("verdict", verdict)
    app.add_role("fold", fold)
    app.add_node(Fold, html=(visit_fold, depart_fold))
    app.connect("doctree-resolved", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
