"""Sphinx extension: a search index of prose, with synonyms, that also works from a file.

The index leaves out code, numbers, the box *Reproduce this page* and tables of numbers. A page that has a word of `SYNONYMS`
is also found by the others in its line.
"""

import re

from docutils import nodes

SYNONYMS = (
    "licence license",
    "colour color",
    "grey gray",
    "behaviour behavior",
    "centre center",
    "artefact artifact",
    "accuracy top1 acc performance",
    "correlation correlate spearman rho",
    "adversarial attack pgd robust robustness",
    "significant significance alpha pvalue",
    "corruption corrupted corruptions imagenetc",
    "generalization generalisation generalize ood",
    "distribution id iid",
    "frequency spectral fourier spectrum",
    "texture shape cue stylized sin",
    "checkpoint weights model network",
    "download csv data dataset",
    "cite citation bibtex reference",
    "uncertainty interval bootstrap confidence",
    "sketch rendition concepts",
)
SUMMARIES = "if (location.protocol === 'file:') DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;"
"""A browser may not read other pages from a file, so search results there have no excerpts."""


def is_prose(node) -> bool:
    """Tell whether a node of a page belongs in the index."""
    if isinstance(node, nodes.literal_block | nodes.raw | nodes.math_block):
        return False
    if isinstance(node, nodes.table):
        cells = next(node.findall(nodes.tbody))[0]
        return 2 * sum("text-right" in cell["classes"] for cell in cells) < len(cells)
    return not (isinstance(node, nodes.admonition) and "bvg-parameters" in node["classes"])


def synonyms(text: str, stem) -> list[str]:
    """Return the words of `SYNONYMS` that belong to a text, which has another word of their line."""
    words = {stem(word) for word in re.findall(r"\w+", text.lower())}
    return [line for line in SYNONYMS if words & {stem(word) for word in line.split()}]


def index_prose(app):
    """Make the builder index a copy of each page that has its prose and synonyms only."""
    builder = app.builder
    if not hasattr(builder, "index_page"):
        return
    index = builder.index_page

    def index_page(name, doctree, title):
        language = builder.indexer.lang
        language.word_filter = lambda word: not word.isdigit() and type(language).word_filter(language, word)
        prose = doctree.deepcopy()
        for node in list(prose.findall(lambda node: not is_prose(node))):
            if node.parent is not None:
                node.parent.remove(node)
        prose += nodes.paragraph(text=" ".join(synonyms(prose.astext(), language.stem)))
        index(name, prose, title)

    builder.index_page = index_page


def without_excerpts(app, pagename, templatename, context, doctree):
    if pagename == "search":
        app.add_js_file(None, body=SUMMARIES)


def setup(app):
    app.connect("builder-inited", index_prose)
    app.connect("html-page-context", without_excerpts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
