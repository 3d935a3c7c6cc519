"""Sphinx extension: a bibliography sorted by author, with the labels that the text cites (author, year), as an accessible list."""

from string import ascii_lowercase

from docutils import nodes
from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style as Unsorted
from pybtex.style.labels import BaseLabelStyle


class AuthorYearLabel(BaseLabelStyle):
    """Gavrikov and Keuper, 2024; with three or more authors, the first et al."""

    def format_labels(self, sorted_entries):
        labels = [self._label(entry) for entry in sorted_entries]
        for place, label in enumerate(labels):
            twins = labels.count(label) > 1
            yield label + (ascii_lowercase[labels[:place].count(label)] if twins else "")

    @staticmethod
    def _label(entry):
        people = entry.persons.get("author", [])
        names = [" ".join([*p.prelast_names, *p.last_names]) or str(p) for p in people]
        who = f"{names[0]} et al." if len(names) > 2 or "others" in names else " and ".join(names)
        return f"{who}, {entry.fields.get('year', 'n.d.')}"


class AuthorYear(Unsorted):
    default_sorting_style = "author_year_title"
    default_label_style = AuthorYearLabel


def visit_citation(translator, node):
    """Begin an entry as a list item.

    docutils gives entries the role `doc-biblioentry`, which a list may not contain.
    """
    if not isinstance(node.previous_sibling(), nodes.citation):
        translator.body.append('<div role="list" class="citation-list">\n')
    translator.body.append(translator.starttag(node, "div", classes=["citation"], role="listitem"))


def depart_citation(translator, node):
    type(translator).depart_citation(translator, node)


def setup(app):
    register_plugin("pybtex.style.formatting", "author_year", AuthorYear)
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
