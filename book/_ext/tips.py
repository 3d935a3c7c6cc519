"""Sphinx extension: a link to the glossary carries the definition as its title; citations carry theirs already.

A browser shows a title to the mouse only. `tips.js` turns both into tooltips that touch and keyboard reach.
"""

import re

from docutils import nodes

GLOSSARY = "glossary"
FORMULA = "\ue000"
"""Stands for a formula while the sentences are taken."""
MOST = 320
"""Characters of a definition, after which no further sentence is taken."""


def summary(definition) -> str:
    """Return the first sentences of a definition, without formulas, which a title cannot show."""
    paragraph = definition.next_node(nodes.paragraph).deepcopy()
    for formula in list(paragraph.findall(nodes.math)):
        formula.replace_self(nodes.Text(FORMULA))
    first, *further = re.split(r"(?<=[.!?]) (?=[A-Z])", " ".join(paragraph.astext().split()))
    text = first
    for sentence in further:
        if FORMULA in sentence or len(text) + len(sentence) > MOST:
            break
        text += f" {sentence}"
    return text


def definitions(app) -> dict[str, str]:
    """Return id -> text of every term of the glossary, once per build."""
    if not hasattr(app, "bvg_definitions"):
        app.bvg_definitions = {}  # resolving the glossary calls this function again
        glossary = app.env.get_and_resolve_doctree(GLOSSARY, app.builder)
        for item in glossary.findall(nodes.definition_list_item):
            text = summary(item.next_node(nodes.definition))
            app.bvg_definitions |= {id: text for term in item.findall(nodes.term) for id in term["ids"]}
    return app.bvg_definitions


def add_titles(app, doctree, docname):
    links = [link for link in doctree.findall(nodes.reference) if "#term-" in link.get("refuri", "")]
    if docname == GLOSSARY or not links:
        return
    for link in links:
        link["reftitle"] = definitions(app)[link["refuri"].partition("#")[2]]


def setup(app):
    app.connect("doctree-resolved", add_titles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
